/**
 * Everything the story needs from the world, named by need. Adapters stand in src/system, stand-ins in test/support.
 * Two kinds: hands (they may reject: then they did nothing, or leave old or new, whole) and eyes (they never reject:
 * not seeing is a sight).
 */
import type { CertificateFile, PortHolder } from '../core/diagnosis/node-sight';
import type { Sight, ServerProcess } from '../core/evidence';
import type { CertificateQuestion } from '../core/preflight/certificates';
import type { EtcdAccess, EtcdAnswer } from '../core/rehearsal/etcd';
import type { Trial, TrialEnd } from '../core/rehearsal/trial';
import type { ChangeEvent } from './events';

export interface FileImage {
  bytes: Uint8Array;
  /** Permission bits, e.g. 0o600. */
  mode: number;
  uid: number;
  gid: number;
}

export type Entry =
  | { kind: 'file'; size: number; mode: number; uid: number; gid: number; mtimeMs: number; inode: number }
  | { kind: 'folder'; mode: number; uid: number; gid: number }
  | { kind: 'symlink'; target: string }
  | { kind: 'other' };

/**
 * Whether a rejected hand had done its work all the same: the new state is in place and seen by everybody, only the disk
 * has not confirmed that it would survive a power cut. To take such a rejection for "nothing was changed" is untrue.
 */
export function wasWritten(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'written' in thrown && thrown.written === true;
}

/** Paths are absolute, as the node's own processes see them; the adapter puts --root before them. */
export interface Files {
  /** lstat; undefined when nothing is there. Rejects when it cannot tell (EACCES, EIO). */
  look(path: string): Promise<Entry | undefined>;
  /** Rejects with code `too-large` when the file is larger than `limit` bytes, before reading it. */
  read(path: string, limit: number): Promise<FileImage>;
  /**
   * Old or new, whole: dot-named temp file beside it, mode and owner, fsync, rename, fsync folder. Refuses to replace
   * anything but a regular file. A rejection means old, unless it is `written` (see wasWritten).
   */
  writeAtomic(path: string, image: FileImage): Promise<void>;
  /**
   * Gives a file another name in the same folder, and makes that durable; refuses to replace anything (code `exists`).
   * A rejection means that it still has the old name, unless it is `written` (see wasWritten).
   */
  move(from: string, to: string): Promise<void>;
  /**
   * As writeAtomic, but only where nothing stands: whatever appeared there meanwhile stays (code `exists`), which no look
   * before a rename can promise.
   */
  writeNew(path: string, image: FileImage): Promise<void>;
  /**
   * Gives a file a second name in the same folder, and makes that durable: needs no room, and replaces nothing (code
   * `exists`). Where the file system knows no second names, the old one goes. A rejection means that it has not got the
   * name, unless it is `written`.
   */
  link(from: string, to: string): Promise<void>;
  /** Removes a file and makes that durable. One that is gone already is removed. May reject `written`. */
  remove(path: string): Promise<void>;
  /** Makes a folder and its missing parents, all with this mode; answers those it made, outermost first. */
  makeFolder(path: string, mode: number): Promise<string[]>;
  /** Removes a folder if it is empty; answers whether it did. */
  removeEmptyFolder(path: string): Promise<boolean>;
  /** Removes a folder of our own with all in it. */
  removeTree(path: string): Promise<void>;
  /** Names in a folder, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  /** Removes the temp files that a crashed writeAtomic left in a folder (only to be called under the lock); their names. */
  sweepTemp(folder: string): Promise<string[]>;
  /** Bytes that can still be written to the file system of `path` (of its nearest existing parent). */
  free(path: string): Promise<{ bytes: number; readOnly: boolean }>;
  sha256(bytes: Uint8Array): string;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment; nobody can set it. For waits whose end must not depend on the time of day. */
  elapsed(): number;
  /** Resolves after the time, or at once when the signal fires. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Random, unguessable, lower-case hex. */
  token(bytes: number): string;
}

export interface Holder {
  pid: number;
  /** What it does, e.g. "enable". */
  what: string;
  since: string;
}

/** One change at a time. The kernel frees the lock when its holder dies. */
export interface Lock {
  acquire(
    holder: Holder,
  ): Promise<{ state: 'held'; release(): Promise<void> } | { state: 'taken'; by: Holder | undefined }>;
}

/** Runs `kube-auditctl recover` by itself when this process is gone. */
export interface Guard {
  /** Answers false (with the reason) where there is no systemd; rejects when systemd refused. */
  arm(changeId: string, everySeconds: number): Promise<{ armed: true } | { armed: false; why: string }>;
  /** Never rejects: a guard that is left behind finds nothing to do and ends itself. */
  disarm(changeId: string): Promise<void>;
}

export interface WatchTarget {
  manifestPath: string;
  /** Name of the static pod without the node's name, and its namespace. */
  podName: string;
  namespace: string;
  /** Where this node's API server answers. */
  endpoint: Endpoint;
  /** Journal lines from this time on (milliseconds since the epoch); from now on when absent. */
  since?: number;
}

export interface Endpoint {
  host: string;
  port: number;
}

/** All eyes together. Opened before the write, so that nothing that follows it is missed. */
export interface WatchPoint {
  look(): Promise<Sight>;
  /** From now on the API is asked at this address: a change can give the server another one. */
  aim(endpoint: Endpoint): Promise<void>;
  close(): Promise<void>;
}

/** New lines of a file as they are written, from the end it had when the tail was opened; across rotation. */
export interface LogTail {
  /** Complete lines since the last call. Never rejects: what cannot be read is not there. */
  next(): Promise<string[]>;
  close(): Promise<void>;
}

/** What the API says of the node; undefined when it does not say. Never rejects. */
export interface Cluster {
  /** The API's copy of the static pod: `uid` is the static pod's (config.hash). */
  mirrorPod(
    endpoint: Endpoint,
    pod: { namespace: string; podName: string; nodeName: string },
  ): Promise<{ uid?: string; mirrorHash?: string; phase?: string; ready: boolean } | undefined>;
  nodeReady(endpoint: Endpoint, nodeName: string): Promise<boolean | undefined>;
  /**
   * The nodes that run a kube-apiserver or are labelled as control plane, and whether theirs is ready: one whose manifest
   * is away at the moment has no pod.
   */
  controlPlane(endpoint: Endpoint): Promise<readonly { node: string; ready: boolean }[] | undefined>;
  /** How many nodes run a kube-apiserver. */
  controlPlaneNodes(endpoint: Endpoint): Promise<number | undefined>;
}

export interface Answer {
  status: number;
  body: string;
}

/** Paths of PEM files. */
export interface EtcdFiles {
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

export type EtcdHealth = { state: 'healthy' } | { state: 'unhealthy'; detail: string };
/** unknown-host: no address for the name. unreachable: nobody answers there. untrusted: somebody does, and cannot prove it. */
export type Reached = { state: 'ok' } | { state: 'unknown-host' | 'unreachable' | 'untrusted'; detail: string };

/** The node as a whole. */
export interface Node {
  watch(target: WatchTarget): Promise<WatchPoint>;
  /** A request with the node's own admin certificate to this node's API server. Rejects when there is no answer. */
  request(
    endpoint: Endpoint,
    request: { method: string; path: string; headers?: Record<string, string>; body?: string; timeoutMs?: number },
  ): Promise<Answer>;
  /** Who we are to the API server: user and groups of the admin certificate; undefined when there is none. */
  identity(): Promise<{ user: string; groups: string[]; source: string } | undefined>;
  processes(port: number): Promise<readonly ServerProcess[]>;
  tail(path: string): Promise<LogTail>;
  /** The kubelet's process, from /proc. */
  kubelet(): Promise<{ pid: number; startedAt: number; argv: readonly string[] } | undefined>;
  /** Starts the kubelet anew; containers run on. Rejects when it cannot. */
  restartKubelet(): Promise<void>;
  /** The running kubelet's version, from its own program; undefined when it does not tell. */
  kubeletVersion(): Promise<{ major: number; minor: number } | undefined>;
  /**
   * Ends (SIGKILL) the kube-apiserver process of this pid, start time and argument list, and no other: `gone` when there
   * is none such. Rejects when it may not, or when that pid is another process to us than it is to the node.
   */
  endServer(process: { pid: number; startTicks: string; argv: readonly string[] }): Promise<'asked' | 'gone'>;
  /**
   * Whether a signal of ours would reach this process. With --root the node may be shown to us out of another pid
   * namespace, and the same number be somebody else here.
   */
  reachesServer(process: { pid: number; startTicks: string }): boolean;
  /** Whether an etcd server is well; files as the node names them. Never rejects. */
  etcdHealth(server: string, files: EtcdFiles): Promise<EtcdHealth>;
  /**
   * When the kubelet last renewed its lease in the API (milliseconds since the epoch): it does every ten seconds, while it
   * reaches the API. Undefined when that cannot be seen; never rejects.
   */
  kubeletRenewed(endpoint: Endpoint): Promise<number | undefined>;
  /** Reads a file as the given process sees it (through /proc/PID/root); undefined when that cannot be seen. */
  readInside(pid: number, path: string, limit: number): Promise<Uint8Array | undefined>;
  /** Addresses of this machine's network interfaces, IPv6 without zone. */
  addresses(): readonly string[];
  /**
   * Whether somebody answers at a URL, by this node's own resolver, and for https with a certificate that the authority
   * (PEM; the system's when absent) vouches for. Connects and hangs up: nothing is sent.
   */
  reach(
    url: string,
    options: { ca?: string; serverName?: string; insecure?: boolean; timeoutMs: number },
  ): Promise<Reached>;
  /** Effective user id of this process. */
  uid(): number;
  /** Who started us: login user behind sudo, as far as the environment tells. */
  operator(): { uid: number; user: string; sudoUser?: string };
  pid(): number;
  hostname(): string;
  /** The node's name in the cluster: --node-name, or the host's name in lower case, as the kubelet takes it. */
  name(): string;
}

export interface SandboxState {
  dir: string;
  state: 'none' | 'stopped' | 'running';
  /** From here on: absent when there is none. */
  like?: string;
  kubernetesVersion?: string;
  nodeName?: string;
  port?: number;
  createdAt?: string;
  /** The node's file system on this machine. */
  node?: string;
  kubelet: { pid: number; startedAt: number } | null;
  containers: readonly { name: string; pid: number; startedAt: number }[];
  /** The API server's `/readyz` answers 200. */
  ready: boolean;
  users: readonly { name: string; about: string; kubeconfig: string }[];
}

/** The stand-in nodes on this machine. Everything rejects with a UserError. */
export interface Sandboxes {
  /** Makes it when there is none, starts it when it is stopped, waits until its API answers. */
  start(
    dir: string,
    options: { like?: string; port?: number; report: (line: string) => void; signal: AbortSignal },
  ): Promise<{ was: SandboxState['state']; state: SandboxState }>;
  /** Ends everything that belongs to it; with `remove` the folder goes too. */
  stop(dir: string, options: { remove: boolean }): Promise<{ was: SandboxState['state']; ended: readonly number[] }>;
  status(dir: string): Promise<SandboxState>;
  /** The path of a user's kubeconfig, and its text; the administrator's when no user is named. */
  kubeconfig(dir: string, user?: string): Promise<{ path: string; text: string }>;
  /** A request as a user: for machines without kubectl. */
  request(
    dir: string,
    request: { user?: string; method: string; path: string; body?: string; type?: string },
  ): Promise<{ status: number; body: string }>;
  /** As `systemctl start|stop kubelet` would. */
  kubelet(dir: string, verb: 'start' | 'stop'): Promise<void>;
  /** Everything that the kubelet wrote to its journal, a JSON object a line. */
  journal(dir: string): Promise<string>;
  /** Shows the tool at work in a sandbox of its own, which is gone afterwards. `show` gets the text as it comes. */
  demo(options: { run: RunSelf; show: (text: string) => void; signal: AbortSignal }): Promise<DemoReport>;
}

export type RunSelf = (
  args: readonly string[],
  options: { env: Readonly<Record<string, string>>; print: (text: string) => void },
) => Promise<{ code: number; output: string }>;

export interface DemoReport {
  outcome: 'shown' | 'failed' | 'interrupted';
  totalMs: number;
  steps: readonly DemoStep[];
}

export interface DemoStep {
  /** What is to be seen. */
  says: string;
  /** As it would be typed. */
  command: string;
  exitCode: number;
  expectedExitCode: number;
  ms: number;
  output: string;
}

/**
 * Starts the node's own kube-apiserver for trial, and ends it. Never rejects, and leaves nothing behind: no process, port,
 * file or mount, also when this process is killed meanwhile. A trial reaches no network, changes no file of the host, and
 * ends at once when the signal fires.
 */
export interface Rehearsal {
  start(trial: Trial, signal: AbortSignal): Promise<TrialEnd>;
  /** Asks each etcd server after its health, from the node, with the host's files. */
  etcd(access: EtcdAccess, signal: AbortSignal): Promise<EtcdAnswer[]>;
}

/** Ctrl-C and SIGTERM: the first asks to stop in good order, the second to stop at once. */
export interface Interrupts {
  first: AbortSignal;
  second: AbortSignal;
}

export interface Ports {
  files: Files;
  clock: Clock;
  lock: Lock;
  guard: Guard;
  node: Node;
  cluster: Cluster;
  rehearsal: Rehearsal;
  /** Reads certificates, authorities and keys; of keys only what is public. Of a file that cannot be read: why. */
  certificates: (asked: readonly CertificateQuestion[]) => Promise<readonly CertificateFile[]>;
  /** Every process of the node that listens on the port. */
  listeners: (port: number) => Promise<readonly PortHolder[]>;
  interrupts: Interrupts;
  /** What happens, for whoever watches. Must not throw. */
  report: (event: ChangeEvent) => void;
}
