import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { loadPolicy } from '../../src/core/policy/load';
import type { ReplayResult } from '../../src/core/policy/replay';
import { createReplay } from '../../src/core/policy/replay';
import { replayFiles } from '../../src/system/replay-reader';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function line(user: string, size = 0): string {
  return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/a/pods","verb":"create","user":{"username":"${user}"},"requestObject":{"x":"${'ü'.repeat(size)}"},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z","stageTimestamp":"2026-01-01T00:00:00.000000Z"}`;
}

async function run(files: Record<string, string | Buffer>): Promise<{ files: unknown[]; result: ReplayResult }> {
  const { policy } = loadPolicy(
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: None, users: [zoë]}, {level: Request}]',
  );
  const replay = createReplay(policy!);
  const paths = Object.entries(files).map(([name, content]) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  });
  const read = await replayFiles(paths, replay);
  return {
    files: read.map(({ path, ...rest }) => ({ ...rest, name: path.slice(folder.length + 1) })),
    result: replay.result(),
  };
}

test('plain and gzipped files, lines across blocks, bytes that are no ASCII', async () => {
  // Longer than two blocks of the reader, and with characters of two bytes on their borders.
  const lines = [line('a'), line('zoë'), line('b', 1_300_000), line('c', 333_333), line('zoë', 700_000)];
  const text = `${lines.join('\n')}\n`;
  const bytes = Buffer.byteLength(text);
  const { files, result } = await run({ 'a.log': text, 'b.log.gz': gzipSync(text) });
  expect(files).toEqual([
    { name: 'a.log', bytes },
    { name: 'b.log.gz', bytes },
  ]);
  expect(result.now).toEqual({ events: 10, bytes: 2 * bytes });
  expect(result.dropped.events).toBe(4);
  expect(result.unreadable).toBe(0);
});

test('a half-written last line, and an empty file', async () => {
  const { result } = await run({ 'half.log': `${line('a')}\n${line('b').slice(0, 100)}`, 'empty.log': '' });
  expect({ events: result.now.events, unreadable: result.unreadable }).toEqual({ events: 1, unreadable: 1 });
});

test('damage ends the file, and is told; the next one is read', async () => {
  const packed = gzipSync(`${line('a')}\n`.repeat(1000));
  const { files, result } = await run({
    'cut.log.gz': packed.subarray(0, packed.length - 20),
    'ok.log': `${line('a')}\n`,
  });
  expect(files[0]).toMatchObject({
    name: 'cut.log.gz',
    problem: expect.stringContaining('unexpected end of file') as string,
  });
  expect(files[1]).toEqual({ name: 'ok.log', bytes: Buffer.byteLength(line('a')) + 1 });
  expect(result.now.events).toBeGreaterThan(0);
});

test('a file that is not there is a problem of that file', async () => {
  const { policy } = loadPolicy('apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]');
  for (const name of ['missing.log', 'missing.log.gz']) {
    const [file] = await replayFiles([join(folder, name)], createReplay(policy!));
    expect(file).toMatchObject({ bytes: 0, problem: expect.stringContaining('ENOENT') as string });
  }
});
