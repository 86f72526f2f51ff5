/**
 * The API's copies of the static pods. Rule: a copy is made anew when its hash is not the pod's, brought up to date when
 * only its status is not, and removed when no manifest makes its pod any more. Source: pkg/kubelet/kubelet.go
 * (tryReconcileMirrorPod), pkg/kubelet/pod/mirror_client.go.
 */
import type { KubeletLog } from '../lines';
import type { StaticPod } from '../pod/read';
import type { PodWorker } from '../workers/pod-worker';
import type { ApiClient } from './client';
import { ApiProblem } from './client';
import { MIRROR, mirrorPod, podStatus } from './objects';

/** The pods as the workers have them. */
export interface ShownPods {
  shown(): readonly PodWorker[];
  wantsName(namespace: string, name: string): boolean;
}

interface Copy {
  namespace: string;
  name: string;
  uid: string;
  hash: string;
  /** The status that was told last. */
  told: string;
}

export class Mirrors {
  readonly #pods: ShownPods;
  readonly #log: KubeletLog;
  readonly #node: { name: string; ip: string };
  #copies = new Map<string, Copy>();
  /** Uids of the pods that the API was told of, or should have been. */
  #tried = new Set<string>();

  constructor(pods: ShownPods, log: KubeletLog, node: { name: string; ip: string }) {
    this.#pods = pods;
    this.#log = log;
    this.#node = node;
  }

  /** Whether there is a pod that the API was never told of. */
  hasUntried(): boolean {
    return this.#newest().some(({ pod }) => !this.#tried.has(pod.uid));
  }

  /** Which copies the API has. */
  async refresh(client: ApiClient): Promise<void> {
    const path = `/api/v1/pods?fieldSelector=spec.nodeName%3D${this.#node.name}&limit=500&resourceVersion=0`;
    const { items } = (await client.ask('GET', path)).body;
    const copies = new Map<string, Copy>();
    for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
      const copy = copyOf(item);
      if (copy === undefined) continue;
      const key = `${copy.namespace}/${copy.name}`;
      copies.set(key, { ...copy, told: this.#copies.get(key)?.told ?? '' });
    }
    this.#copies = copies;
  }

  /** @throws {ApiProblem} when the API does not answer. */
  async reconcile(client: ApiClient, nodeUid: string): Promise<void> {
    const workers = this.#newest();
    this.#tried = new Set(workers.map(({ pod }) => pod.uid));
    for (const worker of workers) {
      try {
        await this.#reconcilePod(client, worker, nodeUid);
      } catch (problem) {
        if (!(problem instanceof ApiProblem) || problem.status === undefined) throw problem;
      }
    }
    for (const [key, copy] of [...this.#copies]) {
      if (this.#pods.wantsName(copy.namespace, copy.name)) continue;
      await this.#delete(client, copy);
      this.#copies.delete(key);
    }
  }

  /** One pod for each name: of two, the one that was taken up last. */
  #newest(): PodWorker[] {
    const byName = new Map<string, PodWorker>();
    for (const worker of this.#pods.shown()) byName.set(`${worker.pod.namespace}/${worker.pod.name}`, worker);
    return [...byName.values()];
  }

  async #reconcilePod(client: ApiClient, worker: PodWorker, nodeUid: string): Promise<void> {
    const { pod } = worker;
    const key = `${pod.namespace}/${pod.name}`;
    const known = this.#copies.get(key);
    if (known !== undefined && known.hash !== pod.uid) await this.#deleteOutdated(client, pod, known);
    if (!this.#copies.has(key)) this.#copies.set(key, await this.#create(client, pod, nodeUid));
    await this.#tellStatus(client, worker, this.#copies.get(key));
  }

  async #deleteOutdated(client: ApiClient, pod: StaticPod, copy: Copy): Promise<void> {
    this.#log.mirrorDeleting(pod, copy.uid);
    try {
      await this.#delete(client, copy);
    } catch (problem) {
      if (problem instanceof ApiProblem) this.#log.mirrorDeleteFailed(pod, problem.message);
      throw problem;
    }
    this.#copies.delete(`${pod.namespace}/${pod.name}`);
    this.#log.mirrorDeleted(pod, copy.uid);
  }

  async #delete(client: ApiClient, { namespace, name, uid }: Copy): Promise<void> {
    const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
    try {
      await client.ask('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, options);
    } catch (problem) {
      // Gone already, or another one stands there by now.
      if (!(problem instanceof ApiProblem) || (problem.status !== 404 && problem.status !== 409)) throw problem;
    }
  }

  async #create(client: ApiClient, pod: StaticPod, nodeUid: string): Promise<Copy> {
    this.#log.mirrorCreating(pod);
    try {
      const { body } = await client.ask(
        'POST',
        `/api/v1/namespaces/${pod.namespace}/pods`,
        mirrorPod(pod, this.#node.name, nodeUid),
      );
      const { namespace, name, uid } = pod;
      return { namespace, name, uid: copyOf(body)?.uid ?? '', hash: uid, told: '' };
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem;
      this.#log.mirrorCreateFailed(pod, problem.message);
      // One stands there that we did not know of: it is looked at next time.
      if (problem.status === 409) await this.refresh(client);
      throw problem;
    }
  }

  async #tellStatus(client: ApiClient, worker: PodWorker, copy: Copy | undefined): Promise<void> {
    const status = podStatus(worker, this.#node.ip);
    const text = JSON.stringify(status);
    if (copy === undefined || copy.told === text) return;
    const { namespace, name, uid } = copy;
    try {
      await client.ask(
        'PATCH',
        `/api/v1/namespaces/${namespace}/pods/${name}/status`,
        { metadata: { uid }, status },
        'application/strategic-merge-patch+json',
      );
      copy.told = text;
    } catch (problem) {
      // Removed by somebody: to be made anew.
      if (problem instanceof ApiProblem && (problem.status === 404 || problem.status === 409)) {
        this.#copies.delete(`${namespace}/${name}`);
      } else throw problem;
    }
  }
}

/** Undefined for what is no mirror of a static pod. */
function copyOf(item: unknown): Omit<Copy, 'told'> | undefined {
  const { metadata } = item as { metadata?: Record<string, unknown> };
  const { name, namespace, uid, annotations } = metadata ?? {};
  const hash = ((annotations ?? {}) as Record<string, unknown>)[MIRROR];
  if (typeof name !== 'string' || typeof namespace !== 'string' || typeof uid !== 'string') return undefined;
  return typeof hash === 'string' ? { name, namespace, uid, hash } : undefined;
}
