/**
 * From names to open files: files, folders, globs, and what the server has rotated. Rule: everything is opened before any of
 * it is read, and a log that was rotated meanwhile is looked at again, so that no file is missed or read twice.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { beginsDocument } from '../../core/auditlog/documents';
import { logsOf, nameFile } from '../../core/auditlog/files';
import { messageOf, UserError } from '../../core/errors';
import { explain, hasCode } from '../file-errors';

export interface OpenFile {
  path: string;
  fd: number;
  /** When it was opened. */
  size: number;
  gzip: boolean;
  /** Its lines stand alone, so that it can be read in pieces. */
  divisible: boolean;
  /** Nothing in it is younger, in microseconds. */
  endsAt?: number;
}

/** One server's log: its files from the oldest on. */
export type OpenLog = OpenFile[];

export interface Opened {
  logs: OpenLog[];
  /** Files of a folder, a pattern or a rotation that cannot be read: they hide none of the others. */
  unread: Unread[];
}

interface Unread {
  path: string;
  problem: string;
}

/** A file that nobody named itself may be unreadable. */
interface Wanted {
  path: string;
  isNamed: boolean;
}

const ATTEMPTS = 5;

/** @param names as typed: files, folders, globs, `-`. Rejects with a UserError. */
export function openNamed(names: readonly string[]): Opened {
  return openSettled(() => names.filter((name) => name !== '-').flatMap(expand), names.includes('-'));
}

/** The log at a path with all that was rotated of it; a folder of container logs with all of them. Rejects with a UserError. */
export function openRotated(path: string): Opened {
  const isFolder = statOf(path)?.isDirectory() === true;
  return openSettled(() => {
    if (isFolder) return among(logsIn(path));
    const { log } = nameFile(path);
    const names = list(dirname(path)).map((name) => join(dirname(path), name));
    const found = names.filter((name) => nameFile(name).log === log && statOf(name)?.isFile() === true);
    if (found.length === 0) throw missing(path);
    return among(found);
  }, false);
}

function among(paths: readonly string[]): Wanted[] {
  return paths.map((path) => ({ path, isNamed: false }));
}

export function closeLogs(logs: readonly OpenLog[]): void {
  for (const { fd } of logs.flat()) if (fd >= 0) closeSync(fd);
}

/** Whether a file is one of these, by whatever name. */
export function isOpen(path: string, logs: readonly OpenLog[]): boolean {
  const stat = statOf(path);
  if (stat?.isFile() !== true) return false;
  return logs.flat().some(({ fd }) => {
    const { dev, ino } = fd < 0 ? { dev: -1, ino: -1 } : fstatSync(fd);
    return dev === stat.dev && ino === stat.ino;
  });
}

function openSettled(find: () => Wanted[], stdin: boolean): Opened {
  for (let attempt = 1; ; attempt++) {
    const opened = new Map<string, OpenFile>();
    const refused: { path: string; error: unknown }[] = [];
    const wanted = find();
    const paths = wanted.map(({ path }) => path);
    try {
      for (const { path, isNamed } of wanted) {
        let file: OpenFile | undefined;
        try {
          file = openFile(path, paths);
        } catch (error) {
          if (isNamed || !(error instanceof UserError)) throw error;
          refused.push({ path, error });
        }
        if (file === undefined) continue;
        const { dev, ino } = fstatSync(file.fd);
        // The same file by two names: renamed while we looked, or named twice.
        if (opened.has(`${dev}:${ino}`)) closeSync(file.fd);
        else opened.set(`${dev}:${ino}`, file);
      }
      if (opened.size === 0 && !stdin && refused[0] !== undefined) throw refused[0].error;
    } catch (error) {
      closeLogs([[...opened.values()]]);
      throw error;
    }
    const files = [...opened.values()];
    if (attempt === ATTEMPTS || find().every(({ path }) => paths.includes(path)))
      return { logs: inOrder(files, stdin), unread: refused.map(unreadOf) };
    closeLogs([files]);
  }
}

function unreadOf({ path, error }: { path: string; error: unknown }): Unread {
  return { path, problem: messageOf(error).replace(`cannot read ${path}: `, '') };
}

function inOrder(files: readonly OpenFile[], stdin: boolean): OpenLog[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const logs = logsOf([...byPath.keys()]).map((log) =>
    log.flatMap(({ path, endsAt }) => {
      const file = byPath.get(path);
      return file === undefined ? [] : [{ ...file, ...(endsAt === undefined ? {} : { endsAt }) }];
    }),
  );
  if (stdin) logs.push([{ path: 'standard input', fd: -1, size: Infinity, gzip: false, divisible: false }]);
  return logs;
}

/** undefined: gone since it was listed, or the gzip, maybe unfinished, beside what it is made of. */
function openFile(path: string, all: readonly string[]): OpenFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT') && nameFile(path).endsAt === undefined) throw explain(error, 'read', path);
    if (hasCode(error, 'ENOENT')) return undefined;
    throw explain(error, 'read', path);
  }
  try {
    const stat = fstatSync(fd);
    const head = Buffer.alloc(HEAD);
    const count = stat.isFile() ? readSync(fd, head, 0, HEAD, 0) : 0;
    const start = head.subarray(0, count);
    refusePacked(path, start);
    const plain = path.slice(0, -3);
    if (path.endsWith('.gz') && all.includes(plain) && isMadeOf(start, plain)) {
      closeSync(fd);
      return undefined;
    }
    const gzip = stat.isFile() ? start[0] === 0x1f && start[1] === 0x8b : path.endsWith('.gz');
    return {
      path,
      fd,
      size: stat.isFile() ? stat.size : Infinity,
      gzip,
      divisible: stat.isFile() && !gzip && isLines(start),
    };
  } catch (error) {
    closeSync(fd);
    throw explain(error, 'read', path);
  }
}

const HEAD = 4096;

/** Beginnings of files that can be unpacked by others. */
const PACKED: readonly { start: readonly number[]; what: string; unpack: string }[] = [
  { start: [0x28, 0xb5, 0x2f, 0xfd], what: 'packed with zstd', unpack: 'zstd -dc' },
  { start: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: 'packed with xz', unpack: 'xz -dc' },
  { start: [0x50, 0x4b, 0x03, 0x04], what: 'a zip file', unpack: 'unzip -p' },
  { start: [0x42, 0x5a, 0x68], what: 'packed with bzip2', unpack: 'bzip2 -dc' },
  { start: [0xff, 0xfe], what: 'UTF-16', unpack: 'iconv -f UTF-16 -t UTF-8' },
  { start: [0xfe, 0xff], what: 'UTF-16', unpack: 'iconv -f UTF-16 -t UTF-8' },
];

/** Read as it stands it would be nothing but damage, and "no events" an untrue answer. */
function refusePacked(path: string, head: Buffer): void {
  const found = PACKED.find(({ start }) => start.every((byte, at) => head[at] === byte));
  if (found === undefined) return;
  throw new UserError('log-packed', `cannot read ${path}: it is ${found.what}`, {
    hints: [`${found.unpack} ${path} | kube-auditctl log query -`],
  });
}

/** By the first event; of an unfinished gzip nothing may be there yet. */
function isMadeOf(gzip: Buffer, plain: string): boolean {
  const unpacked = beginningOf(gzip);
  if (unpacked === undefined) return false;
  const first = unpacked.subarray(0, unpacked.includes(10) ? unpacked.indexOf(10) + 1 : unpacked.length);
  let fd: number | undefined;
  try {
    fd = openSync(plain, 'r');
    const there = Buffer.alloc(first.length);
    return readSync(fd, there, 0, there.length, 0) === first.length && there.equals(first);
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** undefined: it is no gzip. */
function beginningOf(gzip: Buffer): Buffer | undefined {
  if (gzip.length === 0) return gzip;
  try {
    return gunzipSync(gzip, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return undefined;
  }
}

/** Not printed over many lines, and not cut in pieces by a container runtime. */
function isLines(start: Buffer): boolean {
  const first = start.toString('utf8').replace(/^\ufeff?[\s\0]*/, '');
  if (/^\d{4}-\d\d-\d\dT/.test(first)) return false;
  return !beginsDocument(Buffer.from(first.split('\n')[0] ?? ''));
}

function expand(name: string): Wanted[] {
  const stat = statOf(name);
  if (stat?.isDirectory() === true) {
    const found = logsIn(name);
    if (found.length > 0) return among(found);
    throw new UserError('no-logs', `there are no logs in ${name}`, { hints: [`ls -l ${name}`] });
  }
  if (stat !== undefined) return [{ path: name, isNamed: true }];
  const found = /[*?]/.test(name) ? glob(name) : [];
  if (found.length > 0) return among(found);
  throw missing(name);
}

const LOG_NAME = /\.(?:log|json|jsonl|ndjson)(?:[.-][\d-]+)?(?:\.gz)?$/;

export function logsIn(folder: string): string[] {
  return list(folder)
    .filter((name) => LOG_NAME.test(name) && !name.startsWith('.'))
    .map((name) => join(folder, name))
    .filter((path) => statOf(path)?.isFile() === true);
}

/** `*` and `?` in any part of a path, as a shell has them. */
export function glob(pattern: string): string[] {
  let found = [pattern.startsWith('/') ? '/' : '.'];
  for (const part of pattern.split('/').filter((each) => each !== '')) {
    if (!/[*?]/.test(part)) {
      found = found.map((path) => join(path, part));
      continue;
    }
    const source = part
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    const test = new RegExp(`^${source}$`);
    found = found.flatMap((path) =>
      list(path)
        .filter((name) => test.test(name) && (part.startsWith('.') || !name.startsWith('.')))
        .map((name) => join(path, name)),
    );
  }
  return found.filter((path) => statOf(path)?.isFile() === true).sort();
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw explain(error, 'list', folder);
  }
}

export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw explain(error, 'look at', path);
  }
}

function missing(path: string): UserError {
  return new UserError('not-found', `cannot read ${path}: no such file or folder`, {
    hints: [`ls -ld ${dirname(path)}`, `kube-auditctl status   # where ${basename(path)} should be`],
  });
}
