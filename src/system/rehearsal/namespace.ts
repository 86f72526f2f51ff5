/**
 * A namespace of mounts, network and processes, held open by a `cat` that reads from us: when this process ends, however,
 * its pipe ends, `cat` ends, and the kernel ends and unmounts everything in there. Rule: nothing in it can outlive `cat`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { run } from '../run';

const READY_MS = 2000;

export interface Namespace {
  /** Arguments that run a program inside: `nsenter --target N …`. */
  enter(...spaces: readonly ('mount' | 'net' | 'pid')[]): string[];
  /** A path inside, as this process can open it. */
  path(inside: string): string;
  /** Ends all that runs in it; resolves when it is gone. Never rejects. */
  close(): Promise<void>;
}

/** Rejects when the kernel, or what confines us, does not allow one. */
export async function openNamespace(proc: string): Promise<Namespace> {
  const options = ['--mount', '--net', '--pid', '--fork', '--propagation', 'private'];
  // Detached: Ctrl-C at the terminal is for us alone, and we end it in good order.
  const env = { ...process.env, LC_ALL: 'C' };
  const unshare = spawn('unshare', [...options, 'cat'], { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env });
  const ended = new Promise<void>((resolve) => {
    unshare.on('close', () => {
      resolve();
    });
    unshare.on('error', () => {
      resolve();
    });
  });
  const end = async (): Promise<void> => {
    unshare.stdin.destroy();
    const late = patience(READY_MS);
    await Promise.race([ended, late.promise]);
    late.stop();
    unshare.kill('SIGKILL');
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= end());
  try {
    await echo(unshare);
    const holder = childOf(proc, unshare.pid ?? 0);
    if (holder === undefined) throw new Error('the holder of the namespace is not to be seen in /proc');
    return {
      enter: (...spaces) => ['nsenter', '--target', String(holder), ...spaces.map((space) => `--${space}`), '--'],
      path: (inside) => `${proc}/${holder}/root${inside}`,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What `cat` has been given it gives back: by then every namespace is made. */
function echo(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let words = '';
    const late = patience(READY_MS);
    const fail = (error: Error): void => {
      late.stop();
      reject(error);
    };
    void late.promise.then(() => {
      fail(new Error('unshare did not answer'));
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      fail(error.code === 'ENOENT' ? new Error('there is no unshare here (util-linux)') : error);
    });
    child.stderr?.on('data', (chunk: Buffer) => (words += chunk.toString()));
    child.on('close', () => {
      fail(new Error(words.trim() || 'unshare ended at once'));
    });
    child.stdout?.once('data', () => {
      late.stop();
      resolve();
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.write('\n');
  });
}

/** The process that a process has started; both are ours, and it has one. */
export function childOf(proc: string, pid: number): number | undefined {
  try {
    const children = readFileSync(`${proc}/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? undefined : Number(children.split(' ')[0]);
  } catch {
    return undefined;
  }
}

function patience(ms: number): { promise: Promise<void>; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  return {
    promise,
    stop: () => {
      clearTimeout(timer);
    },
  };
}

/** Runs a program inside and rejects with its own words when it refuses. */
export async function runInside(namespace: Namespace, command: readonly string[]): Promise<void> {
  const [program = '', ...args] = [...namespace.enter('mount'), ...command];
  const { code, stderr } = await run(program, args, { timeoutMs: 5000 });
  if (code !== 0) throw new Error(`${command[0] ?? ''}: ${stderr.trim() || `exit code ${code}`}`);
}
