/**
 * Reading and changing what is stored. Rule: a change is made to the newest object or not at all; whoever names an old
 * resourceVersion is told so, whoever names none is tried again until it holds.
 */
import { messageOf } from '../../../core/errors';
import { EtcdUnavailable, type Etcd } from '../../etcd/client';
import type { WriteResult } from '../../etcd/store';
import { Item, withRevision } from './bucket';
import { keyOf, type Cache, type StorageKind } from './cache';
import type { Kind } from './kinds/kind';
import { MODIFIED, alreadyExists, conflict, futureRevision, notFound, storageError } from './status';
import { same, type KubeObject } from './value';

const CATCH_UP_MS = 3_000;
const HEALTH_MS = 1_000;
const MOST_TRIES = 20;

export class Registry {
  readonly #etcd: Etcd;
  readonly cache: Cache;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor(etcd: Etcd, cache: Cache) {
    this.#etcd = etcd;
    this.cache = cache;
  }

  /** Resolves when the cache has everything that was answered before the call, by whichever server. */
  async sync(): Promise<void> {
    this.#nextSync ??= (this.#syncing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.#syncing = this.#catchUp();
        this.#nextSync = undefined;
        return this.#syncing;
      });
    await this.#nextSync;
  }

  /** @throws {StatusError} 404. */
  async get(kind: Kind, namespace: string, name: string): Promise<Item> {
    await this.sync();
    const item = this.find(kind, namespace, name);
    if (item === undefined) throw notFound(kind, name);
    return item;
  }

  /** From the cache as it is. */
  find(kind: Kind, namespace: string, name: string): Item | undefined {
    const item = this.cache.bucket(kind.view ?? kind).get(namespace, name);
    return item === undefined ? undefined : shown(kind, item);
  }

  list(kind: Kind, namespace: string): Item[] {
    const items = this.cache.bucket(kind.view ?? kind).list(namespace);
    return kind.view === undefined ? items : items.map((item) => shown(kind, item));
  }

  /** @throws {StatusError} 409 when there is one of that name. */
  async create(kind: Kind, object: KubeObject, dryRun: boolean): Promise<Item> {
    const { name } = object.metadata;
    const key = storageKey(kind, object);
    if (dryRun) {
      await this.sync();
      if (this.find(kind, object.metadata.namespace ?? '', name)) throw alreadyExists(kind, name);
      return new Item(withoutRevision(object), 0);
    }
    const result = await this.#write({ op: 'put', key, value: stored(kind, object), expect: 0 });
    if (!result.done) throw alreadyExists(kind, name);
    return this.#written(object, result.revision);
  }

  /**
   * @param change the next object made of the newest one, `remove`, or `keep`; called again when somebody was faster. What
   *   it throws ends it.
   */
  async update(
    kind: Kind,
    namespace: string,
    name: string,
    change: (current: KubeObject) => KubeObject | 'remove' | 'keep' | Promise<KubeObject | 'remove' | 'keep'>,
    dryRun: boolean,
  ): Promise<{ item: Item; removed: boolean }> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const current = this.find(kind, namespace, name) ?? (await this.get(kind, namespace, name));
      const next = await change(current.object);
      if (next === 'keep' || (next !== 'remove' && same(next, current.object)))
        return { item: current, removed: false };
      if (dryRun) {
        await this.sync();
        if (this.find(kind, namespace, name)?.revision !== current.revision) continue;
        return next === 'remove' ? { item: current, removed: true } : { item: new Item(next, 0), removed: false };
      }
      const key = storageKey(kind, current.object);
      const result = await this.#write(
        next === 'remove'
          ? { op: 'remove', key, expect: current.revision }
          : { op: 'put', key, value: stored(kind, next), expect: current.revision },
      );
      if (result.done) {
        return next === 'remove'
          ? { item: new Item(withRevision(current.object, result.revision), result.revision), removed: true }
          : { item: await this.#written(next, result.revision), removed: false };
      }
      await this.#await(result.revision);
    }
    throw conflict(kind, name, MODIFIED);
  }

  /** Whoever asks after the server's health waits less long than a request does. */
  healthy(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(false);
      }, HEALTH_MS);
      this.#etcd
        .revision()
        .then(
          () => true,
          () => false,
        )
        .then((answered) => {
          clearTimeout(timer);
          resolve(answered);
        })
        .catch(() => undefined);
    });
  }

  /** @throws {StatusError} 504 when it is not reached in time. */
  async reach(revision: number): Promise<void> {
    if (!(await this.cache.waitFor(revision, CATCH_UP_MS))) throw futureRevision(revision, this.cache.revision);
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#await(await this.#etcd.revision());
    } catch (error) {
      throw unavailable(error);
    }
  }

  async #await(revision: number): Promise<void> {
    if (!(await this.cache.waitFor(revision, CATCH_UP_MS))) throw storageError('etcdserver: request timed out');
  }

  async #write(write: Parameters<Etcd['write']>[0]): Promise<WriteResult> {
    try {
      return await this.#etcd.write(write);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** A client that reads its own write must find it, in a list and a watch as well. */
  async #written(object: KubeObject, revision: number): Promise<Item> {
    await this.#await(revision);
    return new Item(withRevision(object, revision), revision);
  }
}

function unavailable(error: unknown): unknown {
  return error instanceof EtcdUnavailable ? storageError(messageOf(error)) : error;
}

function storageKey(kind: Kind, object: KubeObject): string {
  const at: StorageKind = kind.view ?? kind;
  return keyOf(at, object.metadata.namespace ?? '', object.metadata.name);
}

/** The revision is the entry's, not the object's; its place is kept, so that it is shown where clients are used to it. */
function stored(kind: Kind, object: KubeObject): string {
  const value = kind.view === undefined ? object : (kind.view.store(object) as KubeObject);
  return JSON.stringify({ ...value, metadata: { ...value.metadata, resourceVersion: '0' } });
}

function shown(kind: Kind, item: Item): Item {
  return kind.view === undefined ? item : new Item(kind.view.show(item.object), item.revision);
}

export function shownAs(kind: Kind, item: Item): Item {
  return shown(kind, item);
}

function withoutRevision(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: undefined } };
}
