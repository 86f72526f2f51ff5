/**
 * Processes by pid and start: written down, found again, ended. Rule: a pid alone names nobody; it is used only with the
 * start time of the process it belonged to, so that nobody else's process is ever signalled.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessEntry } from '../../container';

export interface ProcessId {
  pid: number;
  startTicks: string;
}

/** Tells a process from a later one of the same pid; undefined when there is none, or only its remains. */
export function startTicksOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return startTimeOf(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in it may hold anything, blanks and parentheses included.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function isAlive({ pid, startTicks }: ProcessId): boolean {
  return startTicksOf(pid) === startTicks;
}

/** False when that process is gone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    return process.kill(id.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Old or new, whole, for whoever reads it meanwhile. The folder must be there. */
export function writeWhole(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.new`;
  writeFileSync(temporary, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** Undefined when it is not there, or no JSON. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

export function enterProcess(runDir: string, entry: ProcessEntry): void {
  const folder = join(runDir, 'processes');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeWhole(join(folder, `${entry.pid}.json`), entry);
}

export function leaveProcess(runDir: string, pid: number): void {
  rmSync(join(runDir, 'processes', `${pid}.json`), { force: true });
  rmSync(join(runDir, 'listening', `${pid}.json`), { force: true });
}

/** Clears what processes that were killed could not clear themselves. */
export function sweepProcesses(runDir: string): void {
  for (const name of namesIn(join(runDir, 'processes'))) {
    const entry = readJson(join(runDir, 'processes', name)) as ProcessEntry | undefined;
    const pid = entry?.pid ?? Number.parseInt(name, 10);
    if (entry === undefined || !isAlive(entry)) leaveProcess(runDir, pid);
  }
}

/** Sorted; empty when there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function startTimeOf(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}
