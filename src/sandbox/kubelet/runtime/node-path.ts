/**
 * Where a path of the node's lies on this machine: below the sandbox's root folder. Rule: symlinks are followed as the
 * node would follow them, so that an absolute one stays inside the root, and nothing outside it is ever reached.
 */
import { lstatSync, readlinkSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';

/** As many as Linux follows before it says ELOOP. */
const MOST_LINKS = 40;

/** @param path absolute, as the node names it. What does not exist is no link, and keeps its name. */
export function nodePath(root: string, path: string): string {
  const todo = parts(path).reverse();
  const done: string[] = [];
  let followed = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === '..') {
      done.pop();
      continue;
    }
    const target = linkTarget(join(root, ...done, name));
    if (target === undefined) done.push(name);
    else {
      if (++followed > MOST_LINKS) throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP', path });
      if (target.startsWith('/')) done.length = 0;
      todo.push(...parts(target).reverse());
    }
  }
  return join(root, ...done);
}

/** What stands there, links followed; undefined when nothing does. */
export function statOfNode(root: string, path: string): Stats | undefined {
  return statSync(nodePath(root, path), { throwIfNoEntry: false });
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function parts(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
