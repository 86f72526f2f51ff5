/**
 * Which of the processes that the sandbox has noted still live. Rule: what is half written, gone, or another process by now
 * is not there.
 */
import { join } from 'node:path';
import type { ListeningEntry, ProcessEntry } from './container';
import { isAlive, namesIn, readJson } from './kubelet/runtime/process-files';

/** The entries of RUN/processes whose processes live, by pid. */
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

/** Every JSON object in a folder, one a file. */
export function jsonFiles(folder: string): object[] {
  return namesIn(folder).flatMap((name) => {
    const value = name.endsWith('.json') ? readJson(join(folder, name)) : undefined;
    return typeof value === 'object' && value !== null ? [value] : [];
  });
}
