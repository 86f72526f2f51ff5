/**
 * The audit log on the stage of a rehearsal. Rule: links are followed by hand, inside the stage: the kernel would follow an
 * absolute one out of it, to the live log, which would then be opened and removed.
 */
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../../core/errors';
import { nodeFsCalls } from '../fs-calls';
import { inRoot } from '../root';

export interface StagedLog {
  /** Why it could not be opened, in the words of Go's system errors. */
  problem?: string;
  /** Not there any more: the server makes it when it opens its log. */
  sign?: string;
}

/**
 * Opens the log as the server does (ensureLogFile), and takes it away again.
 * Source: staging/src/k8s.io/apiserver/pkg/server/options/audit.go.
 * @param root of the stage, as this process can open it. @param logPath absolute, as the container names it.
 */
export async function tryLog(root: string, logPath: string): Promise<StagedLog> {
  // Standard output by another name, and whatever else is no file of a file system.
  if (/^\/(?:dev|proc)\//.test(logPath)) return {};
  const path = await inRoot(nodeFsCalls(), root, logPath, { followLast: true });
  try {
    // Before 1.25 the server makes no folder: it has to miss the one it would miss.
    const made = await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await (await fs.open(path, 'a+', 0o600)).close();
    if (made !== undefined) await fs.rm(made, { recursive: true });
  } catch (error) {
    return { problem: goWords(error) };
  }
  // A single mounted file cannot be removed: then there is no sign.
  await fs.rm(path, { force: true }).catch(() => undefined);
  return (await fs.stat(path).catch(() => undefined)) === undefined ? { sign: path } : {};
}

const WORDS: Readonly<Record<string, string>> = {
  EROFS: 'read-only file system',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  EEXIST: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  ENOSPC: 'no space left on device',
};

function goWords(error: unknown): string {
  return WORDS[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
}
