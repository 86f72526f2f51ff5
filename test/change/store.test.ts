/** The store of changes: what it writes, what it lists, and what it throws away. */
import { openStore, type Store } from '../../src/change/store';
import type { ChangeRecord, RecordState } from '../../src/core/record';
import { createFiles } from '../../src/system/files';
import { memoryFs, type MemoryFs } from '../support/memory-fs';

const STATE = '/var/lib/kube-auditctl';
const id = (n: number): string => `20260101T0000${String(n).padStart(2, '0')}Z-abcdef`;

function record(n: number, state: RecordState = 'kept'): ChangeRecord {
  return { schema: 1, id: id(n), state, command: 'enable', files: [] } as unknown as ChangeRecord;
}

function open(): { fs: MemoryFs; store: Store } {
  const fs = memoryFs();
  fs.putFolder('/var/lib');
  return { fs, store: openStore(createFiles(fs), STATE) };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('everything is for root alone', async () => {
  const { fs, store } = open();
  await store.prepare(record(1), [{ name: 'a', bytes: bytes('secret') }]);
  await store.saveEvidence(id(1), [{ name: 'kubelet.log', text: 'x' }]);
  expect(Object.values(fs.snapshot()).map(({ mode }) => mode)).toEqual([0o600, 0o600, 0o600]);
  const files = createFiles(fs);
  for (const folder of [STATE, `${STATE}/changes`, store.pathOf(id(1)), `${store.pathOf(id(1))}/evidence`])
    expect(await files.look(folder)).toMatchObject({ mode: 0o700 });
});

test('a record always finds its copies: they are on the disk before it', async () => {
  const { fs, store } = open();
  await store.prepare(record(1), [
    { name: 'a', bytes: bytes('1') },
    { name: 'b', bytes: bytes('2') },
  ]);
  const order = fs.calls.filter(({ name }) => name === 'createExclusive').length;
  expect(order).toBe(3);
  for (const state of fs.history(store.pathOf(id(1))))
    if ('record.json' in state) expect(state).toMatchObject({ a: '1', b: '2' });
});

test('prepare that fails leaves nothing', async () => {
  const { fs, store } = open();
  fs.fault({ code: 'EIO', under: store.pathOf(id(1)), call: 'createExclusive' });
  await expect(store.prepare(record(1), [{ name: 'a', bytes: bytes('1') }])).rejects.toBeDefined();
  expect(fs.snapshot()).toEqual({});
});

test('listed oldest first; what cannot be read is named, what is not ours is passed over', async () => {
  const { fs, store } = open();
  for (const n of [3, 1, 2]) await store.prepare(record(n), []);
  fs.put(`${store.pathOf(id(4))}/record.json`, 'no json');
  fs.put(`${STATE}/changes/notes.txt`, 'mine');
  const { records, damaged } = await store.list();
  expect(records.map((each) => each.id)).toEqual([id(1), id(2), id(3)]);
  expect(damaged.map((each) => each.id)).toEqual([id(4)]);
});

test('an empty store lists nothing', async () => {
  expect(await open().store.list()).toEqual({ records: [], damaged: [] });
});

test('sweep removes folders without a record, and temp files of those with one', async () => {
  const { fs, store } = open();
  await store.prepare(record(1), []);
  fs.put(`${store.pathOf(id(1))}/.kube-auditctl-0123456789abcdef`, 'half');
  fs.put(`${store.pathOf(id(2))}/0-before-x`, 'no record beside it');
  fs.put(`${STATE}/changes/mine/x`, 'mine');
  await store.sweep();
  expect(Object.keys(fs.snapshot())).toEqual([`${store.pathOf(id(1))}/record.json`, `${STATE}/changes/mine/x`]);
});

test('prune keeps twenty, the needed ones, and those not finished', async () => {
  const { store } = open();
  for (let n = 1; n <= 25; n++) await store.prepare(record(n, n === 2 ? 'written' : 'kept'), []);
  await store.prune(new Set([id(1)]));
  const ids = (await store.list()).records.map((each) => each.id);
  expect(ids.slice(0, 3)).toEqual([id(1), id(2), id(7)]);
  expect(ids).toHaveLength(21);
});
