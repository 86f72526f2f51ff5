/** What lies in memory while events are on their way: held against plain lists. */
import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { EventScan } from '../../../src/core/auditlog/scan';
import { FINAL, type Rank } from '../../../src/core/auditlog/stages';
import { BatchReader, BatchWriter, type Told } from '../../../src/system/log/event-batch';
import { HeldEvents, PlaceReader } from '../../../src/system/log/held';
import { LastEvents } from '../../../src/system/log/last';
import { line, randomFrom } from '../../support/audit-events';
import { tempFolder } from '../../support/temp-folder';

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

const put = fc.oneof(
  { weight: 3, arbitrary: fc.record({ at: fc.integer({ min: 0, max: 2 ** 40 }), length: fc.nat(9999) }) },
  { weight: 5, arbitrary: fc.record({ bytes: fc.nat(3000) }) },
  { weight: 1, arbitrary: fc.record({ bytes: fc.integer({ min: 200_000, max: 400_000 }) }) },
);
const steps = fc.array(fc.oneof(put, fc.record({ drop: fc.nat(40) })), { maxLength: 120 });

test('held events are those that were put, until they are dropped', () => {
  fc.assert(
    fc.property(steps, fc.nat(5000), (all, start) => {
      const held = new HeldEvents();
      const known = new Map<number, { fd: number; at: number; length: number; bytes?: Uint8Array }>();
      let first = start;
      let next = start;
      for (const step of all) {
        if ('drop' in step) {
          first = Math.min(next, first + step.drop);
          held.drop(first);
          for (const number of known.keys()) if (number < first) known.delete(number);
        } else if ('at' in step) {
          known.set(next, { fd: next % 7, ...step });
          held.put(next, { fd: next % 7, ...step });
          next++;
        } else {
          const bytes = filled(step.bytes, next);
          known.set(next, { fd: next % 7, at: NaN, length: bytes.length, bytes });
          held.putBytes(next, bytes, next % 7);
          // The bytes are the caller's again.
          bytes.fill(0);
          known.get(next)!.bytes = filled(step.bytes, next);
          next++;
        }
        for (const [number, { bytes, ...place }] of known) {
          const found = held.get(number);
          expect(held.place).toEqual(place);
          expect(found === undefined ? undefined : Buffer.from(found)).toEqual(bytes && Buffer.from(bytes));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('tens of thousands of held events, dropped as they come and at once', () => {
  const held = new HeldEvents();
  for (let number = 0; number < 50_000; number++) {
    held.putBytes(number, filled(500, number), 1);
    if (number >= 20_000) held.drop(number - 20_000);
  }
  for (const number of [30_000, 40_001, 49_999]) expect(held.get(number)).toEqual(filled(500, number));
  held.drop(50_000);
  held.putBytes(50_000, filled(3, 9), 1);
  expect(held.get(50_000)).toEqual(filled(3, 9));
});

describe('batches', () => {
  const scanned = (text: string): EventScan => {
    const scan = new EventScan();
    const bytes = new TextEncoder().encode(`  ${text}  `);
    if (!scan.scan(bytes, 0, bytes.length)) throw new Error(text);
    return scan;
  };

  test('what is written is read; line breaks between the parts of an event are blanks', () => {
    const random = randomFrom(7);
    const written: (Told & { text: string })[] = [];
    const read: (Told & { text: string })[] = [];
    const writer: BatchWriter = new BatchWriter(2, (batch) => {
      const events = new BatchReader(batch);
      while (events.next())
        read.push({
          at: events.at,
          key: events.key,
          rank: events.rank,
          wanted: events.wanted,
          text: Buffer.from(events.bytes.subarray(events.start, events.end)).toString(),
        });
      // Filled again, with what was in it.
      writer.back(batch.bytes);
    });
    for (let number = 0; number < 3000; number++) {
      const value: unknown = JSON.parse(line({ auditID: String(number), name: 'x'.repeat(random() * 900) }));
      const text = JSON.stringify(value, null, number % 3);
      const told: Told = {
        at: number % 2 === 0 ? NaN : number * 1000,
        key: 2 ** 53 - number,
        rank: (number % 3) as Rank,
        wanted: number % 5 === 0,
      };
      writer.add(scanned(text), told);
      written.push({ ...told, text: text.replaceAll('\n', ' ') });
    }
    writer.flush();
    expect(read).toEqual(written);
  });

  test('a large event that lies in a file goes as its place; one that does not goes whole', () => {
    const text = line({ level: 'Request', requestObject: { text: 'x'.repeat(300_000) } });
    const found: [number, number, boolean, number][] = [];
    const writer = new BatchWriter(2, (batch) => {
      const events = new BatchReader(batch);
      while (events.next()) found.push([events.at, events.length, events.isAway, events.end - events.start]);
    });
    const told: Told = { at: 12_345_678_901, key: 1, rank: FINAL, wanted: true };
    writer.add(scanned(text), told);
    writer.add(scanned(text), { ...told, at: NaN });
    writer.flush();
    expect(found).toEqual([
      [12_345_678_901, text.length, true, 0],
      [NaN, text.length, false, text.length],
    ]);
  });
});

describe('places', () => {
  const path = join(tempFolder(), 'file');
  const random = randomFrom(3);
  const content = Buffer.from(Array.from({ length: 400_000 }, () => Math.floor(random() * 256)));

  test('any part of a file, in any order', () => {
    writeFileSync(path, content);
    const fd = openSync(path, 'r');
    const places = new PlaceReader();
    for (let count = 0; count < 500; count++) {
      const at = Math.floor(random() * content.length);
      const length = Math.floor(random() * Math.min(content.length - at, count % 10 === 0 ? 400_000 : 3000));
      const read = places.read({ fd, at, length });
      expect(read && Buffer.compare(read, content.subarray(at, at + length))).toBe(0);
    }
    closeSync(fd);
  });

  test('of a file that was cut short: nothing, and what is left', () => {
    writeFileSync(path, content);
    const fd = openSync(path, 'r+');
    ftruncateSync(fd, 1000);
    const places = new PlaceReader();
    expect(places.read({ fd, at: 900, length: 200 })).toBeUndefined();
    expect(places.read({ fd, at: 5000, length: 10 })).toBeUndefined();
    expect(places.read({ fd, at: 900, length: 100 })).toEqual(content.subarray(900, 1000));
    closeSync(fd);
  });
});

describe('the last events', () => {
  const event = (number: number, at: number) => ({
    fd: 9,
    at,
    length: 3,
    raw: filled(3, number),
    open: number % 2 === 0,
  });
  const found = (last: LastEvents): [number | undefined, boolean][] =>
    [...last.events(() => undefined)].map(({ raw, open }) => [raw[0], open]);

  test('so many, with whether they are open', () => {
    const last = new LastEvents(2, 1000);
    for (let number = 0; number < 5; number++) last.add(event(number, NaN));
    expect([last.found, last.isComplete]).toEqual([5, true]);
    expect(found(last)).toEqual([
      [3, false],
      [4, true],
    ]);
  });

  test('fewer than were asked for', () => {
    const last = new LastEvents(9, 1000);
    last.add(event(1, NaN));
    expect([last.isComplete, found(last)]).toEqual([true, [[1, false]]]);
  });

  test('for want of room they are not complete', () => {
    const last = new LastEvents(5, 7);
    for (let number = 0; number < 5; number++) last.add(event(number, NaN));
    expect([last.found, last.isComplete, found(last).length]).toEqual([5, false, 2]);
  });

  test('those that lie in a file are read there, and what is not there any more is told', () => {
    const path = join(tempFolder(), 'file');
    writeFileSync(path, 'aaabbbccc');
    const fd = openSync(path, 'r+');
    const last = new LastEvents(3, 0);
    for (const at of [0, 3, 6]) last.add({ ...event(1, at), fd });
    ftruncateSync(fd, 7);
    const cut: number[] = [];
    const texts: string[] = [];
    for (const { raw } of last.events((each) => void cut.push(each))) texts.push(Buffer.from(raw).toString());
    expect([texts, cut]).toEqual([['aaa', 'bbb'], [fd]]);
    closeSync(fd);
  });
});
