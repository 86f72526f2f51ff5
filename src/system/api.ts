/**
 * Requests to this node's own API server. Rule: every request has a connection of its own (a kept one could still belong
 * to the old process), and the server must hold a certificate of the cluster's CA.
 *
 * The host name is not checked: the address is this node's own, and loopback or an address that was added later need not
 * stand in the certificate. The CA is what counts: while the server is down any local user may listen on its port, but
 * none of them has a serving certificate of this cluster.
 */
import { Agent, request as httpsRequest } from 'node:https';
import { messageOf, UserError } from '../core/errors';
import type { Answer, Endpoint } from '../change/ports';
import type { Access } from './kubeconfig';
import { hasCode } from './file-errors';

const MAX_BODY = 32 * 1024 * 1024;

export interface ApiRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Rejects with a UserError (`api-refused`, `api-timeout`, `api-untrusted`, `api-unreachable`) when there is no answer. */
export function ask(endpoint: Endpoint, access: Access, request: ApiRequest): Promise<Answer> {
  const timeoutMs = request.timeoutMs ?? 10_000;
  const where = `https://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
  return new Promise<Answer>((resolve, reject) => {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
    let late = false;
    const sent = httpsRequest(
      {
        host: endpoint.host,
        port: endpoint.port,
        method: request.method,
        path: request.path,
        headers: {
          'User-Agent': 'kube-auditctl',
          Accept: 'application/json, text/plain, */*',
          ...(access.token === undefined ? {} : { Authorization: `Bearer ${access.token}` }),
          ...(request.body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(request.body)) }),
          ...request.headers,
        },
        agent,
        ca: access.ca,
        cert: access.cert,
        key: access.key,
        checkServerIdentity: () => undefined,
        signal: request.signal,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_BODY) sent.destroy(new Error(`the answer is larger than ${MAX_BODY} bytes`));
          else chunks.push(chunk);
        });
        response.on('end', () => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
        });
        response.on('error', fail);
      },
    );
    // Only now: a request that could not even be made (an unusable key) has thrown, and left nothing to be timed.
    const timer = setTimeout(() => {
      late = true;
      sent.destroy(new Error('timeout'));
    }, timeoutMs);
    function fail(error: unknown): void {
      clearTimeout(timer);
      reject(noAnswer(error, where, late ? timeoutMs : undefined));
    }
    sent.on('error', fail);
    sent.end(request.body);
  });
}

function noAnswer(cause: unknown, where: string, timedOutMs: number | undefined): UserError {
  const because = (code: string, what: string, ...hints: string[]) =>
    new UserError(code, `${where} ${what}`, { hints, cause });
  if (timedOutMs !== undefined) return because('api-timeout', `did not answer within ${timedOutMs / 1000} s`);
  if (hasCode(cause, 'ECONNREFUSED')) {
    return because(
      'api-refused',
      'refuses connections: nothing listens there',
      'sudo crictl ps -a --name kube-apiserver',
    );
  }
  if (hasCode(cause, 'CERT_HAS_EXPIRED')) {
    return because('api-untrusted', 'has a certificate that has expired', 'sudo kubeadm certs check-expiration');
  }
  if (hasCode(cause, ...UNTRUSTED)) {
    return because(
      'api-untrusted',
      'has a certificate that is not of the cluster CA',
      'sudo kubeadm certs check-expiration',
    );
  }
  return because('api-unreachable', `cannot be reached: ${messageOf(cause)}`);
}

const UNTRUSTED = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_PURPOSE',
];
