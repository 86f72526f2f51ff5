/**
 * A sandbox as the node that the tool works on: its eyes, its guard, and who we are there. Rule: to the tool it is a node
 * like any other; the only thing it is told is the folder's name, for the sake of honest output.
 */
import { accessSync, constants } from 'node:fs';
import { UserError } from '../core/errors';
import { shellWord } from '../core/text';
import type { Guard } from '../change/ports';
import { livingProcesses } from './alive';
import { createEyes } from './eyes';
import { createSandboxGuard } from './guard';
import { signalProcess } from './kubelet/runtime/process-files';
import { layoutOf, readSandboxFile } from './layout';
import { createSandboxRehearsal } from './rehearsal';

export interface SandboxWorldOptions {
  /** The folder of the sandbox's programs. */
  programs: string;
  /** DIR is where a sandbox lies when nobody says another folder: hints need not name it. */
  isDefault: boolean;
}

/** Throws a UserError when there is none, or it does not run. */
export function enterSandbox(path: string, { programs, isDefault }: SandboxWorldOptions) {
  const layout = layoutOf(path);
  const file = readSandboxFile(layout);
  const start = isDefault ? 'kube-auditctl sandbox start' : `kube-auditctl sandbox start ${shellWord(layout.dir)}`;
  if (!file) throw new UserError('no-sandbox', `there is no sandbox at ${layout.dir}`, { hints: [start] });
  if (livingProcesses(layout.processes).length === 0)
    throw new UserError('sandbox-stopped', `the sandbox at ${layout.dir} is stopped`, { hints: [start] });
  return {
    dir: layout.dir,
    root: layout.node,
    nodeName: file.nodeName,
    eyes: createEyes(layout),
    rehearsal: createSandboxRehearsal(layout, programs),
    guard: (command: readonly string[], options: readonly string[]): Guard =>
      createSandboxGuard({ layout, programs, command, options: [...options, `--sandbox=${layout.dir}`] }),
    /** Their containers end at once; its kubelet sees that, and starts what its manifests still name. */
    endPods(uids: readonly string[]): Promise<void> {
      for (const each of livingProcesses(layout.processes))
        if (each.podUid !== undefined && uids.includes(each.podUid)) signalProcess(each, 'SIGKILL');
      return Promise.resolve();
    },
    /** Who made the sandbox is root there. */
    uid: (): number => (mayWrite(layout.node) ? 0 : (process.geteuid?.() ?? 0)),
  };
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
