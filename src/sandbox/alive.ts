/**
 * Which of the processes that the sandbox has noted still live. Rule: a pid alone names nobody: where the kernel tells when
 * a process started, that must fit too, and nothing that does not is ever looked at or signalled.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ListeningEntry, ProcessEntry } from './container';

export type Known = Pick<ProcessEntry, 'pid' | 'startTicks'>;

export function isAlive({ pid, startTicks }: Known, proc = '/proc'): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  if (existsSync(join(proc, 'self/stat'))) {
    const found = statOf(pid, proc);
    return found !== undefined && found.state !== 'Z' && found.state !== 'X' && found.startTicks === startTicks;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** As in /proc/PID/stat; empty where the kernel does not tell. */
export function startTicksOf(pid: number, proc = '/proc'): string {
  return statOf(pid, proc)?.startTicks ?? '';
}

/** Sends the signal unless the process is gone, or another by now; answers whether it was sent. */
export function signal(known: Known, name: NodeJS.Signals): boolean {
  if (!isAlive(known)) return false;
  try {
    process.kill(known.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** The entries of RUN/processes whose processes live, by pid. What is half written or gone is not there. */
export function livingProcesses(folder: string): ProcessEntry[] {
  return (jsonFiles(folder) as ProcessEntry[])
    .filter((entry) => Array.isArray(entry.argv) && isAlive(entry))
    .sort((a, b) => a.pid - b.pid);
}

/** The ports that a process listens on. */
export function portsOf(folder: string, pid: number): ListeningEntry {
  const ports = readJson(join(folder, `${pid}.json`));
  return Array.isArray(ports) ? (ports as number[]) : [];
}

export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** Every JSON object in a folder, one a file. */
export function jsonFiles(folder: string): object[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const value = name.endsWith('.json') ? readJson(join(folder, name)) : undefined;
    return typeof value === 'object' && value !== null ? [value] : [];
  });
}

function statOf(pid: number, proc: string): { state: string; startTicks: string } | undefined {
  let line: string;
  try {
    line = readFileSync(join(proc, String(pid), 'stat'), 'latin1');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}
