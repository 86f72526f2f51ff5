/**
 * A container's folder RUN/containers/ID, where the kubelet and its shim meet: container.json (what the program may know),
 * shim.json (what the shim is to do), state.json (what became of it), stop.json (how long it may take to end).
 */
import { join } from 'node:path';
import { readJson } from './process-files';
import type { ProcessId } from './process-files';

/** What the shim is to do. */
export interface ShimOrder {
  /** The program's script, and the name it runs under. */
  script: string;
  /** RUN/bin/NAME: Node.js under the program's name. */
  executable: string;
  env: Readonly<Record<string, string>>;
  /** The log, on this machine. */
  log: string;
  restart: number;
}

export interface ContainerState {
  pid?: number;
  startTicks?: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  exitCode?: number;
  signal?: string;
  finishedAt?: number;
  shim: ProcessId;
}

export interface StopOrder {
  graceMs: number;
}

export const containersDir = (runDir: string): string => join(runDir, 'containers');
export const containerDir = (runDir: string, id: string): string => join(containersDir(runDir), id);
export const containerFile = (dir: string): string => join(dir, 'container.json');
export const shimFile = (dir: string): string => join(dir, 'shim.json');
export const stateFile = (dir: string): string => join(dir, 'state.json');
export const stopFile = (dir: string): string => join(dir, 'stop.json');

export function readState(dir: string): ContainerState | undefined {
  return readJson(stateFile(dir)) as ContainerState | undefined;
}
