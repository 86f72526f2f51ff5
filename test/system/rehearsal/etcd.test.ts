/** Asking etcd after its health, against real servers on this machine. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { askEtcd } from '../../../src/system/rehearsal/etcd';
import { ADMIN, CA, SERVER } from '../../support/certificates';
import { tempFolder } from '../../support/temp-folder';

const never = new AbortController().signal;
const open: Server[] = [];

async function listen(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

function files(): { ca: string; cert: string; key: string } {
  const folder = tempFolder();
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return { ca: put('ca', CA), cert: put('cert', ADMIN.cert), key: put('key', ADMIN.key) };
}

test('GET /health and nothing else; whatever is answered is an answer', async () => {
  const asked: string[] = [];
  const port = await listen(
    createServer((request, response) => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      response.writeHead(503).end();
    }),
  );
  const server = `http://127.0.0.1:${port}`;
  expect(await askEtcd({ servers: [server] }, never)).toEqual([{ server }]);
  expect(asked).toEqual(['GET /health']);
});

test('a closed port, beside one that answers', async () => {
  const closed = createServer();
  const port = await listen(closed);
  open.splice(0);
  await new Promise((resolve) => closed.close(resolve));
  const alive = await listen(createServer((_, response) => response.end()));
  const servers = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${alive}`];
  expect(await askEtcd({ servers }, never)).toEqual([
    { server: servers[0], failure: 'connection refused' },
    { server: servers[1] },
  ]);
});

test('the server\u2019s certificate is checked, its names included', async () => {
  const port = await listen(createTlsServer({ ...SERVER }, (_, response) => response.end()));
  const [wrongName] = await askEtcd({ servers: [`https://127.0.0.1:${port}`], ...files() }, never);
  expect(wrongName?.failure).toMatch(/altnames/);
  const [unknownCa] = await askEtcd({ servers: [`https://127.0.0.1:${port}`] }, never);
  expect(unknownCa?.failure).toMatch(/certificate/);
});

test('a file that is missing is the failure', async () => {
  const access = { servers: ['https://127.0.0.1:1'], ...files(), key: '/nowhere/etcd.key' };
  expect(await askEtcd(access, never)).toEqual([
    { server: 'https://127.0.0.1:1', failure: expect.stringContaining('/nowhere/etcd.key') },
  ]);
});

test('a server that says nothing costs no more than the limit, and a signal ends it at once', async () => {
  const port = await listen(createServer(() => undefined));
  const servers = [`http://127.0.0.1:${port}`];
  expect((await askEtcd({ servers }, never))[0]?.failure).toBe('no answer within 1.5 s');
  const stop = new AbortController();
  const asking = askEtcd({ servers }, stop.signal);
  stop.abort();
  expect((await asking)[0]?.failure).toMatch(/abort/);
  open[0]?.closeAllConnections();
});
