/**
 * Everything that is in etcd, as objects, and the changes of the last while: what lists and watches are answered from.
 * Rule: it is never ahead of etcd, and says how far it has come.
 */
import type { Follower } from '../../etcd/client';
import type { Change, Entry } from '../../etcd/store';
import { Bucket } from './bucket';

export const PREFIX = '/registry/';

export interface StorageKind {
  group: string;
  resource: string;
}

export function keyOf({ group, resource }: StorageKind, namespace: string, name: string): string {
  return `${PREFIX}${group || 'core'}/${resource}/${namespace === '' ? '' : `${namespace}/`}${name}`;
}

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
    // Another etcd, or one that was restored: what is remembered of the past is of no use to anybody.
    const rewound = revision < this.#revision;
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
      this.bucket({ group: group === 'core' ? '' : group, resource }).replace(
        seen.get(name),
        this.#revision,
        first,
        rewound,
      );
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

function split(key: string): { bucket: string; path: string } {
  const rest = key.slice(PREFIX.length);
  const second = rest.indexOf('/', rest.indexOf('/') + 1);
  return { bucket: rest.slice(0, second), path: rest.slice(second + 1) };
}
