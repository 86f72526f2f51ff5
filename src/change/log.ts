/** Reading the audit log: which log, and what is asked of it. Reads only. */
import type { CollectorResult, CollectorSpec } from '../core/auditlog/collectors';
import type { FilterSpec } from '../core/auditlog/filter';
import { UserError } from '../core/errors';
import { readLiveManifest, type LiveManifest } from './manifest';
import type { Files } from './ports';

/** Which logs: named by the user, or the node's own. */
export type LogNames =
  | { kind: 'named'; names: readonly string[] }
  /** `path` as the node sees it: a log file with what was rotated of it, or a folder of container logs. */
  | { kind: 'node'; root: string; path: string };

/** One event as it stands in the log. */
export interface LogEvent {
  raw: Uint8Array;
  /** The request had not ended, as far as the log tells. */
  open: boolean;
}

export interface LogFile {
  path: string;
  /** Size of the file, before unpacking. */
  size: number;
  /** Read, after unpacking; 0 for a file that a span of time left out. */
  bytes: number;
  events: number;
  /** Lines, and parts of lines, that are no events. */
  damaged: number;
  /** Why it was not read to its end. */
  problem?: string;
}

export interface HowToRead {
  /** So many of the last ones; no more is read than they need. */
  last?: number;
  /** What is done with each of them takes longer than finding it: one thread is enough, and less memory. */
  isSlow?: boolean;
}

/** Opened logs. To be closed. */
export interface OpenLogs {
  /** Brought up to date while reading. */
  readonly files: readonly LogFile[];
  /** How many events have been handed out. */
  readonly given: number;
  /** In the order of the log, several logs by time. */
  events(filter: FilterSpec, how?: HowToRead): AsyncIterable<LogEvent>;
  collect(filter: FilterSpec, spec: CollectorSpec): Promise<CollectorResult>;
  /** Time of the oldest event in microseconds; undefined when there is none. */
  oldest(): Promise<number | undefined>;
  /** Time of the newest event, where it can be told without reading everything once more. */
  newest(): Promise<number | undefined>;
  /** Whether that is one of the files that are read, by whatever name. */
  reads(path: string): boolean;
  close(): void;
}

export interface LogReader {
  /** Rejects with a UserError. */
  open(names: LogNames): Promise<OpenLogs>;
  /** Events as they are written, from now on, until the signal. */
  follow(names: LogNames, filter: FilterSpec, live: Live): AsyncIterable<LogEvent>;
}

export interface Live {
  signal: AbortSignal;
  /** What a person should know: what is waited for, what was damaged or may be missing. */
  say: (message: string) => void;
  /** Asked again and again, where the log may get another place: that of a pod has the pod's uid in its path. */
  again?: () => Promise<LogNames>;
}

/** Where the node's own API server writes. @throws {UserError} `no-log`. */
export async function nodeLog(
  files: Files,
  manifestPath: string,
  root: string,
): Promise<{ names: LogNames; live: LiveManifest }> {
  const live = await readLiveManifest(files, manifestPath);
  const { log } = live.audit;
  if (log === undefined) throw noLog(`${live.path} sets no --audit-log-path: nothing is logged on this node`);
  if (log.containerPath === '-') return { names: { kind: 'node', root, path: await containerLogs(files, live) }, live };
  if (log.hostPath === undefined)
    throw noLog(`the audit log ${log.containerPath} is written inside the container, and is not on this node`);
  return { names: { kind: 'node', root, path: log.hostPath }, live };
}

const POD_LOGS = '/var/log/pods';

/** The server logs to its standard output, which the container runtime keeps. */
async function containerLogs(files: Files, { pod }: LiveManifest): Promise<string> {
  const folders = (await files.list(POD_LOGS)).filter((name) => name.startsWith(`${pod.namespace}_${pod.name}`));
  let newest: { path: string; at: number } | undefined;
  for (const name of folders) {
    const folder = `${POD_LOGS}/${name}/kube-apiserver`;
    const logs = await files.list(folder);
    const entry = logs.length === 0 ? undefined : await files.look(`${folder}/${logs.at(-1) ?? ''}`);
    const at = entry?.kind === 'file' ? entry.mtimeMs : 0;
    if (logs.length > 0 && (newest === undefined || at > newest.at)) newest = { path: folder, at };
  }
  if (newest === undefined) throw noLog(`there are no logs of ${pod.name} in ${POD_LOGS}`);
  return newest.path;
}

function noLog(message: string): UserError {
  return new UserError('no-log', message, { hints: ['kube-auditctl enable', 'kube-auditctl log query FILE'] });
}
