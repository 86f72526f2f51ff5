/**
 * watch: a stream of events from a revision on (apiserver/pkg/storage/cacher). Rule: a client that applies the events in
 * their order has what a list would have shown; one that is too slow is ended, never skipped.
 */
import { negotiate } from './codec';
import type { Call, Handler } from './context';
import { Item, type CacheEvent } from './bucket';
import { apiVersionOf } from './kinds/kind';
import { listOptions } from './options';
import { matcherOf } from './reads';
import { shownAs } from './registry';
import { expired } from './status';
import { includeObject, partial, table } from './tables';
import type { KubeObject } from './value';

const MOST_WAITING = 10_000;
const BOOKMARK_MS = 60_000;
const SHORTEST_DEFAULT_S = 1_800;

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: unknown;
}

export const watch: Handler = async (call) => {
  const { server, kind, request, name } = call;
  const options = listOptions(request.query, true);
  const show = shower(call);
  // The deprecated /watch/ path names the object instead of selecting it.
  const byName = name === '' || request.query.has('fieldSelector') ? options.fieldSelector : `metadata.name=${name}`;
  const matches = matcherOf(kind, { ...options, fieldSelector: byName }) ?? (() => true);
  const from = options.resourceVersion ?? 0;
  const initial = options.sendInitialEvents ?? from === 0;
  if (from > 0) await server.registry.reach(from);
  else if (options.resourceVersion === undefined) await server.registry.sync();

  const { cache } = server.registry;
  const bucket = cache.bucket(kind.view ?? kind);
  const inNamespace = ({ metadata }: KubeObject): boolean =>
    call.namespace === '' || metadata.namespace === call.namespace;
  const wanted = (item: Item): boolean => {
    const { object } = shownAs(kind, item);
    return inNamespace(object) && matches(object);
  };
  const translate = (event: CacheEvent): WatchEvent | undefined => {
    const now = event.type !== 'DELETED' && wanted(event.item);
    const before = event.before !== undefined && wanted(event.before);
    if (!now && !before) return undefined;
    const type = now ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED';
    // What has left the selection is shown as it was when it was in it, with the revision at which it left.
    const item = type === 'DELETED' && event.before ? left(event.before, event.revision) : event.item;
    return { type, object: show(shownAs(kind, item)) };
  };

  const queue = new EventQueue(MOST_WAITING + bucket.size);
  let seen = cache.revision;
  if (initial) {
    for (const item of bucket.list(call.namespace)) {
      if (wanted(item)) queue.push({ type: 'ADDED', object: show(shownAs(kind, item)) });
    }
    if (options.sendInitialEvents === true && options.bookmarks) queue.push(bookmark(call, seen, true));
  } else {
    const past = bucket.after(from === 0 ? seen : from);
    if (past === undefined) {
      const error = expired(`too old resource version: ${from} (${bucket.since})`);
      return events(single({ type: 'ERROR', object: error.status }));
    }
    for (const event of past) {
      const translated = translate(event);
      if (translated) queue.push(translated);
    }
  }
  const unlisten = bucket.listen((fresh) => {
    for (const event of fresh) {
      seen = event.revision;
      const translated = translate(event);
      if (translated) queue.push(translated);
    }
  });

  const timers: NodeJS.Timeout[] = [];
  const signals = [request.signal, server.ending];
  const end = (): void => {
    for (const timer of timers) clearTimeout(timer);
    unlisten();
    queue.end();
    for (const signal of signals) signal.removeEventListener('abort', end);
  };
  const seconds =
    options.timeoutSeconds > 0 ? options.timeoutSeconds : SHORTEST_DEFAULT_S + server.around.random(SHORTEST_DEFAULT_S);
  timers.push(
    setTimeout(
      () => {
        if (options.bookmarks) queue.push(bookmark(call, Math.max(seen, cache.revision), false));
        end();
      },
      Math.min(seconds * 1000, 2 ** 31 - 1),
    ),
  );
  if (options.bookmarks) {
    timers.push(
      setInterval(() => {
        queue.push(bookmark(call, Math.max(seen, cache.revision), false));
      }, BOOKMARK_MS),
    );
  }
  for (const signal of signals) {
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  }
  return events(queue.stream(end));
};

function events(stream: AsyncIterable<unknown>): { status: number; body: { events: AsyncIterable<unknown> } } {
  return { status: 200, body: { events: stream } };
}

async function* single(event: WatchEvent): AsyncGenerator<WatchEvent> {
  yield await Promise.resolve(event);
}

function left(before: Item, revision: number): Item {
  const { object } = before;
  return new Item({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }, revision);
}

function shower({ request, kind, server }: Call): (item: Item) => unknown {
  const wanted = negotiate(request.accept);
  if (wanted.as === 'PartialObjectMetadata') return ({ object }) => partial(object, wanted.version);
  if (wanted.as !== 'Table') return ({ object }) => object;
  const include = includeObject(request.query);
  let header = false;
  return ({ object }) => {
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
    const options = { version: wanted.version, include, now: server.now(), withoutHeader: header };
    header = true;
    return table(kind, [object], metadata, options);
  };
}

function bookmark({ request, kind }: Call, revision: number, initialEnd: boolean): WatchEvent {
  const annotations = initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  const metadata = { resourceVersion: String(revision), ...annotations };
  const wanted = negotiate(request.accept);
  if (wanted.as === 'Table') {
    const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
    const apiVersion = `meta.k8s.io/${wanted.version}`;
    const rows = [{ cells: [], object }];
    return { type: 'BOOKMARK', object: { kind: 'Table', apiVersion, metadata, columnDefinitions: null, rows } };
  }
  if (wanted.as === 'PartialObjectMetadata') {
    const apiVersion = `meta.k8s.io/${wanted.version}`;
    return { type: 'BOOKMARK', object: { kind: 'PartialObjectMetadata', apiVersion, metadata } };
  }
  return { type: 'BOOKMARK', object: { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata } };
}

/** Between the cache, which does not wait, and the client, who takes what it can. */
class EventQueue {
  readonly #events: WatchEvent[] = [];
  readonly #most: number;
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param most more than that waiting is a client that does not follow; what it is sent at the start included. */
  constructor(most: number) {
    this.#most = most;
  }

  push(event: WatchEvent): void {
    if (this.#ended) return;
    this.#events.push(event);
    if (this.#events.length > this.#most) this.end();
    else this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *stream(onEnd: () => void): AsyncGenerator<WatchEvent> {
    try {
      for (;;) {
        // Taken out as a whole: shifting one by one would move the rest each time.
        for (const event of this.#events.splice(0)) yield event;
        if (this.#events.length > 0) continue;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      onEnd();
    }
  }
}
