/** What the API server sees of etcd, wherever it runs. Rule: an answer
 * is never a guess; where none came, it is `EtcdUnavailable`. */
import type { Engine } from './engine';
import type { Change, Entry, Page, Write, WriteResult } from './store';

export interface Etcd {
  /** Rejects with `EtcdUnavailable` when no answer came: the write may have been done or not. */
  write(write: Write): Promise<WriteResult>;
  get(key: string): Promise<Entry | undefined>;
  /** The revision that every write answered so far has reached, by whichever client. */
  revision(): Promise<number>;
  close(): Promise<void>;
}

/** What a follower is told, in the order of revisions; a watch that was interrupted goes on where it was. */
export interface Follower {
  /** The whole state: at first, and when too much of the past was missed. */
  reset(revision: number, entries: readonly Entry[]): void;
  changes(changes: readonly Change[]): void;
}

export class EtcdUnavailable extends Error {
  constructor(message = 'etcdserver: request timed out') {
    super(message);
    this.name = 'EtcdUnavailable';
  }
}

export interface RangeSource {
  range(prefix: string, after: string, limit: number): Promise<Page>;
}

const PAGE = 500;

/**
 * Reads everything under a prefix, page by page. What changes meanwhile may be in it or not: watch from the revision
 * that is answered, which is the first page's, and all is seen.
 */
export async function readAll(
  source: RangeSource,
  prefix: string,
): Promise<{ revision: number; entries: readonly Entry[] }> {
  const entries: Entry[] = [];
  let revision: number | undefined;
  for (let after = ''; ;) {
    const page = await source.range(prefix, after, PAGE);
    revision ??= page.revision;
    entries.push(...page.entries);
    const last = page.entries.at(-1);
    if (!page.more || last === undefined) return { revision, entries };
    after = last.key;
  }
}

/** etcd in this process, without a disk or a network: for tests. */
export async function localEtcd(engine: Engine, prefix: string, follower: Follower): Promise<Etcd> {
  const { revision, entries } = await readAll(engine, prefix);
  follower.reset(revision, entries);
  const end = engine.watch(prefix, revision, (changes) => {
    follower.changes(changes);
  });
  return {
    write: (write) => engine.write(write),
    get: async (key) => (await engine.get(key)).entry,
    revision: () => Promise.resolve(engine.revision),
    close() {
      end?.();
      return Promise.resolve();
    },
  };
}
