/**
 * Paths below --root. Rule: a path is resolved as the node itself would resolve it, so an absolute symlink inside the
 * node's file system (/var/log -> /data/log) stays inside it; the last component is not followed.
 */
import { errnoError, nodeFsCalls, type FsCalls } from './fs-calls';

/** As many as Linux follows before it says ELOOP. */
const MAX_SYMLINKS = 40;

/** The path on this machine of what the node calls `path`. */
export async function inRoot(
  calls: Pick<FsCalls, 'lstat' | 'readlink'>,
  root: string,
  path: string,
  { followLast = false } = {},
): Promise<string> {
  const base = root.replace(/\/+$/, '');
  if (base === '' && !followLast) return path;
  const todo = parts(path).reverse();
  const done: string[] = [];
  let followed = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === '..') {
      done.pop();
      continue;
    }
    const here = `${base}/${[...done, name].join('/')}`;
    const target = todo.length > 0 || followLast ? await linkTarget(calls, here) : undefined;
    if (target === undefined) {
      done.push(name);
      continue;
    }
    if (++followed > MAX_SYMLINKS) throw errnoError('ELOOP', 'open', here);
    if (target.startsWith('/')) done.length = 0;
    todo.push(...parts(target).reverse());
  }
  return `${base}/${done.join('/')}`;
}

/** A file of the node, links followed as the node would. Rejects with Node's errno error; EFBIG over the limit. */
export async function readBelow(root: string, path: string, limit: number): Promise<Uint8Array> {
  const calls = nodeFsCalls();
  const { bytes } = await calls.readFile(await inRoot(calls, root, path, { followLast: true }), limit);
  return bytes;
}

async function linkTarget(calls: Pick<FsCalls, 'lstat' | 'readlink'>, path: string): Promise<string | undefined> {
  try {
    return (await calls.lstat(path)).kind === 'symlink' ? await calls.readlink(path) : undefined;
  } catch (error) {
    // What is not there is no link; the call that follows says so in its own words.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function parts(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
