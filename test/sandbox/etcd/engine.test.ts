/** The engine's promises, on a disk that the test holds back. */
import { Engine, type Disk } from '../../../src/sandbox/etcd/engine';
import { Store, type Change } from '../../../src/sandbox/etcd/store';

class SlowDisk implements Disk {
  readonly appended: (readonly Change[])[] = [];
  #release: { done: () => void; fail: (error: Error) => void }[] = [];

  append(changes: readonly Change[]): Promise<void> {
    this.appended.push(changes);
    return new Promise((done, fail) => this.#release.push({ done, fail }));
  }
  tidy(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  async release(error?: Error): Promise<void> {
    await turns();
    for (const { done, fail } of this.#release.splice(0)) {
      if (error) fail(error);
      else done();
    }
    await turns();
  }
}

const turns = () => new Promise((resolve) => setImmediate(resolve));
const put = (key: string, expect?: number) =>
  ({ op: 'put', key, value: key, ...(expect === undefined ? {} : { expect }) }) as const;

test('nothing is answered or shown before the disk has it; what waits meanwhile is one batch', async () => {
  const disk = new SlowDisk();
  const engine = new Engine(new Store(), disk);
  const seen: string[] = [];
  engine.watch('/', 1, (changes) => seen.push(`saw ${changes.map(({ key }) => key).join(' ')}`));
  const writes = ['/1', '/2', '/3'].map((key) =>
    engine.write(put(key)).then(({ revision }) => seen.push(`answered ${revision}`)),
  );
  await turns();
  const later = ['/4', '/5'].map((key) => engine.write(put(key)));
  await turns();
  expect(seen).toEqual([]);
  expect(engine.revision).toBe(1);
  await disk.release();
  await Promise.all(writes);
  expect(seen).toEqual(['saw /1 /2 /3', 'answered 2', 'answered 3', 'answered 4']);
  await disk.release();
  await Promise.all(later);
  expect(disk.appended.map((batch) => batch.length)).toEqual([3, 2]);
});

test('a watch hears of the past up to what is on the disk, and of the rest once', async () => {
  const disk = new SlowDisk();
  const engine = new Engine(new Store(), disk);
  const first = engine.write(put('/1'));
  await disk.release();
  await first;
  const second = engine.write(put('/2'));
  await turns();
  const seen: number[] = [];
  const end = engine.watch('/', 1, (changes) => seen.push(...changes.map(({ revision }) => revision)))!;
  expect(seen).toEqual([2]);
  await disk.release();
  await second;
  expect(seen).toEqual([2, 3]);
  end();
  const third = engine.write(put('/3'));
  await disk.release();
  await third;
  expect(seen).toEqual([2, 3]);
});

test('of two who expect the same revision, one is done', async () => {
  const engine = new Engine(new Store());
  const results = await Promise.all([engine.write(put('/1', 0)), engine.write(put('/1', 0))]);
  expect(results).toMatchObject([{ done: true }, { done: false, current: { mod: 2 } }]);
});

test('a disk that fails ends it: nobody is told that it was done', async () => {
  const disk = new SlowDisk();
  const engine = new Engine(new Store(), disk);
  const write = engine.write(put('/1'));
  const outcome = write.then(
    () => 'done',
    (error: unknown) => String(error),
  );
  await disk.release(new Error('ENOSPC'));
  expect(await outcome).toBe('Error: ENOSPC');
  expect(engine.broken?.message).toBe('ENOSPC');
  await expect(engine.write(put('/2'))).rejects.toThrow('ENOSPC');
});
