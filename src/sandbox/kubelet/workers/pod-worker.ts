/**
 * One pod from its first sight to its last trace.
 *
 *     held -> mounting -> running -> ending -> ended -> gone
 *
 * held: another pod of the same name has not let go. mounting: its volumes are being set up. ending: told to stop. ended:
 * no process is left, its traces are. Rule: nothing of a pod is started before all its volumes are there, and its name is
 * free for the next one only when the containers' logs are gone.
 */
import type { StaticPod } from '../pod/read';
import type { VolumeSpec } from '../pod/types';
import type { FoundContainer, Timer, World } from '../world';
import type { BackOff } from './back-off';
import type { ContainerStatus } from './container-worker';
import { ContainerWorker, graceOf } from './container-worker';

export type PodPhase = 'held' | 'mounting' | 'running' | 'ending' | 'ended' | 'gone';

/** Milliseconds of real time; divided by the node's speed. */
const ATTACH_MS = 100;
const FIRST_RETRY_MS = 500;
const MOST_RETRY_MS = 122_000;
const MOUNT_DEADLINE_MS = 123_000;
/** From a container's end until the runtime has removed it. */
const LET_GO_MS = [600, 1100] as const;

export class PodWorker {
  readonly pod: StaticPod;
  phase: PodPhase = 'held';
  /** When it was first taken up. */
  readonly startedAt: number;
  readonly #world: World;
  readonly #gone: () => void;
  readonly #containers: ContainerWorker[];
  readonly #unmounted = new Set<VolumeSpec>();
  readonly #timers = new Set<Timer>();
  #revived = false;

  constructor(world: World, pod: StaticPod, backOffs: { start: BackOff; pull: BackOff }, gone: () => void) {
    this.#world = world;
    this.pod = pod;
    this.#gone = gone;
    this.startedAt = world.clock.now();
    this.#containers = (pod.spec.containers ?? []).map((spec) => new ContainerWorker(world, pod, spec, backOffs));
  }

  /** The name is free: volumes first. */
  start(): void {
    const { log, volumes } = this.#world;
    this.phase = 'mounting';
    log.podAdmitted();
    this.#world.changed();
    this.#after(this.#scaled(ATTACH_MS), () => {
      for (const volume of this.pod.spec.volumes ?? []) {
        this.#unmounted.add(volume);
        log.volumeAttached(this.pod, { name: volume.name ?? '', plugin: volumes.plugin(volume) });
      }
      for (const volume of [...this.#unmounted]) this.#mount(volume, this.#scaled(FIRST_RETRY_MS));
      this.#startWhenMounted();
    });
    this.#sayWhenLate();
  }

  /** Its containers run already: an earlier kubelet started them. */
  adopt(containers: readonly FoundContainer[]): void {
    this.phase = 'running';
    for (const { name, id, restart } of containers) {
      const worker = this.#containers.find((each) => each.name === name);
      if (worker === undefined) this.#world.runtime.remove(id);
      else worker.adopt(id, restart);
    }
    for (const worker of this.#containers) worker.sync();
  }

  /** It is no longer wanted. */
  end(): void {
    this.#revived = false;
    if (this.phase === 'ending' || this.phase === 'ended' || this.phase === 'gone') return;
    const held = this.phase === 'held';
    this.#cancel();
    this.phase = 'ending';
    if (held) this.#leave();
    else {
      for (const worker of this.#containers) worker.stop(graceOf(this.pod, this.#world));
      this.#endWhenStopped();
    }
  }

  /** It is wanted again while it ends: kubelets before 1.22 then start its containers anew where they stand. */
  revive(): void {
    this.#revived = this.phase === 'ending';
  }

  /** The kubelet ends; the containers do not. */
  stop(): void {
    this.#cancel();
    for (const worker of this.#containers) worker.leave();
  }

  relist(): void {
    for (const worker of this.#containers) worker.relist();
    if (this.phase === 'ending') this.#endWhenStopped();
  }

  /** Whether it has processes, or may soon have. */
  get active(): boolean {
    return this.phase === 'mounting' || this.phase === 'running' || this.phase === 'ending';
  }

  statuses(): readonly ContainerStatus[] {
    return this.#containers.map((worker) => worker.status());
  }

  #mount(volume: VolumeSpec, retryMs: number): void {
    const { volumes, log } = this.#world;
    const problem = volumes.setUp(this.pod, volume);
    if (problem === undefined) {
      this.#unmounted.delete(volume);
      return;
    }
    const name = volume.name ?? '';
    log.mountFailed(this.pod, { name, plugin: volumes.plugin(volume) }, problem, retryMs);
    const message = `MountVolume.SetUp failed for volume "${name}" : ${problem}`;
    this.#world.event(this.pod, { type: 'Warning', reason: 'FailedMount', message });
    this.#after(retryMs, () => {
      this.#mount(volume, Math.min(retryMs * 2, this.#scaled(MOST_RETRY_MS)));
      this.#startWhenMounted();
    });
  }

  #startWhenMounted(): void {
    if (this.phase !== 'mounting' || this.#unmounted.size > 0) return;
    this.#cancel();
    this.phase = 'running';
    this.#refuseInitContainers();
    for (const worker of this.#containers) worker.sync();
  }

  /** The sandbox has no images but the control plane's, so there is nothing that could run in one. */
  #refuseInitContainers(): void {
    for (const { name = '' } of this.pod.spec.initContainers ?? []) {
      this.#world.log.startFailed(this.pod, name, 'CreateContainerError', 'the sandbox runs no init containers');
    }
  }

  #sayWhenLate(): void {
    this.#after(this.#scaled(MOUNT_DEADLINE_MS), () => {
      this.#world.log.mountsTimedOut(
        this.pod,
        [...this.#unmounted].map(({ name }) => name ?? ''),
      );
      this.#sayWhenLate();
    });
  }

  #endWhenStopped(): void {
    const ends = this.#containers.map((worker) => worker.endedAt());
    if (ends.includes(undefined)) return;
    if (this.#revived) {
      this.#revived = false;
      this.phase = 'running';
      for (const worker of this.#containers) worker.revive();
      return;
    }
    const { clock, log, nodeName, volumes } = this.#world;
    this.phase = 'ended';
    for (const volume of this.pod.spec.volumes ?? []) {
      log.volumeUnmounted(this.pod, { name: volume.name ?? '', plugin: volumes.plugin(volume) }, nodeName);
    }
    const [least, most] = LET_GO_MS;
    const letGoAt = Math.max(...ends.map((at) => at ?? 0), 0) + this.#scaled(least + (most - least) * clock.random());
    this.#after(Math.max(0, letGoAt - clock.now()), () => {
      this.#leave();
    });
  }

  #leave(): void {
    this.#cancel();
    for (const worker of this.#containers) worker.remove();
    this.#world.volumes.tearDown(this.pod.uid);
    this.phase = 'gone';
    this.#world.changed();
    this.#gone();
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#world.clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  #cancel(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #scaled(ms: number): number {
    return ms / this.#world.timings.speed;
  }
}
