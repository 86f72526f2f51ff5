/** Whether somebody answers at a URL: against real listeners, with real certificates. */
import { createServer as createPlain, type AddressInfo, type Server } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { leasePath, renewTime } from '../../src/system/kubelet-lease';
import { reach } from '../../src/system/reach';
import { CA, SERVER, STRANGER } from '../support/certificates';

const servers: Server[] = [];
const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    servers.push(server);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))));

const timeoutMs = 2000;

describe('https', () => {
  let port = 0;
  let others = 0;
  beforeAll(async () => {
    port = await listen(createTls(SERVER));
    others = await listen(createTls(STRANGER));
  });
  const ask = (options: { ca?: string; serverName?: string; insecure?: boolean }, at = port) =>
    reach(`https://127.0.0.1:${at}/x`, { ...options, timeoutMs });

  test('vouched for by the authority, under the name that the kubeconfig gives', async () => {
    expect(await ask({ ca: CA, serverName: 'kubernetes' })).toEqual({ state: 'ok' });
  });

  test('untrusted: no authority, another one’s certificate, another name, an address that it does not have', async () => {
    for (const options of [{ serverName: 'kubernetes' }, { ca: CA, serverName: 'somebody' }, { ca: CA }])
      expect([options, await ask(options)]).toMatchObject([options, { state: 'untrusted' }]);
    expect(await ask({ ca: CA, serverName: 'kubernetes' }, others)).toMatchObject({ state: 'untrusted' });
    expect(await ask({ insecure: true }, others)).toEqual({ state: 'ok' });
  });

  test('somebody who does not speak TLS', async () => {
    const plain = await listen(
      createPlain((socket) =>
        socket
          .resume()
          .on('error', () => undefined)
          .end('hello'),
      ),
    );
    expect(await ask({ ca: CA }, plain)).toMatchObject({ state: 'untrusted' });
  });
});

test('http: that somebody listens is enough', async () => {
  const port = await listen(createPlain((socket) => socket.resume().on('error', () => undefined)));
  expect(await reach(`http://127.0.0.1:${port}/`, { timeoutMs })).toEqual({ state: 'ok' });
});

test('nobody listens', async () => {
  const server = createPlain();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  expect(await reach(`http://127.0.0.1:${port}/`, { timeoutMs })).toMatchObject({ state: 'unreachable' });
});

test('somebody who accepts and never answers: the time is up, and nothing is left open', async () => {
  const port = await listen(createPlain((socket) => socket.resume().on('error', () => undefined)));
  expect(await reach(`https://127.0.0.1:${port}/`, { timeoutMs: 500 })).toMatchObject({
    state: 'unreachable',
    detail: expect.stringMatching(/^no answer within/),
  });
});

test('a name that no resolver knows', async () => {
  expect(await reach('https://no-such-host.invalid/', { timeoutMs: 5000 })).toMatchObject({ state: 'unknown-host' });
});

test('the kubelet’s lease: its path, and its time where the answer has one', () => {
  expect(leasePath('cp1')).toBe('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/cp1');
  const body = '{"spec":{"renewTime":"2026-01-01T12:00:00.000001Z"}}';
  expect(renewTime({ status: 200, body })).toBe(Date.UTC(2026, 0, 1, 12));
  for (const other of [
    { status: 404, body },
    { status: 200, body: 'ok' },
    { status: 200, body: '{"spec":{"renewTime":5}}' },
  ])
    expect(renewTime(other)).toBeUndefined();
});
