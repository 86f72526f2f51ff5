/**
 * One event a request, as it is written. Rule: a request is shown when its answer begins or when it ends, whichever is first;
 * one of which neither comes (the server has died, or the policy leaves these stages out) is shown as it arrived, when it is
 * too late for the rest.
 */
import { performance } from 'node:perf_hooks';
import type { LogEvent } from '../../change/log';
import type { Filter } from '../../core/auditlog/filter';
import { SLOT } from '../../core/auditlog/members';
import type { EventScan } from '../../core/auditlog/scan';
import { FINAL, Finished, rankOf, requestKey } from '../../core/auditlog/stages';

/** What is not answered at all is ended by the server after 60 s (--request-timeout). */
const WAIT_MS = 75_000;
const MOST_STARTED = 50_000;
const MOST_WAITING = 8 << 20;
/** What keeping an event costs besides its bytes. */
const EACH = 300;

export class OnceEach {
  readonly #filter: Filter;
  readonly #onEvent: (event: LogEvent) => void;
  readonly #clock: () => number;
  /** Shown, and not ended yet. */
  readonly #started = new Map<number, string>();
  /** Arrived only, oldest first. */
  readonly #waiting = new Map<number, { raw: Uint8Array; at: number }>();
  readonly #finished = new Finished();
  #size = 0;

  /** @param clock of milliseconds, that nobody sets. */
  constructor(filter: Filter, onEvent: (event: LogEvent) => void, clock: () => number = () => performance.now()) {
    this.#filter = filter;
    this.#onEvent = onEvent;
    this.#clock = clock;
  }

  add(scan: EventScan): void {
    const rank = rankOf(scan);
    const { pick } = this.#filter;
    if (!pick) {
      if (this.#filter.after(scan)) this.#onEvent({ raw: scan.copy(), open: rank !== FINAL });
      return;
    }
    const key = requestKey(scan);
    if (rank === 0) {
      if (this.#filter.after(scan)) this.#wait(key, scan);
      return;
    }
    this.#forget(key);
    if (rank === FINAL) this.#finished.add(key);
    const user = scan.text(SLOT['user.username']);
    // The Audit-ID is the client's to choose: nobody hides behind a request of somebody else.
    const isShown = this.#started.get(key) === user;
    if (isShown && rank === FINAL) this.#started.delete(key);
    if (!this.#filter.after(scan) || (isShown && scan.text(SLOT.stage) !== 'Panic')) return;
    if (rank === 1) this.#start(key, user);
    this.#onEvent({ raw: scan.copy(), open: rank !== FINAL });
  }

  /** Shows what has waited for too long. */
  overdue(now = this.#clock()): void {
    for (const [key, { raw, at }] of this.#waiting) {
      if (now - at < WAIT_MS && this.#size <= MOST_WAITING) return;
      this.#forget(key);
      this.#onEvent({ raw, open: true });
    }
  }

  #wait(key: number, scan: EventScan): void {
    // Lines may be written out of order.
    if (this.#waiting.has(key) || this.#started.has(key) || this.#finished.has(key)) return;
    const raw = scan.copy();
    this.#waiting.set(key, { raw, at: this.#clock() });
    this.#size += raw.length + EACH;
  }

  #forget(key: number): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    this.#size -= waiting.raw.length + EACH;
  }

  #start(key: number, user: string): void {
    this.#started.set(key, user);
    if (this.#started.size <= MOST_STARTED) return;
    // A watch that began longest ago: its end comes as an event of its own.
    for (const oldest of this.#started.keys()) {
      this.#started.delete(oldest);
      return;
    }
  }
}
