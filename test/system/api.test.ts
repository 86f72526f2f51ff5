import { createServer } from 'node:net';
import { once } from 'node:events';
import { UserError } from '../../src/core/errors';
import { ask } from '../../src/system/api';
import { apiServer } from '../support/api-server';
import { ADMIN, CA, STRANGER } from '../support/certificates';

const access = { ca: Buffer.from(CA), cert: Buffer.from(ADMIN.cert), key: Buffer.from(ADMIN.key) };
const get = { method: 'GET', path: '/readyz' };

test('method, path, headers, body and client certificate arrive; status and body come back', async () => {
  const server = await apiServer();
  server.answer = (req, res, body) => {
    res.statusCode = 201;
    res.end(JSON.stringify([req.method, req.url, req.headers['audit-id'], req.headers['user-agent'], body]));
  };
  const answer = await ask(server.endpoint, access, {
    method: 'POST',
    path: '/api/v1/namespaces?dryRun=All',
    headers: { 'Audit-ID': 'x-1' },
    body: 'grüße',
  });
  expect(answer.status).toBe(201);
  expect(JSON.parse(answer.body)).toEqual(['POST', '/api/v1/namespaces?dryRun=All', 'x-1', 'kube-auditctl', 'grüße']);
  expect(server.client).toBe('kubernetes-admin');
});

test('every request has a connection of its own', async () => {
  const server = await apiServer();
  for (let n = 0; n < 3; n++) await ask(server.endpoint, access, get);
  expect(server.connections).toBe(3);
});

test('a token is sent as such', async () => {
  const server = await apiServer();
  server.answer = (req, res) => res.end(req.headers.authorization);
  expect((await ask(server.endpoint, { ca: access.ca, token: 't' }, get)).body).toBe('Bearer t');
});

async function refusal(asking: Promise<unknown>): Promise<UserError> {
  const thrown: unknown = await asking.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(UserError);
  return thrown as UserError;
}

test('nobody listens', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const error = await refusal(ask({ host: '127.0.0.1', port }, access, get));
  expect(error).toMatchObject({
    code: 'api-refused',
    message: `https://127.0.0.1:${port} refuses connections: nothing listens there`,
  });
});

test('somebody else listens, who has no certificate of this cluster', async () => {
  const server = await apiServer(STRANGER);
  const error = await refusal(ask(server.endpoint, { ...access, token: 'SECRET' }, get));
  expect(error.code).toBe('api-untrusted');
  expect(JSON.stringify(error)).not.toContain('SECRET');
  expect(server.client).toBeUndefined();
});

test('a client certificate does not make a server', async () => {
  const server = await apiServer(ADMIN);
  expect((await refusal(ask(server.endpoint, access, get))).code).toBe('api-untrusted');
});

test('no answer in time, before or within the body', async () => {
  const server = await apiServer();
  server.answer = () => undefined;
  const within = { ...get, timeoutMs: 200 };
  expect(await refusal(ask(server.endpoint, access, within))).toMatchObject({
    code: 'api-timeout',
    message: expect.stringMatching(/did not answer within 0\.2 s$/) as string,
  });
  server.answer = (_, res) => res.write('beginning');
  expect((await refusal(ask(server.endpoint, access, within))).code).toBe('api-timeout');
});

test('a connection that breaks', async () => {
  const server = await apiServer();
  server.answer = (req) => req.socket.destroy();
  expect((await refusal(ask(server.endpoint, access, get))).code).toBe('api-unreachable');
  server.answer = (req, res) => {
    res.setHeader('Content-Length', '100');
    res.write('half');
    setImmediate(() => req.socket.destroy());
  };
  expect((await refusal(ask(server.endpoint, access, get))).code).toBe('api-unreachable');
});
