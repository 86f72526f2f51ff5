/**
 * The file system calls that files.ts rests on, and nothing above them: one table, so that a test can fail the n-th call
 * for every n. Rule: a call does one thing, rejects with Node's errno error, and decides nothing.
 */
import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';

export interface Stat {
  kind: 'file' | 'folder' | 'symlink' | 'other';
  size: number;
  /** Permission bits only. */
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
  inode: number;
}

export interface Attributes {
  mode: number;
  uid: number;
  gid: number;
}

export interface FsCalls {
  lstat(path: string): Promise<Stat>;
  readlink(path: string): Promise<string>;
  /** Opens, looks at what was opened, reads. EFBIG when it is larger than the limit; never opens through a symlink. */
  readFile(path: string, limit: number): Promise<{ bytes: Uint8Array; stat: Stat }>;
  /** A new file with these bytes, owner and mode, on the disk when this resolves. May leave a part of it when it rejects. */
  createExclusive(path: string, bytes: Uint8Array, attributes: Attributes): Promise<Stat>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file; EEXIST when something has it already. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  mkdir(path: string, mode: number): Promise<void>;
  rmdir(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  fsyncFolder(path: string): Promise<void>;
  statfs(path: string): Promise<{ bytes: number; inodes: number; freeInodes: number }>;
  /** access(2) for writing: EROFS tells a read-only mount even to root. */
  accessForWriting(path: string): Promise<void>;
}

export function nodeFsCalls(): FsCalls {
  return {
    lstat: async (path) => statOf(await fs.lstat(path)),
    readlink: (path) => fs.readlink(path),
    readFile,
    createExclusive,
    rename: (from, to) => fs.rename(from, to),
    link: (from, to) => fs.link(from, to),
    unlink: (path) => fs.unlink(path),
    chmod: (path, mode) => fs.chmod(path, mode),
    mkdir: async (path, mode) => {
      await fs.mkdir(path, { mode });
    },
    rmdir: (path) => fs.rmdir(path),
    readdir: (path) => fs.readdir(path),
    fsyncFolder,
    statfs: async (path) => {
      const { bavail, bsize, files, ffree } = await fs.statfs(path);
      return { bytes: bavail * bsize, inodes: files, freeInodes: ffree };
    },
    accessForWriting: (path) => fs.access(path, constants.W_OK),
  };
}

/** What fs.promises rejects with, for a refusal of our own. */
export function errnoError(code: string, call: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}

async function readFile(path: string, limit: number): Promise<{ bytes: Uint8Array; stat: Stat }> {
  // O_NONBLOCK: should the path have become a FIFO since it was looked at, opening it would otherwise hang for good.
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = statOf(await handle.stat());
    if (stat.kind === 'folder') throw errnoError('EISDIR', 'read', path);
    if (stat.kind !== 'file') throw errnoError('ENXIO', 'read', path);
    if (stat.size > limit) throw errnoError('EFBIG', 'read', path);
    const bytes = await readUpTo(handle, limit + 1, stat.size + 1);
    if (bytes.length > limit) throw errnoError('EFBIG', 'read', path);
    return { bytes, stat };
  } finally {
    await handle.close();
  }
}

/** Reads to the end, or `most` bytes; `likely` is the first buffer's size. The file may grow or shrink meanwhile. */
async function readUpTo(handle: fs.FileHandle, most: number, likely: number): Promise<Uint8Array> {
  let buffer = Buffer.allocUnsafe(Math.min(most, likely));
  let filled = 0;
  for (;;) {
    if (filled === buffer.length) {
      if (filled >= most) break;
      buffer = Buffer.concat([buffer], Math.min(most, Math.max(4096, 2 * filled)));
    }
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return new Uint8Array(buffer.subarray(0, filled));
}

async function createExclusive(path: string, bytes: Uint8Array, attributes: Attributes): Promise<Stat> {
  const handle = await fs.open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    // The owner before the mode: chown clears set-id bits. Both before fsync, so that they are as durable as the bytes.
    await handle.chown(attributes.uid, attributes.gid);
    await handle.chmod(attributes.mode);
    await handle.sync();
    return statOf(await handle.stat());
  } finally {
    await handle.close();
  }
}

async function fsyncFolder(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function statOf(stats: Stats): Stat {
  const { size, uid, gid, mtimeMs } = stats;
  return { kind: kindOf(stats), size, mode: stats.mode & 0o7777, uid, gid, mtimeMs, inode: stats.ino };
}

function kindOf(stats: Stats): Stat['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}
