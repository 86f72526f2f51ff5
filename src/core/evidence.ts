/**
 * What can be seen of a node while its API server restarts. Every field is something seen, at a time, by somebody;
 * "not seen" is an absence, never an error. Times are milliseconds since the epoch.
 */

/** A kube-apiserver process, as /proc shows it. */
export interface ServerProcess {
  pid: number;
  /** Start time in clock ticks since boot, as in /proc/PID/stat: with the pid it names a process for good. */
  startTicks: string;
  startedAt: number;
  argv: readonly string[];
  /** Uid of the pod it belongs to, from its control group. */
  podUid?: string;
  /** Holds a listening TCP socket on the API server's port. */
  listening: boolean;
}

/** One container log of the API server's pod: /var/log/pods/NS_NAME_UID/CONTAINER/RESTART.log. */
export interface ContainerLog {
  uid: string;
  container: string;
  restart: number;
  path: string;
  /** The newest lines, oldest first, without the CRI header, parts joined; a bounded number of them. */
  lines: readonly LogLine[];
}

export interface LogLine {
  at: number;
  text: string;
}

/** A pod folder of the API server under /var/log/pods. `uid` is the static pod's uid (config.hash). */
export interface PodFolder {
  uid: string;
  path: string;
  logs: readonly ContainerLog[];
}

/** One answer, or failure to answer, of the API server's /readyz at this node's own address. */
export interface HealthSample {
  at: number;
  /**
   * ok: 200. not-ready: another HTTP status. refused: nobody listens. unreachable: anything else (reset, timeout, TLS).
   */
  state: 'ok' | 'not-ready' | 'refused' | 'unreachable';
  status?: number;
  /** The body's failing checks, or the error's text. */
  detail?: string;
}

export type ManifestSight =
  { state: 'present'; sha256: string } | { state: 'absent' } | { state: 'unreadable'; detail: string };

/** Everything seen at one look. */
export interface Sight {
  at: number;
  manifest: ManifestSight;
  processes: readonly ServerProcess[];
  pods: readonly PodFolder[];
  /** Kubelet journal lines since the watch point was opened, all of them, oldest first (bounded; oldest dropped). */
  kubelet: readonly LogLine[];
  /** Health samples since the previous look, oldest first. */
  health: readonly HealthSample[];
  /** Which eye is shut, and why: "kubelet journal: there is no journalctl here". */
  notes?: readonly string[];
}
