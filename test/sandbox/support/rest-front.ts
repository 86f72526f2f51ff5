/** The back of the API server behind plain HTTP, or asked in this process: no TLS, nobody is asked who they are. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requestInfo } from '../../../src/core/policy/request';
import type { Front, RestApi, RestResponse, User } from '../../../src/sandbox/apiserver/contract';
import { openRestOn } from '../../../src/sandbox/apiserver/rest';
import { localEtcd } from '../../../src/sandbox/etcd/client';
import { Engine } from '../../../src/sandbox/etcd/engine';
import { Store } from '../../../src/sandbox/etcd/store';

export const ADMIN: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** Everything is allowed but to the user called nobody. */
export const FRONT: Front = {
  authorize: (user, info) => ({ allowed: user.name !== 'nobody', reason: info.verb === 'get' ? 'because' : '' }),
  issueToken: ({ serviceAccount, audiences }) => ({
    token: `token-of-${serviceAccount.namespace}-${serviceAccount.name}`,
    expirationTimestamp: '2030-01-01T00:00:00Z',
    audiences: audiences.length > 0 ? audiences : ['https://kubernetes.default.svc'],
  }),
  reviewToken: (token, audiences) => (token === 'good' ? { user: ADMIN, audiences } : undefined),
};

export interface OpenOptions {
  gitVersion?: string;
  bootstrap?: boolean;
  engine?: Engine;
  now?: () => Date;
}

/** On an etcd in memory. */
export function openMemoryRest({
  gitVersion = 'v1.36.0',
  bootstrap = true,
  ...more
}: OpenOptions = {}): Promise<RestApi> {
  const engine = more.engine ?? new Engine(new Store());
  return openRestOn(
    (follower) => localEtcd(engine, '/registry/', follower),
    { gitVersion, bootstrap, front: FRONT, clusterCa: 'the CA' },
    more.now,
  );
}

export interface Asked {
  accept?: string;
  contentType?: string;
  body?: unknown;
  user?: User;
  userAgent?: string;
  signal?: AbortSignal;
}

export function ask(rest: RestApi, method: string, target: string, more: Asked = {}): Promise<RestResponse> {
  const { body } = more;
  const bytes =
    body === undefined
      ? new Uint8Array()
      : body instanceof Uint8Array
        ? body
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return rest.handle({
    method,
    info: requestInfo(method, target),
    query: new URL(target, 'http://server').searchParams,
    accept: more.accept ?? 'application/json',
    contentType: more.contentType ?? (body === undefined ? '' : 'application/json'),
    body: bytes,
    user: more.user ?? ADMIN,
    userAgent: more.userAgent ?? 'test/1.0',
    signal: more.signal ?? new AbortController().signal,
  });
}

/** The answer as a client reads it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers as a client would
export function read({ body }: RestResponse): any {
  if ('json' in body) return JSON.parse(JSON.stringify(body.json));
  if ('text' in body)
    return body.type === 'application/json' || body.type.includes('as=') ? JSON.parse(body.text) : body.text;
  throw new Error('no object was answered');
}

/** The same over HTTP. */
export async function serveRest(rest: RestApi): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const ending = new AbortController();
    const chunks: Buffer[] = [];
    response.on('close', () => ending.abort());
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = 'GET', url = '/', headers } = request;
      void ask(rest, method, url, {
        accept: headers.accept ?? '',
        contentType: headers['content-type'] ?? '',
        body: Buffer.concat(chunks),
        userAgent: headers['user-agent'] ?? '',
        signal: ending.signal,
      }).then(async ({ status, headers: more, body }) => {
        const type = 'type' in body ? body.type : 'application/json';
        response.writeHead(status, { 'content-type': type, ...more });
        if ('events' in body) {
          response.flushHeaders();
          for await (const event of body.events) response.write(`${JSON.stringify(event)}\n`);
          response.end();
        } else if ('json' in body) response.end(JSON.stringify(body.json));
        else response.end('text' in body ? body.text : body.bytes);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
