/**
 * Counting requests, not events, over a log that several threads read in pieces. Rule as in stages.ts: the last stage in the
 * log stands for the request. A piece counts what is certain, and hands on what is not: early stages that nothing in the
 * piece follows, and later ones whose beginning lies before the piece.
 */
import type { Filter } from './filter';
import { SLOT } from './members';
import type { EventScan } from './scan';
import { FINAL, Finished, rankOf, requestKey, type Rank } from './stages';
import { micros, timeText } from './time';

/** Lines are written in the order of their time, but for the jitter of requests that end together. */
const JITTER = 5_000_000;

export interface OpenRequest {
  key: number;
  rank: Rank;
  /** The event, for counting it after all. */
  raw: Uint8Array;
}

export interface PieceOpen {
  open: OpenRequest[];
  /** Keys of requests that began before the piece. */
  crossed: number[];
}

export class PieceCensus {
  readonly #filter: Filter;
  readonly #count: (scan: EventScan) => void;
  readonly #first: boolean;
  readonly #waiting = new Map<number, OpenRequest>();
  readonly #finished = new Finished();
  readonly #crossed: number[] = [];
  #threshold: Uint8Array | undefined;

  /** @param first nothing comes before this piece. */
  constructor(filter: Filter, count: (scan: EventScan) => void, first: boolean) {
    this.#filter = filter;
    this.#count = count;
    this.#first = first;
  }

  add(scan: EventScan): void {
    const rank = rankOf(scan);
    const key = requestKey(scan);
    const before = this.#waiting.get(key);
    if (rank !== FINAL) {
      if (before !== undefined ? before.rank >= rank : this.#finished.has(key)) return;
      this.#waiting.set(key, { key, rank, raw: scan.copy() });
      if (rank === 1 && before === undefined && this.crosses(scan)) this.#crossed.push(key);
      return;
    }
    if (before !== undefined) this.#waiting.delete(key);
    else if (this.crosses(scan)) this.#crossed.push(key);
    this.#finished.add(key);
    if (this.#filter.after(scan)) this.#count(scan);
  }

  /** Whether the request may have begun in an earlier piece. */
  crosses(scan: EventScan): boolean {
    if (this.#first) return false;
    this.#threshold ??= new TextEncoder().encode(thresholdOf(scan));
    const { bytes, from, to } = scan;
    const start = from[SLOT.requestReceivedTimestamp] ?? 0;
    const length = (to[SLOT.requestReceivedTimestamp] ?? 0) - start;
    for (let at = 0; at < this.#threshold.length; at++) {
      if (at >= length) return true;
      const difference = (bytes[start + at] ?? 0) - (this.#threshold[at] ?? 0);
      if (difference !== 0) return difference < 0;
    }
    return true;
  }

  result(): PieceOpen {
    return { open: [...this.#waiting.values()], crossed: this.#crossed };
  }
}

/** The first event of a piece tells when the piece begins. */
function thresholdOf(scan: EventScan): string {
  const time = micros(scan.text(SLOT.stageTimestamp));
  return Number.isNaN(time) ? '9999' : timeText(time + JITTER);
}

/** Of all pieces together: the events that stand for requests that did not end. */
export function stillOpen(pieces: readonly PieceOpen[]): OpenRequest[] {
  const best = new Map<number, OpenRequest>();
  for (const { open } of pieces) {
    for (const request of open) {
      const known = best.get(request.key);
      if (known === undefined || known.rank < request.rank) best.set(request.key, request);
    }
  }
  pieces.forEach(({ crossed }, index) => {
    for (const key of crossed) {
      // The later stage may itself be one that stays open.
      const own = pieces[index]?.open.some((request) => request.key === key && best.get(key) === request) ?? false;
      if (!own) best.delete(key);
    }
  });
  return [...best.values()];
}
