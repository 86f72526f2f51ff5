/**
 * What the kubelet's state machines need from the world: a clock, containers, volumes, the journal, events and probes.
 * Rule: every call is done when it returns, and what takes time is seen later by looking, so that a test can let an hour
 * pass in a millisecond.
 */
import type { Timings } from '../container';
import type { KubeletLog } from './lines';
import type { StaticPod } from './pod/read';
import type { ContainerSpec, VolumeSpec } from './pod/types';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** 0 to 1. */
  random(): number;
  after(ms: number, run: () => void): Timer;
}

/** Why the runtime would not make or start a container. */
export class RuntimeProblem extends Error {
  readonly reason: 'CreateContainerError' | 'RunContainerError';
  readonly containerId: string;

  constructor(reason: RuntimeProblem['reason'], message: string, containerId: string) {
    super(message);
    this.reason = reason;
    this.containerId = containerId;
  }
}

export type ContainerLook =
  | { state: 'starting' }
  | { state: 'running'; pid: number; startedAt: number }
  | { state: 'exited'; startedAt: number; finishedAt: number; exitCode: number; signal?: string };

/** A container that was there before this kubelet was. */
export interface FoundContainer {
  id: string;
  podUid: string;
  podName: string;
  namespace: string;
  /** The container's own name. */
  name: string;
  restart: number;
}

export type PullResult = { state: 'present' } | { state: 'failed'; reason: string; message: string };

export interface Runtime {
  /** Whether the image is on the node, or why it cannot be had. */
  pull(image: string, policy: string): PullResult;
  /** Answers the new container's id. Throws a RuntimeProblem; then a dead container may be left, to be removed by its id. */
  run(pod: StaticPod, spec: ContainerSpec, restart: number): string;
  look(id: string): ContainerLook;
  /** SIGTERM now, SIGKILL after the grace. */
  stop(id: string, graceMs: number): void;
  /** The container with its log; a running one is killed. */
  remove(id: string): void;
  /** The highest N of the pod's N.log; -1 when there is none. */
  lastRestart(pod: StaticPod, container: string): number;
  found(): readonly FoundContainer[];
  /** Clears /var/log/pods of the folders of all other pods. */
  cleanPodFolders(keep: ReadonlySet<string>): void;
}

export interface Volumes {
  /** The plugin's name, as the kubelet's messages have it. */
  plugin(volume: VolumeSpec): string;
  /** Undefined when it is ready to be mounted, else why not. */
  setUp(pod: StaticPod, volume: VolumeSpec): string | undefined;
  /** The pod's own folders. */
  tearDown(uid: string): void;
}

export interface PodEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  container?: string;
}

export interface ProbeWatch {
  stop(): void;
  /** Startup and readiness say so. */
  ready(): boolean;
  started(): boolean;
}

export interface World {
  clock: Clock;
  timings: Timings;
  nodeName: string;
  log: KubeletLog;
  runtime: Runtime;
  volumes: Volumes;
  event(pod: StaticPod, event: PodEvent): void;
  /** Begins to probe a container that has started. `unhealthy` is called once: it is to be restarted. */
  probe(pod: StaticPod, spec: ContainerSpec, unhealthy: (why: 'startup' | 'liveness') => void): ProbeWatch;
  /** Something about the pods changed that the API should be told. */
  changed(): void;
}

/** How often the kubelet looks at its containers (PLEG), in milliseconds. */
export function relistPeriod({ speed }: Timings): number {
  return Math.max(25, 1000 / speed);
}
