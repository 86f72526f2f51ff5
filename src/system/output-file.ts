/**
 * Files that the user names to be written, on this machine. Rule: whole or not at all, by a temporary file beside it and
 * one rename; a link stays a link, and what it points at keeps its mode and owner.
 */
import { randomBytes } from 'node:crypto';
import { link, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../core/errors';
import { explain, hasCode } from './file-errors';
import { removedAtExit } from './temporary';

/**
 * `create` never replaces a file, whoever made it in the meantime. Rejects with a UserError.
 * @param mode of a file that was not there before.
 */
export async function writeOutput(
  path: string,
  bytes: Uint8Array,
  how: 'create' | 'replace',
  mode = 0o666,
): Promise<void> {
  let beside: string | undefined;
  let keep = (): void => undefined;
  try {
    const { target, before } = how === 'replace' ? await outputTarget(path) : { target: path, before: undefined };
    beside = besideOf(target);
    keep = removedAtExit(beside);
    const handle = await open(beside, 'wx', mode);
    try {
      await handle.writeFile(bytes);
      if (before !== undefined) {
        if (before.uid !== process.getuid?.() || before.gid !== process.getgid?.())
          await handle.chown(before.uid, before.gid);
        await handle.chmod(before.mode & 0o7777);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (how === 'replace') {
      await rename(beside, target);
      beside = undefined;
    } else await link(beside, target); // unlike rename, it refuses where something is
  } catch (error) {
    if (how === 'create' && hasCode(error, 'EEXIST')) {
      throw new UserError('file-exists', `${path} is there already`, { hints: ['--force replaces it'], cause: error });
    }
    throw explain(error, 'write', path);
  } finally {
    if (beside !== undefined) await unlink(beside).catch(() => undefined);
    keep();
  }
}

/** What a name stands for, and what is there: a rename would take the place of a link, or of a device for every program. */
export async function outputTarget(path: string): Promise<{ target: string; before: Stats | undefined }> {
  const target = await followed(path);
  const before = await statOf(target);
  if (before !== undefined && !before.isFile()) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
  return { target, before };
}

/** A name for what is not finished. */
export function besideOf(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
}

async function followed(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return path;
    throw error;
  }
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
