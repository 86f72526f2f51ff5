/** Runs the server on its stage, until it gives a sign, ends, or takes too long. Rule: it listens, and decides nothing. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { PROGRAM } from '../../core/rehearsal/stage';
import { isPastAudit, type Reached, type Trial, type TrialEnd } from '../../core/rehearsal/trial';
import { sleep } from '../clock';
import { childOf, type Namespace } from './namespace';

/** How long it must live on after a sign; what comes after the audit log (the webhook) is not behind it yet. */
const SETTLE_MS: Record<Exclude<Reached, 'nothing'>, number> = { admission: 150, log: 700 };
const LOOK_MS = 10;
/** How long nsenter may take to end once there is nothing left to wait for. */
const END_MS = 1000;
const MAX_OUTPUT = 1 << 20;

/** @param root of the stage, inside the namespace. @param sign what the server makes when it opens its log. */
export function runServer(
  namespace: Namespace,
  root: string,
  trial: Trial,
  { limitMs, signal, sign }: { limitMs: number; signal: AbortSignal; sign: string | undefined },
): Promise<TrialEnd> {
  const user = trial.user ? [`--userspec=${trial.user.uid}:${trial.user.gid}`] : [];
  const [program = '', ...args] = [
    ...['nice', '-n', '5'],
    ...namespace.enter('mount', 'net', 'pid'),
    ...['chroot', ...user, root, PROGRAM, ...trial.args],
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: environment(trial) });

  const gone = new AbortController();
  child.on('close', () => {
    gone.abort();
  });
  // By way of its namespace, never by killing nsenter first: that is who buries the server, and an init that does not care
  // for orphans would keep it as a zombie, and the namespace with it.
  const end = async (): Promise<void> => {
    await namespace.close();
    await sleep(END_MS, gone.signal);
    child.kill('SIGKILL');
  };

  return new Promise((resolve) => {
    let output = '';
    let reached: Reached = 'nothing';
    let reachedAt = 0;
    let spared = false;
    const begun = performance.now();
    const done = (result: TrialEnd): void => {
      clearInterval(looking);
      signal.removeEventListener('abort', stop);
      void end().then(() => {
        resolve(result);
      });
    };
    const stop = (): void => {
      done({ state: 'not-possible', why: 'it was interrupted' });
    };
    const lines = (): string[] => output.split('\n').filter((line) => line !== '');
    const look = (): void => {
      const now = performance.now();
      spared ||= spare(child.pid);
      const past: Reached = isPastAudit(output)
        ? 'admission'
        : sign !== undefined && existsSync(sign)
          ? 'log'
          : 'nothing';
      if (past !== reached && reached !== 'admission') [reached, reachedAt] = [past, now];
      if (reached !== 'nothing' && now - reachedAt >= SETTLE_MS[reached])
        done({ state: 'lives', reached, lines: lines() });
      else if (now - begun >= limitMs) done({ state: 'lives', reached, lines: lines() });
    };
    const looking = setInterval(look, LOOK_MS);
    const hear = (chunk: Buffer): void => {
      if (output.length < MAX_OUTPUT) output += chunk.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', (error) => {
      done({ state: 'not-possible', why: error.message });
    });
    child.on('close', (code, killed) => {
      // Whoever was to start it has said this, not the server.
      const refused = lines().find((line) => /^(?:nice|nsenter|chroot): /.test(line));
      if (refused === undefined) done({ state: 'ended', code, signal: killed, lines: lines() });
      else done({ state: 'not-possible', why: refused });
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
  });
}

/**
 * The container's, for the server; but the programs that start it are the host's, and run outside of it: they are found by
 * our own path, with the folder of chroot, which sudo may have left out, and get no libraries of the container's choice.
 */
function environment(trial: Trial): Record<string, string> {
  const own = Object.entries(trial.environment).filter(([name]) => !name.startsWith('LD_'));
  return {
    ...Object.fromEntries(own),
    LC_ALL: 'C',
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`,
  };
}

/** When memory runs out after all, the kernel shall take the rehearsal and not the server that serves. */
function spare(nsenter: number | undefined): boolean {
  const server = nsenter === undefined ? undefined : childOf('/proc', nsenter);
  if (server === undefined) return false;
  try {
    writeFileSync(`/proc/${server}/oom_score_adj`, '1000');
  } catch {
    // It has ended, or may not be touched: then it is as any other process.
  }
  return true;
}
