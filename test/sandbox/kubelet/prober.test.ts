/** When a container is probed, and what its answers lead to; in virtual time. And how the questions are put, on real sockets. */
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { askProbe } from '../../../src/sandbox/kubelet/probes/ask';
import { watchContainer, type ProbeKind } from '../../../src/sandbox/kubelet/probes/prober';
import type { ContainerSpec } from '../../../src/sandbox/kubelet/pod/types';
import { TIMINGS } from '../../../src/sandbox/timings';
import { SERVER } from '../../support/certificates';
import { VirtualClock } from '../../support/virtual-kubelet';

const probe = (path: string, more = {}) => ({
  httpGet: { path, port: 1, scheme: 'HTTPS' },
  initialDelaySeconds: 10,
  periodSeconds: 10,
  timeoutSeconds: 15,
  successThreshold: 1,
  failureThreshold: 3,
  ...more,
});

/** As kubeadm writes them. */
const KUBEADM: ContainerSpec = {
  name: 'kube-apiserver',
  startupProbe: probe('/livez', { failureThreshold: 24 }),
  livenessProbe: probe('/livez', { failureThreshold: 8 }),
  readinessProbe: probe('/readyz', { initialDelaySeconds: 0, periodSeconds: 1 }),
};

function watching(spec: ContainerSpec, like: '1.36' | 'fast' = '1.36') {
  const clock = new VirtualClock();
  const began = clock.now();
  const seen = { asked: [] as string[], failed: [] as ProbeKind[], unhealthy: [] as string[], changes: 0 };
  const good = { '/livez': true, '/readyz': true } as Record<string, boolean>;
  const seconds = () => (clock.now() - began) / 1000;
  const watch = watchContainer(spec, {
    clock,
    timings: TIMINGS[like],
    ask: ({ httpGet }, timeoutMs) => {
      const { path = '' } = httpGet!;
      seen.asked.push(`${seconds()} ${path} within ${timeoutMs}`);
      return Promise.resolve(good[path] ? undefined : 'no');
    },
    failed: (kind) => seen.failed.push(kind),
    unhealthy: (kind) => seen.unhealthy.push(`${seconds()} ${kind}`),
    changed: () => seen.changes++,
  });
  return { clock, seen, good, watch };
}

test('first the startup probe alone, then the others', async () => {
  const { clock, seen, good, watch } = watching(KUBEADM);
  good['/livez'] = false;
  await clock.passing(25_000);
  expect(seen.asked).toEqual(['10 /livez within 15000', '20 /livez within 15000']);
  expect([watch.started(), watch.ready()]).toEqual([false, false]);
  good['/livez'] = true;
  await clock.passing(7_500);
  expect(seen.asked.slice(2)).toEqual([
    '30 /livez within 15000',
    '30 /readyz within 15000',
    '30 /livez within 15000',
    '31 /readyz within 15000',
    '32 /readyz within 15000',
  ]);
  expect([watch.started(), watch.ready(), seen.unhealthy]).toEqual([true, true, []]);
});

test('startup fails 24 times: unhealthy, once, and no question more', async () => {
  const { clock, seen, good } = watching(KUBEADM);
  good['/livez'] = false;
  await clock.passing(600_000);
  expect([seen.unhealthy, seen.asked.length, seen.failed.length]).toEqual([['240 startup'], 24, 24]);
});

test('liveness: eight failures in a row, and a good answer in between counts anew', async () => {
  const { clock, seen, good } = watching({ livenessProbe: KUBEADM.livenessProbe });
  await clock.passing(12_000);
  good['/livez'] = false;
  await clock.passing(70_000);
  expect(seen.unhealthy).toEqual([]);
  good['/livez'] = true;
  await clock.passing(10_000);
  good['/livez'] = false;
  await clock.passing(70_000);
  expect(seen.unhealthy).toEqual([]);
  await clock.passing(10_000);
  expect(seen.unhealthy).toEqual(['170 liveness']);
});

test('readiness comes and goes, and ends nothing', async () => {
  const { clock, seen, good, watch } = watching({ readinessProbe: KUBEADM.readinessProbe });
  await clock.passing(100);
  expect(watch.ready()).toBe(true);
  good['/readyz'] = false;
  await clock.passing(2_000);
  expect(watch.ready()).toBe(true);
  await clock.passing(1_000);
  expect([watch.ready(), seen.unhealthy, seen.changes]).toEqual([false, [], 2]);
});

test('fast: thirty times as often, but four times a second at most', async () => {
  const { clock, seen } = watching({ readinessProbe: KUBEADM.readinessProbe }, 'fast');
  await clock.passing(950);
  expect(seen.asked).toHaveLength(4);
  expect(seen.asked[0]).toBe('0 /readyz within 1000');
});

test('stopped while it asks: the answer is nobody’s', async () => {
  const { clock, seen, good, watch } = watching(KUBEADM);
  good['/livez'] = false;
  watch.stop();
  await clock.passing(60_000);
  expect(seen).toEqual({ asked: [], failed: [], unhealthy: [], changes: 0 });
});

describe('on a socket', () => {
  const options = { nodeIp: '127.0.0.1', version: '1.36' };
  const asked: (string | undefined)[] = [];
  const plain = createServer((request, response) => {
    response.statusCode = Number(request.url?.slice(1));
    response.end();
  });
  const tls = createTlsServer({ ...SERVER }, (request, response) => {
    asked.push(request.headers['user-agent'], request.url);
    if (request.url !== '/slow') response.end('ok');
  });
  let ports = { plain: 0, tls: 0 };

  beforeAll(async () => {
    const listen = (server: typeof plain) =>
      new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      });
    ports = { plain: await listen(plain), tls: await listen(tls) };
  });
  afterAll(() => {
    for (const server of [plain, tls]) {
      server.closeAllConnections();
      server.close();
    }
  });

  test('TLS without a look at the certificate, a named port, and its own user agent', async () => {
    const spec = { ports: [{ name: 'probe-port', containerPort: ports.tls }] };
    const get = { httpGet: { path: '/readyz', port: 'probe-port', scheme: 'HTTPS' } };
    expect(await askProbe(get, spec, 1000, options)).toBeUndefined();
    expect(asked).toEqual(['kube-probe/1.36', '/readyz']);
  });

  test.each([
    [200, undefined],
    [302, undefined],
    [403, 'HTTP probe failed with statuscode: 403'],
    [500, 'HTTP probe failed with statuscode: 500'],
  ])('status %d: %p', async (status, problem) => {
    const get = { httpGet: { path: `/${status}`, port: ports.plain, host: '127.0.0.1' } };
    expect(await askProbe(get, {}, 1000, options)).toBe(problem);
  });

  test('nobody there, nobody who answers', async () => {
    const refused = { httpGet: { path: '/livez', port: 1, scheme: 'HTTPS' } };
    expect(await askProbe(refused, {}, 1000, options)).toBe(
      'Get "https://127.0.0.1:1/livez": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    const slow = { httpGet: { path: '/slow', port: ports.tls, scheme: 'HTTPS' } };
    expect(await askProbe(slow, {}, 50, options)).toBe(
      `Get "https://127.0.0.1:${ports.tls}/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    );
  });

  test('a TCP probe', async () => {
    expect(await askProbe({ tcpSocket: { port: ports.plain } }, {}, 1000, options)).toBeUndefined();
    expect(await askProbe({ tcpSocket: { port: 1 } }, {}, 1000, options)).toContain('connection refused');
  });
});
