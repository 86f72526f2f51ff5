/**
 * How long a container that ends again and again is held back. Rule: the first restart is free, each one after it waits
 * twice as long as the one before, counted from the container's end; an entry outlives its pod and is forgotten only
 * after a long quiet. Source: client-go/util/flowcontrol/backoff.go as pkg/kubelet uses it.
 */
export class BackOff {
  readonly #entries = new Map<string, { waitMs: number; changedAt: number }>();
  readonly #first: number;
  readonly #most: number;
  readonly #reset: number;

  /** All in milliseconds; `reset`: how long a container must have run for its past to be forgotten. */
  constructor({ first, most, reset }: { first: number; most: number; reset: number }) {
    this.#first = first;
    this.#most = most;
    this.#reset = reset;
  }

  /** When a container that ended at `endedAt` may start again; at once when that is not later than `endedAt`. */
  until(key: string, endedAt: number): number {
    const entry = this.#entry(key, endedAt);
    return entry === undefined ? endedAt : endedAt + entry.waitMs;
  }

  /** What the entry says now; for the message about it. */
  wait(key: string): number {
    return this.#entries.get(key)?.waitMs ?? 0;
  }

  /** It is started again: the next time waits longer. */
  next(key: string, endedAt: number, now: number): void {
    const entry = this.#entry(key, endedAt);
    const waitMs = entry === undefined ? this.#first : Math.min(entry.waitMs * 2, this.#most);
    this.#entries.set(key, { waitMs, changedAt: now });
  }

  #entry(key: string, endedAt: number): { waitMs: number } | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || endedAt - entry.changedAt > this.#reset ? undefined : entry;
  }
}
