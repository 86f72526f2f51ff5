/**
 * One change at a time, on this node. Rule: the lock is the kernel's (flock), so that it is free the moment its holder
 * dies; the file's text only tells the next one who holds it, and is written by nobody but the holder.
 */
import { spawn } from 'node:child_process';
import { close, constants, ftruncate, mkdirSync, open, readFileSync, write } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '../core/errors';
import type { Holder, Lock } from '../change/ports';
import { explain, hasCode } from './file-errors';
import { nodeFsCalls } from './fs-calls';
import { inRoot } from './root';

const LOCK_FILE = '/run/kube-auditctl/lock';

export function createLock({ root = '/', program = 'flock' } = {}): Lock {
  return {
    async acquire(holder) {
      const { path, fd } = await openLockFile(root);
      try {
        if (!(await flock(program, fd))) {
          await promisify(close)(fd);
          return { state: 'taken', by: readHolder(path) };
        }
        await tell(fd, holder);
      } catch (error) {
        await promisify(close)(fd);
        throw explain(error, 'write', path);
      }
      return { state: 'held', release: () => release(fd) };
    },
  };
}

/**
 * A bare descriptor, not a FileHandle: that one closes itself, and frees the lock, when it is garbage collected.
 * Node opens with O_CLOEXEC, so children started later do not inherit it and cannot keep the lock of a dead parent.
 */
async function openLockFile(root: string): Promise<{ path: string; fd: number }> {
  let path = LOCK_FILE;
  try {
    path = await inRoot(nodeFsCalls(), root, LOCK_FILE);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    return { path, fd: await promisify(open)(path, flags, 0o600) };
  } catch (error) {
    throw explain(error, 'write', path);
  }
}

/**
 * flock(2) belongs to the open file description, which the child shares through its descriptor 3: when it has ended, the
 * lock is ours. Node itself has no call for it.
 */
function flock(program: string, fd: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['-n', '-x', '3'], { stdio: ['ignore', 'ignore', 'pipe', fd] });
    let words = '';
    child.stderr?.on('data', (chunk: Buffer) => (words += chunk.toString()));
    child.on('error', (error) => {
      reject(hasCode(error, 'ENOENT') ? noProgram(error) : error);
    });
    child.on('close', (code) => {
      if (code === 0 || code === 1) resolve(code === 0);
      else reject(new UserError('lock-failed', `flock could not lock: ${words.trim() || `exit code ${String(code)}`}`));
    });
  });
}

function noProgram(cause: Error): UserError {
  return new UserError('no-flock', 'the program flock is missing; without it two changes could run at once', {
    hints: ['sudo apt-get install util-linux', 'sudo dnf install util-linux-core'],
    cause,
  });
}

async function tell(fd: number, holder: Holder): Promise<void> {
  await promisify(ftruncate)(fd, 0);
  const bytes = Buffer.from(`${JSON.stringify(holder)}\n`);
  await promisify(write)(fd, bytes, 0, bytes.length, 0);
}

async function release(fd: number): Promise<void> {
  await promisify(ftruncate)(fd, 0).catch(() => undefined);
  await promisify(close)(fd);
}

function readHolder(path: string): Holder | undefined {
  try {
    const { pid, what, since } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    if (typeof pid !== 'number' || typeof what !== 'string' || typeof since !== 'string') return undefined;
    return { pid, what, since };
  } catch {
    return undefined;
  }
}
