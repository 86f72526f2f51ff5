/**
 * The sandbox's stand-in for systemd's timers: a process of its own (programs/timer.ts) that runs `recover` again and again
 * until it is disarmed. Rule: told apart by the change's id alone; what it is to do stands in one file, and when that is
 * gone it ends.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Guard } from '../change/ports';
import { jsonFiles } from './alive';
import { isAlive, readJson, signalProcess, startTicksOf, writeWhole } from './kubelet/runtime/process-files';
import type { Layout } from './layout';

/** RUN/guards/ID.json. */
export interface GuardFile {
  changeId: string;
  everySeconds: number;
  /** Program and arguments. */
  command: readonly string[];
  pid: number;
  startTicks: string;
}

const CHANGE_ID = /^[\w-][\w.-]*$/;

export interface GuardOptions {
  layout: Layout;
  /** The folder of timer.cjs. */
  programs: string;
  /** The program and its first arguments that end in kube-auditctl. */
  command: readonly string[];
  /** Options that recover needs as well. */
  options: readonly string[];
}

export function createSandboxGuard({ layout, programs, command, options }: GuardOptions): Guard {
  const fileOf = (changeId: string): string => {
    if (!CHANGE_ID.test(changeId)) throw new Error(`not a change id: ${changeId}`);
    return join(layout.guards, `${changeId}.json`);
  };
  return {
    arm(changeId, everySeconds) {
      const path = fileOf(changeId);
      mkdirSync(layout.guards, { recursive: true });
      const errors = openSync(join(layout.run, 'guard.log'), 'a', 0o600);
      try {
        const timer = spawn(process.execPath, [join(programs, 'timer.cjs'), path], {
          detached: true,
          stdio: ['ignore', errors, errors],
          cwd: layout.dir,
        });
        timer.on('error', () => undefined);
        timer.unref();
        if (timer.pid === undefined) return Promise.resolve({ armed: false, why: 'its process could not be started' });
        const file: GuardFile = {
          changeId,
          everySeconds,
          command: [...command, 'recover', '--guard', changeId, ...options],
          pid: timer.pid,
          startTicks: startTicksOf(timer.pid) ?? '',
        };
        writeWhole(path, file);
        return Promise.resolve({ armed: true });
      } finally {
        closeSync(errors);
      }
    },
    disarm(changeId) {
      const path = fileOf(changeId);
      const file = readJson(path) as GuardFile | undefined;
      rmSync(path, { force: true });
      // The timer, never what it runs: recover disarms from inside that, and would end itself.
      if (file) signalProcess(file, 'SIGTERM');
      return Promise.resolve();
    },
  };
}

export function livingGuards(layout: Layout): GuardFile[] {
  return guardFiles(layout).filter((file) => isAlive(file));
}

/** Ends every timer, for `sandbox stop`. */
export function endGuards(layout: Layout): void {
  for (const file of guardFiles(layout)) signalProcess(file, 'SIGTERM');
  rmSync(layout.guards, { recursive: true, force: true });
  mkdirSync(layout.guards, { recursive: true });
}

function guardFiles(layout: Layout): GuardFile[] {
  return jsonFiles(layout.guards) as GuardFile[];
}
