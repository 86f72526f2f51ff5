import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFsCalls, type FsCalls } from '../../src/system/fs-calls';
import { memoryFs } from '../support/memory-fs';
import { tempFolder } from '../support/temp-folder';

const bytes = (text: string) => new TextEncoder().encode(text);
const me = { mode: 0o640, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** The same tree for both: file (5 bytes), folder/inner, empty/, link -> file, away -> folder, loop -> loop, fifo. */
function realTree(): { calls: FsCalls; at: (path: string) => string } {
  const base = tempFolder();
  writeFileSync(join(base, 'file'), 'hello', { mode: 0o600 });
  mkdirSync(join(base, 'folder'));
  writeFileSync(join(base, 'folder/inner'), 'in');
  mkdirSync(join(base, 'empty'));
  symlinkSync('file', join(base, 'link'));
  symlinkSync('folder', join(base, 'away'));
  symlinkSync('loop', join(base, 'loop'));
  execFileSync('mkfifo', [join(base, 'fifo')]);
  return { calls: nodeFsCalls(), at: (path) => join(base, path) };
}

function memoryTree(): { calls: FsCalls; at: (path: string) => string } {
  const fs = memoryFs();
  fs.put('/file', 'hello');
  fs.put('/folder/inner', 'in');
  fs.putFolder('/empty');
  fs.putLink('/link', 'file');
  fs.putLink('/away', 'folder');
  fs.putLink('/loop', 'loop');
  fs.putOther('/fifo');
  return { calls: fs, at: (path) => join('/', path) };
}

type Case = [title: string, (calls: FsCalls, at: (path: string) => string) => Promise<unknown>, answer: unknown];
const cases: Case[] = [
  ['lstat of a file', async (c, at) => (await c.lstat(at('file'))).size, 5],
  ['lstat does not follow', async (c, at) => (await c.lstat(at('link'))).kind, 'symlink'],
  ['lstat through a folder link', async (c, at) => (await c.lstat(at('away/inner'))).kind, 'file'],
  ['lstat of a FIFO', async (c, at) => (await c.lstat(at('fifo'))).kind, 'other'],
  ['lstat of nothing', (c, at) => c.lstat(at('none')), 'ENOENT'],
  ['lstat below a file', (c, at) => c.lstat(at('file/x')), 'ENOTDIR'],
  ['lstat below a loop', (c, at) => c.lstat(at('loop/x')), 'ELOOP'],
  ['readlink', (c, at) => c.readlink(at('link')), 'file'],
  ['readlink of a file', (c, at) => c.readlink(at('file')), 'EINVAL'],
  ['readFile', async (c, at) => Buffer.from((await c.readFile(at('file'), 5)).bytes).toString(), 'hello'],
  ['readFile over the limit', (c, at) => c.readFile(at('file'), 4), 'EFBIG'],
  ['readFile of a link', (c, at) => c.readFile(at('link'), 9), 'ELOOP'],
  ['readFile of a folder', (c, at) => c.readFile(at('folder'), 9), 'EISDIR'],
  ['readFile of a FIFO does not hang', (c, at) => c.readFile(at('fifo'), 9), 'ENXIO'],
  ['readFile of nothing', (c, at) => c.readFile(at('none'), 9), 'ENOENT'],
  ['createExclusive', (c, at) => c.createExclusive(at('new'), bytes('x'), me).then(() => c.lstat(at('new'))), me],
  ['createExclusive on a file', (c, at) => c.createExclusive(at('file'), bytes('x'), me), 'EEXIST'],
  ['createExclusive on a link', (c, at) => c.createExclusive(at('link'), bytes('x'), me), 'EEXIST'],
  ['createExclusive in nothing', (c, at) => c.createExclusive(at('none/x'), bytes('x'), me), 'ENOENT'],
  ['rename to a new name', (c, at) => c.rename(at('file'), at('new')).then(() => c.lstat(at('file'))), 'ENOENT'],
  ['rename over a file', (c, at) => c.rename(at('folder/inner'), at('file')).then(() => size(c, at('file'))), 2],
  ['rename over a link', (c, at) => c.rename(at('file'), at('link')).then(() => size(c, at('link'))), 5],
  ['rename a file over a folder', (c, at) => c.rename(at('file'), at('empty')), 'EISDIR'],
  ['rename a folder over a file', (c, at) => c.rename(at('empty'), at('file')), 'ENOTDIR'],
  ['rename a folder over a full one', (c, at) => c.rename(at('empty'), at('folder')), 'ENOTEMPTY'],
  ['rename of nothing', (c, at) => c.rename(at('none'), at('new')), 'ENOENT'],
  ['unlink', (c, at) => c.unlink(at('file')).then(() => c.lstat(at('file'))), 'ENOENT'],
  ['unlink takes the link', (c, at) => c.unlink(at('link')).then(() => size(c, at('file'))), 5],
  ['unlink of a folder', (c, at) => c.unlink(at('folder')), 'EISDIR'],
  ['unlink of nothing', (c, at) => c.unlink(at('none')), 'ENOENT'],
  ['chmod', (c, at) => c.chmod(at('empty'), 0o711).then(() => c.lstat(at('empty'))), { mode: 0o711, kind: 'folder' }],
  ['mkdir', (c, at) => c.mkdir(at('new'), 0o700).then(() => c.lstat(at('new'))), { mode: 0o700, kind: 'folder' }],
  ['mkdir on a file', (c, at) => c.mkdir(at('file'), 0o700), 'EEXIST'],
  ['mkdir in nothing', (c, at) => c.mkdir(at('none/x'), 0o700), 'ENOENT'],
  ['mkdir below a file', (c, at) => c.mkdir(at('file/x'), 0o700), 'ENOTDIR'],
  ['rmdir', (c, at) => c.rmdir(at('empty')).then(() => c.lstat(at('empty'))), 'ENOENT'],
  ['rmdir of a full folder', (c, at) => c.rmdir(at('folder')), 'ENOTEMPTY'],
  ['rmdir of a file', (c, at) => c.rmdir(at('file')), 'ENOTDIR'],
  ['readdir', (c, at) => c.readdir(at('folder')), ['inner']],
  ['readdir of a file', (c, at) => c.readdir(at('file')), 'ENOTDIR'],
  ['readdir of nothing', (c, at) => c.readdir(at('none')), 'ENOENT'],
  ['fsyncFolder', (c, at) => c.fsyncFolder(at('folder')), undefined],
  ['fsyncFolder of a file', (c, at) => c.fsyncFolder(at('file')), 'ENOTDIR'],
  ['accessForWriting', (c, at) => c.accessForWriting(at('folder')), undefined],
  ['accessForWriting of nothing', (c, at) => c.accessForWriting(at('none')), 'ENOENT'],
];

async function size(calls: FsCalls, path: string): Promise<number> {
  return (await calls.lstat(path)).size;
}

describe.each([
  ['the disk', realTree],
  ['memory', memoryTree],
])('%s', (_, tree) => {
  test.each(cases)('%s', async (_, run, answer) => {
    const { calls, at } = tree();
    const got = await run(calls, at).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    if (typeof answer === 'object') expect(got).toMatchObject(answer as object);
    else expect(got).toBe(answer);
  });
});

test('a new file has exactly the mode asked for, whatever the umask', async () => {
  const path = join(tempFolder(), 'f');
  const before = process.umask(0o077);
  try {
    await nodeFsCalls().createExclusive(path, bytes('x'), { ...me, mode: 0o664 });
  } finally {
    process.umask(before);
  }
  expect((await nodeFsCalls().lstat(path)).mode).toBe(0o664);
});

test('a file whose size the kernel does not tell is read to its end, and no further than the limit', async () => {
  const calls = nodeFsCalls();
  const whole = readFileSync('/proc/self/status').length;
  expect((await calls.readFile('/proc/self/status', 100_000)).bytes.length).toBeGreaterThan(whole / 2);
  await expect(calls.readFile('/proc/self/status', 10)).rejects.toMatchObject({ code: 'EFBIG' });
});

test('statfs answers bytes', async () => {
  const { bytes, inodes, freeInodes } = await nodeFsCalls().statfs(tempFolder());
  expect(bytes).toBeGreaterThan(0);
  expect(freeInodes).toBeLessThanOrEqual(inodes);
});
