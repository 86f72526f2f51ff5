/**
 * Requests to the sandbox's API server as one of its users. Rule: every request has a connection of its own, and the server
 * must hold a certificate of the sandbox's authority.
 */
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { parse } from 'yaml';

export interface Access {
  host: string;
  port: number;
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

export interface Response {
  status: number;
  type: string;
  body: string;
}

/** A kubeconfig as manifests.ts writes them. Rejects with errno errors. */
export function readAccess(path: string): Access {
  const config = parse(readFileSync(path, 'utf8')) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  };
  const [cluster, user] = [config.clusters[0]?.cluster, config.users[0]?.user];
  if (!cluster || !user) throw new Error(`${path} is no kubeconfig of the sandbox`);
  const { hostname, port } = new URL(cluster.server);
  return {
    host: hostname,
    port: Number(port),
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
    cert: Buffer.from(user['client-certificate-data'], 'base64'),
    key: Buffer.from(user['client-key-data'], 'base64'),
  };
}

/** Rejects when there is no answer in time. */
export function send(
  access: Access,
  {
    method,
    path,
    body,
    timeoutMs = 10_000,
    type,
  }: { method: string; path: string; body?: string; timeoutMs?: number; type?: string },
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      {
        ...access,
        method,
        path,
        agent: false,
        timeout: timeoutMs,
        headers: {
          Accept: 'application/json',
          'User-Agent': 'kube-auditctl-sandbox',
          ...(body === undefined
            ? {}
            : { 'Content-Type': type ?? 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
