/**
 * The shim: one process a container, which outlives the kubelet as containerd's shims do. It starts the program, writes
 * its output into the pod's log, and tells in files what has become of it. Rule: state.json is the truth for whoever
 * comes later, so it is written whole at every change, and last when the program has ended.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Container } from '../../container';
import { createPreciseNow } from '../clock';
import type { ContainerState, ShimOrder, StopOrder } from './container-files';
import { containerFile, shimFile, stateFile, stopFile } from './container-files';
import { openCriLog } from './cri-log';
import { enterProcess, leaveProcess, readJson, startTicksOf, writeWhole } from './process-files';

/** What shells and runtimes say of a program that could not be started. */
const NOT_STARTED = 128;

/** Resolves when the program has ended and everything is written. @param dir RUN/containers/ID */
export async function runShim(dir: string): Promise<void> {
  const container = JSON.parse(readFileSync(containerFile(dir), 'utf8')) as Container;
  const order = JSON.parse(readFileSync(shimFile(dir), 'utf8')) as ShimOrder;
  const state: ContainerState = {
    startedAt: Date.now(),
    shim: { pid: process.pid, startTicks: startTicksOf(process.pid) ?? '' },
  };
  const tell = (more: Partial<ContainerState>): void => {
    Object.assign(state, more);
    try {
      writeWhole(stateFile(dir), state);
    } catch (error) {
      // The container was removed over our heads: nobody is left to be told.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };
  const log = openCriLog(order.log, createPreciseNow());

  // Before the program is started: an order to stop that comes meanwhile must not end this process instead.
  const stopping = { asked: false, child: undefined as ChildProcess | undefined };
  process.on('SIGTERM', () => {
    stopping.asked = true;
    if (stopping.child !== undefined) stop(stopping.child, dir);
  });
  for (const ignored of ['SIGINT', 'SIGHUP'] as const) process.on(ignored, () => undefined);

  const [, ...args] = container.argv;
  const child = spawn(order.executable, [order.script, ...args], {
    argv0: container.argv[0],
    cwd: '/',
    env: { ...order.env, CONTAINER_FILE: containerFile(dir) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  stopping.child = child;
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk: Buffer) => {
      log.write(stream, chunk);
    });
    child[stream].on('end', () => {
      log.end(stream);
    });
  }
  const ended = new Promise<Partial<ContainerState>>((resolve) => {
    child.on('error', () => {
      if (child.pid === undefined) resolve({ exitCode: NOT_STARTED });
    });
    child.on('close', (code, signal) => {
      resolve(
        signal === null ? { exitCode: code ?? NOT_STARTED } : { exitCode: 128 + constants.signals[signal], signal },
      );
    });
  });
  const { pid } = child;
  if (pid !== undefined) {
    const startTicks = startTicksOf(pid) ?? '';
    const { argv, podUid, id } = container;
    enterProcess(container.runDir, { pid, startTicks, startedAt: state.startedAt, argv, podUid, containerId: id });
    tell({ pid, startTicks });
  }
  // The kubelet may have written its order before there was a state that told it whom to signal.
  if (stopping.asked || existsSync(stopFile(dir))) stop(child, dir);
  const end = await ended;
  log.close();
  if (pid !== undefined) leaveProcess(container.runDir, pid);
  tell({ ...end, finishedAt: Date.now() });
  // The program is gone, so nothing is left that a timer or a signal could be for.
  process.removeAllListeners();
}

/** SIGTERM now, SIGKILL when the grace is over; asked again, the shorter grace counts. */
function stop(child: ChildProcess, dir: string): void {
  const { graceMs = 0 } = (readJson(stopFile(dir)) ?? {}) as Partial<StopOrder>;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  child.once('exit', () => {
    clearTimeout(timer);
  });
}
