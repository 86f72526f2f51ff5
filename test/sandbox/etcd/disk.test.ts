/** What is on the disk, read again: after a cut in the middle of a record, after a snapshot, after damage. */
import { readFileSync, readdirSync, truncateSync, writeFileSync, cpSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openDisk } from '../../../src/sandbox/etcd/disk';
import { Engine } from '../../../src/sandbox/etcd/engine';
import { tempFolder } from '../../support/temp-folder';

async function filled(dir: string, keys: readonly string[], compactAt?: number): Promise<Engine> {
  const { store, disk } = await openDisk(dir, compactAt === undefined ? {} : { compactAt });
  const engine = new Engine(store, disk);
  for (const key of keys) await engine.write({ op: 'put', key, value: `value of ${key}: äöü` });
  return engine;
}

async function content(dir: string): Promise<{ revision: number; keys: string[] }> {
  const { store, disk } = await openDisk(dir);
  await disk.close();
  for (const entry of store.entries()) expect(entry.value).toBe(`value of ${entry.key}: äöü`);
  return { revision: store.revision, keys: [...store.entries()].map(({ key }) => key).sort() };
}

test('a log that ends anywhere has every record before the cut, and goes on from there', async () => {
  const dir = tempFolder();
  const engine = await filled(dir, ['/a', '/b', '/c']);
  await engine.close();
  const name = readdirSync(join(dir, 'member/wal'))[0]!;
  const whole = statSync(join(dir, 'member/wal', name)).size;
  const counts = new Set<number>();
  const lengths = Array.from({ length: whole + 1 }, (_, at) => whole - at).filter(
    (at) => at % 23 === 0 || whole - at < 7,
  );
  for (const length of lengths) {
    const copy = join(tempFolder(), 'data');
    cpSync(dir, copy, { recursive: true });
    truncateSync(join(copy, 'member/wal', name), length);
    const { keys } = await content(copy);
    counts.add(keys.length);
    expect(keys).toEqual(['/a', '/b', '/c'].slice(0, keys.length));
    if (length !== whole - 5) continue;
    expect(keys).toEqual(['/a', '/b']);
    await (await filled(copy, ['/d'])).close();
    expect(await content(copy)).toEqual({ revision: 4, keys: ['/a', '/b', '/d'] });
  }
  expect([...counts]).toEqual([3, 2, 1, 0]);
});

test('a log that grows becomes a snapshot; nothing is lost and nothing is left behind', async () => {
  const dir = tempFolder();
  const engine = await filled(dir, [], 1_000);
  for (let at = 0; at < 60; at++) {
    await engine.write({ op: 'put', key: `/k${at % 5}`, value: `value of /k${at % 5}: äöü` });
  }
  await engine.write({ op: 'remove', key: '/k0' });
  await engine.close();
  expect(readdirSync(join(dir, 'member/snap'))).toHaveLength(1);
  const [log, ...more] = readdirSync(join(dir, 'member/wal'));
  expect(more).toEqual([]);
  expect(statSync(join(dir, 'member/wal', log!)).size).toBeLessThan(2_000);
  expect(await content(dir)).toEqual({ revision: 62, keys: ['/k1', '/k2', '/k3', '/k4'] });
});

test('a snapshot that was not renamed into place is nothing; a damaged one is refused, not taken for empty', async () => {
  const dir = tempFolder();
  const engine = await filled(dir, [], 100);
  for (const key of ['/a', '/b', '/c', '/d']) await engine.write({ op: 'put', key, value: `value of ${key}: äöü` });
  await engine.close();
  const snap = join(dir, 'member/snap');
  writeFileSync(join(snap, '0000000000009999.snap.tmp'), 'half');
  expect((await content(dir)).keys).toEqual(['/a', '/b', '/c', '/d']);
  const path = join(
    snap,
    readdirSync(snap).find((name) => name.endsWith('.snap'))!,
  );
  const bytes = readFileSync(path);
  bytes[20]! ^= 1;
  writeFileSync(path, bytes);
  await expect(openDisk(dir)).rejects.toThrow(/is damaged/);
  expect(readFileSync(path)).toEqual(bytes);
});

test('the data is for its owner only', async () => {
  const dir = join(tempFolder(), 'etcd');
  await (await filled(dir, ['/a'])).close();
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  const [log] = readdirSync(join(dir, 'member/wal'));
  expect(statSync(join(dir, 'member/wal', log!)).mode & 0o777).toBe(0o600);
});
