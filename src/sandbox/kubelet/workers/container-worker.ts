/**
 * One container of a pod: wanted, made, watched, restarted.
 *
 *     waiting -> starting -> running -> dead -> (back-off) -> starting …
 *
 * Rule: a container that ends is started again, unless the pod is ending or does not want it; how soon is the back-off's
 * business, and the back-off is asked only when a dead container is there to be restarted.
 */
import type { StaticPod } from '../pod/read';
import type { ContainerSpec } from '../pod/types';
import { goDuration } from '../klog';
import type { PodEvent, ProbeWatch, Timer, World } from '../world';
import { RuntimeProblem } from '../world';
import type { BackOff } from './back-off';

/** The last container that ended, or that never got so far. */
interface Dead {
  id: string | undefined;
  restart: number;
  startedAt: number;
  endedAt: number;
  exitCode: number;
}

interface Live {
  id: string;
  restart: number;
  /** Undefined until its process was seen. */
  startedAt: number | undefined;
  probe: ProbeWatch | undefined;
}

export interface ContainerStatus {
  name: string;
  image: string;
  id: string | undefined;
  restarts: number;
  ready: boolean;
  started: boolean;
  state: { running: { startedAt: number } } | { waiting: { reason: string; message?: string } } | { terminated: Dead };
  last: Dead | undefined;
}

export class ContainerWorker {
  readonly #world: World;
  readonly #pod: StaticPod;
  readonly #spec: ContainerSpec;
  readonly #backOff: BackOff;
  readonly #pullBackOff: BackOff;
  #live: Live | undefined;
  #dead: Dead | undefined;
  #timer: Timer | undefined;
  #stopping = false;
  #why: { reason: string; message?: string } = { reason: 'ContainerCreating' };
  /** Tries to start it that came to nothing, one after the other. */
  #failures = 0;
  #pullFailed: { at: number; message: string } | undefined;

  constructor(world: World, pod: StaticPod, spec: ContainerSpec, backOffs: { start: BackOff; pull: BackOff }) {
    this.#world = world;
    this.#pod = pod;
    this.#spec = spec;
    this.#backOff = backOffs.start;
    this.#pullBackOff = backOffs.pull;
  }

  get name(): string {
    return this.#spec.name ?? '';
  }

  /** A container of an earlier kubelet's. The newest dead one counts for the back-off. */
  adopt(id: string, restart: number): void {
    const look = this.#world.runtime.look(id);
    if (look.state === 'exited') {
      if (this.#dead !== undefined && this.#dead.restart > restart) return;
      const { startedAt, finishedAt, exitCode } = look;
      this.#dead = { id, restart, startedAt, endedAt: finishedAt, exitCode };
    } else this.#live = { id, restart, startedAt: undefined, probe: undefined };
  }

  /** Looks at what should be, and brings it about. */
  sync(): void {
    if (this.#live !== undefined || this.#stopping) return;
    const { clock, timings } = this.#world;
    const dead = this.#dead;
    if (dead === undefined) {
      this.#pull();
      return;
    }
    if (!this.#wantsRestart(dead)) return;
    const until = this.#backOff.until(this.#key, dead.endedAt);
    if (until <= clock.now()) {
      this.#backOff.next(this.#key, dead.endedAt, clock.now());
      this.#pull();
      return;
    }
    this.#sayHeldBack();
    // Seen again at the next relist, and from then on as often as a pod in trouble is looked at.
    const again =
      this.#why.reason === 'CrashLoopBackOff' ? timings.retry * (1 + clock.random() / 2) : 1000 / timings.speed;
    this.#why = { reason: 'CrashLoopBackOff', message: this.#heldBackText() };
    const late = (1000 / timings.speed) * clock.random();
    this.#later(Math.min(again, until - clock.now() + late));
  }

  /** Takes note of what has become of the container. */
  relist(): void {
    const live = this.#live;
    if (live === undefined) return;
    const look = this.#world.runtime.look(live.id);
    if (look.state === 'starting') return;
    if (live.startedAt === undefined) {
      live.startedAt = look.startedAt;
      this.#event('Normal', 'Started', `Started container ${this.name}`);
      if (look.state === 'running') this.#probe(live);
      this.#world.changed();
    }
    if (look.state === 'running') return;
    live.probe?.stop();
    this.#live = undefined;
    this.#forgetOlder();
    const { startedAt, finishedAt, exitCode } = look;
    this.#dead = { id: live.id, restart: live.restart, startedAt, endedAt: finishedAt, exitCode };
    this.#why = { reason: 'ContainerCreating' };
    this.#world.changed();
    this.sync();
  }

  stop(graceMs: number): void {
    this.#stopping = true;
    this.#timer?.cancel();
    if (this.#live === undefined) return;
    this.#live.probe?.stop();
    this.#event('Normal', 'Killing', `Stopping container ${this.name}`);
    this.#world.runtime.stop(this.#live.id, graceMs);
  }

  /** Nobody looks after it any more. */
  leave(): void {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#live?.probe?.stop();
  }

  /** The pod is wanted again before it has ended. */
  revive(): void {
    this.#stopping = false;
    this.sync();
  }

  /** When its last process ended; undefined while one lives. */
  endedAt(): number | undefined {
    return this.#live === undefined ? (this.#dead?.endedAt ?? 0) : undefined;
  }

  /** Nothing of it is left on the disk. */
  remove(): void {
    this.#timer?.cancel();
    for (const id of [this.#live?.id, this.#dead?.id]) if (id !== undefined) this.#world.runtime.remove(id);
  }

  status(): ContainerStatus {
    const live = this.#live;
    const running = live?.startedAt !== undefined;
    return {
      name: this.name,
      image: this.#spec.image ?? '',
      id: live?.id ?? this.#dead?.id,
      restarts: live?.restart ?? this.#dead?.restart ?? 0,
      ready: running && (live.probe?.ready() ?? true),
      started: running && (live.probe?.started() ?? true),
      state: running
        ? { running: { startedAt: live.startedAt ?? 0 } }
        : this.#dead !== undefined && (this.#stopping || !this.#wantsRestart(this.#dead))
          ? { terminated: this.#dead }
          : { waiting: this.#why },
      last: this.#dead,
    };
  }

  get #key(): string {
    return `${this.#pod.uid} ${this.name} ${this.#spec.image ?? ''}`;
  }

  #wantsRestart({ exitCode }: Dead): boolean {
    const policy = this.#pod.spec.restartPolicy;
    return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
  }

  #later(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#world.clock.after(Math.max(ms, 1), () => {
      this.sync();
    });
  }

  /**
   * At the next relist, and from then on as often as a pod in trouble is looked at.
   * @param heldBack there is a back-off that the next try will run into.
   */
  #again(heldBack: boolean): void {
    const { clock, timings } = this.#world;
    const soon = heldBack || this.#failures++ === 0;
    this.#later(soon ? 1000 / timings.speed : timings.retry * (1 + clock.random() / 2));
  }

  #pull(): void {
    const { clock, timings, runtime, log } = this.#world;
    const image = this.#spec.image ?? '';
    const key = `${this.#pod.uid} ${image}`;
    const failed = this.#pullFailed;
    const until = failed === undefined ? 0 : this.#pullBackOff.until(key, failed.at);
    if (failed !== undefined && until > clock.now()) {
      const because = timings.besideOld ? '' : `: ErrImagePull: ${failed.message}`;
      this.#fail('ImagePullBackOff', `Back-off pulling image "${image}"${because}`);
      this.#event('Normal', 'BackOff', `Back-off pulling image "${image}"`);
      this.#later(Math.min(timings.retry * (1 + clock.random() / 2), until - clock.now()));
      return;
    }
    const result = runtime.pull(image, this.#spec.imagePullPolicy ?? 'IfNotPresent');
    if (result.state === 'present') {
      this.#pullFailed = undefined;
      this.#timer?.cancel();
      this.#timer = clock.after(timings.containerStart, () => {
        this.#start();
      });
      return;
    }
    if (result.reason === 'ErrImagePull') {
      this.#pullBackOff.next(key, clock.now(), clock.now());
      this.#pullFailed = { at: clock.now(), message: result.message };
      log.pullFailed(image, result.message);
    }
    log.containerFailed(this.#pod, this.name, result.reason, result.message);
    this.#fail(result.reason, result.message);
    this.#event('Warning', 'Failed', `Failed to pull image "${image}": ${result.message}`);
    this.#again(result.reason === 'ErrImagePull');
  }

  #start(): void {
    const { clock, runtime, log } = this.#world;
    if (this.#stopping) return;
    const restart = this.#dead === undefined ? runtime.lastRestart(this.#pod, this.name) + 1 : this.#dead.restart + 1;
    try {
      const id = runtime.run(this.#pod, this.#spec, restart);
      this.#live = { id, restart, startedAt: undefined, probe: undefined };
      this.#failures = 0;
      this.#event('Normal', 'Created', `Created container: ${this.name}`);
      this.#world.changed();
    } catch (problem) {
      if (!(problem instanceof RuntimeProblem)) throw problem;
      const { reason, message, containerId } = problem;
      log.runtimeFailed(
        reason === 'RunContainerError' ? 'StartContainer' : 'CreateContainer in sandbox',
        containerId,
        message,
      );
      log.containerFailed(this.#pod, this.name, reason, message);
      this.#fail(reason, message);
      this.#event('Warning', 'Failed', `Error: ${message}`);
      if (reason === 'RunContainerError') {
        // It was made, and counts as one that has ended.
        this.#forgetOlder();
        const now = clock.now();
        this.#dead = { id: containerId, restart, startedAt: now, endedAt: now, exitCode: 128 };
      }
      this.#again(reason === 'RunContainerError');
    }
  }

  #probe(live: Live): void {
    live.probe = this.#world.probe(this.#pod, this.#spec, (why) => {
      if (this.#live !== live || this.#stopping) return;
      this.#event('Normal', 'Killing', `Container ${this.name} failed ${why} probe, will be restarted`);
      this.#world.runtime.stop(live.id, graceOf(this.#pod, this.#world));
    });
  }

  /** Of dead containers only the newest is kept. */
  #forgetOlder(): void {
    if (this.#dead?.id !== undefined) this.#world.runtime.remove(this.#dead.id);
    this.#dead = undefined;
  }

  #fail(reason: string, message: string): void {
    this.#why = { reason, message };
    this.#world.log.startFailed(this.#pod, this.name, reason, message);
    this.#world.changed();
  }

  #heldBackText(): string {
    const wait = goDuration(this.#backOff.wait(this.#key));
    return `back-off ${wait} restarting failed container=${this.name} pod=${this.#pod.name}_${this.#pod.namespace}(${this.#pod.uid})`;
  }

  #sayHeldBack(): void {
    this.#world.log.startFailed(this.#pod, this.name, 'CrashLoopBackOff', this.#heldBackText());
    const where = `pod ${this.#pod.name}_${this.#pod.namespace}(${this.#pod.uid})`;
    this.#event('Warning', 'BackOff', `Back-off restarting failed container ${this.name} in ${where}`);
  }

  #event(type: PodEvent['type'], reason: string, message: string): void {
    this.#world.event(this.#pod, { type, reason, message, container: this.name });
  }
}

/** Milliseconds that a pod's processes get between SIGTERM and SIGKILL; at least a second of the pod's own time. */
export function graceOf(pod: StaticPod, { timings }: World): number {
  return (Math.max(1, pod.spec.terminationGracePeriodSeconds ?? 30) * 1000) / timings.speed;
}
