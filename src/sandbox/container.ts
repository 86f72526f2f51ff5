/**
 * What a container of the sandbox is, and what its processes leave for others to see. Rule: a program in a container
 * knows the machine only through its mounts; a path that no mount covers lies in the container's own root folder.
 */
import { posix } from 'node:path';

export interface ContainerMount {
  /** Absolute, normalised, as the program inside names it. */
  containerPath: string;
  /** The same file or folder on this machine: the sandbox's root folder and the volume's hostPath. */
  hostPath: string;
  readOnly: boolean;
  /** A file is mounted alone: it can be written, but neither renamed nor replaced (EBUSY), as a mount point cannot. */
  kind: 'file' | 'folder';
}

/** Read by the program from the file that the environment variable CONTAINER_FILE names. */
export interface Container {
  id: string;
  /** The static pod's uid (config.hash). */
  podUid: string;
  podName: string;
  namespace: string;
  name: string;
  image: string;
  /** Command and arguments as the manifest wants them; argv[0] is the program's name. */
  argv: readonly string[];
  mounts: readonly ContainerMount[];
  /** What no mount covers; removed with the container. */
  rootfs: string;
  /** Where the sandbox keeps what runs. */
  runDir: string;
  timings: Timings;
}

/** How the node keeps time; all in milliseconds unless said otherwise. */
export interface Timings {
  /** The name given to `sandbox start --like`: the Kubernetes minor it behaves as, or `fast`. */
  like: string;
  /** Whether the kubelet starts a changed pod beside the old one that is still ending (before 1.22). */
  besideOld: boolean;
  /** How often the kubelet reads the manifests folder by itself. */
  fileCheck: number;
  /** Divides what the manifest says in seconds (grace periods, probe periods): 1 is real time. */
  speed: number;
  /** A new pod that had to wait for the old one is tried again after this, times 1 to 1.5. */
  retry: number;
  /** How often the kubelet looks for work by itself (housekeeping). */
  housekeeping: number;
  /** The first back-off of a crash loop; doubles up to `backOffMost`, forgotten after `backOffReset` of running. */
  backOff: number;
  backOffMost: number;
  backOffReset: number;
  /** How long a container takes from being wanted to its first process. */
  containerStart: number;
  /** From a server's first process to `/readyz` 200, its own work included. */
  serverStart: number;
  /** How long a server tries to reach etcd before it gives up. */
  etcdDial: number;
  /** How often the folders of removed pods are cleared from /var/log/pods. */
  logCleanup: number;
  /** How long after the API answers the mirror pod is made anew. */
  mirrorPod: number;
}

/** One file a process, RUN/processes/PID.json; gone when the process is. */
export interface ProcessEntry {
  pid: number;
  /** Tells this process from a later one with the same pid. */
  startTicks: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  argv: readonly string[];
  podUid?: string;
  /** The container's folder, RUN/containers/ID, with its container.json. */
  containerId?: string;
}

/** RUN/listening/PID.json, written by a server once it listens and removed when it stops: the ports it holds. */
export type ListeningEntry = readonly number[];

/** Where a path of the program's lies on this machine. */
export interface InsidePath {
  path: string;
  readOnly: boolean;
  /** False: in the container's own root folder, invisible on the node. */
  mounted: boolean;
  /** The path is itself the mount point of a single file. */
  fileMount: boolean;
}

/** @param path absolute, as the program names it. The mount with the longest path that covers it wins. */
export function resolveInside(container: Pick<Container, 'mounts' | 'rootfs'>, path: string): InsidePath {
  const normal = posix.normalize(path);
  let best: ContainerMount | undefined;
  for (const mount of container.mounts) {
    if (!covers(mount, normal)) continue;
    if (best === undefined || mount.containerPath.length > best.containerPath.length) best = mount;
  }
  if (best === undefined) {
    return { path: posix.join(container.rootfs, normal), readOnly: false, mounted: false, fileMount: false };
  }
  return {
    path: posix.join(best.hostPath, posix.relative(best.containerPath, normal)),
    readOnly: best.readOnly,
    mounted: true,
    fileMount: best.kind === 'file',
  };
}

function covers(mount: ContainerMount, path: string): boolean {
  if (path === mount.containerPath) return true;
  if (mount.kind === 'file') return false;
  return path.startsWith(mount.containerPath === '/' ? '/' : `${mount.containerPath}/`);
}
