import { compileFilter, type FilterSpec } from '../../../src/core/auditlog/filter';
import { EventScan } from '../../../src/core/auditlog/scan';
import { OnceEach } from '../../../src/system/log/once-each';
import { line, type EventParts } from '../../support/audit-events';

function asked(spec: FilterSpec = {}) {
  const shown: string[] = [];
  let now = 0;
  const filter = compileFilter(spec);
  const once = new OnceEach(
    filter,
    ({ raw, open }) => {
      const { auditID, stage } = JSON.parse(new TextDecoder().decode(raw)) as { auditID: string; stage: string };
      shown.push(`${auditID} ${stage}${open ? ' open' : ''}`);
    },
    () => now,
  );
  const scan = new EventScan();
  return {
    shown,
    add: (id: string, stage: string, more: EventParts = {}): void => {
      const bytes = Buffer.from(line({ auditID: id, stage, ...more }));
      scan.scan(bytes, 0, bytes.length);
      if (filter.head(scan) && filter.test(scan)) once.add(scan);
    },
    after: (seconds: number): void => {
      now += seconds * 1000;
      once.overdue();
    },
  };
}

test('a request that never ends is shown as it arrived, once', () => {
  const { shown, add, after } = asked();
  add('a', 'RequestReceived');
  add('b', 'RequestReceived');
  after(60);
  expect(shown).toEqual([]);
  add('b', 'ResponseComplete');
  after(20);
  after(200);
  expect(shown).toEqual(['b ResponseComplete', 'a RequestReceived open']);
});

test('one that ends later all the same is shown once more, with its end', () => {
  const { shown, add, after } = asked();
  add('a', 'RequestReceived');
  after(80);
  add('a', 'ResponseComplete');
  after(80);
  expect(shown).toEqual(['a RequestReceived open', 'a ResponseComplete']);
});

test('a watch is shown when it begins, and never waited for', () => {
  const { shown, add, after } = asked();
  for (const stage of ['RequestReceived', 'ResponseStarted', 'ResponseStarted']) add('w', stage, { verb: 'watch' });
  after(4000);
  add('w', 'ResponseComplete', { verb: 'watch' });
  expect(shown).toEqual(['w ResponseStarted open']);
});

test('stages that come out of order', () => {
  const { shown, add, after } = asked();
  add('a', 'ResponseComplete');
  add('a', 'RequestReceived');
  add('w', 'ResponseStarted', { verb: 'watch' });
  add('w', 'RequestReceived', { verb: 'watch' });
  after(100);
  expect(shown).toEqual(['a ResponseComplete', 'w ResponseStarted open']);
});

test('an end that nobody asked for ends the waiting', () => {
  const { shown, add, after } = asked({ code: ['!200'] });
  add('a', 'RequestReceived');
  add('a', 'ResponseComplete', { code: 200 });
  after(100);
  expect(shown).toEqual([]);
});

test('many that never end are not all kept', () => {
  const { shown, add, after } = asked();
  const body = { requestObject: { data: 'x'.repeat(1 << 20) } };
  for (let at = 0; at < 20; at++) add(`id-${at}`, 'RequestReceived', body);
  after(0);
  expect(shown.slice(0, 2)).toEqual(['id-0 RequestReceived open', 'id-1 RequestReceived open']);
  expect(shown.length).toBeGreaterThan(10);
  expect(shown.length).toBeLessThan(20);
});

test('of very many watches only the oldest are forgotten', () => {
  const { shown, add } = asked();
  for (let at = 0; at < 50_001; at++) add(`w-${at}`, 'ResponseStarted', { verb: 'watch' });
  shown.splice(0);
  for (const at of [0, 1, 50_000]) add(`w-${at}`, 'ResponseComplete', { verb: 'watch' });
  expect(shown).toEqual(['w-0 ResponseComplete']);
});
