/** The program as a process: what signals and a full disk do to commands that only read. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { line } from './support/audit-events';
import { tempFolder } from './support/temp-folder';
import { until } from './support/until';

const dist = tempFolder();
const PROGRAM = join(dist, 'main.cjs');
const COURSE = 'fixtures/logs/course.log';

beforeAll(() => {
  const root = join(__dirname, '..');
  buildSync({
    stdin: {
      contents: `import { start } from './src/start'; void start(process.argv.slice(2));`,
      resolveDir: root,
      loader: 'ts',
    },
    outfile: PROGRAM,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    define: { 'import.meta.url': '__filename' },
    external: ['./cluster', './sandbox/world', './sandbox/manage'],
    logLevel: 'error',
  });
  buildSync({
    entryPoints: [join(root, 'src/system/workers/log.ts')],
    outfile: join(dist, 'workers/log.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
});

interface Ended {
  code: number | null;
  talk: string;
}

const children: ChildProcess[] = [];
// One that does not end would keep the test runner from ending.
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function launch(args: readonly string[], out: number | 'ignore' | 'pipe' = 'ignore', cwd = '.') {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', out, 'pipe'], cwd });
  children.push(child);
  let talk = '';
  child.stderr?.on('data', (text: Buffer) => (talk += text.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, talk });
    });
  });
  return { child, ended };
}

/** Standard input has been taken: whatever the command does first has been done. */
function taken(child: ChildProcess): Promise<void> {
  const events = Array.from({ length: 20_000 }, (_each, at) => `${line({ auditID: `id-${at}` })}\n`).join('');
  return new Promise((resolve) => child.stdin?.write(events, () => setTimeout(resolve, 300)));
}

describe('a signal', () => {
  test.each<[string, NodeJS.Signals, number]>([
    ['query', 'SIGINT', 130],
    ['query', 'SIGTERM', 143],
    ['query', 'SIGHUP', 129],
    ['top', 'SIGINT', 130],
    ['report', 'SIGTERM', 143],
    ['show id-1', 'SIGINT', 130],
  ])('log %s, %s: %d', async (command, signal, code) => {
    const { child, ended } = launch(['log', ...command.split(' '), '-']);
    await taken(child);
    child.kill(signal);
    expect((await ended).code).toBe(code);
  });

  test('log export: nothing is left of the file', async () => {
    const folder = tempFolder();
    const { child, ended } = launch(['log', 'export', '--parquet', 'events.parquet', '-'], 'ignore', folder);
    await taken(child);
    expect(readdirSync(folder)).toHaveLength(1);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('several logs, which are read by one thread', async () => {
    const folder = tempFolder();
    const event = line({ requestObject: { text: 'x'.repeat(1000) } });
    for (const name of ['a.log', 'b.log']) writeFileSync(join(folder, name), `${event}\n`.repeat(100_000));
    const { child, ended } = launch(['log', 'query', '--name', 'nobody', folder]);
    await new Promise((resolve) => setTimeout(resolve, 250));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });

  test('follow has done its work at Ctrl-C, and ends with its terminal', async () => {
    const path = join(tempFolder(), 'audit.log');
    writeFileSync(path, '');
    for (const [signal, code] of [
      ['SIGINT', 0],
      ['SIGHUP', 129],
    ] as const) {
      const { child, ended } = launch(['log', 'follow', path]);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      child.kill(signal);
      expect((await ended).code).toBe(code);
    }
  });
});

describe('follow', () => {
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_each, at) => `${line({ auditID: `id-${from + at}` })}\n`).join('');

  async function following(args: readonly string[] = []) {
    const path = join(tempFolder(), 'audit.log');
    const { child, ended } = launch(['log', 'follow', '-o', 'jsonl', ...args, path], 'pipe');
    let talk = '';
    child.stderr?.on('data', (text: Buffer) => (talk += text.toString()));
    await until(() => talk.includes('waiting for it'));
    return { path, child, ended };
  }

  test('a reader that has gone is noticed by the next event, not by the one after it', async () => {
    const { path, child, ended } = await following();
    writeFileSync(path, lines(0, 1));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.stdout?.destroy();
    appendFileSync(path, lines(1, 2));
    expect((await ended).code).toBe(0);
  });

  test('a reader that takes nothing: what is in a copy is not taken into memory, and Ctrl-C is heard', async () => {
    const { path, child, ended } = await following();
    writeFileSync(path, lines(0, 1));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.stdout?.pause();
    // Now it waits for us with as much as a pipe takes.
    const body = { requestObject: { data: 'x'.repeat(1 << 20) } };
    appendFileSync(path, `${line({ auditID: 'large', ...body })}\n`.repeat(150));
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, lines(1, 2));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const memory = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    expect(Number(memory)).toBeLessThan(220 << 10);
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 500));
    let size = 0;
    child.stdout?.on('data', (text: Buffer) => (size += text.length)).resume();
    expect((await ended).code).toBe(0);
    expect(size).toBeLessThan(20 << 20);
  });

  test('what is written here is no log to follow', async () => {
    const folder = tempFolder();
    const path = join(folder, 'audit.log');
    writeFileSync(path, '');
    const out = join(folder, 'out.jsonl');
    const { child, ended } = launch(['log', 'follow', '-o', 'jsonl', folder], openSync(out, 'a'));
    let talk = '';
    child.stderr?.on('data', (text: Buffer) => (talk += text.toString()));
    await until(() => talk.includes('out.jsonl is what is written here'));
    appendFileSync(path, lines(0, 2));
    await until(() => statSync(out).size > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
    expect(readFileSync(out, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });

  test('where nothing happens, it does next to nothing', async () => {
    const { path, child, ended } = await following();
    writeFileSync(path, lines(0, 1));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const ticks = (): number =>
      readFileSync(`/proc/${child.pid}/stat`, 'utf8')
        .split(' ')
        .slice(13, 15)
        .reduce((sum, each) => sum + Number(each), 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = ticks();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    // Hundredths of a second.
    expect(ticks() - before).toBeLessThan(40);
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
  });
});

describe('what is written', () => {
  test('a full disk is told, and is a failure', async () => {
    for (const args of [
      ['log', 'query', COURSE],
      ['log', 'top', COURSE, '-o', 'json'],
      ['policy', 'presets'],
    ]) {
      const { code, talk } = await launch(args, openSync('/dev/full', 'w')).ended;
      expect({ args, code, talk }).toEqual({ args, code: 2, talk: expect.stringContaining('could not be written') });
    }
  });

  test('a reader that has gone is none', async () => {
    const { child, ended } = launch(['log', 'query', '-o', 'jsonl', COURSE], 'pipe');
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 0, talk: '' });
  });

  test.each(['export --parquet', 'report --html'])(
    'log %s: no log that is read, no device; links stay',
    async (command) => {
      const folder = tempFolder();
      const path = join(folder, 'audit.log');
      writeFileSync(path, readFileSync(COURSE));
      symlinkSync('audit.log', join(folder, 'same'));
      symlinkSync('elsewhere', join(folder, 'link'));
      writeFileSync(join(folder, 'elsewhere'), '', { mode: 0o640 });
      const write = (to: string): Promise<Ended> =>
        launch(['log', ...command.split(' '), to, 'audit.log'], 'ignore', folder).ended;
      for (const to of ['audit.log', 'same'])
        expect(await write(to)).toEqual({ code: 2, talk: expect.stringContaining('output-is-input') });
      expect(readFileSync(path)).toEqual(readFileSync(COURSE));
      expect(await write('/dev/null')).toEqual({ code: 2, talk: expect.stringContaining('not-a-file') });
      expect((await write('link')).code).toBe(0);
      expect(statSync(join(folder, 'elsewhere')).mode & 0o777).toBe(0o640);
      expect(statSync(join(folder, 'elsewhere')).size).toBeGreaterThan(1000);
      expect((await write('new')).code).toBe(0);
      expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o600);
      expect(existsSync(join(folder, 'same'))).toBe(true);
    },
  );
});

test('one clock for query and top: here half an hour past the full ones', () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(
    path,
    `${line({ time: '2026-01-31T23:15:09.123456Z' })}\n${line({ auditID: '2', time: '2026-01-31T23:45:09.000000Z' })}\n`,
  );
  const ask = (words: string): string =>
    execFileSync(process.execPath, [PROGRAM, 'log', ...words.split(' '), path], {
      encoding: 'utf8',
      env: { TZ: 'Asia/Kolkata' },
    });
  expect(ask('top --by hour -o csv')).toBe('hour,count\r\n2026-02-01T04,1\r\n2026-02-01T05,1\r\n');
  expect(ask('top --by day -o csv')).toBe('day,count\r\n2026-02-01,2\r\n');
  expect(ask('top --by hour -o csv --utc')).toBe('hour,count\r\n2026-01-31T23,2\r\n');
  expect(ask('top --by hour -o jsonl')).toBe('{"hour":"2026-01-31T23","count":2}\n');
  expect(ask('query --fields time -o csv --limit 1')).toBe('time\r\n2026-02-01T04:45:09.123456+05:30\r\n');
});
