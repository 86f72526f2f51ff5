/** get, list, watch: what a client can count on. */
import type { RestApi, RestResponse } from '../../../src/sandbox/apiserver/contract';
import { Cache } from '../../../src/sandbox/apiserver/rest/cache';
import { Engine } from '../../../src/sandbox/etcd/engine';
import { Store } from '../../../src/sandbox/etcd/store';
import { ask, openMemoryRest, read, type Asked } from '../support/rest-front';

let rest: RestApi;
const engine = new Engine(new Store());
beforeAll(async () => {
  rest = await openMemoryRest({ engine, now: () => new Date('2026-03-01T12:00:00Z') });
  await make('namespaces', { metadata: { name: 'shop' } }, '/api/v1');
});
afterAll(() => rest.close());

const CM = '/api/v1/namespaces/shop/configmaps';
const make = (resource: string, body: object, base = '/api/v1/namespaces/shop', on = rest) =>
  ask(on, 'POST', `${base}/${resource}`, { body });
const names = (value: { items: { metadata: { name: string } }[] }) => value.items.map(({ metadata }) => metadata.name);

/** Opens a watch; `next` waits for that many events. */
async function watching(target: string, more: Asked = {}, on = rest) {
  const stop = new AbortController();
  const response: RestResponse = await ask(on, 'GET', target, { ...more, signal: stop.signal });
  if (!('events' in response.body)) throw new Error(JSON.stringify(response.body));
  const events = response.body.events[Symbol.asyncIterator]();
  return {
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- events as a client reads them
    async next(count: number): Promise<any[]> {
      const seen: unknown[] = [];
      while (seen.length < count) {
        const { value, done } = await events.next();
        if (done) break;
        seen.push(value);
      }
      return seen;
    },
    stop: () => stop.abort(),
  };
}
const shown = (events: { type: string; object: { metadata: { name: string } } }[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name}`);

test('a list is sorted, selects, and pages without a gap while others write', async () => {
  for (const name of ['pc', 'pa', 'pd', 'pb', 'pe']) {
    await make('configmaps', { metadata: { name, labels: { page: 'y', odd: name === 'pd' ? 'y' : 'n' } } });
  }
  const first = read(await ask(rest, 'GET', `${CM}?labelSelector=page%3Dy&limit=2`));
  expect(names(first)).toEqual(['pa', 'pb']);
  expect(first.metadata).not.toHaveProperty('remainingItemCount');
  await make('configmaps', { metadata: { name: 'p0', labels: { page: 'y' } } });
  const token = first.metadata.continue as string;
  const second = read(await ask(rest, 'GET', `${CM}?labelSelector=page%3Dy&limit=4&continue=${token}`));
  expect(names(second)).toEqual(['pc', 'pd', 'pe']);
  expect(second.metadata.continue).toBeUndefined();
  expect(names(read(await ask(rest, 'GET', `${CM}?labelSelector=odd%3Dy`)))).toEqual(['pd']);
  expect(names(read(await ask(rest, 'GET', `${CM}?fieldSelector=metadata.name%3Dpb`)))).toEqual(['pb']);
  const whole = read(await ask(rest, 'GET', '/api/v1/configmaps?limit=1'));
  expect(whole.metadata.remainingItemCount).toBeGreaterThan(5);
  expect(whole.items[0]).not.toHaveProperty('kind');
  expect(read(await ask(rest, 'GET', `${CM}?continue=rubbish`)).code).toBe(400);
});

test('a watch from a list’s revision has all that came after it, once', async () => {
  const { metadata } = read(await ask(rest, 'GET', CM));
  const made = read(await make('configmaps', { metadata: { name: 'w1' }, data: { a: '1' } }));
  const watch = await watching(`${CM}?watch=true&resourceVersion=${metadata.resourceVersion}`);
  await ask(rest, 'PUT', `${CM}/w1`, { body: { ...made, data: { a: '2' } } });
  await ask(rest, 'DELETE', `${CM}/w1`);
  const events = await watch.next(3);
  expect(shown(events)).toEqual(['ADDED w1', 'MODIFIED w1', 'DELETED w1']);
  const revisions = events.map(({ object }) => Number(object.metadata.resourceVersion));
  expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
  expect(new Set(revisions).size).toBe(3);
  watch.stop();
  expect(await watch.next(1)).toEqual([]);
});

test('an object that leaves the selection is deleted for the watch, one that enters is added', async () => {
  const watch = await watching(`${CM}?watch=1&labelSelector=team%3Dred`);
  const label = (team: string | null) =>
    ask(rest, 'PATCH', `${CM}/sel`, {
      body: { metadata: { labels: { team } } },
      contentType: 'application/merge-patch+json',
    });
  await make('configmaps', { metadata: { name: 'sel', labels: { team: 'blue' } } });
  await label('red');
  await label('blue');
  expect(shown(await watch.next(2))).toEqual(['ADDED sel', 'DELETED sel']);
  watch.stop();
});

test('without a revision a watch begins with what is there; so does a streaming list, which says where that ends', async () => {
  await make('secrets', { metadata: { name: 's1' } });
  const plain = await watching('/api/v1/namespaces/shop/secrets?watch=true');
  expect(shown(await plain.next(1))).toEqual(['ADDED s1']);
  plain.stop();
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const streaming = await watching(`/api/v1/namespaces/shop/secrets?${query}`);
  const [added, bookmark] = await streaming.next(2);
  expect(added.type).toBe('ADDED');
  expect(bookmark).toMatchObject({
    type: 'BOOKMARK',
    object: { kind: 'Secret', apiVersion: 'v1', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
  });
  streaming.stop();
});

test('what is too old is Expired, what is yet to come is a timeout, what contradicts itself is Invalid', async () => {
  for (let at = 0; at < 5_000; at++)
    await engine.write({ op: 'put', key: '/registry/core/events/shop/e', value: EVENT });
  const watch = await watching('/api/v1/namespaces/shop/events?watch=true&resourceVersion=5');
  expect(await watch.next(2)).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  expect(read(await ask(rest, 'GET', `${CM}?resourceVersion=999999&resourceVersionMatch=NotOlderThan`))).toMatchObject({
    code: 504,
    reason: 'Timeout',
  });
  expect(read(await ask(rest, 'GET', `${CM}?resourceVersionMatch=Exact`)).code).toBe(422);
  expect(read(await ask(rest, 'GET', `${CM}?labelSelector=a%20b`)).code).toBe(400);
});
const EVENT = JSON.stringify({ kind: 'Event', apiVersion: 'v1', metadata: { name: 'e', namespace: 'shop' } });

test('a watch ends when its time is up, with a bookmark for where to go on', async () => {
  const watch = await watching(
    `${CM}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=${revision()}`,
  );
  const events = await watch.next(5);
  expect(events).toMatchObject([{ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(revision()) } } }]);
});
const revision = () => engine.revision;

test('two servers on one etcd: what one has answered, the other shows', async () => {
  const other = await openMemoryRest({ engine });
  const watch = await watching(`${CM}?watch=true&resourceVersion=${revision()}`, {}, other);
  await make('configmaps', { metadata: { name: 'shared' } });
  expect((await ask(other, 'GET', `${CM}/shared`)).status).toBe(200);
  expect(shown(await watch.next(1))).toEqual(['ADDED shared']);
  const both = await Promise.all(
    [rest, other].map((each) => make('configmaps', { metadata: { name: 'race' } }, undefined, each)),
  );
  expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  await other.close();
  expect(await watch.next(5)).toHaveLength(1);
});

test('as a Table: columns, wide ones marked, rows with metadata; the header once a watch', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const table = read(await ask(rest, 'GET', '/api/v1/namespaces/shop/serviceaccounts', { accept }));
  expect(table).toMatchObject({
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Secrets' }, { name: 'Age' }],
    rows: [{ cells: ['default', '0', '0s'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'default' } } }],
  });
  const pods = read(await ask(rest, 'GET', '/api/v1/pods', { accept }));
  const columns: { name: string; priority: number }[] = pods.columnDefinitions;
  expect(columns.filter(({ priority }) => priority === 1).map(({ name }) => name)).toEqual([
    'IP',
    'Node',
    'Nominated Node',
    'Readiness Gates',
  ]);
  const watch = await watching('/api/v1/namespaces/shop/serviceaccounts?watch=true', { accept });
  await make('serviceaccounts', { metadata: { name: 'second' } });
  const [one, two] = await watch.next(2);
  expect(one.object.columnDefinitions).toHaveLength(3);
  expect(two.object).toMatchObject({
    kind: 'Table',
    columnDefinitions: null,
    rows: [{ cells: ['second', '0', '0s'] }],
  });
  watch.stop();
});

test('other media types', async () => {
  expect((await ask(rest, 'GET', CM, { accept: 'application/vnd.kubernetes.protobuf' })).status).toBe(406);
  const partial = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  expect(read(await ask(rest, 'GET', CM, { accept: partial }))).toMatchObject({ kind: 'PartialObjectMetadataList' });
  const unheard = { body: { metadata: { name: 'unheard' } }, accept: 'application/vnd.kubernetes.protobuf' };
  expect((await ask(rest, 'POST', CM, unheard)).status).toBe(406);
  expect((await ask(rest, 'GET', `${CM}/unheard`)).status).toBe(404);
  const body = '<xml/>';
  expect((await ask(rest, 'POST', CM, { body, contentType: 'application/xml' })).status).toBe(415);
});

test.each([
  ['GET', '/api/v1/namespaces/shop/configmaps/none', 404, 'configmaps "none" not found'],
  ['GET', '/apis/apps/v1/namespaces/shop/deployments/none', 404, 'deployments.apps "none" not found'],
  ['GET', '/api/v1/nonsense', 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/namespaces/shop/nodes', 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/pods/p', 404, 'the server could not find the requested resource'],
  ['POST', '/api/v1/configmaps', 405, 'the server does not allow this method on the requested resource'],
  ['PUT', '/api/v1/namespaces/shop/configmaps', 405, 'the server does not allow this method on the requested resource'],
  ['DELETE', '/api/v1/namespaces', 405, 'the server does not allow this method on the requested resource'],
])('%s %s: %i', async (method, path, code, message) => {
  expect(read(await ask(rest, method, path))).toMatchObject({ kind: 'Status', code, message });
});

test('a group that nobody serves is plain text, as of the real server', async () => {
  const response = await ask(rest, 'GET', '/apis/example.com/v1/things');
  expect(response).toMatchObject({ status: 404, body: { text: '404 page not found\n' } });
});

test('an etcd that was put back to an earlier day: what it has is what counts, and watches hear of it', async () => {
  const cache = new Cache();
  const entry = (name: string, mod: number, value = name) => ({
    key: `/registry/core/configmaps/shop/${name}`,
    value: JSON.stringify({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name, namespace: 'shop' },
      data: { value },
    }),
    create: mod,
    mod,
  });
  cache.reset(50, [entry('a', 40), entry('b', 50, 'new')]);
  const bucket = cache.bucket({ group: '', resource: 'configmaps' });
  const told: string[] = [];
  bucket.listen((events) => told.push(...events.map(({ type, item }) => `${type} ${item.object.metadata.name}`)));
  cache.reset(20, [entry('b', 20, 'old'), entry('c', 15)]);
  expect(told.sort()).toEqual(['ADDED c', 'DELETED a', 'MODIFIED b']);
  expect(bucket.list('shop').map(({ object }) => [object.metadata.name, object.metadata.resourceVersion])).toEqual([
    ['b', '20'],
    ['c', '15'],
  ]);
  cache.changes([{ revision: 21, key: entry('c', 21).key, put: entry('c', 21) }]);
  expect(bucket.after(20)).toMatchObject([{ type: 'MODIFIED', revision: 21 }]);
  expect(await cache.waitFor(22, 0)).toBe(false);
});
