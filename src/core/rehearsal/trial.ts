/**
 * One start of the node's own kube-apiserver for trial: what it is given, and how it can end. A trial sees the files
 * that the container would see, and nothing else of the world.
 */

export interface Trial {
  /** Arguments behind the program's name, made harmless by `rehearsalArguments`. */
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Whose program and image are taken: the running server's, or those of an image in the runtime's store. */
  program: Program;
  /** securityContext.runAsUser and runAsGroup; root when absent. */
  user?: { uid: number; gid: number };
  mounts: readonly TrialMount[];
  /** Files as they will be once the change is written, by their path on the host. */
  files: readonly TrialFile[];
  /** Folders of the host that the change will make. */
  folders: readonly string[];
  /** The audit log as the container names it; absent when there is none, or when it goes to standard output. */
  logPath?: string;
}

export type Program = { pid: number } | { image: string };

export interface TrialMount {
  /** In the container; normal. */
  mountPath: string;
  /** What of the host is mounted; undefined for an emptyDir and whatever else is empty at first. */
  source: string | undefined;
  readOnly: boolean;
  /** hostPath.type; undefined when the kubelet checks nothing. */
  type: string | undefined;
}

export interface TrialFile {
  hostPath: string;
  bytes: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
}

export type TrialEnd =
  /** It got as far as told in `reached`, and lived on until it was ended. */
  | {
      state: 'lives';
      reached: Reached;
      lines: readonly string[];
      /** What the system said when the log was opened on the same stage: servers before 1.22 open it with the first event. */
      logProblem?: string;
    }
  /** It ended by itself. */
  | { state: 'ended'; code: number | null; signal: string | null; lines: readonly string[] }
  /** The kubelet could not set up a volume, so no container would ever be made. */
  | { state: 'unmountable'; mount: TrialMount; why: string }
  /** It could not be started, or not be watched. */
  | { state: 'not-possible'; why: string };

/** admission: behind the audit options, at the door of etcd. log: the audit log is open. nothing: no sign yet. */
export type Reached = 'admission' | 'log' | 'nothing';

/**
 * The lines a server writes once its audit options are behind it, in every version: policy, log and webhook come before
 * admission, and admission before etcd. Source: pkg/controlplane/apiserver/config.go,
 * staging/src/k8s.io/apiserver/pkg/admission/plugins.go.
 */
export function isPastAudit(output: string): boolean {
  return /Loaded \d+ (?:mutating|validating) admission controller|addrConn\.\w+ failed to connect/.test(output);
}

/** The version a server says it is, e.g. `v1.20.2`. Source: cmd/kube-apiserver/app/server.go. */
export function versionOf(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const match = /\bVersion: "?(v\d+\.\d+\.\d+[\w.+-]*)/.exec(line);
    if (match) return match[1];
  }
  return undefined;
}
