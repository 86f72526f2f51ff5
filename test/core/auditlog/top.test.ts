/** Counts by several fields, in one thread and in several, held against a plain Map. */
import fc from 'fast-check';
import { maskUri } from '../../../src/core/auditlog/mask';
import { EventScan } from '../../../src/core/auditlog/scan';
import { mergeTop, TopCounter, topRows, type TopRow } from '../../../src/core/auditlog/top';
import { auditEvent, line, oddly, parts, randomFrom, type EventParts } from '../../support/audit-events';

const BY = ['user', 'verb', 'resource', 'name', 'uri', 'code'];

function countersOf(texts: readonly string[], by: readonly string[], threads: number): TopCounter[] {
  const counters = Array.from({ length: threads }, () => new TopCounter(by));
  const scan = new EventScan();
  texts.forEach((text, at) => {
    const bytes = new TextEncoder().encode(text);
    if (!scan.scan(bytes, 0, bytes.length)) throw new Error(text);
    counters[at % threads]?.add(scan);
  });
  return counters;
}

function counted(texts: readonly string[], by: readonly string[], threads: number, limit: number): TopRow[] {
  return topRows(mergeTop(countersOf(texts, by, threads).map((counter) => counter.result())), limit);
}

interface Plain {
  user?: { username?: string };
  verb?: string;
  objectRef?: { resource?: string; name?: string };
  requestURI?: string;
  responseStatus?: { code?: number };
}

function valuesOf(event: Plain): (string | null)[] {
  const { user, verb, objectRef, requestURI, responseStatus } = event;
  const code = responseStatus?.code;
  return [
    user?.username ?? null,
    verb ?? null,
    objectRef?.resource ?? null,
    objectRef?.name ?? null,
    requestURI === undefined ? null : maskUri(requestURI),
    code === undefined ? null : String(code),
  ];
}

function expected(events: readonly Plain[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) {
    const key = JSON.stringify(valuesOf(event));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

const tokens = fc.constantFrom('/a?token=one', '/a?x=1&TOKEN=two&y', '/a?token=two', '/a?notoken', undefined);

test('the same counts as a Map, however many threads share the work and however the events are written', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ event: parts, uri: tokens, seed: fc.nat() }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      (given, threads) => {
        const events = given.map(({ event, uri }): EventParts => (uri === undefined ? event : { ...event, uri }));
        const texts = events.map((event, at) => oddly(auditEvent(event), randomFrom(given[at]?.seed ?? 0)));
        const rows = counted(texts, BY, threads, 0);
        const counts = expected(events.map((event) => auditEvent(event) as Plain));
        expect(new Map(rows.map(({ values, count }) => [JSON.stringify(values), count]))).toEqual(counts);
        expect(rows).toHaveLength(counts.size);
        expect(rows.map(({ count }) => count)).toEqual([...counts.values()].sort((a, b) => b - a));
      },
    ),
    { numRuns: 200 },
  );
});

test('tens of thousands of groups: the first ones are the first ones of all', () => {
  const random = randomFrom(5);
  const texts = Array.from({ length: 40_000 }, () =>
    line({ user: `user-${Math.floor(random() ** 3 * 20_000)}`, verb: random() < 0.5 ? 'get' : 'list' }),
  );
  const all = counted(texts, ['user', 'verb'], 2, 0);
  const counts = new Map<string, number>();
  for (const text of texts) {
    const { user, verb } = JSON.parse(text) as Plain;
    const key = JSON.stringify([user?.username, verb]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(new Map(all.map(({ values, count }) => [JSON.stringify(values), count]))).toEqual(counts);
  for (const limit of [1, 10, 777, 1_000_000])
    expect(counted(texts, ['user', 'verb'], 2, limit)).toEqual(all.slice(0, limit));
});

test('of groups that come equally often the first by their values; what is absent comes last', () => {
  const texts = ['b', 'a', undefined, 'ä', 'Z'].map((name) =>
    line({ resource: 'pods', ...(name === undefined ? {} : { name }) }),
  );
  expect(counted(texts, ['name'], 1, 0).map(({ values }) => values[0])).toEqual(['Z', 'a', 'b', 'ä', null]);
});
