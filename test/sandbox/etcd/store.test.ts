/** The store against a model: compare-and-swap, revisions, ranges, the past. */
import fc from 'fast-check';
import { Store, type Change } from '../../../src/sandbox/etcd/store';

const key = fc.constantFrom('/a/1', '/a/2', '/a/3', '/b/1');
const write = fc.record({ key, value: fc.option(fc.string()), expect: fc.option(fc.integer({ min: 0, max: 12 })) });

test('whatever is written, the store is what the done writes say, and its past replays to the same', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 40 }), (writes) => {
      const store = new Store();
      const model = new Map<string, { value: string; mod: number }>();
      const changes: Change[] = [];
      for (const { key: at, value, expect: wanted } of writes) {
        const known = model.get(at);
        const fits = wanted === null || wanted === (known?.mod ?? 0);
        const more = wanted === null ? {} : { expect: wanted };
        const { result, change } = store.write(
          value === null ? { op: 'remove', key: at, ...more } : { op: 'put', key: at, value, ...more },
        );
        expect(result.done).toBe(fits && (value !== null || known !== undefined));
        if (!result.done) continue;
        changes.push(change!);
        if (value === null) model.delete(at);
        else model.set(at, { value, mod: result.revision });
      }
      const replayed = new Store();
      for (const change of changes) replayed.replay(change);
      for (const each of [store, replayed]) {
        const { entries } = each.range('/', '', 100);
        expect(entries.map((entry) => [entry.key, entry.value, entry.mod])).toEqual(
          [...model].sort(([one], [other]) => (one < other ? -1 : 1)).map(([at, { value, mod }]) => [at, value, mod]),
        );
        expect(each.characters).toBe([...model].reduce((sum, [at, { value }]) => sum + at.length + value.length, 0));
      }
      expect(store.since(1)).toEqual(changes);
      expect(store.since(store.revision)).toEqual([]);
    }),
  );
});

test('pages follow each other without a gap', () => {
  const store = new Store();
  for (const name of ['c', 'a', 'b', 'd']) store.write({ op: 'put', key: `/x/${name}`, value: name });
  store.write({ op: 'put', key: '/y/a', value: '' });
  const first = store.range('/x/', '', 3);
  expect(first.more).toBe(true);
  expect(first.entries.map(({ value }) => value)).toEqual(['a', 'b', 'c']);
  const second = store.range('/x/', '/x/c', 3);
  expect(second).toMatchObject({ more: false, entries: [{ value: 'd' }] });
});

test('the past is bounded: what is forgotten is refused, what is kept is whole', () => {
  const store = new Store();
  for (let at = 0; at < 30_000; at++) store.write({ op: 'put', key: '/k', value: String(at) });
  expect(store.since(2)).toBeUndefined();
  expect(store.since(store.revision + 1)).toBeUndefined();
  const past = store.since(store.revision - 5_000)!;
  expect(past).toHaveLength(5_000);
  expect(past[0]!.revision).toBe(store.revision - 4_999);
});
