/** What only doctor needs of the world: more eyes, each of them bounded in time and bytes, and three more hands. */
import type { HealthSample, LogLine, PodFolder } from '../core/evidence';
import type {
  CertificateFile,
  CertificateRole,
  Disk,
  EtcdEndpoint,
  HostPath,
  PortHolder,
  RuntimeSight,
  UnitState,
} from '../core/diagnosis/node-sight';
import type { Endpoint } from './ports';

export interface AskedCertificate {
  usedBy: string;
  path: string;
  role: CertificateRole;
}

/** They may reject (no answer in time): then that much is not seen. */
export interface DoctorEyes {
  /** The newest lines of a unit's journal since a time, at most `most`. */
  journal(unit: string, since: number, most: number): Promise<{ lines: readonly LogLine[]; note?: string }>;
  /**
   * The newest line of a unit since a time that matches, however much it has written since. `whole`: all of it was looked
   * through, from the start on. Absent where a journal is never long.
   */
  searchJournal?(unit: string, since: number, pattern: string): Promise<{ line?: LogLine; whole: boolean }>;
  /** Undefined where there is no systemd to ask. */
  unit(name: string): Promise<UnitState | undefined>;
  podLogs(namespace: string, podName: string): Promise<readonly PodFolder[]>;
  programs(name: string): Promise<readonly { pid: number; startedAt: number; argv: readonly string[] }[]>;
  /** Every process of the node that listens on the port. */
  holders(port: number): Promise<readonly PortHolder[]>;
  certificates(asked: readonly AskedCertificate[]): Promise<readonly CertificateFile[]>;
  /** Asks etcd for its health as the API server would ask it. */
  etcd(url: string, files: { ca?: string; cert?: string; key?: string }): Promise<EtcdEndpoint>;
  runtime(sockets: readonly string[]): Promise<Omit<RuntimeSight, 'unit'> | undefined>;
  hostPath(path: string): Promise<HostPath>;
  disk(path: string): Promise<Disk | undefined>;
  swap(): Promise<readonly string[]>;
  /** When the file's content or name was last changed (ctime): a copy that keeps its old time of writing is new here. */
  changedAt(path: string): Promise<number | undefined>;
  health(endpoint: Endpoint): Promise<HealthSample>;
}

/** They reject with a UserError, and then did nothing. */
export interface DoctorHands {
  startUnit(name: string): Promise<void>;
  restartUnit(name: string): Promise<void>;
  /** Ends the containers of these pods and removes them from the runtime; answers what could not be removed. */
  removePods(uids: readonly string[]): Promise<readonly string[]>;
}

export interface DoctorPorts {
  eyes: DoctorEyes;
  hands: DoctorHands;
}
