/** What the process has to do with its surroundings: environment, arguments, signals, exit code. */
import { readFileSync } from 'node:fs';
import type { Container } from '../container';
import type { OpenRest } from './contract';
import { runServer } from './server';

/** Ends with the process; never rejects. */
export async function main(openRest: OpenRest): Promise<void> {
  try {
    process.exitCode = await run(openRest);
  } catch (error) {
    process.stderr.write(`panic: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  }
}

function run(openRest: OpenRest): Promise<number> {
  const file = process.env['CONTAINER_FILE'];
  if (file === undefined) {
    process.stderr.write('CONTAINER_FILE is not set: this program runs in a container of the sandbox\n');
    return Promise.resolve(2);
  }
  // A rehearsal must not outlive whoever asked for it.
  if (process.env['ENDS_WITH_STDIN'] !== undefined)
    process.stdin.resume().on('end', () => process.kill(process.pid, 'SIGKILL'));
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // On, not once: further signals are ignored, as in the real one.
    process.on(signal, () => {
      stop.abort();
    });
  }
  const options = {
    container: JSON.parse(readFileSync(file, 'utf8')) as Container,
    args: process.argv.slice(2),
    pid: process.pid,
    startedAt: Date.now() - process.uptime() * 1000,
    stdout: (text: string) => void process.stdout.write(text),
    stderr: (text: string) => void process.stderr.write(text),
    stop: stop.signal,
  };
  return runServer(options, { openRest });
}
