/**
 * timer.cjs FILE: runs the command of a guard's file, again and again, until the file is gone or a SIGTERM comes. Rule: one
 * run at a time, counted from the end of the last; what it runs is in a group of its own and outlives it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { GuardFile } from '../guard';
import { readJson } from '../kubelet/runtime/process-files';

/** Who armed it writes the file once this process's pid is known. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 100;

void main(process.argv[2] ?? '');

async function main(path: string): Promise<void> {
  const file = await appears(path);
  if (!file) return;
  while (await waited(file.everySeconds * 1000, path)) await run(file.command);
}

async function appears(path: string): Promise<GuardFile | undefined> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_MS) {
    const file = readJson(path) as GuardFile | undefined;
    if (file?.pid === process.pid) return file;
    await sleep(LOOK_MS);
  }
  return undefined;
}

/** False as soon as the file is gone. */
async function waited(ms: number, path: string): Promise<boolean> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (!existsSync(path)) return false;
    await sleep(Math.min(1000, Math.max(1, end - performance.now())));
  }
  return existsSync(path);
}

function run([program = '', ...args]: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit', detached: true });
    child.on('error', () => {
      resolve();
    });
    child.on('close', () => {
      resolve();
    });
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
