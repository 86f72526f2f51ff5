/**
 * Counting requests, not events, over a log that several threads read in pieces. Rule as in stages.ts: the last stage in the
 * log stands for the request. A piece counts what is certain, and hands on what is not: early stages that nothing in the
 * piece follows, and later ones whose beginning lies before the piece. The pieces are settled in their order. What waits is
 * bounded: beyond that the oldest is counted as it stands.
 */
import type { Filter } from './filter';
import { SLOT } from './members';
import type { EventScan } from './scan';
import { FINAL, Finished, rankOf, requestKey, type Rank } from './stages';
import { micros, timeText } from './time';

/** Lines are written in the order of their time, but for the jitter of requests that end together. */
const JITTER = 5_000_000;

/** An event that stands for a request, as long as nothing follows it. */
export interface OpenEvent {
  /** Where it lies in its file; NaN: `raw` is all there is of it. */
  at: number;
  length: number;
  raw: Uint8Array | undefined;
}

/** Not an object for each of them: there may be as many as events. */
export interface PieceOpen {
  /** Of the requests that are open at the end of the piece. */
  keys: Float64Array;
  ranks: Uint8Array;
  at: Float64Array;
  lengths: Float64Array;
  /** Of those that have no place, in their order. */
  raws: Uint8Array[];
  /** Keys of requests that began before the piece. */
  crossed: Float64Array;
}

const MOST = 100_000;
const MOST_BYTES = 8 << 20;
/** So many of those that wait longest are counted when they are too many. */
const SHARE = 1000;

/** Requests that wait for a later stage, in the order in which they came. */
class Waiting {
  readonly #slots = new Map<number, number>();
  #free: number[] = [];
  #ranks = new Uint8Array(64);
  #files = new Int32Array(64);
  #at = new Float64Array(64);
  #lengths = new Float64Array(64);
  readonly #raws = new Map<number, Uint8Array>();
  #bytes = 0;

  get isFull(): boolean {
    return this.#slots.size > MOST || this.#bytes > MOST_BYTES;
  }

  /** undefined: none of that key. */
  rank(key: number): Rank | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : (this.#ranks[slot] as Rank);
  }

  set(key: number, rank: Rank, { at, length, raw }: OpenEvent, file = 0): void {
    this.delete(key);
    const slot = this.#free.pop() ?? this.#slots.size;
    if (slot >= this.#ranks.length) this.#grow();
    this.#slots.set(key, slot);
    this.#ranks[slot] = rank;
    this.#files[slot] = file;
    this.#at[slot] = at;
    this.#lengths[slot] = length;
    if (raw === undefined) return;
    this.#raws.set(slot, raw);
    this.#bytes += raw.length;
  }

  delete(key: number): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#slots.delete(key);
    this.#free.push(slot);
    this.#bytes -= this.#raws.get(slot)?.length ?? 0;
    this.#raws.delete(slot);
    return true;
  }

  /** @param use is given the oldest of them. Many at once: a Map looks at what was deleted each time it is asked for its first. */
  take(count: number, use: (event: OpenEvent, file: number) => void): void {
    let left = count;
    for (const [key, slot] of this.#slots) {
      if (left-- <= 0) break;
      const event = this.#event(slot);
      const file = this.#files[slot] ?? 0;
      this.delete(key);
      use(event, file);
    }
  }

  result(crossed: readonly number[]): PieceOpen {
    const slots = [...this.#slots.values()];
    const events = slots.map((slot) => this.#event(slot));
    return {
      keys: Float64Array.from(this.#slots.keys()),
      ranks: Uint8Array.from(slots, (slot) => this.#ranks[slot] ?? 0),
      at: Float64Array.from(events, ({ at }) => at),
      lengths: Float64Array.from(events, ({ length }) => length),
      raws: events.flatMap(({ raw }) => (raw === undefined ? [] : [raw])),
      crossed: Float64Array.from(crossed),
    };
  }

  #event(slot: number): OpenEvent {
    return { at: this.#at[slot] ?? 0, length: this.#lengths[slot] ?? 0, raw: this.#raws.get(slot) };
  }

  #grow(): void {
    const grown = <T extends Uint8Array | Int32Array | Float64Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    const size = this.#ranks.length * 2;
    this.#ranks = grown(new Uint8Array(size), this.#ranks);
    this.#files = grown(new Int32Array(size), this.#files);
    this.#at = grown(new Float64Array(size), this.#at);
    this.#lengths = grown(new Float64Array(size), this.#lengths);
  }
}

/** Tells what may have begun before a piece. */
export class PieceStart {
  readonly #first: boolean;
  #threshold: Uint8Array | undefined;

  /** @param first nothing comes before this piece. */
  constructor(first: boolean) {
    this.#first = first;
  }

  /** Whether the request may have begun in an earlier piece; to be asked from the piece's first event on. */
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
}

/** The first event of a piece tells when the piece begins. */
function thresholdOf(scan: EventScan): string {
  const time = micros(scan.text(SLOT.stageTimestamp));
  return Number.isNaN(time) ? '9999' : timeText(time + JITTER);
}

/** Counts the requests of one piece. */
export class PieceCensus {
  readonly #filter: Filter;
  readonly #count: (scan: EventScan) => void;
  readonly #countOpen: (event: OpenEvent) => void;
  readonly #start: PieceStart;
  readonly #waiting = new Waiting();
  readonly #finished = new Finished();
  readonly #crossed: number[] = [];

  /**
   * @param first nothing comes before this piece.
   * @param countOpen counts an event that lies somewhere, if it passes the filter.
   */
  constructor(filter: Filter, count: (scan: EventScan) => void, first: boolean, countOpen: (event: OpenEvent) => void) {
    this.#filter = filter;
    this.#count = count;
    this.#countOpen = countOpen;
    this.#start = new PieceStart(first);
  }

  /** @param at of the event in its file; NaN: it is nowhere else. */
  add(scan: EventScan, at: number): void {
    const rank = rankOf(scan);
    const key = requestKey(scan);
    if (rank !== FINAL) {
      const before = this.#waiting.rank(key);
      if (before !== undefined ? before >= rank : this.#finished.has(key)) return;
      const raw = Number.isNaN(at) ? scan.copy() : undefined;
      this.#waiting.set(key, rank, { at, length: scan.end - scan.start, raw });
      if (rank === 1 && before === undefined && this.#start.crosses(scan)) this.#crossed.push(key);
      while (this.#waiting.isFull) this.#waiting.take(SHARE, this.#countOpen);
      return;
    }
    if (!this.#waiting.delete(key) && this.#start.crosses(scan)) this.#crossed.push(key);
    this.#finished.add(key);
    if (this.#filter.after(scan)) this.#count(scan);
  }

  result(): PieceOpen {
    return this.#waiting.result(this.#crossed);
  }
}

/** Over all pieces: counts the events that stand for requests that did not end. */
export class Census {
  readonly #countOpen: (event: OpenEvent, file: number) => void;
  readonly #waiting = new Waiting();
  readonly #finished = new Finished();

  /** @param countOpen is given an event, and the file that was given with its piece. */
  constructor(countOpen: (event: OpenEvent, file: number) => void) {
    this.#countOpen = countOpen;
  }

  /** The next piece of the log. */
  settle({ keys, ranks, at, lengths, raws, crossed }: PieceOpen, file: number): void {
    const own = crossed.length === 0 ? undefined : new Set(keys);
    for (const key of crossed) this.#waiting.delete(key);
    let next = 0;
    keys.forEach((key, index) => {
      const place = at[index] ?? 0;
      const raw = Number.isNaN(place) ? raws[next++] : undefined;
      const rank = ranks[index] as Rank;
      const before = this.#waiting.rank(key);
      // Lines out of order: the end may be in the piece before.
      if (before !== undefined ? before >= rank : this.#finished.has(key)) return;
      this.#waiting.set(key, rank, { at: place, length: lengths[index] ?? 0, raw }, file);
      while (this.#waiting.isFull) this.#waiting.take(SHARE, this.#countOpen);
    });
    for (const key of crossed) if (own?.has(key) !== true) this.#finished.add(key);
  }

  /** At the end of the log. */
  end(): void {
    this.#waiting.take(Infinity, this.#countOpen);
  }
}
