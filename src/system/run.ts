/** Runs a program to its end. Rule: an argument array, never a shell; a program that refuses is an answer, not an error. */
import { execFile } from 'node:child_process';
import { messageOf } from '../core/errors';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Rejects only when the program could not be started (ENOENT, EACCES), did not end in time, or was aborted. */
export function run(
  program: string,
  args: readonly string[],
  { timeoutMs = 10_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    // What is read here is read by this program, not by the user: no translations.
    const env = { ...process.env, LC_ALL: 'C' };
    const options = { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024, env, signal };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(Object.assign(new Error(messageOf(error)), { code }));
    });
    child.stdin?.end();
  });
}
