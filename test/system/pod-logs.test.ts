import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lastWords } from '../../src/core/klog';
import { createPodLogs } from '../../src/system/pod-logs';
import { tempFolder } from '../support/temp-folder';

const UID = '0e3e5bb13ac30f0d7d74e004fb3e0f9f';
const PODS = 'var/log/pods';
const cri = (text: string, tag = 'F') => `2024-01-15T10:30:00.123456789Z stderr ${tag} ${text}\n`;

function node(nodeName?: string) {
  const root = tempFolder();
  const path = (pod: string, file = 'kube-apiserver/0.log') => join(root, PODS, pod, file);
  return {
    root,
    path,
    put: (pod: string, text: string, file?: string) => {
      mkdirSync(dirname(path(pod, file)), { recursive: true });
      writeFileSync(path(pod, file), text);
    },
    logs: createPodLogs({ root, namespace: 'kube-system', podName: 'kube-apiserver', nodeName }),
  };
}
const OWN = `kube-system_kube-apiserver-cp1_${UID}`;

async function texts({ logs }: ReturnType<typeof node>): Promise<string[]> {
  return (await logs.look()).flatMap((pod) => pod.logs.flatMap((log) => log.lines.map(({ text }) => text)));
}

test('pods, containers and restarts in order, paths as the node has them', async () => {
  const { put, logs } = node();
  put(OWN, cri('first'), 'kube-apiserver/2.log');
  put(OWN, cri('second'), 'kube-apiserver/10.log');
  put(OWN, cri('rotated'), 'kube-apiserver/2.log.20240115-103000.gz');
  const path = `/var/log/pods/${OWN}`;
  const at = Date.UTC(2024, 0, 15, 10, 30, 0, 123);
  const log = { uid: UID, container: 'kube-apiserver' };
  expect(await logs.look()).toEqual([
    {
      uid: UID,
      path,
      logs: [
        { ...log, restart: 2, path: `${path}/kube-apiserver/2.log`, lines: [{ at, text: 'first' }] },
        { ...log, restart: 10, path: `${path}/kube-apiserver/10.log`, lines: [{ at, text: 'second' }] },
      ],
    },
  ]);
});

test.each([
  [undefined, OWN, true],
  [undefined, `kube-system_kube-apiserver-node.example.org_${UID}`, true],
  [undefined, 'kube-system_kube-apiserver-proxy-x7k2p_2ad1d6e2-6f0f-4ac5-8d9f-0f5b5c1b7a11', false],
  [undefined, `default_kube-apiserver-cp1_${UID}`, false],
  [undefined, `kube-system_etcd-cp1_${UID}`, false],
  [undefined, 'kube-system_kube-apiserver-cp1', false],
  ['CP1', OWN, true],
  ['cp1', `kube-system_kube-apiserver-cp1_2ad1d6e2-6f0f-4ac5-8d9f-0f5b5c1b7a11`, true],
  ['cp1', `kube-system_kube-apiserver-cp10_${UID}`, false],
  ['cp1', `kube-system_kube-apiserver-proxy-cp1_${UID}`, false],
])('with node name %s, %s: %s', async (nodeName, folder, ours) => {
  const { put, logs } = node(nodeName);
  put(folder, cri('x'));
  expect(await logs.look()).toHaveLength(ours ? 1 : 0);
});

describe('between two looks', () => {
  test('what was added is added, a line only when it is whole', async () => {
    const here = node();
    here.put(OWN, `${cri('one')}2024-01-15T10:30:01Z stderr F tw`);
    expect(await texts(here)).toEqual(['one']);
    appendFileSync(here.path(OWN), `o ünd\n${cri('three')}`);
    expect(await texts(here)).toEqual(['one', 'two ünd', 'three']);
    expect(await texts(here)).toEqual(['one', 'two ünd', 'three']);
  });

  test('a character cut in two by a look is one character', async () => {
    const here = node();
    const line = Buffer.from(cri('ü'));
    const cut = line.indexOf(0xc3) + 1;
    here.put(OWN, '');
    appendFileSync(here.path(OWN), line.subarray(0, cut));
    expect(await texts(here)).toEqual([]);
    appendFileSync(here.path(OWN), line.subarray(cut));
    expect(await texts(here)).toEqual(['ü']);
  });

  test('a rotated log and a truncated one go on from their beginning', async () => {
    const here = node();
    here.put(OWN, cri('one'));
    await texts(here);
    renameSync(here.path(OWN), `${here.path(OWN)}.20240115-103000`);
    here.put(OWN, cri('two, longer than what was there'));
    expect(await texts(here)).toEqual(['one', 'two, longer than what was there']);
    truncateSync(here.path(OWN), 0);
    appendFileSync(here.path(OWN), cri('three'));
    expect(await texts(here)).toEqual(['one', 'two, longer than what was there', 'three']);
  });

  test('a pod that goes is gone, and one of its name that comes is new', async () => {
    const here = node();
    here.put(OWN, cri('one'));
    await texts(here);
    rmSync(join(here.root, PODS, OWN), { recursive: true });
    expect(await here.logs.look()).toEqual([]);
    here.put(OWN, cri('two'));
    expect(await texts(here)).toEqual(['two']);
  });
});

test('of a long log the newest lines, none of them cut', async () => {
  const here = node();
  const line = (n: number) => `line ${n} ${'x'.repeat(300)}`;
  here.put(OWN, Array.from({ length: 3000 }, (_, n) => cri(line(n))).join(''));
  const seen = await texts(here);
  expect(seen.at(-1)).toBe(line(2999));
  expect(seen.length).toBeGreaterThan(150);
  expect(seen.every((text) => /^line \d+ x{300}$/.test(text))).toBe(true);
});

test('never more than 400 lines', async () => {
  const here = node();
  for (let round = 0; round < 4; round++) {
    here.put(OWN, Array.from({ length: 300 * (round + 1) }, (_, n) => cri(`${n}`)).join(''));
    await texts(here);
  }
  const seen = await texts(here);
  expect(seen).toHaveLength(400);
  expect(seen.at(-1)).toBe('1199');
});

test("a link into the runtime's own folder is followed within the node", async () => {
  const here = node();
  const own = join(here.root, 'var/lib/docker/containers/abc/abc-json.log');
  mkdirSync(dirname(own), { recursive: true });
  writeFileSync(own, `${JSON.stringify({ log: 'from docker\n', stream: 'stderr', time: '2024-01-15T10:30:00Z' })}\n`);
  mkdirSync(dirname(here.path(OWN)), { recursive: true });
  symlinkSync('/var/lib/docker/containers/abc/abc-json.log', here.path(OWN));
  symlinkSync('/nowhere', here.path(OWN, 'kube-apiserver/1.log'));
  expect(await texts(here)).toEqual(['from docker']);
});

test('no folder, no pods', async () => {
  expect(await node().logs.look()).toEqual([]);
});

test.each([
  ['klog', ['F0115 10:30:00.000000       1 instance.go:233] Error creating leases: x']],
  ['a panic', ['panic: runtime error: index out of range']],
  [
    'JSON',
    ['{"ts":1705314600000.1,"caller":"a.go:1","msg":"Error creating leases: x","v":0}', 'goroutine 1 [running]:'],
  ],
])('the words before a dump of megabytes are kept: %s', async (_, words) => {
  const world = node();
  const dump = 'goroutine 7 [running]:\nmain.main()\n'.repeat(50_000).split('\n').slice(0, -1);
  world.put(OWN, ['I0115 10:30:00.000000       1 a.go:1] up', ...words, ...dump].map((line) => cri(line)).join(''));
  const kept = await texts(world);
  expect(kept.slice(0, words.length)).toEqual(words);
  expect(kept.length).toBeLessThan(1000);
  expect(lastWords(kept)?.reason).toMatch(/Error creating leases: x|index out of range/);
});
