/**
 * Every folder of test/scenario with a scene.json is a failure (or what looks like one) as a node shows it: the kubelet's journal, the
 * containers' logs, who ran when, and what must be made of it. The texts marked 1.20 are from a real node.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerLog, LogLine, PodFolder, ServerProcess, Sight } from '../../../src/core/evidence';
import type { Finding } from '../../../src/core/finding';
import { judge, startWatch, type Expectation } from '../../../src/core/verdict';

const FOLDER = 'test/scenario';
const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const WANTED = ['kube-apiserver', '--audit-policy-file=/etc/kubernetes/audit-policy.yaml', '--secure-port=6443'];
const OLD = ['kube-apiserver', '--secure-port=6443'];

/** scene.json. Seconds count from the write. */
interface SceneFile {
  written: string;
  lookAfterSeconds: number;
  before: { pods: { uid: string; restart: number }[]; podUid: string };
  /** More pod folders that were there before. */
  beforeToo?: { uid: string; restart: number }[];
  /** What the server of before does all the while; gone when absent. */
  oldServer?: 'serving' | 'alive';
  processes?: { start: number; end?: number; podUid: string; listening?: boolean; argv?: string[] }[];
  facts?: Partial<Expectation['facts']>;
}

interface ExpectFile {
  /** null: nothing is wrong that could be told yet. */
  code: string | null;
  certain: boolean;
  title?: string;
  detail?: string;
  remedy?: string;
}

const names = readdirSync(FOLDER)
  .filter((name) => existsSync(join(FOLDER, name, 'scene.json')))
  .sort();

test.each(names)('%s', (name) => {
  const scene = JSON.parse(readFileSync(join(FOLDER, name, 'scene.json'), 'utf8')) as SceneFile;
  const expected = JSON.parse(readFileSync(join(FOLDER, name, 'expect.json'), 'utf8')) as ExpectFile;
  const { finding, certain } = lookAt(name, scene);
  expect({ code: finding?.code ?? null, certain }).toEqual({ code: expected.code, certain: expected.certain });
  expect(finding?.title ?? '').toContain(expected.title ?? '');
  expect(finding?.detail ?? '').toContain(expected.detail ?? '');
  expect(finding?.remedy.join('\n') ?? '').toContain(expected.remedy ?? '');
});

test('every certain cause comes with something to do', () => {
  for (const name of names) {
    const scene = JSON.parse(readFileSync(join(FOLDER, name, 'scene.json'), 'utf8')) as SceneFile;
    const { finding } = lookAt(name, scene);
    expect([name, finding?.remedy.filter((line) => line.trim() === '')]).toEqual([name, finding && []]);
    expect([name, finding?.remedy.length]).not.toEqual([name, 0]);
  }
});

/** Looks at the node whenever a process starts or ends, once a second besides, and at the end. */
function lookAt(name: string, scene: SceneFile): { finding?: Finding; certain: boolean } {
  const writtenAt = Date.parse(scene.written);
  const wanted = WANTED.map((argument) => [argument]);
  const expected: Expectation = {
    goal: 'change',
    writtenAt,
    manifestSha256: 'new',
    manifestPath: MANIFEST,
    wanted,
    restarts: true,
    before: {
      processes: [{ pid: 10, startTicks: '1', podUid: scene.before.podUid }],
      pods: [...scene.before.pods, ...(scene.beforeToo ?? [])],
    },
    shutdownDelaySeconds: 0,
    facts: { etcdServers: ['https://127.0.0.1:2379'], etcdChanged: false, wantedArgv: WANTED, ...scene.facts },
  };
  const processes = scene.processes ?? [];
  const end = scene.lookAfterSeconds;
  const times = [
    ...processes.flatMap((process) => [process.start + 0.01, ...(process.end === undefined ? [] : [process.end])]),
    ...Array.from({ length: Math.floor(end) }, (_, second) => second),
  ];
  const logs = readLogs(name);
  const kubelet = readLines(name, 'kubelet.log');
  let state = startWatch(writtenAt);
  let last: { finding?: Finding; certain: boolean } = { certain: false };
  for (const seconds of [...times.filter((time) => time < end).sort((a, b) => a - b), end]) {
    const at = writtenAt + seconds * 1000;
    const seen = (line: LogLine): boolean => line.at <= at;
    const sight: Sight = {
      at,
      manifest: { state: 'present', sha256: 'new' },
      processes: runningAt(scene, writtenAt, seconds),
      pods: podsOf(
        logs.map((log) => ({ ...log, lines: log.lines.filter(seen) })).filter((log) => log.lines.length > 0),
      ),
      kubelet: kubelet.filter(seen),
      health: [{ at, state: scene.oldServer === 'serving' ? 'ok' : 'refused' }],
    };
    const judged = judge(state, sight, expected);
    state = judged.state;
    if (judged.verdict.state === 'failed') return { finding: judged.verdict.cause, certain: true };
    expect(judged.verdict.state).toBe('waiting');
    if (judged.verdict.state === 'waiting') last = { finding: judged.verdict.doubt, certain: false };
  }
  return last;
}

function runningAt(scene: SceneFile, writtenAt: number, seconds: number): ServerProcess[] {
  const old: ServerProcess = {
    pid: 10,
    startTicks: '1',
    startedAt: writtenAt - 3_600_000,
    argv: OLD,
    podUid: scene.before.podUid,
    listening: scene.oldServer === 'serving',
  };
  const alive = (scene.processes ?? []).flatMap(({ start, end, podUid, listening, argv }, index): ServerProcess[] =>
    start <= seconds && (end === undefined || seconds < end)
      ? [
          {
            pid: 100 + index,
            startTicks: String(1000 + index),
            startedAt: writtenAt + start * 1000,
            argv: argv ?? WANTED,
            podUid,
            listening: listening ?? false,
          },
        ]
      : [],
  );
  return scene.oldServer ? [old, ...alive] : alive;
}

function podsOf(logs: readonly ContainerLog[]): PodFolder[] {
  return [...new Set(logs.map(({ uid }) => uid))].map((uid) => ({
    uid,
    path: `/var/log/pods/kube-system_kube-apiserver-cp1_${uid}`,
    logs: logs.filter((log) => log.uid === uid),
  }));
}

function readLogs(name: string): ContainerLog[] {
  return readdirSync(join(FOLDER, name, 'evidence')).flatMap((file) => {
    const match = /^(.+)-([0-9a-f]{32})-(\d+)\.log$/.exec(file);
    if (!match) return [];
    const [container = '', uid = '', restart = ''] = match.slice(1);
    const path = `/var/log/pods/kube-system_kube-apiserver-cp1_${uid}/${container}/${restart}.log`;
    return [{ uid, container, restart: Number(restart), path, lines: readLines(name, file) }];
  });
}

function readLines(name: string, file: string): LogLine[] {
  const path = join(FOLDER, name, 'evidence', file);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ at: Date.parse(line.slice(0, 24)), text: line.slice(25) }));
}
