/**
 * Everything that is in etcd, as objects, and the changes of the last while: what lists and watches are answered from.
 * Rule: objects in here are shared and never changed; whoever wants another one makes a copy.
 */
import type { Follower } from '../../etcd/client';
import type { Change, Entry } from '../../etcd/store';
import { str, type KubeObject } from './value';

export const PREFIX = '/registry/';

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

export interface StorageKind {
  group: string;
  resource: string;
}

export function keyOf({ group, resource }: StorageKind, namespace: string, name: string): string {
  return `${PREFIX}${group || 'core'}/${resource}/${namespace === '' ? '' : `${namespace}/`}${name}`;
}

const HISTORY_EVENTS = 4_000;
const HISTORY_CHARACTERS = 16 << 20;

export class Cache implements Follower {
  #revision = 0;
  readonly #buckets = new Map<string, Bucket>();
  readonly #waiting = new Set<{ revision: number; wake: () => void }>();

  get revision(): number {
    return this.#revision;
  }

  bucket({ group, resource }: StorageKind): Bucket {
    const name = `${group || 'core'}/${resource}`;
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = new Bucket(this.#revision);
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  /** All kinds that objects were ever seen of. */
  get buckets(): ReadonlyMap<string, Bucket> {
    return this.#buckets;
  }

  /** Too much was missed, or it is the first time: what differs is told as if it happened now. */
  reset(revision: number, entries: readonly Entry[]): void {
    const first = this.#revision === 0;
    const seen = new Map<string, Map<string, Entry>>();
    for (const entry of entries) {
      const { bucket, path } = split(entry.key);
      const paths = seen.get(bucket);
      if (paths === undefined) seen.set(bucket, new Map([[path, entry]]));
      else paths.set(path, entry);
    }
    this.#revision = Math.max(revision, ...entries.map(({ mod }) => mod));
    for (const name of new Set([...seen.keys(), ...this.#buckets.keys()])) {
      const [group = '', resource = ''] = name.split('/');
      this.bucket({ group: group === 'core' ? '' : group, resource }).replace(seen.get(name), this.#revision, first);
    }
    this.#wake();
  }

  changes(changes: readonly Change[]): void {
    const touched = new Set<Bucket>();
    for (const change of changes) {
      const { bucket: name, path } = split(change.key);
      const [group = '', resource = ''] = name.split('/');
      const bucket = this.bucket({ group: group === 'core' ? '' : group, resource });
      bucket.apply(path, change);
      touched.add(bucket);
      this.#revision = Math.max(this.#revision, change.revision);
    }
    for (const bucket of touched) bucket.flush();
    this.#wake();
  }

  /** @returns whether the revision was reached within the time. */
  waitFor(revision: number, timeoutMs: number): Promise<boolean> {
    if (this.#revision >= revision) return Promise.resolve(true);
    return new Promise((resolve) => {
      const entry = {
        revision,
        wake: () => {
          clearTimeout(timer);
          resolve(true);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(entry);
        resolve(false);
      }, timeoutMs);
      this.#waiting.add(entry);
    });
  }

  #wake(): void {
    for (const entry of this.#waiting) {
      if (entry.revision > this.#revision) continue;
      this.#waiting.delete(entry);
      entry.wake();
    }
  }
}

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

  apply(path: string, change: Change): void {
    const before = this.#items.get(path);
    // Changes from while a first list was read come twice.
    if (before !== undefined && before.revision >= change.revision) return;
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

  replace(entries: ReadonlyMap<string, Entry> | undefined, revision: number, first: boolean): void {
    for (const path of [...this.#items.keys()]) {
      if (!entries?.has(path)) this.apply(path, { key: path, revision });
    }
    for (const [path, put] of entries ?? []) this.#overwrite(path, put);
    if (first) {
      this.#history = [];
      this.#historyCharacters = 0;
      this.#since = revision;
      this.#fresh = [];
    }
    this.flush();
  }

  /** Tells the listeners; apart from `apply`, so that they hear of a whole batch at once. */
  flush(): void {
    const events = this.#fresh;
    if (events.length === 0) return;
    this.#fresh = [];
    for (const listener of [...this.#listeners]) listener(events);
  }

  /** Of another etcd than before, an entry may be older than what is known: it counts nevertheless. */
  #overwrite(path: string, put: Entry): void {
    const before = this.#items.get(path);
    if (before?.revision === put.mod) return;
    if (before !== undefined && before.revision > put.mod) this.#items.delete(path);
    this.apply(path, { key: path, revision: put.mod, put });
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

function split(key: string): { bucket: string; path: string } {
  const rest = key.slice(PREFIX.length);
  const second = rest.indexOf('/', rest.indexOf('/') + 1);
  return { bucket: rest.slice(0, second), path: rest.slice(second + 1) };
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
