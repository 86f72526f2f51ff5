/** dist/sandbox/etcd.cjs: the sandbox's etcd, a container's process. The rest is in ../etcd/run.ts. */
import { readFileSync } from 'node:fs';
import type { Container } from '../container';
import { runEtcd } from '../etcd/run';

const file = process.env.CONTAINER_FILE;
if (file === undefined) throw new Error('CONTAINER_FILE names the container; it is set by the sandbox');

const end = (code: number): void => {
  process.exitCode = code;
  // eslint-disable-next-line no-restricted-syntax -- clients' connections would keep it alive; stderr is written at once
  process.exit();
};
const running = runEtcd({
  container: JSON.parse(readFileSync(file, 'utf8')) as Container,
  pid: process.pid,
  log: (line) => process.stderr.write(`${line}\n`),
  fatal: end,
  now: () => new Date(),
});
const stop = (): void => {
  void running.then(async (etcd) => {
    await etcd?.close();
    end(0);
  });
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
