/**
 * Folders and links of container logs on the node: /var/log/pods/NS_POD_UID/CONTAINER/N.log and
 * /var/log/containers/POD_NS_CONTAINER-ID.log. Rule: a log lives as long as its container does; the pod's folder is
 * cleared later, and so is every other folder that stands there without a pod. Source: pkg/kubelet/kuberuntime/{helpers,
 * kuberuntime_gc,legacy}.go.
 */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundContainer } from '../world';
import { nodePath } from './node-path';
import { namesIn } from './process-files';

const PODS = '/var/log/pods';
const CONTAINERS = '/var/log/containers';

interface PodOf {
  uid: string;
  name: string;
  namespace: string;
}

export interface PodLogs {
  /** The log's path on this machine, its folder made and its link set. */
  make(pod: PodOf, container: string, restart: number, id: string): string;
  remove(container: FoundContainer): void;
  lastRestart(pod: PodOf, container: string): number;
  clean(keepUids: ReadonlySet<string>): void;
}

export function createPodLogs(root: string): PodLogs {
  const folderOf = (pod: PodOf, container: string): string =>
    `${PODS}/${pod.namespace}_${pod.name}_${pod.uid}/${container}`;
  const linkOf = (pod: PodOf, container: string, id: string): string =>
    nodePath(root, CONTAINERS) + `/${pod.name}_${pod.namespace}_${container}-${id}.log`;

  return {
    make(pod, container, restart, id) {
      const folder = folderOf(pod, container);
      mkdirSync(nodePath(root, folder), { recursive: true, mode: 0o755 });
      mkdirSync(nodePath(root, CONTAINERS), { recursive: true, mode: 0o755 });
      // Its target is the node's path, as everything on the node is.
      symlinkSync(`${folder}/${restart}.log`, linkOf(pod, container, id));
      return nodePath(root, `${folder}/${restart}.log`);
    },
    remove({ id, podUid, podName, namespace, name, restart }) {
      const pod = { uid: podUid, name: podName, namespace };
      rmSync(linkOf(pod, name, id), { force: true });
      const folder = nodePath(root, folderOf(pod, name));
      for (const file of namesIn(folder)) {
        if (file === `${restart}.log` || file.startsWith(`${restart}.log.`))
          rmSync(join(folder, file), { force: true });
      }
    },
    lastRestart(pod, container) {
      const numbers = namesIn(nodePath(root, folderOf(pod, container))).flatMap((file) => {
        const number = /^(\d+)\.log(\.|$)/.exec(file)?.[1];
        return number === undefined ? [] : [Number(number)];
      });
      return Math.max(-1, ...numbers);
    },
    clean(keepUids) {
      const pods = nodePath(root, PODS);
      for (const name of namesIn(pods)) {
        const uid = name.split('_').at(-1) ?? '';
        if (!keepUids.has(uid)) rmSync(join(pods, name), { recursive: true, force: true });
      }
    },
  };
}
