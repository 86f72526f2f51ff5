/** get and list. */
import { objectAnswer, listAnswer } from './answers';
import type { Item } from './bucket';
import type { Call, Handler } from './context';
import type { Kind } from './kinds/kind';
import { listOptions, type ListOptions } from './options';
import { fieldSelector, labelSelector, type Matcher } from './selectors';
import { badRequest, expired } from './status';
import type { KubeObject, Obj } from './value';

export const get: Handler = async (call) => {
  const { server, kind, namespace, name, request } = call;
  const wanted = request.query.get('resourceVersion') ?? '';
  if (/^[1-9]\d*$/.test(wanted)) await server.registry.reach(Number(wanted));
  const cached = wanted === '' ? undefined : server.registry.find(kind, namespace, name);
  return objectAnswer(call, cached ?? (await server.registry.get(kind, namespace, name)));
};

export const list: Handler = async (call) => {
  const { server, kind, namespace, request } = call;
  const options = listOptions(request.query, false);
  const matches = matcherOf(kind, options);
  const token = options.continueToken === '' ? undefined : readToken(options.continueToken);
  const { cache } = server.registry;
  if (options.resourceVersion === undefined) await server.registry.sync();
  else await server.registry.reach(options.resourceVersion);
  if (options.match === 'Exact' && options.resourceVersion !== cache.revision) {
    const changed = cache.bucket(kind.view ?? kind).after(options.resourceVersion ?? 0);
    if (changed === undefined || changed.length > 0) {
      throw expired(`The provided resource version is too old: ${options.resourceVersion ?? 0}`);
    }
  }
  const { revision } = cache;
  let items = server.registry.list(kind, namespace);
  if (matches) items = items.filter(({ object }) => matches(object));
  if (token !== undefined) items = items.filter((item) => pathOf(item) > token);
  const metadata: Obj = { resourceVersion: String(options.match === 'Exact' ? options.resourceVersion : revision) };
  if (options.limit > 0 && items.length > options.limit) {
    const rest = items.length - options.limit;
    items = items.slice(0, options.limit);
    const last = items.at(-1);
    metadata.continue = last === undefined ? '' : writeToken(revision, pathOf(last));
    // With a selector, how many are left is not known.
    if (matches === undefined) metadata.remainingItemCount = rest;
  }
  return listAnswer(call, items, metadata);
};

/** What the request's selectors choose; undefined when everything. */
export function matcherOf(
  kind: Kind,
  options: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>,
): Matcher<KubeObject> | undefined {
  const labels = labelSelector(options.labelSelector);
  const known = ['metadata.name', ...(kind.namespaced ? ['metadata.namespace'] : []), ...Object.keys(kind.fields)];
  const fields = fieldSelector<KubeObject>(options.fieldSelector, known, (object) => ({
    'metadata.name': object.metadata.name,
    'metadata.namespace': object.metadata.namespace ?? '',
    ...Object.fromEntries(Object.entries(kind.fields).map(([field, read]) => [field, read(object)])),
  }));
  if (labels === undefined) return fields;
  return (object) => labels(object.metadata.labels ?? {}) && (fields?.(object) ?? true);
}

export function collectionItems(call: Call, options: ListOptions): Item[] {
  const { server, kind, namespace } = call;
  const matches = matcherOf(kind, options);
  const items = server.registry.list(kind, namespace);
  return matches ? items.filter(({ object }) => matches(object)) : items;
}

/** Sorted as the cache's keys are. */
function pathOf({ object }: Item): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function writeToken(revision: number, path: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `${path}\u0000` })).toString(
    'base64url',
  );
}

function readToken(token: string): string {
  try {
    const { v, start } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as {
      v?: unknown;
      start?: unknown;
    };
    if (v === 'meta.k8s.io/v1' && typeof start === 'string') return start.replace(/\u0000$/, '');
  } catch {
    // Answered below.
  }
  throw badRequest('continue key is not valid: illegal base64 data at input byte 0');
}
