/**
 * What doctor sees of a node at one look: plain values, nothing concluded. It can be written down as JSON and judged
 * again elsewhere. Times are milliseconds since the epoch; what could not be seen is absent, and `notes` says why.
 */
import type { Finding } from '../finding';
import type { HealthSample, LogLine, PodFolder, ServerProcess } from '../evidence';

export interface NodeSight {
  at: number;
  nodeName: string;
  manifestPath: string;
  stateDir: string;
  manifest: ManifestFile;
  /** What else stands in the manifests folder; dot files left aside, as the kubelet leaves them aside. */
  strangers: readonly Stranger[];
  kubelet: KubeletSight;
  runtime?: RuntimeSight;
  servers: readonly ServerProcess[];
  /** The API server's pod folders, and etcd's. */
  pods: readonly PodFolder[];
  etcd: { manifest?: string; pods: readonly PodFolder[]; runs: boolean; endpoints: readonly EtcdEndpoint[] };
  /** Who listens on the port that the manifest names. */
  port: { number: number; holders: readonly PortHolder[] };
  health: HealthSample;
  certificates: readonly CertificateFile[];
  /** Host paths of the manifest's volumes and of the audit settings. */
  paths: readonly HostPath[];
  /** `inside`: what the running server's own mount holds, when that could be read. */
  policy?: { path: string; text: string; sha256: string; changedAt?: number; inside?: { pid: number; sha256: string } };
  /** What is wrong with the audit webhook's kubeconfig, or with the way to its receiver. */
  webhook?: readonly Finding[];
  /** The audit log on the host. */
  log?: { path: string; bytes: number; writtenAt: number; oldestRotatedAt?: number; rotated: number };
  disks: readonly Disk[];
  swap: readonly string[];
  backups: readonly Backup[];
  record: { unfinished?: string; aside?: string; lastKept?: { id: string; sha256: string } };
  notes: readonly string[];
}

export type ManifestFile =
  | { state: 'present'; text: string; sha256: string; mode: number; changedAt: number }
  | { state: 'absent' }
  | { state: 'link'; target: string }
  | { state: 'unreadable'; detail: string };

export interface Stranger {
  path: string;
  kind: 'file' | 'folder' | 'symlink' | 'other';
  /** The pod it defines. */
  pod?: { name: string; namespace: string };
  /** `kind` of its document when it is no pod. */
  documentKind?: string;
  detail?: string;
}

export interface KubeletSight {
  process?: { pid: number; startedAt: number; argv: readonly string[] };
  unit?: UnitState;
  /** Since its last start, or the last half hour when it does not run; the newest lines. */
  journal: readonly LogLine[];
  /**
   * Where it looks for static pods, and what says so; without a path it looks nowhere. `ours`: the manifest's own folder.
   * Absent when that cannot be told.
   */
  staticPods?: { path?: string; by: string; ours: boolean };
  /** Whether since its start it has said that it reached the API; absent when nothing tells. */
  metApi?: 'yes' | 'never';
}

/** As `systemctl show` tells it. */
export interface UnitState {
  name: string;
  load: string;
  active: string;
  sub: string;
  result?: string;
  exitStatus?: number;
  restarts?: number;
}

export interface RuntimeSight {
  socket: string;
  state: 'answers' | 'refused' | 'missing';
  detail?: string;
  unit?: UnitState;
}

export interface EtcdEndpoint {
  url: string;
  /**
   * untrusted: its certificate is not of the CA in --etcd-cafile. rejected: it does not take our client certificate.
   * unasked: our own files could not be used to ask.
   */
  state: 'healthy' | 'unhealthy' | 'refused' | 'unreachable' | 'untrusted' | 'rejected' | 'unasked';
  detail?: string;
}

export interface PortHolder {
  pid: number;
  argv: readonly string[];
  /** Local address in the way of `0.0.0.0:6443`. */
  address: string;
}

export interface CertificateFile {
  /** The flag, or the file, that names it: `--tls-cert-file`, `etcd --cert-file`, `admin.conf`. */
  usedBy: string;
  path: string;
  role: CertificateRole;
  state: 'read' | 'missing' | 'denied' | 'empty' | 'unreadable';
  detail?: string;
  certificates: readonly Certificate[];
  /** SHA-256 of the public key of a key file. */
  publicKey?: string;
}

export type CertificateRole = 'certificate' | 'key' | 'authority' | 'verifier';

export interface Certificate {
  subject: string;
  issuer: string;
  notBefore: number;
  notAfter: number;
  publicKey: string;
  /** Paths of the authorities looked at whose signature it carries. */
  signedBy: readonly string[];
}

export interface HostPath {
  path: string;
  /** A symlink is followed, as the kubelet's stat follows it. */
  kind: 'file' | 'folder' | 'other' | 'missing' | 'unknown';
}

export interface Disk {
  /** What lies on it: `/var/log/kubernetes/audit`. */
  path: string;
  freeBytes: number;
  totalBytes: number;
  freeInodes: number;
  totalInodes: number;
  readOnly: boolean;
}

/** A manifest to go back to. */
export interface Backup {
  kind: 'change' | 'kubeadm' | 'original';
  path: string;
  /** Id of the change that left it. */
  id?: string;
  at: number;
  sha256: string;
}
