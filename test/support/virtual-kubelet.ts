/**
 * A kubelet's world with a time of its own: containers that live as long as they are told, volumes and images that are
 * there or not, and everything that happened with its time. An hour passes in a few milliseconds.
 */
import type { Timings } from '../../src/sandbox/container';
import { TIMINGS } from '../../src/sandbox/timings';
import { kubeletLog } from '../../src/sandbox/kubelet/lines';
import { readManifest, type StaticPod } from '../../src/sandbox/kubelet/pod/read';
import { PodWorkers } from '../../src/sandbox/kubelet/workers/workers';
import {
  relistPeriod,
  RuntimeProblem,
  type Clock,
  type FoundContainer,
  type PodEvent,
  type PullResult,
  type Timer,
  type World,
} from '../../src/sandbox/kubelet/world';

export class VirtualClock implements Clock {
  #now: number;
  #timers = new Set<{ at: number; run: () => void }>();
  chance = 0.5;

  constructor(now = Date.UTC(2026, 0, 1, 12)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  every(ms: number, run: () => void): void {
    this.after(ms, () => {
      run();
      this.every(ms, run);
    });
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#due(end); next; next = this.#due(end)) this.#fire(next);
    this.#now = end;
  }

  /** As pass, with promises kept in between. */
  async passing(ms: number): Promise<void> {
    const end = this.#now + ms;
    await new Promise(setImmediate);
    for (let next = this.#due(end); next; next = this.#due(end)) {
      this.#fire(next);
      await new Promise(setImmediate);
    }
    this.#now = end;
  }

  #fire(timer: { at: number; run: () => void }): void {
    this.#timers.delete(timer);
    this.#now = timer.at;
    timer.run();
  }

  #due(end: number): { at: number; run: () => void } | undefined {
    let first: { at: number; run: () => void } | undefined;
    for (const timer of this.#timers)
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  }
}

interface FakeContainer {
  id: string;
  pod: StaticPod;
  name: string;
  restart: number;
  startedAt: number;
  endsAt: number;
  exitCode: number;
}

/** What a container of a pod does: lives for so long (for ever when absent), and takes so long to stop. */
export interface Behaviour {
  livesMs?: number;
  exitCode?: number;
  /** After SIGTERM; longer than the grace when absent. */
  stopsMs?: number;
}

export class VirtualKubelet {
  readonly clock = new VirtualClock();
  readonly timings: Timings;
  readonly startedAt = this.clock.now();
  /** `seconds text`, in order. */
  readonly happened: string[] = [];
  readonly log: string[] = [];
  readonly events: { pod: StaticPod; event: PodEvent }[] = [];
  /** By the pod's uid. */
  behaviour = new Map<string, Behaviour>();
  /** By volume name: why it cannot be mounted. */
  badVolumes = new Map<string, string>();
  badImage: PullResult | undefined;
  startProblem: string | undefined;
  containers: FakeContainer[] = [];
  unhealthy: ((why: 'startup' | 'liveness') => void)[] = [];
  workers: PodWorkers;
  changed: () => void = () => undefined;
  #ids = 0;
  #world: World;
  #epoch = 0;

  constructor(like: '1.20' | '1.36' | 'fast' = '1.36', { apiSeen = true } = {}) {
    this.timings = TIMINGS[like];
    const clock = this.clock;
    const log = kubeletLog((record) => this.log.push(`${this.#at()} ${record.severity} ${record.text}`), {
      structuredText: like !== '1.20',
      now: () => clock.now(),
      startedAt: this.startedAt,
    });
    this.#world = {
      clock,
      timings: this.timings,
      nodeName: 'cp1',
      log,
      runtime: {
        pull: () => this.badImage ?? { state: 'present' },
        run: (pod, spec, restart) => this.#run(pod, spec.name ?? '', restart),
        look: (id) => this.#look(id),
        stop: (id, graceMs) => {
          this.#stop(id, graceMs);
        },
        remove: (id) => {
          this.containers = this.containers.filter((each) => each.id !== id);
          this.#note(`remove ${id}`);
        },
        lastRestart: (pod) =>
          Math.max(-1, ...this.containers.filter((each) => each.pod.uid === pod.uid).map(({ restart }) => restart)),
        found: () =>
          this.containers.map((each): FoundContainer => {
            const { id, pod, name, restart } = each;
            return { id, podUid: pod.uid, podName: pod.name, namespace: pod.namespace, name, restart };
          }),
        cleanPodFolders: (keep) => {
          this.#note(`clean but ${[...keep].map((uid) => this.short(uid)).join(',')}`);
        },
      },
      volumes: {
        plugin: () => 'kubernetes.io/host-path',
        setUp: (_pod, { name = '' }) => this.badVolumes.get(name),
        tearDown: () => undefined,
      },
      event: (pod, event) => this.events.push({ pod, event }),
      probe: (_pod, _spec, unhealthy) => {
        this.unhealthy.push(unhealthy);
        return { stop: () => undefined, ready: () => true, started: () => true };
      },
      changed: () => {
        this.changed();
      },
    };
    this.workers = new PodWorkers(this.#world);
    if (apiSeen) this.workers.seeApi();
    this.#run3();
  }

  /** The kubelet's process is replaced; containers run on. */
  restart({ apiSeen = false } = {}): void {
    this.workers.stop();
    this.workers = new PodWorkers(this.#world);
    if (apiSeen) this.workers.seeApi();
    this.#run3();
  }

  /** What happened, but for the housekeeping of logs. */
  get story(): string[] {
    return this.happened.filter((line) => !line.includes('clean'));
  }

  running(): FakeContainer[] {
    return this.containers.filter(({ endsAt }) => endsAt > this.clock.now());
  }

  /** The containers' process is ended from outside. */
  kill(id: string): void {
    const container = this.containers.find((each) => each.id === id)!;
    container.endsAt = this.clock.now();
    container.exitCode = 137;
  }

  /** Seconds since the beginning at which a container of the pod was started. */
  starts(uid: string): number[] {
    return this.happened.flatMap((line) => {
      const found = /^(\S+) run (\S+)/.exec(line);
      return found && found[2]!.startsWith(this.short(uid)) ? [Number(found[1])] : [];
    });
  }

  short(uid: string): string {
    return uid.slice(0, 4);
  }

  #run3(): void {
    const epoch = ++this.#epoch;
    const every = (ms: number, run: () => void): void => {
      this.clock.every(ms, () => {
        if (epoch === this.#epoch) run();
      });
    };
    every(relistPeriod(this.timings), () => this.workers.relist());
    every(this.timings.housekeeping, () => this.workers.housekeeping());
    every(this.timings.logCleanup, () => this.workers.cleanLogs());
  }

  #run(pod: StaticPod, name: string, restart: number): string {
    if (this.startProblem !== undefined) {
      throw new RuntimeProblem('RunContainerError', this.startProblem, `dead${++this.#ids}`);
    }
    const id = `${this.short(pod.uid)}/${restart}`;
    const { livesMs = Infinity, exitCode = 1 } = this.behaviour.get(pod.uid) ?? {};
    const startedAt = this.clock.now();
    this.containers.push({ id, pod, name, restart, startedAt, endsAt: startedAt + livesMs, exitCode });
    this.#note(`run ${id}`);
    return id;
  }

  #look(id: string): ReturnType<World['runtime']['look']> {
    const container = this.containers.find((each) => each.id === id);
    if (!container) return { state: 'starting' };
    const { startedAt, endsAt, exitCode } = container;
    if (endsAt > this.clock.now()) return { state: 'running', pid: 1, startedAt };
    return { state: 'exited', startedAt, finishedAt: endsAt, exitCode };
  }

  #stop(id: string, graceMs: number): void {
    const container = this.containers.find((each) => each.id === id)!;
    this.#note(`stop ${id} within ${graceMs / 1000}`);
    const { stopsMs = graceMs } = this.behaviour.get(container.pod.uid) ?? {};
    container.endsAt = Math.min(container.endsAt, this.clock.now() + Math.min(graceMs, stopsMs));
    container.exitCode = stopsMs < graceMs ? 0 : 137;
  }

  #at(): string {
    return ((this.clock.now() - this.startedAt) / 1000).toFixed(1);
  }

  #note(text: string): void {
    this.happened.push(`${this.#at()} ${text}`);
  }
}

/** A pod as the kubelet reads it from a manifest. */
export function podFrom(
  text: string,
  { path = '/etc/kubernetes/manifests/kube-apiserver.yaml', minor = 36 } = {},
): StaticPod {
  return readManifest(Buffer.from(text), { path, nodeName: 'cp1', minor, seen: '2026-01-01T12:00:00Z' });
}
