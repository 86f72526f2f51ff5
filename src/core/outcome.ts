/** How a change went: the closed union every command that changes something answers with, and the exit codes. */
import type { Finding } from './finding';
import type { RecordedFile } from './record';
import type { Stage } from './verdict';
import { unreachable } from './errors';

export const EXIT_CODES = {
  0: 'done, nothing to do, planned, or clean',
  1: 'the answer is no (refused, findings, drift); nothing was written',
  2: 'could not ask (usage, unreadable, no permission, locked); nothing was written',
  3: 'written, found bad, rolled back, and the old server was seen healthy',
  4: 'needs a person',
} as const;

export type ExitCode = keyof typeof EXIT_CODES;

/** A stage reached, and when: milliseconds since the manifest was written. */
export interface StageTime {
  stage: Stage;
  afterMs: number;
}

export interface ProofReport {
  state: 'proven' | 'failed' | 'not-possible' | 'skipped';
  /** What was seen, or why it could not be. */
  summary: string;
  canary?: {
    auditId: string;
    request: string;
    level: string;
    /** From sending the request to reading its event on the host. */
    foundAfterMs?: number;
    /** The event as logged, when found. */
    event?: unknown;
  };
  secret?: { state: 'metadata-only' | 'leaked' | 'not-logged' | 'not-tried'; detail?: string };
  logPath?: string;
  cause?: Finding;
}

/** How a hand-over (--fast) went. */
export interface HandOverReport {
  /**
   * late: a limit was reached, and the manifest was put in place the plain way. not-needed: see `why`. broken-off: the old
   * manifest was brought back before the new one was in.
   */
  state: 'done' | 'late' | 'not-needed' | 'broken-off';
  why?: string;
  /** The processes that were ended, by pid, start time in clock ticks, and arguments. */
  ended: readonly { pid: number; startTicks: string; argv: readonly string[] }[];
}

/** What the node's own kube-apiserver made of the planned arguments before they were written. */
export interface RehearsalReport {
  state: 'accepted' | 'rejected' | 'not-possible' | 'skipped';
  /** For people: what it says, or why it could not be asked. */
  summary: string;
  ms: number;
  /** Of the server that was started. */
  version?: string;
  /** How today's arguments fared; absent when they needed no trial. */
  control?: 'accepted' | 'rejected';
  cause?: Finding;
}

export interface FileDiff {
  path: string;
  role: RecordedFile['role'];
  /** Unified. */
  diff: string;
}

/** What every outcome says of the change it is about. */
export interface ChangeFacts {
  manifestPath: string;
  /** Every file concerned; empty when nothing differs. */
  diffs: readonly FileDiff[];
  /** One line a change, for people. */
  changes: readonly string[];
  findings: readonly Finding[];
  /** Things worth saying that are no findings. */
  notes: readonly string[];
  /** Absent when no server would restart, or when the change was refused before. */
  rehearsal?: RehearsalReport;
}

/** What is known once the manifest has been written. */
export interface RunFacts extends ChangeFacts {
  changeId: string;
  recordPath: string;
  stages: readonly StageTime[];
  /** How long /readyz did not answer 200 between the write and the end; the rollback's wait included. */
  apiAwayMs: number;
  totalMs: number;
  /** With --fast only; of the way back when there was one. */
  handOver?: HandOverReport;
}

/** The API's own copy of the pod: on newer kubelets it follows some ten seconds after the server. */
export interface MirrorPod {
  uid: string | null;
  /** It is already that of the process which was judged; null when the process's pod is not known. */
  follows: boolean | null;
}

export type Outcome =
  | ({ outcome: 'unchanged'; proof?: ProofReport } & ChangeFacts)
  | ({ outcome: 'refused' } & ChangeFacts)
  | ({ outcome: 'planned' } & ChangeFacts)
  | ({ outcome: 'kept'; proof: ProofReport; mirrorPod: MirrorPod | null } & RunFacts)
  | ({ outcome: 'rolled-back'; cause: Finding; proof?: ProofReport; evidencePath?: string } & RunFacts)
  | ({ outcome: 'needs-a-person'; cause: Finding; what: Finding; evidencePath?: string } & RunFacts);

/** The exit code that tells an outcome. */
export function exitCodeOf(outcome: Outcome): ExitCode {
  switch (outcome.outcome) {
    case 'unchanged':
    case 'planned':
    case 'kept':
      return 0;
    case 'refused':
      return 1;
    case 'rolled-back':
      return 3;
    case 'needs-a-person':
      return 4;
    default:
      return unreachable(outcome);
  }
}
