/**
 * Mode batch: events are queued and handed on in batches, when there are enough of them or the wait is over, no faster
 * than the throttle allows. A full queue loses events rather than holding requests up (apiserver/plugin/pkg/audit/buffered).
 */
import type { Backend, Report } from './backend';
import type { AuditEvent } from './event';
import type { BatchOptions } from './options';

/** The clock, so that a test needs none. */
export interface Timer {
  /** Milliseconds; monotonic. */
  now(): number;
  /** Returns what takes it back. */
  after(ms: number, run: () => void): () => void;
}

export const REAL_TIMER: Timer = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** For batches that are on their way when the server ends. */
const PATIENCE_MS = 2_000;

export function buffered(backend: Backend, options: BatchOptions, report: Report, timer: Timer = REAL_TIMER): Backend {
  return new Buffered(backend, options, report, timer);
}

class Buffered implements Backend {
  readonly #backend: Backend;
  readonly #options: BatchOptions;
  readonly #report: Report;
  readonly #timer: Timer;
  readonly #throttle: TokenBucket | undefined;
  #queue: AuditEvent[] = [];
  readonly #under = new Set<Promise<unknown>>();
  #cancel: (() => void) | undefined;
  /** Whether the timer was set for a full batch: then nothing can come sooner. */
  #timedFull = false;
  #dueSince: number;
  #closed = false;
  #ended: Promise<void> | undefined;

  constructor(backend: Backend, options: BatchOptions, report: Report, timer: Timer) {
    this.#backend = backend;
    this.#options = options;
    this.#report = report;
    this.#timer = timer;
    this.#throttle = options.throttle && new TokenBucket(options.throttle, timer.now());
    this.#dueSince = timer.now();
  }

  process(events: readonly AuditEvent[]): boolean {
    if (this.#closed) {
      this.#report('buffered', 'audit backend shut down', events);
      return true;
    }
    const room = Math.max(0, this.#options.bufferSize - this.#queue.length);
    this.#queue.push(...events.slice(0, room));
    if (room < events.length) this.#report('buffered', 'audit buffer queue blocked', events.slice(room));
    this.#schedule();
    return true;
  }

  close(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  /** The throttle is past; a receiver that does not answer is not waited for without end. */
  async #end(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    while (this.#queue.length > 0) this.#send();
    let stopWaiting = () => {
      // nothing is waited for yet
    };
    const patience = new Promise<void>((resolve) => {
      stopWaiting = this.#timer.after(PATIENCE_MS, resolve);
    });
    await Promise.race([Promise.all(this.#under), patience]);
    stopWaiting();
    await this.#backend.close();
  }

  /** At most one timer: for the next batch that is full, or whose wait is over. */
  #schedule(): void {
    const full = this.#queue.length >= this.#options.maxSize;
    if (this.#queue.length === 0 || (this.#cancel !== undefined && (this.#timedFull || !full))) return;
    this.#cancel?.();
    this.#timedFull = full;
    const now = this.#timer.now();
    this.#cancel = this.#timer.after(Math.max(full ? 0 : this.#due(now), this.#throttle?.waitFor(now) ?? 0), () => {
      this.#cancel = undefined;
      do this.#send();
      while (this.#queue.length >= this.#options.maxSize && (this.#throttle?.waitFor(this.#timer.now()) ?? 0) === 0);
      this.#schedule();
    });
  }

  /** The server's wait starts anew when it is over, events or none: it ends at a multiple since the last batch. */
  #due(now: number): number {
    const { maxWait } = this.#options;
    return maxWait <= 0 ? 0 : maxWait - ((now - this.#dueSince) % maxWait);
  }

  #send(): void {
    this.#throttle?.take(this.#timer.now());
    const batch = this.#queue.splice(0, this.#options.maxSize);
    this.#dueSince = this.#timer.now();
    const answer = this.#backend.process(batch);
    if (typeof answer === 'boolean') return;
    const under = answer.finally(() => this.#under.delete(under));
    this.#under.add(under);
  }
}

/** golang.org/x/time/rate as client-go uses it: `burst` at once, then `qps` a second. */
class TokenBucket {
  readonly #qps: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor({ qps, burst }: { qps: number; burst: number }, now: number) {
    this.#qps = qps;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Milliseconds until one is there. */
  waitFor(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#qps) * 1000;
  }

  take(now: number): void {
    this.#fill(now);
    this.#tokens -= 1;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#qps);
    this.#at = now;
  }
}
