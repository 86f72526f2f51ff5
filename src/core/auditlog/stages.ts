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

/**
 * Picks in the log's order. Events are numbers here, counted up from 0; who asks keeps what they stand for. What is held back
 * is bounded: beyond that the oldest is given as it stands.
 */
export class StagePicker {
  readonly #limit: number;
  #room = 1 << 10;
  #keys = new Float64Array(this.#room);
  #sizes = new Float64Array(this.#room);
  /** A rank, or that a later stage has taken the event's place. */
  #ranks = new Uint8Array(this.#room);
  /** The oldest event that is held back, and the number that the next event gets. */
  #first = 0;
  #end = 0;
  readonly #waiting = new Map<number, number>();
  readonly #finished = new Finished();
  #held = 0;
  /** The event that next() found. */
  number = 0;
  /** Its request had not ended yet, as far as the log tells. */
  open = false;
  key = 0;

  /** @param limit in the units of `size`, for example bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Everything before it has been given, or never will be. */
  get first(): number {
    return this.#first;
  }

  /**
   * The next event of the log; after it, next() is to be asked until it says no.
   * @returns its number; -1: a later stage of its request is there already, it is to be forgotten.
   */
  add(rank: Rank, key: number, size: number): number {
    const before = this.#waiting.get(key);
    if (before !== undefined) {
      if (rank !== FINAL && (this.#ranks[before & (this.#room - 1)] ?? 0) >= rank) return -1;
      this.#ranks[before & (this.#room - 1)] = REPLACED;
      this.#waiting.delete(key);
    } else if (rank !== FINAL && this.#finished.has(key)) return -1;
    if (this.#end - this.#first === this.#room) this.#grow();
    const slot = this.#end & (this.#room - 1);
    this.#keys[slot] = key;
    this.#sizes[slot] = size;
    this.#ranks[slot] = rank;
    if (rank === FINAL) this.#finished.add(key);
    else this.#waiting.set(key, this.#end);
    this.#held += size;
    return this.#end++;
  }

  /** Whether there is an event that can be given: `number`. @param all at the end of the log: what is left. */
  next(all = false): boolean {
    while (this.#first < this.#end) {
      const slot = this.#first & (this.#room - 1);
      const rank = this.#ranks[slot];
      if (rank !== REPLACED && rank !== FINAL) {
        if (!all && this.#held <= this.#limit) return false;
        this.#waiting.delete(this.#keys[slot] ?? 0);
      }
      this.#held -= this.#sizes[slot] ?? 0;
      this.number = this.#first++;
      if (rank === REPLACED) continue;
      this.key = this.#keys[slot] ?? 0;
      this.open = rank !== FINAL;
      return true;
    }
    return false;
  }

  #grow(): void {
    const [keys, sizes, ranks, room] = [this.#keys, this.#sizes, this.#ranks, this.#room];
    this.#room *= 2;
    this.#keys = new Float64Array(this.#room);
    this.#sizes = new Float64Array(this.#room);
    this.#ranks = new Uint8Array(this.#room);
    for (let each = this.#first; each < this.#end; each++) {
      const [from, to] = [each & (room - 1), each & (this.#room - 1)];
      this.#keys[to] = keys[from] ?? 0;
      this.#sizes[to] = sizes[from] ?? 0;
      this.#ranks[to] = ranks[from] ?? 0;
    }
  }
}

const REPLACED = 3;
