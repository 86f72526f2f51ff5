/**
 * One event a request. The server logs a request up to three times: RequestReceived, ResponseStarted (watches, exec and the
 * like; and failed logins, which have only that), ResponseComplete or Panic. Rule: the last stage that is in the log stands
 * for the request. An event that may still be followed by a later one is held back, with what comes after it, until the
 * later one is there or the log ends. Stages belong together by what the server writes alike in all of them: Audit-ID, verb,
 * URL, user, and the moment of arrival. The first three are the client's to choose, and nobody may hide a request behind
 * another one.
 */
import type { EventScan } from './scan';
import { ABSENT, SLOT } from './members';

/** Nothing can follow. */
export const FINAL = 2;
export type Rank = 0 | 1 | 2;

/** How far a request has come with this event. */
export function rankOf(scan: EventScan): Rank {
  // What cannot be told from others stands for itself.
  if (scan.kinds[SLOT.auditID] === 0) return FINAL;
  if (scan.is(SLOT.stage, 'RequestReceived')) return 0;
  if (!scan.is(SLOT.stage, 'ResponseStarted')) return FINAL;
  // A login that failed ends here (endpoints/filters/authn_audit.go), and so does a request past its deadline.
  const nobody = scan.from[SLOT['user.username']] === scan.to[SLOT['user.username']];
  return scan.kinds[SLOT['user.username']] === 0 || nobody ? FINAL : 1;
}

/** Which request an event belongs to, as a number of 53 bits. */
export function requestKey(scan: EventScan): number {
  let a = 0x9e3779b9 | 0;
  let b = 0x85ebca6b | 0;
  const { bytes, view, kinds, from, to } = scan;
  for (const slot of KEY_SLOTS) {
    // The span of an absent field is another event's.
    if (kinds[slot] === ABSENT) continue;
    const end = to[slot] ?? 0;
    let at = from[slot] ?? 0;
    a = Math.imul(a ^ (end - at), 0x01000193);
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at, true);
      a = Math.imul((a ^ word) + (a >>> 15), 0x01000193);
      b = Math.imul(b + word, 0x85ebca6b) ^ (b >>> 13);
    }
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 13);
    }
  }
  return (a >>> 0) * 0x200000 + (b >>> 11);
}

const KEY_SLOTS = [SLOT.auditID, SLOT.verb, SLOT.requestURI, SLOT['user.username'], SLOT.requestReceivedTimestamp];

interface Held<T> {
  key: number;
  rank: Rank;
  /** undefined: a later stage has taken its place. */
  value: T | undefined;
  size: number;
}

/** Of the requests that were finished last: their earlier stages may come late, where lines were written out of order. */
export class Finished {
  readonly #keys = new Float64Array(1 << 14);

  add(key: number): void {
    this.#keys[key % this.#keys.length] = key;
  }

  has(key: number): boolean {
    return this.#keys[key % this.#keys.length] === key;
  }
}

export interface Picked<T> {
  value: T;
  /** The request had not ended yet, as far as the log tells. */
  open: boolean;
}

/** Picks in the log's order. What is held back is bounded: beyond that the oldest is given as it stands. */
export class StagePicker<T> {
  readonly #limit: number;
  readonly #queue: Held<T>[] = [];
  #head = 0;
  readonly #waiting = new Map<number, Held<T>>();
  readonly #finished = new Finished();
  #held = 0;

  /** @param limit in the units of `size`, for example bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  *push(value: T, rank: Rank, key: number, size: number): Generator<Picked<T>> {
    const before = this.#waiting.get(key);
    if (rank !== FINAL && ((before && before.rank >= rank) || this.#finished.has(key))) return;
    if (before) {
      before.value = undefined;
      this.#held -= before.size;
      this.#waiting.delete(key);
    }
    const entry: Held<T> = { key, rank, value, size };
    if (rank === FINAL) this.#finished.add(key);
    else this.#waiting.set(key, entry);
    if (this.#head === this.#queue.length && rank === FINAL) {
      yield { value, open: false };
      return;
    }
    this.#queue.push(entry);
    this.#held += size;
    yield* this.#release(false);
    while (this.#held > this.#limit) yield* this.#oldest();
  }

  /** What is left, at the end of the log. */
  *end(): Generator<Picked<T>> {
    yield* this.#release(true);
  }

  *#release(all: boolean): Generator<Picked<T>> {
    for (; this.#head < this.#queue.length; this.#head++) {
      const entry = this.#queue[this.#head] as Held<T>;
      const open = entry.rank !== FINAL && entry.value !== undefined;
      if (open && !all) break;
      if (entry.value === undefined) continue;
      this.#held -= entry.size;
      yield { value: entry.value, open };
    }
    if (this.#head > 1024 || this.#head === this.#queue.length) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  *#oldest(): Generator<Picked<T>> {
    const entry = this.#queue[this.#head];
    if (entry === undefined) return;
    this.#head++;
    if (entry.value !== undefined) {
      this.#held -= entry.size;
      this.#waiting.delete(entry.key);
      yield { value: entry.value, open: entry.rank !== FINAL };
    }
    yield* this.#release(false);
  }
}
