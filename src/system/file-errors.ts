/**
 * What the file system refuses, in the user's words. Rule: the message names the path and what was to be done with it,
 * the hints can be typed; what is not an errno is not explained but passed on.
 */
import { dirname } from 'node:path';
import { messageOf, UserError } from '../core/errors';

export type Action = 'look at' | 'read' | 'write' | 'remove' | 'list';

/**
 * The new state is in place and visible, but the disk has not confirmed it: a power cut may bring the old one back.
 * `written` tells the caller, who would otherwise take a rejection for "nothing was changed".
 */
export class NotDurableError extends UserError {
  readonly written = true;

  constructor(action: Action, path: string, cause: unknown) {
    const done = action === 'remove' ? 'was removed' : 'was written';
    super('not-durable', `${path} ${done}, but its folder could not be flushed to the disk: ${messageOf(cause)}`, {
      hints: [`sync -f ${shellWord(dirname(path))}`, 'sudo dmesg --level=err,warn | tail'],
      cause,
    });
  }
}

/** `path` is the path on this machine. */
export function explain(error: unknown, action: Action, path: string): unknown {
  if (error instanceof UserError) return error;
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== 'string') return error;
  const word = shellWord(path);
  const folder = shellWord(dirname(path));
  const refused = (name: string, why: string, ...hints: string[]) =>
    new UserError(name, `cannot ${action} ${path}: ${why}`, { hints, cause: error });
  switch (code) {
    case 'ENOENT':
      return refused('not-found', 'no such file or folder', `ls -ld ${folder}`);
    case 'ENOSPC':
    case 'EDQUOT':
      return refused('disk-full', 'no space left on its disk', `df -h ${folder}`, `df -i ${folder}`);
    case 'EROFS':
      return refused(
        'read-only-file-system',
        'its file system is mounted read-only',
        `findmnt -T ${folder}`,
        'sudo dmesg --level=err,warn | tail',
      );
    case 'EPERM':
      // Changing the owner is a question of privilege; for anything else root is only stopped by the file's attributes.
      if (syscall === 'fchown') break;
      return immutable(error, action, path, syscall === 'open' || syscall === 'mkdir' ? folder : word);
    case 'EEXIST':
      return refused('exists', 'something stands there already', `ls -ld ${word}`);
    case 'ELOOP':
      return refused('is-symlink', 'it is a symbolic link', `readlink -f ${word}`);
    case 'ENOTDIR':
      return refused('not-a-folder', 'a part of the path is not a folder', `namei -l ${word}`);
    case 'EISDIR':
    case 'ENXIO':
      return refused('not-a-file', 'it is not a regular file', `ls -ld ${word}`);
    case 'EFBIG':
      if (action === 'read') return refused('too-large', 'it is larger than it can sensibly be', `ls -lh ${word}`);
      break;
    case 'EACCES':
      break;
    default:
      return refused('file-error', messageOf(error), `ls -ld ${word}`);
  }
  if (code === 'EFBIG') return refused('file-error', messageOf(error), 'ulimit -f');
  return refused('permission-denied', 'permission denied', `ls -ld ${folder} ${word}`, 'run it again with sudo');
}

/** `culprit` stands in the way: the folder when a name could not be added to it, else the file. */
function immutable(error: unknown, action: Action, path: string, culprit: string): UserError {
  const what = culprit === shellWord(path) ? 'it is' : 'its folder is';
  return new UserError('immutable-file', `cannot ${action} ${path}: ${what} marked immutable or append-only`, {
    hints: [`lsattr -d ${culprit}`, `sudo chattr -i -a ${culprit}`],
    cause: error,
  });
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
