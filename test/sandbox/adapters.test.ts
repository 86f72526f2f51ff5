/** The sandbox's eyes and hands, on files as its kubelet leaves them and on real processes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { createEyes } from '../../src/sandbox/eyes';
import { createSandboxGuard, endGuards, livingGuards } from '../../src/sandbox/guard';
import { startTicksOf } from '../../src/sandbox/kubelet/runtime/process-files';
import { layoutOf } from '../../src/sandbox/layout';
import { nodeFsCalls } from '../../src/system/fs-calls';
import { openJournal } from '../../src/system/journal';
import { ownedAsRoot } from '../../src/system/own-files';
import { tempFolder } from '../support/temp-folder';
import { until } from '../support/until';

const layout = layoutOf(join(tempFolder(), 'box'));
for (const folder of [layout.processes, layout.listening, layout.guards]) mkdirSync(folder, { recursive: true });
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of [layout.processes, layout.listening]) rmSync(folder, { recursive: true });
  for (const folder of [layout.processes, layout.listening]) mkdirSync(folder);
  rmSync(layout.journal, { force: true });
});

function process_(argv: string[], more: object = {}): number {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  children.push(child);
  const pid = child.pid!;
  const entry = { pid, startTicks: startTicksOf(pid), startedAt: 1000 + pid, argv, ...more };
  writeFileSync(join(layout.processes, `${pid}.json`), JSON.stringify(entry));
  return pid;
}

describe('processes', () => {
  const eyes = createEyes(layout);

  test('a server is shown as the manifest wants it, with the pod and whether it holds the port', () => {
    const argv = ['kube-apiserver', '--secure-port=6443'];
    const old = process_(argv, { podUid: 'a' });
    const fresh = process_(argv, { podUid: 'b' });
    process_(['etcd']);
    writeFileSync(join(layout.listening, `${fresh}.json`), '[6443]');
    expect(eyes.processes.servers(6443).map(({ pid, podUid, listening }) => [pid, podUid, listening])).toEqual(
      [
        [old, 'a', false],
        [fresh, 'b', true],
      ].sort(([a], [b]) => Number(a) - Number(b)),
    );
    expect(eyes.processes.servers(7443).every(({ listening }) => !listening)).toBe(true);
    expect(eyes.processes.servers(6443)[0]?.argv).toEqual(argv);
  });

  test.each([
    ['whose process has ended', { pid: 2 ** 22 - 1, startTicks: '5' }],
    ['whose pid is another process’s by now', { pid: process.pid, startTicks: '1' }],
    ['half written', undefined],
  ])('an entry %s is not there', (_name, entry) => {
    const path = join(layout.processes, 'x.json');
    writeFileSync(path, entry ? JSON.stringify({ ...entry, startedAt: 1, argv: ['kube-apiserver'] }) : '{"pid":');
    expect(eyes.processes.named('kube-apiserver')).toEqual([]);
  });

  test('the kubelet is known by its base name', () => {
    const pid = process_(['/usr/bin/kubelet', '--config=/x']);
    expect(eyes.processes.named('kubelet').map((each) => each.pid)).toEqual([pid]);
  });

  test('a file is read as the container sees it', async () => {
    const host = tempFolder();
    const folder = join(layout.run, 'containers/c1');
    mkdirSync(join(folder, 'rootfs/etc'), { recursive: true });
    writeFileSync(join(host, 'policy.yaml'), 'mounted');
    writeFileSync(join(folder, 'rootfs/etc/other'), 'its own');
    const mounts = [
      { containerPath: '/etc/policy.yaml', hostPath: join(host, 'policy.yaml'), readOnly: true, kind: 'file' },
    ];
    writeFileSync(join(folder, 'container.json'), JSON.stringify({ mounts, rootfs: join(folder, 'rootfs') }));
    const pid = process_(['kube-apiserver'], { containerId: 'c1' });
    const read = async (path: string, limit = 100): Promise<string | undefined> => {
      const bytes = await eyes.readInside(pid, path, limit);
      return bytes && Buffer.from(bytes).toString();
    };
    expect(await read('/etc/policy.yaml')).toBe('mounted');
    expect(await read('/etc/other')).toBe('its own');
    expect(await read('/etc/policy.yaml', 3)).toBeUndefined();
    expect(await read('/etc/none')).toBeUndefined();
    expect(await eyes.readInside(pid + 1, '/etc/policy.yaml', 100)).toBeUndefined();
  });
});

describe('journal', () => {
  let count = 0;
  const line = (text: string, at = Date.now()): string =>
    `${JSON.stringify({ __CURSOR: `c${++count}`, __REALTIME_TIMESTAMP: String(at * 1000), MESSAGE: text })}\n`;
  const write = (...texts: string[]): void => {
    appendFileSync(layout.journal, texts.map((text) => line(text)).join(''));
  };
  const open = (since?: number) =>
    openJournal({ source: createEyes(layout).journal, ...(since === undefined ? {} : { since }) });

  test('from now on: what stood there is old, what follows is seen once and in order', async () => {
    write('old');
    const journal = await open();
    write('one', 'two');
    await until(() => journal.lines().length === 2);
    write('three');
    await until(() => journal.lines().length === 3);
    expect(journal.lines().map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    await journal.close();
  });

  test('from a time on', async () => {
    appendFileSync(layout.journal, line('before', 1_000_000) + line('then', 2_000_000));
    const journal = await open(1_500_000);
    await until(() => journal.lines().length > 0);
    expect(journal.lines()).toEqual([{ at: 2_000_000, text: 'then' }]);
    await journal.close();
  });

  test('there is no file yet: the first line is seen all the same', async () => {
    const journal = await open();
    write('first');
    await until(() => journal.lines().length === 1);
    expect(journal.note()).toBeUndefined();
    await journal.close();
  });

  test('a line is seen when it is whole', async () => {
    write('old');
    const source = createEyes(layout).journal;
    const after = (await source.newest())!;
    const text = line('whole');
    appendFileSync(layout.journal, text.slice(0, 10));
    expect(await source.entries({ after })).toBe('');
    appendFileSync(layout.journal, text.slice(10));
    expect(await source.entries({ after })).toBe(text.trimEnd());
  });

  test('its older half was dropped by a rename: nothing is lost, nothing is seen twice', async () => {
    write('a', 'b', 'c');
    const journal = await open();
    write('d');
    await until(() => journal.lines().length === 1);
    const kept = readFileSync(layout.journal, 'utf8').split('\n').slice(2).join('\n');
    writeFileSync(`${layout.journal}.new`, kept + line('e'));
    renameSync(`${layout.journal}.new`, layout.journal);
    await until(() => journal.lines().length === 2);
    // And once more, so that the last line read is gone too.
    writeFileSync(`${layout.journal}.new`, line('f'));
    renameSync(`${layout.journal}.new`, layout.journal);
    await until(() => journal.lines().length === 3);
    expect(journal.lines().map(({ text }) => text)).toEqual(['d', 'e', 'f']);
    await journal.close();
  });
});

describe('guard', () => {
  const programs = tempFolder();
  const seen = join(tempFolder(), 'seen');
  const script = join(programs, 'tool.cjs');
  const guard = createSandboxGuard({
    layout,
    programs,
    command: [process.execPath, script],
    options: ['--sandbox=/box'],
  });

  beforeAll(() => {
    const [entry, outfile] = ['src/sandbox/programs/timer.ts', join(programs, 'timer.cjs')];
    buildSync({ entryPoints: [entry], outfile, bundle: true, format: 'cjs', platform: 'node' });
    writeFileSync(
      script,
      `require('fs').appendFileSync(${JSON.stringify(seen)}, process.argv.slice(2).join(' ') + '\\n');`,
    );
  });
  afterAll(() => {
    endGuards(layout);
  });

  test('runs recover again and again until it is disarmed, and leaves nothing behind', async () => {
    expect(await guard.arm('20260101T000000Z-abcdef', 1)).toEqual({ armed: true });
    const { pid } = livingGuards(layout)[0]!;
    await until(() => existsSync(seen) && readFileSync(seen, 'utf8').split('\n').length > 2);
    expect(readFileSync(seen, 'utf8').split('\n')[0]).toBe('recover --guard 20260101T000000Z-abcdef --sandbox=/box');
    await guard.disarm('20260101T000000Z-abcdef');
    await until(() => !existsSync(`/proc/${pid}`));
    expect([livingGuards(layout), existsSync(join(layout.guards, '20260101T000000Z-abcdef.json'))]).toEqual([
      [],
      false,
    ]);
  });

  test('disarming twice, or what was never armed, is fine; a name that is a path is none', async () => {
    await guard.disarm('never');
    await expect(async () => guard.arm('../x', 1)).rejects.toThrow('not a change id');
  });
});

test('an ordinary user is root there: what is theirs is shown as root’s, and what is to be root’s is made theirs', async () => {
  const folder = tempFolder();
  const mine = join(folder, 'mine');
  // As if we were user 1000, whatever we are: the owner that createExclusive is handed must be that one.
  const base = nodeFsCalls();
  const asked: object[] = [];
  const calls = ownedAsRoot(
    {
      ...base,
      lstat: async (path) => ({ ...(await base.lstat(path)), uid: path === mine ? 1000 : 7, gid: 1000 }),
      createExclusive: async (path, bytes, attributes) => {
        asked.push(attributes);
        return base.createExclusive(path, bytes, {
          mode: attributes.mode,
          uid: process.getuid!(),
          gid: process.getgid!(),
        });
      },
    },
    { uid: 1000, gid: 1000 },
  );
  await calls.createExclusive(mine, new Uint8Array(), { mode: 0o600, uid: 0, gid: 0 });
  await calls.createExclusive(join(folder, 'other'), new Uint8Array(), { mode: 0o600, uid: 5, gid: 0 });
  expect(asked).toEqual([
    { mode: 0o600, uid: 1000, gid: 1000 },
    { mode: 0o600, uid: 5, gid: 1000 },
  ]);
  expect(await calls.lstat(mine)).toMatchObject({ uid: 0, gid: 0 });
  expect(await calls.lstat(folder)).toMatchObject({ uid: 7, gid: 0 });
});
