/** The rotated audit log, on the disk: names, sizes, ages, modes, and what goes wrong. */
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { PlainFile, RotatedFile } from '../../../../src/sandbox/apiserver/audit/log-file';
import { ContainerFiles } from '../../../../src/sandbox/apiserver/files';
import { tempFolder } from '../../../support/temp-folder';

interface Room {
  files: ContainerFiles;
  folder: string;
  clock: { at: number };
}

function room(kind: 'folder' | 'file' = 'folder', readOnly = false): Room {
  const root = tempFolder();
  const folder = join(root, 'log');
  mkdirSync(folder);
  if (kind === 'file') writeFileSync(join(folder, 'audit.log'), '');
  const mount =
    kind === 'folder'
      ? { containerPath: '/var/log/audit', hostPath: folder }
      : { containerPath: '/var/log/audit/audit.log', hostPath: join(folder, 'audit.log') };
  const files = new ContainerFiles({ mounts: [{ ...mount, readOnly, kind }], rootfs: join(root, 'rootfs') });
  return { files, folder, clock: { at: Date.UTC(2026, 0, 15, 10, 30) } };
}

const PATH = '/var/log/audit/audit.log';
const LIMITS = { maxSize: 20, maxAge: 0, maxBackups: 0, compress: false };

function log({ files, clock }: Room, limits: Partial<typeof LIMITS> = {}): RotatedFile {
  return new RotatedFile(files, PATH, { ...LIMITS, ...limits }, () => new Date((clock.at += 1000)));
}

test('a line that does not fit any more goes into a new file; the old one is named by the time in UTC', async () => {
  const here = room();
  const writer = log(here);
  writer.write(['one-------\n', 'two------\n', 'three\n']);
  await writer.close();
  expect(readdirSync(here.folder).sort()).toEqual([
    expect.stringMatching(/^audit-2026-01-15T10-30-\d\d\.000\.log$/),
    'audit.log',
  ]);
  expect(readFileSync(join(here.folder, 'audit.log'), 'utf8')).toBe('two------\nthree\n');
});

test('an existing file is added to, one that is full is moved aside', async () => {
  const here = room();
  const path = join(here.folder, 'audit.log');
  writeFileSync(path, 'old\n', { mode: 0o640 });
  let writer = log(here);
  writer.write(['new\n']);
  await writer.close();
  expect(readFileSync(path, 'utf8')).toBe('old\nnew\n');
  writeFileSync(path, 'x'.repeat(19));
  chmodSync(path, 0o640);
  writer = log(here);
  writer.write(['new\n']);
  await writer.close();
  expect(readFileSync(path, 'utf8')).toBe('new\n');
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('a new file is for root alone', async () => {
  const here = room();
  const writer = log(here);
  writer.write(['x\n']);
  await writer.close();
  expect(statSync(join(here.folder, 'audit.log')).mode & 0o777).toBe(0o600);
});

test('old files go by number, then by age, and are compressed; other files are left alone', async () => {
  const here = room();
  const old = ['2025-12-01T00-00-00.000', '2026-01-13T00-00-00.000', '2026-01-14T00-00-00.000'];
  for (const at of old) writeFileSync(join(here.folder, `audit-${at}.log`), at);
  writeFileSync(join(here.folder, 'audit-notes.log'), 'mine');
  const byNumber = log(here, { maxBackups: 2 });
  byNumber.write(['x\n']);
  await byNumber.close();
  expect(readdirSync(here.folder)).not.toContain(`audit-${old[0]!}.log`);
  expect(readdirSync(here.folder)).toHaveLength(4);
  const byAge = log(here, { maxAge: 2, compress: true });
  byAge.write(['x\n']);
  await byAge.close();
  expect(readdirSync(here.folder).sort()).toEqual([`audit-${old[2]!}.log.gz`, 'audit-notes.log', 'audit.log']);
  expect(gunzipSync(readFileSync(join(here.folder, `audit-${old[2]!}.log.gz`))).toString()).toBe(old[2]);
});

test('a line larger than a file is refused, the next one is not', async () => {
  const here = room();
  const writer = log(here);
  const problems = writer.write([`${'x'.repeat(20)}\n`, 'fine\n']);
  expect(problems[0]).toBe('write length 21 exceeds maximum file size 20');
  expect(problems[1]).toBeUndefined();
  await writer.close();
  expect(readFileSync(join(here.folder, 'audit.log'), 'utf8')).toBe('fine\n');
});

test('mounted as a single file it cannot be rotated: that is said at every write from then on', async () => {
  const here = room('file');
  const writer = log(here);
  writer.write(['one--------------\n']);
  const busy =
    /^can't rename log file: rename \/var\/log\/audit\/audit\.log \/var\/log\/audit\/audit-2026-\S+\.log: device or resource busy$/;
  for (const problem of [...writer.write(['two\n', 'three\n']), ...writer.write(['four\n'])])
    expect(problem).toMatch(busy);
  await writer.close();
  expect(readFileSync(join(here.folder, 'audit.log'), 'utf8')).toBe('one--------------\n');
});

test('a read-only mount, and a full disk, in the words of the system', () => {
  const sealed = room('folder', true);
  expect(log(sealed).write(['x\n'])).toEqual([
    "can't open new logfile: open /var/log/audit/audit.log: read-only file system",
  ]);
  const full = room();
  symlinkSync('/dev/full', join(full.folder, 'audit.log'));
  const problem = 'write /var/log/audit/audit.log: no space left on device';
  expect(log(full).write(['x\n', 'y\n'])).toEqual([problem, problem]);
});

test('without rotation the file grows, and takes what comes after its end', async () => {
  const here = room();
  writeFileSync(join(here.folder, 'audit.log'), '');
  const writer = new PlainFile(here.files, PATH);
  for (let at = 0; at < 10; at++) writer.write(['0123456789\n']);
  await writer.close();
  writer.write(['late\n']);
  await writer.close();
  expect(statSync(join(here.folder, 'audit.log')).size).toBe(115);
});

test('whatever is written together, every line is in the files, whole and in order, and no file is too large', () => {
  const line = fc.integer({ min: 1, max: 24 }).map((length) => `${'x'.repeat(length - 1)}\n`);
  fc.assert(
    fc.property(fc.array(fc.array(line, { maxLength: 6 }), { maxLength: 8 }), (groups) => {
      const here = room();
      const writer = log(here);
      const lost = groups.flatMap((group) => writer.write(group).flatMap((problem) => problem ?? []));
      const files = readdirSync(here.folder).sort((a, b) =>
        a === 'audit.log' ? 1 : b === 'audit.log' ? -1 : a < b ? -1 : 1,
      );
      const texts = files.map((name) => readFileSync(join(here.folder, name), 'utf8'));
      expect(texts.join('')).toBe(
        groups
          .flat()
          .filter(({ length }) => length <= 20)
          .join(''),
      );
      expect(lost).toHaveLength(groups.flat().filter(({ length }) => length > 20).length);
      for (const text of texts) expect(text.length).toBeLessThanOrEqual(20);
      void writer.close();
    }),
    { numRuns: 50 },
  );
});
