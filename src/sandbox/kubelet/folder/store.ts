/**
 * Which pods the manifests folder makes, as the kubelet's file source keeps them. Rule: a pod's key is namespace/name, so
 * two files of one pod are one entry: at a poll the last path in sort order wins, at an event the last file touched.
 * Source: pkg/kubelet/config/{file,file_linux}.go, client-go tools/cache/store.go.
 */
import type { StaticPod } from '../pod/read';

export class ManifestStore {
  #pods = new Map<string, StaticPod>();
  /** Which key a file has last stood for, whoever holds that key now. */
  readonly #keyOfFile = new Map<string, string>();

  /** Everything that could be read at a poll, in the order of the paths; what is missing is gone. */
  replace(pods: readonly StaticPod[]): void {
    this.#pods = new Map();
    for (const pod of pods) this.put(pod);
  }

  put(pod: StaticPod): void {
    const key = `${pod.namespace}/${pod.name}`;
    this.#keyOfFile.set(pod.path, key);
    this.#pods.set(key, pod);
  }

  /** A file is gone: the pod of its key goes with it, even when another file has won that key. */
  removeFile(path: string): void {
    const key = this.#keyOfFile.get(path);
    if (key === undefined) return;
    this.#keyOfFile.delete(path);
    this.#pods.delete(key);
  }

  pods(): readonly StaticPod[] {
    return [...this.#pods.values()];
  }
}
