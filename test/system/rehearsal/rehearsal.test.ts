/**
 * Rehearsals in real namespaces, with Node.js itself in the part of the server: what it sees of the world, what the world
 * sees of it, and what is left of it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Trial, TrialEnd, TrialMount } from '../../../src/core/rehearsal/trial';
import { createRehearsal } from '../../../src/system/rehearsal/rehearsal';
import { bundle } from '../../support/bundle';
import { tempFolder } from '../../support/temp-folder';
import { until } from '../../support/until';

const never = new AbortController().signal;
const SIGN = 'console.log("Loaded 1 mutating admission controller(s)"); setInterval(() => {}, 1000);';
/** What Node.js needs, which is no static program as the server is. */
const LIBRARIES: TrialMount[] = ['/usr', '/lib', '/lib64']
  .filter((path) => statSync(path, { throwIfNoEntry: false }))
  .map((path) => ({ mountPath: path, source: path, readOnly: true, type: undefined }));

function trialOf(script: string, more: Partial<Trial> = {}): Trial {
  const { mounts = [], ...rest } = more;
  const trial = {
    args: ['-e', script],
    environment: {},
    program: { pid: process.pid },
    files: [],
    folders: [],
    ...rest,
  };
  return { ...trial, mounts: [...LIBRARIES, ...mounts] };
}

const mount = (mountPath: string, source: string, more: Partial<TrialMount> = {}): TrialMount => ({
  mountPath,
  source,
  readOnly: false,
  type: undefined,
  ...more,
});

/** Runs a script that prints JSON and then gives the sign. */
async function see(expression: string, more: Partial<Trial> = {}): Promise<unknown> {
  const script = `const fs = require("fs"); const attempt = (work) => { try { return work() ?? "done"; } catch (error) { return error.code; } };
    const say = (value) => { console.log("saw " + JSON.stringify(value)); ${SIGN} };
    Promise.resolve(${expression}).then(say);`;
  const end = await createRehearsal().start(trialOf(script, more), never);
  const lines = 'lines' in end ? end.lines : [];
  const saw = lines.find((line) => line.startsWith('saw '));
  if (saw === undefined) throw new Error(JSON.stringify(end));
  return JSON.parse(saw.slice(4));
}

/** Programs of a rehearsal that are still there, whoever started them. */
function left(marker: string): string[] {
  const argv = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && argv(pid).includes(marker) && pid !== String(process.pid),
  );
}

// Namespaces are root's, on Linux: elsewhere there are no rehearsals, which another test below shows.
const able = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true']).status === 0;
const onLinux = able ? describe : describe.skip;

onLinux('a rehearsal', () => {
  test('sees the container\u2019s file tree: mounts, planned files, and nothing of the host besides', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'here'), 'host');
    const file = { hostPath: join(folder, 'policy.yaml'), bytes: Buffer.from('planned'), mode: 0o640, uid: 3, gid: 4 };
    const saw = await see(
      '[fs.readdirSync("/").sort().filter((n) => !["usr","lib","lib64"].includes(n)), fs.readFileSync("/audit/here","utf8"), fs.readFileSync("/audit/policy.yaml","utf8"), fs.statSync("/audit/policy.yaml").mode & 0o777, fs.statSync("/audit/policy.yaml").uid]',
      { mounts: [mount('/audit', folder)], files: [file] },
    );
    expect(saw).toEqual([['.rehearsal', 'audit', 'dev', 'etc', 'proc', 'tmp'], 'host', 'planned', 0o640, 3]);
    expect(readdirSync(folder)).toEqual(['here']);
  });

  test('writes nothing to the host: mounts are read-only, the log\u2019s folder is a scratch copy', async () => {
    const [data, logs] = [tempFolder(), tempFolder()];
    writeFileSync(join(logs, 'audit.log'), 'live\n');
    const saw = await see(
      '[attempt(() => fs.writeFileSync("/data/x","")), attempt(() => fs.appendFileSync("/logs/audit.log","x")), fs.readFileSync("/logs/audit.log","utf8")]',
      { mounts: [mount('/data', data), mount('/logs', logs)], logPath: '/logs/audit.log' },
    );
    expect(saw).toEqual(['EROFS', 'done', 'x']);
    expect([readdirSync(data), readFileSync(join(logs, 'audit.log'), 'utf8')]).toEqual([[], 'live\n']);
  });

  test('reaches nobody: neither a port of this machine nor an abstract socket', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    const abstract = createServer().listen('\0kube-auditctl-test');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const dial = (to: string) =>
      `new Promise((resolve) => require("net").connect(${to}).on("connect", () => resolve("reached")).on("error", (e) => resolve(e.code)))`;
    const saw = await see(
      `Promise.all([${dial(`{host:"127.0.0.1",port:${port}}`)}, ${dial('{path:"\\0kube-auditctl-test"}')}])`,
    );
    server.close();
    abstract.close();
    expect(saw).toEqual(['ENETUNREACH', 'ECONNREFUSED']);
  });

  test.each<[string, Partial<Trial>, string]>([
    [
      'read-only mount',
      { mounts: [mount('/logs', '', { readOnly: true })], logPath: '/logs/audit.log' },
      'read-only file system',
    ],
    ['folder in its place', { mounts: [mount('/logs', '')], logPath: '/logs/folder' }, 'is a directory'],
    ['file for a folder', { mounts: [mount('/logs', '')], logPath: '/logs/file/audit.log' }, 'not a directory'],
  ])('a log that cannot be opened is told of: %s', async (_, { mounts = [], ...more }, problem) => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'file'), '');
    const trial = trialOf(SIGN, { ...more, mounts: mounts.map((each) => ({ ...each, source: folder })) });
    expect(await createRehearsal().start(trial, never)).toMatchObject({ state: 'lives', logProblem: problem });
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
  });

  test('a link out of the log\u2019s folder leads nowhere, and never to the live log', async () => {
    const [folder, live] = [tempFolder(), tempFolder()];
    writeFileSync(join(live, 'audit.log'), 'live\n');
    symlinkSync(live, join(folder, 'audit'));
    const trial = trialOf(SIGN, { mounts: [mount('/logs', folder)], logPath: '/logs/audit/audit.log' });
    await createRehearsal().start(trial, never);
    expect(readFileSync(join(live, 'audit.log'), 'utf8')).toBe('live\n');
  });

  test('the log that the server makes is a sign, one that was there before is none', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'audit.log'), 'live\n');
    const log = { mounts: [mount('/logs', folder)], logPath: '/logs/audit.log' };
    const makes = trialOf('require("fs").appendFileSync("/logs/audit.log", ""); setInterval(() => {}, 1000)', log);
    expect(await createRehearsal().start(makes, never)).toMatchObject({ state: 'lives', reached: 'log' });
    const idles = trialOf('setInterval(() => {}, 1000)', log);
    expect(await createRehearsal({ limitMs: 500 }).start(idles, never)).toMatchObject({
      state: 'lives',
      reached: 'nothing',
    });
  });

  test.each<[string, Partial<TrialEnd>]>([
    ['console.error("words"); process.exit(3)', { state: 'ended', code: 3, signal: null, lines: ['words'] }],
    ['process.kill(process.pid, "SIGKILL")', { state: 'ended', signal: 'SIGKILL' }],
  ])('%s', async (script, expected) => {
    expect(await createRehearsal().start(trialOf(script), never)).toMatchObject(expected);
  });

  test('runs as the container\u2019s user, where the running server does', async () => {
    const user = { uid: 65532, gid: 65533 };
    const server = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      ...user,
      cwd: '/',
      stdio: 'ignore',
    });
    await until(() => readFileSync(`/proc/${server.pid}/comm`, 'utf8').startsWith('node'));
    expect(await see('[process.getuid(), process.getgid()]', { user, program: { pid: server.pid ?? 0 } })).toEqual([
      65532, 65533,
    ]);
    server.kill();
  });

  test('a program that may not be started is nothing against the arguments', async () => {
    expect(await createRehearsal().start(trialOf(SIGN, { user: { uid: 65532, gid: 65533 } }), never)).toEqual({
      state: 'not-possible',
      why: expect.stringContaining('Permission denied'),
    });
  });

  test('a volume that the kubelet could not mount is found without starting anything', async () => {
    const gone = mount('/p.yaml', join(tempFolder(), 'gone'), { type: 'File' });
    expect(await createRehearsal().start(trialOf(SIGN, { mounts: [gone] }), never)).toEqual({
      state: 'unmountable',
      mount: gone,
      why: expect.stringContaining('is not a file'),
    });
  });

  test('a signal ends it at once, and nothing of it is left', async () => {
    const stop = new AbortController();
    const marker = `marker-${process.pid}-abort`;
    const running = createRehearsal().start(trialOf(`/* ${marker} */ setInterval(() => {}, 1000)`), stop.signal);
    await until(() => left(marker).length > 0);
    stop.abort();
    expect(await running).toEqual({ state: 'not-possible', why: 'it was interrupted' });
    expect(left(marker)).toEqual([]);
  });

  test('kill -9 of the tool ends it too: no process, no mount', async () => {
    const marker = `marker-${process.pid}-kill`;
    const trial = JSON.stringify(trialOf(`/* ${marker} */ setInterval(() => {}, 1000)`));
    const script = bundle(`import { createRehearsal } from './src/system/rehearsal/rehearsal';
      const trial = { ...${trial}, program: { pid: process.pid } };
      void createRehearsal({ limitMs: 60000 }).start(trial, new AbortController().signal);`);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const tool = spawn(process.execPath, [script], { stdio: 'ignore' });
    const inside = (): string[] => left(marker).filter((pid) => pid !== String(tool.pid));
    await until(() => inside().some((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === '.rehearsal'));
    tool.kill('SIGKILL');
    await until(() => inside().length === 0);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
  });
});

test('a program that hangs is waited for no longer than two seconds', async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'unshare'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  const before = process.env['PATH'];
  process.env['PATH'] = `${folder}:${before ?? ''}`;
  try {
    const begun = Date.now();
    const end = await createRehearsal().start(trialOf(SIGN), never);
    expect(end).toEqual({ state: 'not-possible', why: 'unshare did not answer' });
    expect(Date.now() - begun).toBeLessThan(6000);
  } finally {
    process.env['PATH'] = before;
  }
});

test('below another root nothing is started', async () => {
  expect(await createRehearsal({ root: '/host' }).start(trialOf(SIGN), never)).toMatchObject({ state: 'not-possible' });
});

test('with little memory the running server goes before', async () => {
  const proc = tempFolder();
  writeFileSync(join(proc, 'meminfo'), 'MemTotal: 2000000 kB\nMemAvailable:     300000 kB\n');
  const end = await createRehearsal({ proc }).start(trialOf(SIGN), never);
  expect(end).toEqual({ state: 'not-possible', why: 'less than 500 MiB of memory are free' });
});
