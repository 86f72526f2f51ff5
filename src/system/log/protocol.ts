/** What the threads that read logs and the one that answers say to each other. Everything is plain data. */
import type { FilterSpec } from '../../core/auditlog/filter';
import type { PieceOpen } from '../../core/auditlog/census';
import type { CollectorResult, CollectorSpec } from '../../core/auditlog/collectors';
import type { Batch } from './event-batch';
import type { Piece, PieceStats } from './scan-piece';

export interface Job {
  filter: FilterSpec;
  /** Absent: the events themselves are wanted. */
  collect?: CollectorSpec;
}

export interface Task {
  id: number;
  piece: Piece;
  /** Nothing of its log comes before it. */
  first: boolean;
}

export type ToWorker =
  | { do: 'task'; task: Task }
  /** A batch was read: its buffer comes back, and another one may be sent. */
  | { do: 'more'; bytes: Uint8Array<ArrayBuffer> }
  | { do: 'result' };

export type FromWorker =
  /** Events; they are waited for by `more`. */
  | { is: 'events'; id: number; batch: Batch }
  /** With the last of its events: a message wakes the other side. */
  | { is: 'done'; id: number; stats: PieceStats; open?: PieceOpen; batch?: Batch }
  | { is: 'result'; result: CollectorResult };
