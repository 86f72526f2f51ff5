import fc from 'fast-check';
import { Census, PieceCensus, type OpenEvent } from '../../../src/core/auditlog/census';
import { compileFilter } from '../../../src/core/auditlog/filter';
import { SLOT } from '../../../src/core/auditlog/members';
import { EventScan } from '../../../src/core/auditlog/scan';
import { FINAL, rankOf, requestKey, StagePicker, type Rank } from '../../../src/core/auditlog/stages';
import { line, type EventParts } from '../../support/audit-events';

const scan = new EventScan();
function scanned(parts: EventParts): EventScan {
  const bytes = new TextEncoder().encode(line(parts));
  scan.scan(bytes, 0, bytes.length);
  return scan;
}

test.each<[EventParts, Rank]>([
  [{ stage: 'RequestReceived' }, 0],
  [{ stage: 'ResponseStarted', verb: 'watch' }, 1],
  [{ stage: 'ResponseComplete' }, FINAL],
  [{ stage: 'Panic' }, FINAL],
  // A failed login has only this.
  [{ stage: 'ResponseStarted', user: '', code: 401 }, FINAL],
])('%j has rank %d', (parts, rank) => {
  expect(rankOf(scanned(parts))).toBe(rank);
});

test('an Audit-ID that a client uses twice makes no two requests one', () => {
  const one = requestKey(scanned({ auditID: 'mine', uri: '/api/v1/secrets', verb: 'watch' }));
  expect(requestKey(scanned({ auditID: 'mine', uri: '/version', verb: 'get' }))).not.toBe(one);
  expect(
    requestKey(scanned({ auditID: 'mine', uri: '/api/v1/secrets', verb: 'watch', stage: 'ResponseStarted' })),
  ).toBe(one);
});

test('nor does one of the same URL: another moment, another user, or no URL at all', () => {
  const parts = { auditID: 'mine', uri: '/api/v1/namespaces/prod/pods/db/exec', verb: 'create' };
  const one = requestKey(scanned({ ...parts, received: '2026-01-01T00:00:00.000000Z' }));
  expect(requestKey(scanned({ ...parts, received: '2026-01-01T00:00:00.000001Z' }))).not.toBe(one);
  expect(requestKey(scanned({ ...parts, user: 'mallory' }))).not.toBe(one);
  const without = new TextEncoder().encode(
    '{"kind":"Event","auditID":"mine","stage":"RequestReceived","verb":"create"}',
  );
  const keys = [parts, { ...parts, uri: '/another' }].map((before) => {
    scanned(before);
    scan.scan(without, 0, without.length);
    return requestKey(scan);
  });
  expect(keys[0]).toBe(keys[1]);
});

const pick = (events: [string, Rank][], limit = 1e9): string[] => {
  const picker = new StagePicker(limit);
  const names = new Map<number, string>();
  const given: string[] = [];
  const take = (all: boolean): void => {
    while (picker.next(all)) given.push(`${names.get(picker.number) ?? ''}${picker.open ? ' open' : ''}`);
  };
  for (const [name, rank] of events) {
    const number = picker.add(rank, name.charCodeAt(0), 1);
    if (number !== -1) names.set(number, `${name}${rank}`);
    take(false);
  }
  take(true);
  return given;
};

test.each<[string, [string, Rank][], string[]]>([
  [
    'the last stage stands for the request, in its place',
    [
      ['a', 0],
      ['b', 0],
      ['b', 2],
      ['a', 2],
    ],
    ['b2', 'a2'],
  ],
  [
    'what never ends stands where it began',
    [
      ['a', 0],
      ['b', 2],
      ['c', 1],
    ],
    ['a0 open', 'b2', 'c1 open'],
  ],
  [
    'a request received and begun',
    [
      ['a', 0],
      ['a', 1],
      ['b', 2],
    ],
    ['a1 open', 'b2'],
  ],
  [
    'stages written in the wrong order',
    [
      ['a', 2],
      ['a', 0],
      ['b', 1],
      ['b', 0],
    ],
    ['a2', 'b1 open'],
  ],
  [
    'two ends of one id are two',
    [
      ['a', 2],
      ['a', 2],
    ],
    ['a2', 'a2'],
  ],
])('%s', (_name, events, expected) => {
  expect(pick(events)).toEqual(expected);
});

test('what is held back is bounded: then the oldest is given as it stands', () => {
  expect(
    pick(
      [
        ['a', 0],
        ['b', 2],
        ['c', 2],
        ['d', 2],
        ['a', 2],
      ],
      2,
    ),
  ).toEqual(['a0 open', 'b2', 'c2', 'd2', 'a2']);
});

interface Step {
  id: number;
  stage: string;
}

/** Requests whose stages are interleaved, some without an end, in the order of time. */
const logs = fc
  .array(
    fc.record({
      from: fc.integer({ min: 0, max: 900 }),
      long: fc.boolean(),
      ends: fc.boolean(),
      lasts: fc.integer({ min: 0, max: 300 }),
    }),
    {
      maxLength: 40,
    },
  )
  .map((requests) =>
    requests
      .flatMap(({ from, long, ends, lasts }, id): (Step & { at: number; received: number })[] => [
        { id, stage: 'RequestReceived', at: from, received: from },
        ...(long ? [{ id, stage: 'ResponseStarted', at: from + 1, received: from }] : []),
        ...(ends ? [{ id, stage: 'ResponseComplete', at: from + 2 + lasts, received: from }] : []),
      ])
      .sort((a, b) => a.at - b.at),
  );

test('counted in pieces as in one', () => {
  fc.assert(
    fc.property(logs, fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 6 }), (steps, cuts) => {
      const best = new Map<number, string>();
      for (const { id, stage } of steps) best.set(id, stage);
      const filter = compileFilter({});
      const counted: string[] = [];
      const count = (each: EventScan): void => void counted.push(`${each.text(SLOT.auditID)} ${each.text(SLOT.stage)}`);
      const countOpen = ({ raw }: OpenEvent): void => {
        scan.scan(raw ?? new Uint8Array(), 0, raw?.length ?? 0);
        count(scan);
      };
      const bounds = [0, ...cuts.sort((a, b) => a - b).map((cut) => Math.min(cut, steps.length)), steps.length];
      const pieces = bounds.slice(1).map((end, index) => {
        const census = new PieceCensus(filter, count, index === 0, countOpen);
        for (const { id, stage, at, received } of steps.slice(bounds[index], end)) {
          const time = (second: number): string =>
            new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString().replace('Z', '000Z');
          census.add(scanned({ auditID: String(id), stage, time: time(at), received: time(received) }), NaN);
        }
        return census.result();
      });
      const census = new Census(countOpen);
      for (const piece of pieces) census.settle(piece, 0);
      census.end();
      expect(counted.sort()).toEqual([...best].map(([id, stage]) => `${id} ${stage}`).sort());
    }),
    { numRuns: 300 },
  );
});

test('requests without an end: very many are counted, each of them once', () => {
  const scan = new EventScan();
  const text = line({ stage: 'RequestReceived', auditID: '00000000' });
  const bytes = new TextEncoder().encode(text);
  const id = text.indexOf('00000000');
  const ids: string[] = [];
  const countOpen = ({ raw = bytes }: OpenEvent): void => {
    const open = new EventScan();
    open.scan(raw, 0, raw.length);
    ids.push(open.text(SLOT.auditID));
  };
  const census = new PieceCensus(compileFilter({}), () => undefined, true, countOpen);
  const COUNT = 30_000;
  for (let at = 0; at < COUNT; at++) {
    bytes.set(new TextEncoder().encode(String(at).padStart(8, '0')), id);
    scan.scan(bytes, 0, bytes.length);
    census.add(scan, NaN);
  }
  // The oldest of them did not wait for the end: memory is bounded.
  expect(ids.length).toBeGreaterThan(1000);
  const whole = new Census(countOpen);
  whole.settle(census.result(), 0);
  whole.end();
  expect(ids).toEqual(Array.from({ length: COUNT }, (_, at) => String(at).padStart(8, '0')));
});
