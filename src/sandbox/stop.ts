/**
 * `sandbox stop`. Rule: only processes that the sandbox itself has noted, and that still are the same, are signalled; when
 * it is done none of them lives.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../core/errors';
import type { SandboxState } from '../change/ports';
import { livingProcesses } from './alive';
import { endGuards } from './guard';
import { endContainers } from './kubelet/runtime/end-containers';
import { isAlive, signalProcess, type ProcessId } from './kubelet/runtime/process-files';
import { layoutOf, readSandboxFile, type Layout } from './layout';
import { kubeletOf } from './status';

const KUBELET_MS = 10_000;
const CONTAINER_MS = 3_000;

export async function stopSandbox(
  path: string,
  { remove }: { remove: boolean },
): Promise<{ was: SandboxState['state']; ended: number[] }> {
  const layout = layoutOf(path);
  if (!readSandboxFile(layout)) return { was: 'none', ended: [] };
  const ended = await endEverything(layout);
  if (remove) removeFolder(layout);
  return { was: ended.length > 0 ? 'running' : 'stopped', ended };
}

/** The pids that were ended. */
export async function endEverything(layout: Layout): Promise<number[]> {
  endGuards(layout);
  const living = livingProcesses(layout.processes);
  await stopKubelet(layout);
  await endContainers(layout.run);
  // Whatever is left has lost its shim.
  const rest = livingProcesses(layout.processes);
  for (const each of rest) signalProcess(each, 'SIGKILL');
  await gone(rest, CONTAINER_MS);
  const left = livingProcesses(layout.processes);
  if (left.length > 0)
    throw new UserError(
      'sandbox-not-stopped',
      `processes of the sandbox do not end: ${left.map(({ pid }) => pid).join(', ')}`,
      {
        hints: [`ps -fp ${left.map(({ pid }) => pid).join(',')}`],
      },
    );
  return living.map(({ pid }) => pid);
}

export async function stopKubelet(layout: Layout): Promise<void> {
  const kubelet = kubeletOf(layout);
  if (!kubelet) return;
  signalProcess(kubelet, 'SIGTERM');
  if (await gone([kubelet], KUBELET_MS)) return;
  signalProcess(kubelet, 'SIGKILL');
  await gone([kubelet], KUBELET_MS);
}

async function gone(processes: readonly ProcessId[], withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (processes.some((each) => isAlive(each))) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Under another name first: a half-removed folder must not be taken for a sandbox. */
function removeFolder({ dir }: Layout): void {
  // Through a link only the link would go.
  const real = realpathSync(dir);
  const aside = join(dirname(real), `.${basename(real)}.${randomBytes(4).toString('hex')}.removed`);
  renameSync(real, aside);
  rmSync(aside, { recursive: true, force: true });
  if (real !== dir && lstatSync(dir, { throwIfNoEntry: false })?.isSymbolicLink() === true) rmSync(dir);
}
