/**
 * Ends every container of a sandbox whose kubelet is gone. Rule: through their shims, with a grace, and by force only what
 * is left; every process is known by pid and start time, so nobody else's is touched.
 */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { containerDir, containerFile, containersDir, readState, stopFile } from './container-files';
import { isAlive, leaveProcess, namesIn, signalProcess, sweepProcesses, writeWhole } from './process-files';

const LOOK_EVERY_MS = 20;
/** For a shim that has a state to write. */
const SHIM_MS = 1000;
/** For a shim that was only just started: on a busy machine Node.js takes its time. */
const START_MS = 5000;

/**
 * Resolves when no container's process is left. The kubelet must have ended, or it would start them anew.
 * @param runDir DIR/run @returns how many containers were running.
 */
export async function endContainers(runDir: string, { graceMs = 2000 }: { graceMs?: number } = {}): Promise<number> {
  const dirs = namesIn(containersDir(runDir)).map((id) => containerDir(runDir, id));
  const began = Date.now();
  const ordered = new Set<string>();
  const asked = new Set<string>();
  for (;;) {
    const now = Date.now() - began;
    const left = dirs.filter((dir) => !hasEnded(dir));
    if (left.length === 0) break;
    for (const dir of left) {
      // In this order: a shim that has no state yet finds the order once it has one.
      if (!ordered.has(dir)) writeWhole(stopFile(dir), { graceMs });
      ordered.add(dir);
      const state = readState(dir);
      if (state === undefined) continue;
      if (!asked.has(dir) && signalProcess(state.shim, 'SIGTERM')) asked.add(dir);
      if (now <= graceMs + SHIM_MS && isAlive(state.shim)) continue;
      signalProcess(state.shim, 'SIGKILL');
      if (state.pid === undefined) continue;
      signalProcess({ pid: state.pid, startTicks: state.startTicks ?? '' }, 'SIGKILL');
      leaveProcess(runDir, state.pid);
    }
    await sleep(LOOK_EVERY_MS);
  }
  sweepProcesses(runDir);
  return asked.size;
}

function hasEnded(dir: string): boolean {
  const state = readState(dir);
  if (state === undefined) {
    const made = statSync(containerFile(dir), { throwIfNoEntry: false });
    return made === undefined || Date.now() - made.mtimeMs > START_MS;
  }
  const { shim, pid, startTicks = '' } = state;
  return !isAlive(shim) && (pid === undefined || !isAlive({ pid, startTicks }));
}
