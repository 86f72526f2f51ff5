/**
 * From names to open files: files, folders, globs, and what the server has rotated. Rule: everything is opened before any of
 * it is read, and a log that was rotated meanwhile is looked at again, so that no file is missed or read twice.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beginsDocument } from '../../core/auditlog/documents';
import { logsOf, nameFile } from '../../core/auditlog/files';
import { UserError } from '../../core/errors';
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

const ATTEMPTS = 5;

/** @param names as typed: files, folders, globs, `-`. Rejects with a UserError. */
export function openNamed(names: readonly string[]): OpenLog[] {
  return openSettled(() => names.filter((name) => name !== '-').flatMap(expand), names.includes('-'));
}

/** The log at a path with all that was rotated of it; a folder of container logs with all of them. Rejects with a UserError. */
export function openRotated(path: string): OpenLog[] {
  const isFolder = statOf(path)?.isDirectory() === true;
  return openSettled(() => {
    if (isFolder) return logsIn(path);
    const { log } = nameFile(path);
    const names = list(dirname(path)).map((name) => join(dirname(path), name));
    const found = names.filter((name) => nameFile(name).log === log && statOf(name)?.isFile() === true);
    if (found.length === 0) throw missing(path);
    return found;
  }, false);
}

export function closeLogs(logs: readonly OpenLog[]): void {
  for (const { fd } of logs.flat()) if (fd >= 0) closeSync(fd);
}

function openSettled(find: () => string[], stdin: boolean): OpenLog[] {
  for (let attempt = 1; ; attempt++) {
    const opened = new Map<string, OpenFile>();
    const paths = find();
    try {
      for (const path of paths) {
        const file = openFile(path, paths);
        if (file === undefined) continue;
        const { dev, ino } = fstatSync(file.fd);
        // The same file by two names: renamed while we looked, or named twice.
        if (opened.has(`${dev}:${ino}`)) closeSync(file.fd);
        else opened.set(`${dev}:${ino}`, file);
      }
    } catch (error) {
      closeLogs([[...opened.values()]]);
      throw error;
    }
    const files = [...opened.values()];
    if (attempt === ATTEMPTS || find().every((path) => paths.includes(path))) return inOrder(files, stdin);
    closeLogs([files]);
  }
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

/** undefined: gone since it was listed, or the unfinished gzip beside what it is made of. */
function openFile(path: string, all: readonly string[]): OpenFile | undefined {
  if (path.endsWith('.gz') && all.includes(path.slice(0, -3))) return undefined;
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

/** Not printed over many lines, and not cut in pieces by a container runtime. */
function isLines(start: Buffer): boolean {
  const first = start.toString('utf8').replace(/^\ufeff?[\s\0]*/, '');
  if (/^\d{4}-\d\d-\d\dT/.test(first)) return false;
  return !beginsDocument(Buffer.from(first.split('\n')[0] ?? ''));
}

function expand(name: string): string[] {
  const stat = statOf(name);
  if (stat?.isDirectory() === true) {
    const found = logsIn(name);
    if (found.length > 0) return found;
    throw new UserError('no-logs', `there are no logs in ${name}`, { hints: [`ls -l ${name}`] });
  }
  if (stat !== undefined) return [name];
  const found = /[*?]/.test(name) ? glob(name) : [];
  if (found.length > 0) return found;
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
