/**
 * One store, many askers. Rule: a write is answered, and shown to watchers, only when the disk has it; whatever waits
 * meanwhile goes to the disk together (group commit). Watchers hear of a change before its writer is answered.
 */
import type { Change, Entry, Page, Store, Write, WriteResult } from './store';

export interface Disk {
  /** Resolves when the changes will survive a power cut. */
  append(changes: readonly Change[]): Promise<void>;
  /** Called between writes: a chance to replace the log by a snapshot. */
  tidy(store: Store): Promise<void>;
  close(): Promise<void>;
}

export type WatchListener = (changes: readonly Change[]) => void;

interface Waiting {
  run: () => Change | undefined;
  finish: () => void;
  fail: (error: Error) => void;
}

export class Engine {
  readonly #store: Store;
  readonly #disk: Disk | undefined;
  readonly #listeners = new Set<{ prefix: string; from: number; listener: WatchListener }>();
  #queue: Waiting[] = [];
  #busy: Promise<void> | undefined;
  #pumping = false;
  #broken: Error | undefined;
  /** The last revision that is on the disk. */
  #committed: number;

  constructor(store: Store, disk?: Disk) {
    this.#store = store;
    this.#disk = disk;
    this.#committed = store.revision;
  }

  get revision(): number {
    return this.#committed;
  }

  /** The error of the disk that ended it; whoever runs this must then end as well: memory and disk differ. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  write(write: Write): Promise<WriteResult> {
    return this.#enqueue(() => {
      const { result, change } = this.#store.write(write);
      return { value: result, change };
    });
  }

  get(key: string): Promise<{ entry?: Entry }> {
    return this.#enqueue(() => {
      const entry = this.#store.get(key);
      return { value: entry === undefined ? {} : { entry } };
    });
  }

  range(prefix: string, after: string, limit: number): Promise<Page> {
    return this.#enqueue(() => ({ value: this.#store.range(prefix, after, limit) }));
  }

  /**
   * Calls the listener with every change after `revision`, those of the past at once.
   * @returns what ends it, or undefined when the past is forgotten.
   */
  watch(prefix: string, revision: number, listener: WatchListener): (() => void) | undefined {
    const past = this.#store.since(revision);
    if (past === undefined) return undefined;
    // What is decided but not yet on the disk comes with its commit.
    const seen = past.filter((change) => change.revision <= this.#committed && change.key.startsWith(prefix));
    if (seen.length > 0) listener(seen);
    const entry = { prefix, from: Math.max(revision, this.#committed), listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  async close(): Promise<void> {
    await this.#busy;
    await this.#disk?.close();
  }

  #enqueue<T>(run: () => { value: T; change?: Change | undefined }): Promise<T> {
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise<T>((resolve, reject) => {
      let value: T;
      this.#queue.push({
        run: () => {
          const ran = run();
          value = ran.value;
          return ran.change;
        },
        finish: () => {
          resolve(value);
        },
        fail: reject,
      });
      if (this.#pumping) return;
      this.#pumping = true;
      this.#busy = this.#pump();
    });
  }

  async #pump(): Promise<void> {
    // One turn later, everything that arrives together is in the first batch.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      const changes = batch.flatMap((waiting) => waiting.run() ?? []);
      try {
        if (changes.length > 0 && this.#disk) {
          await this.#disk.append(changes);
          await this.#disk.tidy(this.#store);
        }
      } catch (error) {
        this.#broken = error instanceof Error ? error : new Error(String(error));
        for (const waiting of [...batch, ...this.#queue.splice(0)]) waiting.fail(this.#broken);
        break;
      }
      this.#committed = this.#store.revision;
      if (changes.length > 0) this.#notify(changes);
      for (const waiting of batch) waiting.finish();
    }
    // In the same turn as the last look at the queue: whoever comes after it would wait for nobody.
    this.#pumping = false;
  }

  #notify(changes: readonly Change[]): void {
    for (const { prefix, from, listener } of this.#listeners) {
      const wanted = changes.filter((change) => change.revision > from && change.key.startsWith(prefix));
      if (wanted.length > 0) listener(wanted);
    }
  }
}
