/** etcd asked as the API server would ask it: over real sockets, with real certificates. */
import { writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { probeEtcd } from '../../../src/system/doctor/etcd-probe';
import { ADMIN, CA, SERVER, STRANGER } from '../../support/certificates';
import { tempFolder } from '../../support/temp-folder';

const root = tempFolder();
for (const [name, text] of Object.entries({
  'ca.crt': CA,
  'client.crt': ADMIN.cert,
  'client.key': ADMIN.key,
  'other.key': SERVER.key,
}))
  writeFileSync(join(root, name), text);
const files = { ca: '/ca.crt', cert: '/client.crt', key: '/client.key' };
const open: Server[] = [];

afterAll(async () => {
  for (const server of open) await new Promise((resolve) => server.close(resolve));
});

async function listening(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

test.each([
  [200, '{"health":"true","reason":""}', 'healthy'],
  [200, '{"health":true}', 'healthy'],
  [503, '{"health":"false","reason":"RAFT NO LEADER"}', 'unhealthy'],
])('HTTP %s %s: %s', async (status, body, state) => {
  const asked: (string | undefined)[] = [];
  const port = await listening(
    createHttp((request, response) => {
      asked.push(request.url);
      response.writeHead(status).end(body);
    }),
  );
  const answer = await probeEtcd(`http://127.0.0.1:${port}`, {}, { root });
  expect(answer).toMatchObject({ url: `http://127.0.0.1:${port}`, state });
  if (state === 'unhealthy') expect(answer.detail).toContain('RAFT NO LEADER');
  expect(asked).toEqual(['/health']);
});

test('nobody listens', async () => {
  const port = await listening(createHttp());
  await new Promise((resolve) => open.pop()?.close(resolve));
  expect(await probeEtcd(`https://127.0.0.1:${port}`, files, { root })).toMatchObject({
    state: 'refused',
    detail: 'connection refused',
  });
});

test('a certificate of another authority', async () => {
  const port = await listening(createHttps({ cert: STRANGER.cert, key: STRANGER.key }));
  expect(await probeEtcd(`https://127.0.0.1:${port}`, files, { root })).toMatchObject({ state: 'untrusted' });
});

test('nobody answers in time', async () => {
  const port = await listening(createHttp(() => undefined));
  const answer = await probeEtcd(`http://127.0.0.1:${port}`, {}, { root, timeoutMs: 50 });
  expect(answer).toMatchObject({ state: 'unreachable', detail: 'no answer within 0.05 s' });
  open.at(-1)?.unref();
  (open.at(-1) as ReturnType<typeof createHttp>).closeAllConnections();
});

test('without our own files only the connection is judged', async () => {
  const port = await listening(createHttps({ cert: SERVER.cert, key: SERVER.key }));
  const gone = { ...files, cert: '/gone.crt' };
  expect(await probeEtcd(`https://127.0.0.1:${port}`, gone, { root })).toMatchObject({ state: 'unasked' });
  const other = { ...files, key: '/other.key' };
  expect(await probeEtcd(`https://127.0.0.1:${port}`, other, { root })).toMatchObject({ state: 'unasked' });
  expect(await probeEtcd('not a url', files, { root })).toMatchObject({ state: 'unreachable' });
});
