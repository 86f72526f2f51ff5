/**
 * Keys with their revisions, in memory: what etcd promises and the API server needs of it. Rule: every change is one
 * revision; whoever gives the revision that is expected changes nothing when somebody else was faster.
 */

export interface Entry {
  key: string;
  value: string;
  /** The revision that made it, and the one that changed it last. */
  create: number;
  mod: number;
}

/** What one revision did. A removal keeps the key only. */
export type Change = { revision: number; key: string; put: Entry } | { revision: number; key: string; put?: undefined };

/** `expect`: the revision of the entry's last change; 0: there must be none; absent: whatever stands there. */
export type Write =
  { op: 'put'; key: string; value: string; expect?: number } | { op: 'remove'; key: string; expect?: number };

export type WriteResult = { done: true; revision: number } | { done: false; revision: number; current?: Entry };

export interface Page {
  /** The store's revision when the page was read. */
  revision: number;
  entries: readonly Entry[];
  more: boolean;
}

/** As with etcd, the first write is revision 2. */
const FIRST_REVISION = 1;
/** How much of the past a watch may ask for. */
const HISTORY_CHANGES = 10_000;
const HISTORY_CHARACTERS = 16 << 20;

export class Store {
  #revision = FIRST_REVISION;
  readonly #entries = new Map<string, Entry>();
  #characters = 0;
  #history: Change[] = [];
  #historyCharacters = 0;
  /** The history is whole for every revision after this one. */
  #compacted = FIRST_REVISION;

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The length of all keys and values together. */
  get characters(): number {
    return this.#characters;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Decides and does it: `change` is absent where nothing was to do. */
  write(write: Write): { result: WriteResult; change?: Change } {
    const current = this.#entries.get(write.key);
    if (write.expect !== undefined && write.expect !== (current?.mod ?? 0)) {
      return { result: { done: false, revision: this.#revision, ...(current ? { current } : {}) } };
    }
    if (write.op === 'remove' && current === undefined) return { result: { done: false, revision: this.#revision } };
    const revision = this.#revision + 1;
    const { key } = write;
    const change: Change =
      write.op === 'put'
        ? { revision, key, put: { key, value: write.value, create: current?.create ?? revision, mod: revision } }
        : { revision, key };
    this.replay(change);
    return { result: { done: true, revision }, change };
  }

  /** Takes over a change that was decided before: from the log on the disk. */
  replay(change: Change): void {
    const before = this.#entries.get(change.key);
    if (before !== undefined) this.#characters -= before.key.length + before.value.length;
    if (change.put === undefined) this.#entries.delete(change.key);
    else {
      this.#entries.set(change.key, change.put);
      this.#characters += change.put.key.length + change.put.value.length;
    }
    this.#revision = change.revision;
    this.#remember(change);
  }

  /** Takes over a whole state: from a snapshot. The past before it is gone. */
  restore(revision: number, entries: Iterable<Entry>): void {
    this.#entries.clear();
    this.#characters = 0;
    for (const entry of entries) {
      this.#entries.set(entry.key, entry);
      this.#characters += entry.key.length + entry.value.length;
    }
    this.#revision = revision;
    this.#compacted = revision;
    this.#history = [];
    this.#historyCharacters = 0;
  }

  /** Entries whose key begins with `prefix` and comes after `after`, by key. */
  range(prefix: string, after: string, limit: number): Page {
    const keys: string[] = [];
    for (const key of this.#entries.keys()) if (key.startsWith(prefix) && key > after) keys.push(key);
    keys.sort();
    const entries = keys.slice(0, limit).flatMap((key) => this.#entries.get(key) ?? []);
    return { revision: this.#revision, entries, more: keys.length > limit };
  }

  /** Every change after `revision`; undefined when some of them are forgotten or still to come. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#compacted || revision > this.#revision) return undefined;
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#history[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#history.slice(low);
  }

  #remember(change: Change): void {
    this.#history.push(change);
    this.#historyCharacters += change.put?.value.length ?? 0;
    if (this.#history.length <= HISTORY_CHANGES && this.#historyCharacters <= HISTORY_CHARACTERS) return;
    // A quarter at a time: one by one, every write would move the whole array.
    const forgotten = this.#history.splice(0, Math.ceil(this.#history.length / 4));
    for (const { put, revision } of forgotten) {
      this.#historyCharacters -= put?.value.length ?? 0;
      this.#compacted = revision;
    }
  }
}
