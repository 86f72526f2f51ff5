/**
 * The objects of one kind, and what happened to them lately. Rule: objects in here are shared and never changed; whoever
 * wants another one makes a copy.
 */
import type { Change, Entry } from '../../etcd/store';
import { str, type KubeObject } from './value';

/** One object with the revision it has. */
export class Item {
  readonly object: KubeObject;
  readonly revision: number;
  #json: string | undefined;

  constructor(object: KubeObject, revision: number) {
    this.object = object;
    this.revision = revision;
  }

  /** As it is sent; made once. */
  get json(): string {
    return (this.#json ??= JSON.stringify(this.object));
  }
}

export interface CacheEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  revision: number;
  item: Item;
  /** What stood there before. */
  before?: Item;
}

export type CacheListener = (events: readonly CacheEvent[]) => void;

const HISTORY_EVENTS = 4_000;
const HISTORY_CHARACTERS = 16 << 20;

/** The objects of one kind, by namespace and name, and what lately happened to them. */
export class Bucket {
  readonly #items = new Map<string, Item>();
  /** Per namespace (empty: cluster-wide) its paths, sorted. */
  readonly #sorted = new Map<string, string[]>();
  /** By the uid of an owner, what it owns. */
  readonly #owned = new Map<string, Set<string>>();
  #history: CacheEvent[] = [];
  #historyCharacters = 0;
  /** The history is whole for every revision after this one. */
  #since: number;
  #fresh: CacheEvent[] = [];
  #objects: readonly KubeObject[] | undefined;
  readonly #listeners = new Set<CacheListener>();

  constructor(since: number) {
    this.#since = since;
  }

  get size(): number {
    return this.#items.size;
  }

  get since(): number {
    return this.#since;
  }

  get(namespace: string, name: string): Item | undefined {
    return this.#items.get(namespace === '' ? name : `${namespace}/${name}`);
  }

  /** Sorted as the keys are; without a namespace, those of all. */
  list(namespace: string): Item[] {
    const groups =
      namespace === ''
        ? [...this.#sorted.keys()].sort((one, other) => (`${one}/` < `${other}/` ? -1 : 1))
        : [namespace];
    const items: Item[] = [];
    for (const group of groups) {
      for (const path of this.#sorted.get(group) ?? []) {
        const item = this.#items.get(path);
        if (item !== undefined) items.push(item);
      }
    }
    return items;
  }

  /** In no order; made anew when something has changed. */
  objects(): readonly KubeObject[] {
    return (this.#objects ??= [...this.#items.values()].map(({ object }) => object));
  }

  ownedBy(uid: string): readonly Item[] {
    return [...(this.#owned.get(uid) ?? [])].flatMap((path) => this.#items.get(path) ?? []);
  }

  /** What happened after the revision; undefined when some of it is forgotten. */
  after(revision: number): readonly CacheEvent[] | undefined {
    if (revision < this.#since) return undefined;
    return this.#history.filter((event) => event.revision > revision);
  }

  listen(listener: CacheListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  apply(path: string, change: Change, rewound = false): void {
    const before = this.#items.get(path);
    // Changes from while a first list was read come twice.
    if (!rewound && before !== undefined && before.revision >= change.revision) return;
    if (change.put === undefined) {
      if (before === undefined) return;
      this.#items.delete(path);
      removeSorted(this.#sorted, path);
      this.#disown(path, before);
      const item = new Item(withRevision(before.object, change.revision), change.revision);
      this.#remember({ type: 'DELETED', revision: change.revision, item, before }, 0);
      return;
    }
    const item = readItem(change.put);
    this.#items.set(path, item);
    if (before !== undefined) this.#disown(path, before);
    for (const uid of ownersOf(item)) {
      const paths = this.#owned.get(uid);
      if (paths === undefined) this.#owned.set(uid, new Set([path]));
      else paths.add(path);
    }
    if (before === undefined) insertSorted(this.#sorted, path);
    const { revision } = change;
    const { length } = change.put.value;
    if (before === undefined) this.#remember({ type: 'ADDED', revision, item }, length);
    else this.#remember({ type: 'MODIFIED', revision, item, before }, length);
  }

  replace(entries: ReadonlyMap<string, Entry> | undefined, revision: number, first: boolean, rewound: boolean): void {
    for (const path of [...this.#items.keys()]) {
      if (!entries?.has(path)) this.apply(path, { key: path, revision }, rewound);
    }
    for (const [path, put] of entries ?? []) {
      const known = this.#items.get(path);
      if (known?.revision !== put.mod) this.apply(path, { key: path, revision: put.mod, put }, rewound);
    }
    if (first || rewound) {
      this.#history = [];
      this.#historyCharacters = 0;
      this.#since = revision;
    }
    if (first) this.#fresh = [];
    this.flush();
  }

  /** Tells the listeners; apart from `apply`, so that they hear of a whole batch at once. */
  flush(): void {
    const events = this.#fresh;
    if (events.length === 0) return;
    this.#fresh = [];
    for (const listener of [...this.#listeners]) listener(events);
  }

  #disown(path: string, item: Item): void {
    for (const uid of ownersOf(item)) {
      const paths = this.#owned.get(uid);
      paths?.delete(path);
      if (paths?.size === 0) this.#owned.delete(uid);
    }
  }

  #remember(event: CacheEvent, characters: number): void {
    this.#objects = undefined;
    this.#history.push(event);
    this.#historyCharacters += characters;
    this.#fresh.push(event);
    if (this.#history.length <= HISTORY_EVENTS && this.#historyCharacters <= HISTORY_CHARACTERS) return;
    const kept = this.#historyCharacters > HISTORY_CHARACTERS ? 0 : Math.floor(HISTORY_EVENTS / 2);
    const forgotten = this.#history.splice(0, this.#history.length - kept);
    this.#since = forgotten.at(-1)?.revision ?? this.#since;
    this.#historyCharacters = kept === 0 ? 0 : Math.floor(this.#historyCharacters / 2);
  }
}

function ownersOf({ object }: Item): string[] {
  return (object.metadata.ownerReferences ?? []).map(({ uid }) => str(uid));
}

function readItem({ value, mod }: Entry): Item {
  const object = JSON.parse(value) as KubeObject;
  object.metadata.resourceVersion = String(mod);
  return new Item(object, mod);
}

/** A copy as far as it differs. */
export function withRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function namespaceOf(path: string): string {
  const slash = path.indexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

function insertSorted(sorted: Map<string, string[]>, path: string): void {
  const namespace = namespaceOf(path);
  const paths = sorted.get(namespace);
  if (paths === undefined) sorted.set(namespace, [path]);
  else paths.splice(placeOf(paths, path), 0, path);
}

function removeSorted(sorted: Map<string, string[]>, path: string): void {
  const namespace = namespaceOf(path);
  const paths = sorted.get(namespace);
  if (paths === undefined) return;
  const place = placeOf(paths, path);
  if (paths[place] === path) paths.splice(place, 1);
  if (paths.length === 0) sorted.delete(namespace);
}

function placeOf(paths: readonly string[], path: string): number {
  let low = 0;
  let high = paths.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((paths[middle] ?? '') < path) low = middle + 1;
    else high = middle;
  }
  return low;
}
