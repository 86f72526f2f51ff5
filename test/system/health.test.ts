import { createServer } from 'node:net';
import { once } from 'node:events';
import { UserError } from '../../src/core/errors';
import type { HealthSample } from '../../src/core/evidence';
import { pollHealth, type HealthPoller } from '../../src/system/health';
import { apiServer } from '../support/api-server';
import { ADMIN, CA } from '../support/certificates';
import { until } from '../support/until';

const access = { ca: Buffer.from(CA), cert: Buffer.from(ADMIN.cert), key: Buffer.from(ADMIN.key) };
const trusted = () => Promise.resolve(access);

async function first(poller: HealthPoller, state: HealthSample['state']): Promise<HealthSample> {
  return until(() => poller.drain().find((sample) => sample.state === state));
}

test('ok, not ready with the checks that fail, and refused are told apart', async () => {
  const server = await apiServer();
  const poller = pollHealth(server.endpoint, trusted, { periodMs: 5 });
  expect(await first(poller, 'ok')).toEqual({ at: expect.any(Number) as number, state: 'ok', status: 200 });
  server.answer = (req, res) => {
    res.statusCode = 500;
    res.end(
      `[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n[-]informer-sync failed: x\n${req.url} check failed`,
    );
  };
  expect(await first(poller, 'not-ready')).toMatchObject({
    status: 500,
    detail: '[-]etcd failed: reason withheld\n[-]informer-sync failed: x',
  });
  server.answer = (req, res) => {
    res.statusCode = 401;
    res.end(`Unauthorized for ${req.url}\n`);
  };
  expect(await until(() => poller.drain().find(({ status }) => status === 401))).toMatchObject({
    state: 'not-ready',
    detail: 'Unauthorized for /readyz?verbose',
  });
  server.answer = (req) => req.socket.destroy();
  await first(poller, 'unreachable');
  await poller.close();
});

test('nobody listening is refused, whatever else fails is unreachable', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const refused = pollHealth({ host: '127.0.0.1', port }, trusted, { periodMs: 5 });
  await first(refused, 'refused');
  await refused.close();
  const blind = pollHealth({ host: '127.0.0.1', port }, () => Promise.reject(new UserError('x', 'no kubeconfig')));
  expect(await first(blind, 'unreachable')).toMatchObject({ detail: 'no kubeconfig' });
  await blind.close();
});

test('one question at a time, each over a new connection', async () => {
  const server = await apiServer();
  let open = 0;
  let most = 0;
  let answered = 0;
  server.answer = (_, res) => {
    most = Math.max(most, ++open);
    setTimeout(() => {
      open--;
      answered++;
      res.end('ok');
    }, 20);
  };
  const poller = pollHealth(server.endpoint, trusted, { periodMs: 1 });
  await until(() => answered >= 5);
  await poller.close();
  expect(most).toBe(1);
  expect(server.connections).toBeGreaterThanOrEqual(answered);
});

test('a question without an answer is a sample too', async () => {
  const server = await apiServer();
  server.answer = () => undefined;
  const poller = pollHealth(server.endpoint, trusted, { periodMs: 5, timeoutMs: 100 });
  expect(await first(poller, 'unreachable')).toMatchObject({
    detail: expect.stringContaining('did not answer within 0.1 s') as string,
  });
  await poller.close();
});
