/**
 * The Files port on top of the table of calls. Rule: a file is replaced whole or not at all, and no name that the kubelet
 * would read (one without a leading dot) ever stands in the folder beside it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { UserError } from '../core/errors';
import type { Entry, Files } from '../change/ports';
import { explain, hasCode, NotDurableError, type Action } from './file-errors';
import { errnoError, type FsCalls, type Stat } from './fs-calls';
import { inRoot } from './root';

const TEMP_PREFIX = '.kube-auditctl-';
const TEMP_NAME = /^\.kube-auditctl-[0-9a-f]{16}$/;

export interface FilesOptions {
  /** Where the node's file system lies on this machine; '/' when this is the node. */
  root?: string;
  /** Sixteen hex digits, unguessable. */
  token?: () => string;
}

export function createFiles(calls: FsCalls, options: FilesOptions = {}): Files {
  const root = options.root ?? '/';
  const token = options.token ?? (() => randomBytes(8).toString('hex'));

  /** Runs `work` on this machine's path, and says what the user can do when it is refused. */
  const at = async <T>(action: Action, path: string, work: (real: string) => Promise<T>): Promise<T> => {
    let real = join(root, path);
    try {
      real = await inRoot(calls, root, path);
      return await work(real);
    } catch (error) {
      throw explain(error, action, real);
    }
  };

  return {
    look: (path) =>
      at('look at', path, async (real) => {
        const stat = await statOrNothing(calls, real);
        return stat && entryOf(calls, real, stat);
      }),

    read: (path, limit) =>
      at('read', path, async (real) => {
        // Looked at before it is opened: opening a device can have effects of its own.
        refuseUnlessFile(await calls.lstat(real), real);
        const { bytes, stat } = await calls.readFile(real, limit);
        return { bytes, mode: stat.mode, uid: stat.uid, gid: stat.gid };
      }),

    writeAtomic: (path, { bytes, mode, uid, gid }) =>
      at('write', path, async (real) => {
        // A rename would put a file where the link or device was, and cut off whatever reads it.
        refuseUnlessFile(await statOrNothing(calls, real), real);
        const temp = join(dirname(real), TEMP_PREFIX + token());
        let created: Stat | undefined;
        try {
          created = await calls.createExclusive(temp, bytes, { mode, uid, gid });
          await calls.rename(temp, real);
        } catch (error) {
          if (!(await isFile(calls, real, created))) {
            // EEXIST: the name is somebody else's file, which is not ours to remove.
            if (!hasCode(error, 'EEXIST')) await calls.unlink(temp).catch(() => undefined);
            throw error;
          }
        }
        await flushFolder(calls, 'write', real);
      }),

    writeNew: (path, { bytes, mode, uid, gid }) =>
      at('write', path, async (real) => {
        const temp = join(dirname(real), TEMP_PREFIX + token());
        let created: Stat | undefined;
        try {
          created = await calls.createExclusive(temp, bytes, { mode, uid, gid });
          await giveName(calls, temp, real);
        } catch (error) {
          if (created !== undefined || !hasCode(error, 'EEXIST')) await calls.unlink(temp).catch(() => undefined);
          throw error;
        }
        // Nobody reads it, and it is swept away with the next change.
        await calls.unlink(temp).catch(() => undefined);
        await flushFolder(calls, 'write', real);
      }),

    link: (from, to) =>
      at('write', to, async (target) => {
        const real = await inRoot(calls, root, from);
        refuseUnlessFile(await calls.lstat(real), real);
        await giveName(calls, real, target);
        await flushFolder(calls, 'write', target);
      }),

    move: (from, to) =>
      at('write', from, async (real) => {
        const target = await inRoot(calls, root, to);
        refuseUnlessFile(await calls.lstat(real), real);
        if (await statOrNothing(calls, target)) throw errnoError('EEXIST', 'rename', target);
        const { inode } = await calls.lstat(real);
        try {
          await calls.rename(real, target);
        } catch (error) {
          // Reported as failed and done all the same: the inode tells.
          if ((await statOrNothing(calls, target))?.inode !== inode) throw error;
        }
        await flushFolder(calls, 'write', target);
      }),

    remove: (path) =>
      at('remove', path, async (real) => {
        // Gone already is done: recovery repeats its steps. It is flushed all the same, the crash may have come between.
        await calls.unlink(real).catch(unless('ENOENT'));
        await flushFolder(calls, 'remove', real);
      }),

    makeFolder: (path, mode) => at('write', path, () => makeFolder(calls, root, path, mode)),

    removeEmptyFolder: (path) =>
      at('remove', path, async (real) => {
        try {
          await calls.rmdir(real);
        } catch (error) {
          if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) return false;
          throw error;
        }
        await flushFolder(calls, 'remove', real);
        return true;
      }),

    removeTree: (path) =>
      at('remove', path, async (real) => {
        await removeTree(calls, real);
        await flushFolder(calls, 'remove', real);
      }),

    list: (path) => at('list', path, async (real) => (await namesIn(calls, real)).sort()),

    sweepTemp: (folder) =>
      at('remove', folder, async (real) => {
        const removed: string[] = [];
        for (const name of (await namesIn(calls, real)).sort()) {
          const temp = join(real, name);
          if (!TEMP_NAME.test(name) || (await statOrNothing(calls, temp))?.kind !== 'file') continue;
          await calls.unlink(temp).catch(unless('ENOENT'));
          removed.push(name);
        }
        if (removed.length > 0) await flushFolder(calls, 'remove', join(real, 'any'));
        return removed;
      }),

    free: (path) =>
      at('look at', path, async () => {
        const { real, stat } = await nearest(calls, root, path);
        const folder = stat.kind === 'folder' ? real : dirname(real);
        const { bytes, inodes, freeInodes } = await calls.statfs(folder);
        const readOnly = await calls.accessForWriting(folder).then(
          () => false,
          (error: unknown) => hasCode(error, 'EROFS'),
        );
        // A disk without inodes takes no new file, however many bytes are free. (btrfs counts no inodes: 0 of 0.)
        return { bytes: inodes > 0 && freeInodes === 0 ? 0 : bytes, readOnly };
      }),

    sha256: (bytes) => createHash('sha256').update(bytes).digest('hex'),
  };
}

/** One more name for a file, one that nothing has. */
async function giveName(calls: FsCalls, from: string, to: string): Promise<void> {
  const stat = await calls.lstat(from);
  try {
    await calls.link(from, to);
  } catch (error) {
    // Reported as failed and done all the same, as it happens over the network: the inode tells.
    if (await isFile(calls, to, stat)) return;
    if (!hasCode(error, ...NO_SECOND_NAMES)) throw error;
    if (await statOrNothing(calls, to)) throw errnoError('EEXIST', 'rename', to);
    await calls.rename(from, to);
  }
}

/** What file systems without hard links answer (FAT, some of the network). */
const NO_SECOND_NAMES = ['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'];

async function statOrNothing(calls: FsCalls, real: string): Promise<Stat | undefined> {
  return calls.lstat(real).catch(unless('ENOENT', 'ENOTDIR'));
}

/** A rename over the network can be reported as failed and have been done all the same: the inode tells. */
async function isFile(calls: FsCalls, real: string, file: Stat | undefined): Promise<boolean> {
  if (file === undefined) return false;
  const there = await calls.lstat(real).catch(() => undefined);
  return there?.inode === file.inode;
}

async function entryOf(calls: FsCalls, real: string, stat: Stat): Promise<Entry> {
  const { kind, size, mode, uid, gid, mtimeMs, inode } = stat;
  switch (kind) {
    case 'file':
      return { kind, size, mode, uid, gid, mtimeMs, inode };
    case 'folder':
      return { kind, mode, uid, gid };
    case 'symlink':
      return { kind, target: await calls.readlink(real) };
    case 'other':
      return { kind };
  }
}

function refuseUnlessFile(stat: Stat | undefined, real: string): void {
  if (stat === undefined || stat.kind === 'file') return;
  throw errnoError(stat.kind === 'symlink' ? 'ELOOP' : 'ENXIO', 'open', real);
}

async function flushFolder(calls: FsCalls, action: Action, real: string): Promise<void> {
  try {
    await calls.fsyncFolder(dirname(real));
  } catch (error) {
    // Some file systems (9p, FUSE, SMB) cannot flush a folder: it is as durable there as it gets. And when there was
    // nothing to remove because the folder itself is missing, there is nothing to flush either.
    const harmless = action === 'remove' ? ['EINVAL', 'ENOTSUP', 'ENOENT'] : ['EINVAL', 'ENOTSUP'];
    if (!hasCode(error, ...harmless)) throw new NotDurableError(action, real, error);
  }
}

async function makeFolder(calls: FsCalls, root: string, path: string, mode: number): Promise<string[]> {
  const made: { path: string; real: string }[] = [];
  try {
    for (const each of await missing(calls, root, path)) {
      const real = await inRoot(calls, root, each);
      try {
        await calls.mkdir(real, 0o700);
      } catch (error) {
        // Somebody else made it meanwhile (the kubelet does for DirectoryOrCreate): it is theirs, with their mode.
        if (hasCode(error, 'EEXIST')) continue;
        throw error;
      }
      made.push({ path: each, real });
      // mkdir's mode passes through the umask.
      await calls.chmod(real, mode);
      await calls.fsyncFolder(dirname(real)).catch(unless('EINVAL', 'ENOTSUP'));
    }
  } catch (error) {
    for (const { real } of made.reverse()) await calls.rmdir(real).catch(() => undefined);
    throw error;
  }
  return made.map((each) => each.path);
}

/** The folders that have to be made for `path`, outermost first; none when it is a folder, or a link to one. */
async function missing(calls: FsCalls, root: string, path: string): Promise<string[]> {
  const found: string[] = [];
  for (let each = path; ; each = dirname(each)) {
    const real = await inRoot(calls, root, each, { followLast: true });
    const stat = await calls.lstat(real).catch(unless('ENOENT'));
    if (stat?.kind === 'folder') return found.reverse();
    if (stat) throw errnoError('ENOTDIR', 'mkdir', real);
    found.push(each);
  }
}

async function removeTree(calls: FsCalls, real: string): Promise<void> {
  const stat = await statOrNothing(calls, real);
  if (!stat) return;
  if (stat.kind !== 'folder') {
    await calls.unlink(real).catch(unless('ENOENT'));
    return;
  }
  for (const name of await namesIn(calls, real)) await removeTree(calls, join(real, name));
  await calls.rmdir(real).catch(unless('ENOENT'));
}

async function namesIn(calls: FsCalls, real: string): Promise<string[]> {
  return (await calls.readdir(real).catch(unless('ENOENT'))) ?? [];
}

async function nearest(calls: FsCalls, root: string, path: string): Promise<{ real: string; stat: Stat }> {
  for (let each = path; ; each = dirname(each)) {
    const real = await inRoot(calls, root, each, { followLast: true });
    const stat = await statOrNothing(calls, real);
    if (stat) return { real, stat };
    if (each === dirname(each))
      throw new UserError('not-found', `${real} does not exist`, { hints: [`ls -ld ${real}`] });
  }
}

function unless(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error;
    return undefined;
  };
}
