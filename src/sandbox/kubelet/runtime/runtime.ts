/**
 * The container runtime: folders, shims and logs. Rule: whatever it knows stands on the disk, so that a kubelet that is
 * started anew finds its containers as they are.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Container, Timings } from '../../container';
import type { StaticPod } from '../pod/read';
import type { ContainerSpec } from '../pod/types';
import type { ContainerLook, FoundContainer, Runtime } from '../world';
import { RuntimeProblem } from '../world';
import type { ContainerState, ShimOrder } from './container-files';
import {
  containerDir,
  containerFile,
  containersDir,
  readState,
  shimFile,
  stateFile,
  stopFile,
} from './container-files';
import { commandOf, environmentOf, processEnvironment } from './environment';
import type { Images } from './images';
import { findProgram, pullImage } from './images';
import { createPodLogs } from './pod-logs';
import { isAlive, leaveProcess, namesIn, readJson, signalProcess, writeWhole } from './process-files';
import { mountsOf } from './volumes';

export interface RuntimeOptions {
  /** DIR/node and DIR/run. */
  root: string;
  runDir: string;
  /** Where the sandbox's programs lie: shim.cjs and one for each image. */
  programs: string;
  images: Images;
  timings: Timings;
  nodeName: string;
  nodeIp: string;
  now: () => number;
}

/** Longer than any shim takes to write its first state. */
const SHIM_PATIENCE_MS = 15_000;

export function createRuntime(options: RuntimeOptions): Runtime {
  const { root, runDir, images, now } = options;
  const logs = createPodLogs(root);
  /** When a container of ours was started, until its shim speaks. */
  const startedAt = new Map<string, number>();
  const dirOf = (id: string): string => containerDir(runDir, id);

  const remove = (id: string): void => {
    const dir = dirOf(id);
    const state = readState(dir);
    // In this order: a shim that sees its program end would write its state into the folder that is being removed.
    if (state) {
      signalProcess(state.shim, 'SIGKILL');
      if (state.pid !== undefined && state.finishedAt === undefined) {
        signalProcess({ pid: state.pid, startTicks: state.startTicks ?? '' }, 'SIGKILL');
        leaveProcess(runDir, state.pid);
      }
    }
    const found = describeContainer(dir, id);
    if (found) logs.remove(found);
    rmSync(dir, { recursive: true, force: true });
    startedAt.delete(id);
  };

  return {
    pull: (image, policy) => pullImage(images, image, policy),
    run(pod, spec, restart) {
      const id = randomBytes(32).toString('hex');
      const order = prepare(options, pod, spec, id);
      const log = logs.make(pod, spec.name ?? '', restart, id);
      writeWhole(shimFile(dirOf(id)), { ...order, log, restart } satisfies ShimOrder);
      const shim = spawn(process.execPath, [join(options.programs, 'shim.cjs'), dirOf(id)], {
        detached: true,
        stdio: 'ignore',
        cwd: '/',
      });
      // Not started is seen by its silence.
      shim.on('error', () => undefined);
      shim.unref();
      startedAt.set(id, now());
      return id;
    },
    look(id) {
      return lookAt(runDir, dirOf(id), startedAt.get(id) ?? 0, now());
    },
    stop(id, graceMs) {
      const dir = dirOf(id);
      if (!existsSync(dir)) return;
      // In this order: either we see the shim's state, or the shim, having written it, sees our order.
      writeWhole(stopFile(dir), { graceMs });
      const state = readState(dir);
      if (state) signalProcess(state.shim, 'SIGTERM');
    },
    remove,
    lastRestart: (pod, container) => logs.lastRestart(pod, container),
    found: () => namesIn(containersDir(runDir)).flatMap((id) => describeContainer(dirOf(id), id) ?? []),
    cleanPodFolders(keep) {
      logs.clean(keep);
    },
  };
}

/** Writes what the program may know; a RuntimeProblem when there is no such program. */
function prepare(
  { runDir, programs, images, timings, root, nodeName, nodeIp }: RuntimeOptions,
  pod: StaticPod,
  spec: ContainerSpec,
  id: string,
): Omit<ShimOrder, 'log' | 'restart'> {
  const known = environmentOf(pod, spec, nodeIp);
  const command = findProgram(images, spec, commandOf(spec, known));
  if (command.state === 'missing') throw new RuntimeProblem('RunContainerError', command.message, id);
  const dir = containerDir(runDir, id);
  const rootfs = join(dir, 'rootfs');
  mkdirSync(rootfs, { recursive: true, mode: 0o700 });
  const container: Container = {
    id,
    podUid: pod.uid,
    podName: pod.name,
    namespace: pod.namespace,
    name: spec.name ?? '',
    image: spec.image ?? '',
    argv: command.argv,
    mounts: mountsFor(root, pod, spec, dir),
    rootfs,
    runDir,
    timings,
  };
  writeWhole(containerFile(dir), container);
  return {
    script: join(programs, `${PROGRAM_FILES[command.program] ?? command.program}.cjs`),
    executable: executable(runDir, command.program),
    env: processEnvironment(known, nodeName),
  };
}

const PROGRAM_FILES: Readonly<Record<string, string>> = { 'kube-apiserver': 'apiserver' };

function mountsFor(root: string, pod: StaticPod, spec: ContainerSpec, dir: string): Container['mounts'] {
  try {
    return mountsOf(root, pod, spec);
  } catch (error) {
    const { code = '', path = '' } = error as NodeJS.ErrnoException;
    const id = basename(dir);
    rmSync(dir, { recursive: true, force: true });
    const inside = path.startsWith(root) ? path.slice(root.length) : path;
    const what = code === 'ENOTDIR' || code === 'EEXIST' ? 'not a directory' : code;
    throw new RuntimeProblem(
      'CreateContainerError',
      `failed to generate container "${id}" spec: failed to generate spec: failed to mkdir "${inside}": mkdir ${inside}: ${what}`,
      id,
    );
  }
}

/** Node.js under the program's name: the process is then called so, for whoever lists processes by name. */
function executable(runDir: string, program: string): string {
  const bin = join(runDir, 'bin');
  const path = join(bin, program);
  mkdirSync(bin, { recursive: true, mode: 0o700 });
  try {
    lstatSync(path);
  } catch {
    symlinkSync(process.execPath, path);
  }
  return path;
}

function lookAt(runDir: string, dir: string, startedAt: number, now: number): ContainerLook {
  const state = readState(dir);
  if (state === undefined) {
    if (now - startedAt < SHIM_PATIENCE_MS) return { state: 'starting' };
    return { state: 'exited', startedAt, finishedAt: now, exitCode: 128 };
  }
  if (state.finishedAt !== undefined) {
    const { exitCode = 0, signal, finishedAt } = state;
    return { state: 'exited', startedAt: state.startedAt, finishedAt, exitCode, ...(signal ? { signal } : {}) };
  }
  if (isAlive(state.shim)) return { state: 'running', pid: state.pid ?? 0, startedAt: state.startedAt };
  return buryWithoutShim(runDir, dir, state, now);
}

/** Its shim was killed, or the machine was: nobody could say how the program ended, and nobody reads its output. */
function buryWithoutShim(runDir: string, dir: string, state: ContainerState, now: number): ContainerLook {
  // The shim may have written its last word and ended between the two looks.
  const again = readState(dir) ?? state;
  if (again.finishedAt === undefined) {
    if (again.pid !== undefined) {
      signalProcess({ pid: again.pid, startTicks: again.startTicks ?? '' }, 'SIGKILL');
      leaveProcess(runDir, again.pid);
    }
    Object.assign(again, { exitCode: 255, finishedAt: now });
    writeWhole(stateFile(dir), again);
  }
  const { exitCode = 0, finishedAt = now } = again;
  return { state: 'exited', startedAt: again.startedAt, finishedAt, exitCode };
}

function describeContainer(dir: string, id: string): FoundContainer | undefined {
  const container = readJson(containerFile(dir)) as Container | undefined;
  const order = readJson(shimFile(dir)) as ShimOrder | undefined;
  if (container === undefined || order === undefined) return undefined;
  const { podUid, podName, namespace, name } = container;
  return { id, podUid, podName, namespace, name, restart: order.restart };
}
