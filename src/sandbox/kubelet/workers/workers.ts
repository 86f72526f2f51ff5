/**
 * All pods of the node: which are wanted, which are there, and who waits for whom. Source: pkg/kubelet/{kubelet,pod_workers}.go.
 *
 * The rules it keeps:
 * - Pods that are no longer wanted are told to end before new ones are looked at.
 * - Since 1.22 a pod waits until the one of the same name is gone, and asks again only after a while; before, both run.
 * - Nothing is ended until the API was seen once since this kubelet started: a kubelet that was started while the API is
 *   down cannot replace a broken API server, which is the trap that this behaviour sets.
 */
import type { StaticPod } from '../pod/read';
import type { FoundContainer, Timer, World } from '../world';
import { BackOff } from './back-off';
import { PodWorker } from './pod-worker';

export class PodWorkers {
  readonly #world: World;
  readonly #workers = new Map<string, PodWorker>();
  /** Retries of pods that are held, by uid. */
  readonly #retries = new Map<string, Timer>();
  readonly #backOffs: { start: BackOff; pull: BackOff };
  #wanted = new Map<string, StaticPod>();
  /** Until the first update: containers that were there before us. */
  #found: Map<string, FoundContainer[]> | undefined;
  #apiSeen = false;

  constructor(world: World) {
    this.#world = world;
    const { backOff, backOffMost, backOffReset } = world.timings;
    const make = (): BackOff => new BackOff({ first: backOff, most: backOffMost, reset: backOffReset });
    this.#backOffs = { start: make(), pull: make() };
    this.#found = new Map();
    for (const container of world.runtime.found()) {
      const list = this.#found.get(container.podUid) ?? [];
      list.push(container);
      this.#found.set(container.podUid, list);
    }
  }

  /** The pods that the manifests folder makes now. */
  update(pods: readonly StaticPod[]): void {
    this.#wanted = new Map(pods.map((pod) => [pod.uid, pod]));
    this.#adopt();
    for (const [uid, worker] of this.#workers) if (!this.#wanted.has(uid)) this.#end(worker);
    for (const pod of pods) {
      const known = this.#workers.get(pod.uid);
      if (known === undefined) this.#take(pod);
      else if (this.#world.timings.besideOld) known.revive();
    }
  }

  /** The API has answered. Sticky: one sight is enough for this kubelet's whole life. */
  seeApi(): void {
    if (this.#apiSeen) return;
    this.#apiSeen = true;
    this.#world.log.apiSeen();
  }

  /** Work that nobody has called for: what should be gone, what should be there. */
  housekeeping(): void {
    for (const [uid, worker] of [...this.#workers]) if (!this.#wanted.has(uid)) this.#end(worker);
    for (const [uid, pod] of this.#wanted) if (!this.#workers.has(uid)) this.#take(pod);
  }

  relist(): void {
    for (const worker of [...this.#workers.values()]) if (worker.active) worker.relist();
  }

  /** Forgets everything: the containers run on. */
  stop(): void {
    for (const retry of this.#retries.values()) retry.cancel();
    for (const worker of this.#workers.values()) worker.stop();
    this.#workers.clear();
  }

  /** Clears the log folders of pods that are gone. */
  cleanLogs(): void {
    this.#world.runtime.cleanPodFolders(new Set(this.#workers.keys()));
  }

  /** Pods that are to be shown to the API: wanted, and taken up. */
  shown(): readonly PodWorker[] {
    return [...this.#workers.values()].filter(({ pod, phase }) => this.#wanted.has(pod.uid) && phase !== 'held');
  }

  /** Whether a pod of this name should be there; else its mirror has no business in the API. */
  wantsName(namespace: string, name: string): boolean {
    return [...this.#wanted.values()].some((pod) => pod.namespace === namespace && pod.name === name);
  }

  #adopt(): void {
    const found = this.#found;
    if (found === undefined) return;
    this.#found = undefined;
    for (const [uid, containers] of found) {
      const pod = this.#wanted.get(uid) ?? orphan(containers);
      if (pod === undefined) continue;
      const worker = this.#add(pod);
      worker.adopt(containers);
    }
  }

  #take(pod: StaticPod): void {
    this.#try(this.#add(pod));
  }

  #add(pod: StaticPod): PodWorker {
    const worker = new PodWorker(this.#world, pod, this.#backOffs, () => {
      if (this.#workers.get(pod.uid) === worker) this.#workers.delete(pod.uid);
    });
    this.#workers.set(pod.uid, worker);
    return worker;
  }

  #try(worker: PodWorker): void {
    const { uid } = worker.pod;
    this.#retries.delete(uid);
    if (worker.phase !== 'held') return;
    if (!this.#isHeld(worker)) {
      worker.start();
      return;
    }
    const { clock, timings } = this.#world;
    const retry = clock.after(timings.retry * (1 + clock.random() / 2), () => {
      this.#try(worker);
    });
    this.#retries.set(uid, retry);
  }

  #isHeld({ pod }: PodWorker): boolean {
    if (this.#world.timings.besideOld) return false;
    return [...this.#workers.values()].some(
      (other) =>
        other.pod.uid !== pod.uid &&
        other.phase !== 'held' &&
        other.pod.path !== ORPHAN &&
        other.pod.namespace === pod.namespace &&
        other.pod.name === pod.name,
    );
  }

  #end(worker: PodWorker): void {
    // A pod that never started is no pod: to forget it needs nobody's leave.
    if (!this.#apiSeen && worker.phase !== 'held') return;
    this.#retries.get(worker.pod.uid)?.cancel();
    this.#retries.delete(worker.pod.uid);
    worker.end();
  }
}

const ORPHAN = '';

/** What is known of a pod whose manifest is gone: enough to end it. The kubelet does not count it as holding its name. */
function orphan(containers: readonly FoundContainer[]): StaticPod | undefined {
  const [first] = containers;
  if (first === undefined) return undefined;
  return {
    uid: first.podUid,
    name: first.podName,
    namespace: first.namespace,
    path: ORPHAN,
    labels: {},
    annotations: {},
    spec: {
      containers: [...new Set(containers.map(({ name }) => name))].map((name) => ({ name })),
      restartPolicy: 'Never',
    },
  };
}
