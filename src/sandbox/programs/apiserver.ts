/** kube-apiserver of the sandbox: a process that runs in a container of its node (CONTAINER_FILE). */
import { readFileSync } from 'node:fs';
import type { Container } from '../container';
import { openRest } from '../apiserver/rest';
import { runServer } from '../apiserver/server';

async function main(): Promise<number> {
  const file = process.env['CONTAINER_FILE'];
  if (file === undefined) {
    process.stderr.write('CONTAINER_FILE is not set: this program runs in a container of the sandbox\n');
    return 2;
  }
  const container = JSON.parse(readFileSync(file, 'utf8')) as Container;
  const stop = new AbortController();
  // Further signals are ignored, as in the real one.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      stop.abort();
    });
  const options = {
    container,
    args: process.argv.slice(2),
    pid: process.pid,
    startedAt: Date.now() - process.uptime() * 1000,
    stdout: (text: string) => void process.stdout.write(text),
    stderr: (text: string) => void process.stderr.write(text),
    stop: stop.signal,
  };
  return runServer(options, { openRest });
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`panic: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
