/**
 * Requests to the API server as the kubelet makes them. Rule: what the server says is an answer, whatever its status; no
 * answer is an error in Go's words, as the kubelet would log it.
 */
import { Agent, request } from 'node:https';
import { goNetworkError } from './go-errors';
import type { ApiAccess } from './kubeconfig';

export interface ApiAnswer {
  status: number;
  body: Readonly<Record<string, unknown>>;
}

/** The API did not answer, or said no; the message is what the kubelet logs. */
export class ApiProblem extends Error {
  /** The server's status; undefined when it did not answer. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export interface ApiClient {
  /** Resolves with 2xx answers only. @throws {ApiProblem} */
  ask(method: string, path: string, body?: unknown, type?: string): Promise<ApiAnswer>;
  close(): void;
}

const TIMEOUT_MS = 10_000;

export function createApiClient(access: ApiAccess, userAgent: string): ApiClient {
  const { host, port, serverName, ca, cert, key } = access;
  // Kept connections, as the kubelet keeps them; a broken one is an error to the request that finds it so.
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const base = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;

  return {
    ask: (method, path, body, type = 'application/json') =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const verb = method.charAt(0) + method.slice(1).toLowerCase();
        const fail = (error: unknown): void => {
          clearTimeout(timer);
          reject(new ApiProblem(`${verb} "${base}${path}": ${goNetworkError(error, host, port)}`));
        };
        const sent = request(
          {
            host,
            port,
            path,
            method,
            agent,
            ca,
            cert,
            key,
            ...(serverName === undefined ? {} : { servername: serverName }),
            headers: {
              Accept: 'application/json',
              'User-Agent': userAgent,
              ...(text === undefined
                ? {}
                : { 'Content-Type': type, 'Content-Length': String(Buffer.byteLength(text)) }),
            },
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('error', fail);
            response.on('end', () => {
              clearTimeout(timer);
              const { statusCode = 0 } = response;
              const answer = { status: statusCode, body: parseBody(Buffer.concat(chunks).toString('utf8')) };
              if (statusCode >= 200 && statusCode < 300) resolve(answer);
              else reject(new ApiProblem(messageOf(answer), statusCode));
            });
          },
        );
        const timer = setTimeout(() => {
          sent.destroy(new Error('net/http: request canceled (Client.Timeout exceeded while awaiting headers)'));
        }, TIMEOUT_MS);
        sent.on('error', fail);
        sent.end(text);
      }),
    close() {
      agent.destroy();
    },
  };
}

function parseBody(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function messageOf({ status, body }: ApiAnswer): string {
  const { message } = body;
  return typeof message === 'string' && message !== ''
    ? message
    : `the server responded with the status code ${status}`;
}
