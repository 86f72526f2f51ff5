/**
 * The record of one change, as it stands in changes/ID/record.json. It is written before anything is touched, so that
 * whoever finds the node after a crash knows every file, its bytes before and after, and what to look for.
 */
import type { Finding } from './finding';
import type { HandOverReport, ProofReport, StageTime } from './outcome';
import type { Before } from './verdict';
import { UserError } from './errors';

export const RECORD_SCHEMA = 1;

/**
 * prepared: on disk, files may have been touched. written: the manifest is the new one, not judged yet.
 * The others are final. mended: kept, and what it took away was
 * broken: nothing goes back to it. overtaken: somebody else changed the manifest meanwhile, and their bytes were left alone.
 */
export type RecordState = 'prepared' | 'written' | 'kept' | 'mended' | 'rolled-back' | 'needs-a-person' | 'overtaken';

export interface FileVersion {
  sha256: string;
  mode: number;
  uid: number;
  gid: number;
  /** Copy of the bytes, relative to the change's folder. */
  copy: string;
}

export interface RecordedFile {
  path: string;
  /** stray: a file that must not stand in the manifests folder; taken out at once, not when all is well. */
  role: 'manifest' | 'policy' | 'webhook-config' | 'stray';
  /** null: was not there before. */
  before: FileVersion | null;
  /** null: is removed by the change. */
  after: FileVersion | null;
}

export interface ChangeRecord {
  schema: typeof RECORD_SCHEMA;
  id: string;
  tool: string;
  command: string;
  /** The change in words, a line each. */
  summary: readonly string[];
  startedAt: string;
  by: { uid: number; user: string; sudoUser?: string; pid: number; host: string };
  manifestPath: string;
  files: readonly RecordedFile[];
  /** Folders that the change made, outermost first; removed again on rollback when empty. */
  foldersMade: readonly string[];
  state: RecordState;
  states: readonly { state: RecordState; at: string }[];
  /** What ran before the write; lets a later process tell the new server from the old. */
  before: Before;
  /** Milliseconds since the epoch; null until the manifest is written. */
  writtenAt: number | null;
  timeoutMs: number;
  verify: boolean;
  keepOnFailure: boolean;
  /** By hand-over: how long requests under way may take, in milliseconds. */
  fast?: { drainMs: number };
  /**
   * While the manifest is aside: where the old one is, the processes that may be ended, and until when (ISO 8601) a
   * hand-over can last: later on, whoever made it hangs.
   */
  handOver?: {
    aside: string;
    until: string;
    processes: readonly { pid: number; startTicks: string; argv: readonly string[] }[];
  };
  /** The change that first set audit logging up: `disable` goes back to what was before it. */
  baseline?: boolean;
  /** A mend of a server that was down: there is no old server to go back to. */
  repair?: { healthyBefore: boolean };
  /** Set for a rollback: the changes it undid. */
  undoes?: readonly string[];
  end?: {
    stages: readonly StageTime[];
    apiAwayMs: number;
    totalMs: number;
    handOver?: HandOverReport;
    cause?: Finding;
    proof?: ProofReport;
    notes?: readonly string[];
  };
}

export const FINAL_STATES: ReadonlySet<RecordState> = new Set([
  'kept',
  'mended',
  'rolled-back',
  'needs-a-person',
  'overtaken',
]);

/** A record moved on to a state. @param at ISO 8601. */
export function advanceRecord(
  record: ChangeRecord,
  state: RecordState,
  at: string,
  more: Partial<ChangeRecord> = {},
): ChangeRecord {
  // A guard that tries again and again leaves one line, not one a try.
  const before = record.states.at(-1)?.state === state ? record.states.slice(0, -1) : record.states;
  return { ...record, ...more, state, states: [...before, { state, at }] };
}

/**
 * The changes whose effect stands: neither taken back nor themselves a taking back. A rollback that was itself taken back
 * (by `rollback --to ID`) takes nothing back any more.
 */
export function standingChanges(kept: readonly ChangeRecord[]): ChangeRecord[] {
  const undone = new Set<string>();
  const standing: ChangeRecord[] = [];
  for (const record of [...kept].reverse()) {
    if (undone.has(record.id)) continue;
    if (record.undoes) for (const id of record.undoes) undone.add(id);
    else standing.unshift(record);
  }
  return standing;
}

/** Reads record.json. Throws UserError `record-unreadable` when it is not one of ours or of a newer tool. */
export function parseRecord(text: string, path: string): ChangeRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError('record-unreadable', `${path} is not JSON`, {
      cause: error,
      hints: [`look at the copies beside it, then remove the folder once you need them no more`],
    });
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema !== RECORD_SCHEMA) {
    throw new UserError(
      'record-unreadable',
      `${path} has schema ${JSON.stringify(schema)}; this tool reads ${RECORD_SCHEMA}`,
      {
        hints: ['use the version of kube-auditctl that wrote it'],
      },
    );
  }
  return value as ChangeRecord;
}

/** Sorts by time: the id starts with the UTC time of its making. @param token random hex. */
export function changeId(nowMs: number, token: string): string {
  const time = new Date(nowMs)
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z');
  return `${time}-${token.slice(0, 6)}`;
}

/** True for names that changeId makes. Anything else in the folder is not ours and is never touched. */
export function isChangeId(name: string): boolean {
  return /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(name);
}
