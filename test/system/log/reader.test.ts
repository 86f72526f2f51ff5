import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FilterSpec } from '../../../src/core/auditlog/filter';
import { topRows, type TopRow } from '../../../src/core/auditlog/top';
import type { LogFile, OpenLogs } from '../../../src/change/log';
import { createLogReader, type ReaderOptions } from '../../../src/system/log/reader';
import { buildSync } from 'esbuild';
import { line, randomFrom, type EventParts } from '../../support/audit-events';
import { bundle } from '../../support/bundle';
import { tempFolder } from '../../support/temp-folder';

const script = join(tempFolder(), 'worker.cjs');

beforeAll(() => {
  buildSync({
    entryPoints: [join(__dirname, '../../../src/system/workers/log.ts')],
    outfile: script,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
});

const COURSE = 'fixtures/logs/course.log';

async function withLogs<T>(names: string[], options: ReaderOptions, work: (logs: OpenLogs) => Promise<T>): Promise<T> {
  const logs = await createLogReader(options).open({ kind: 'named', names });
  try {
    return await work(logs);
  } finally {
    logs.close();
  }
}

interface Answer {
  ids: string[];
  files: readonly LogFile[];
  lines: string[];
}

function query(
  names: string[],
  filter: FilterSpec = { stage: ['all'] },
  options: ReaderOptions = {},
  last?: number,
): Promise<Answer> {
  return withLogs(names, options, async (logs) => {
    const lines: string[] = [];
    for await (const { raw } of logs.events(filter, last === undefined ? {} : { last }))
      lines.push(new TextDecoder().decode(raw));
    return { lines, ids: lines.map((each) => (JSON.parse(each) as { auditID: string }).auditID), files: logs.files };
  });
}

function counted(names: string[], by: string[], filter: FilterSpec, options: ReaderOptions): Promise<TopRow[]> {
  return withLogs(names, options, async (logs) => {
    const result = await logs.collect(filter, { kind: 'top', by });
    return result.kind === 'top' ? topRows(result.counts, 0) : [];
  });
}

const total = (files: readonly LogFile[], pick: (file: LogFile) => number): number =>
  files.reduce((sum, file) => sum + pick(file), 0);

/** Seconds after the start of 2026. */
const time = (second: number): string =>
  new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString().replace('Z', '000Z');

function put(content: string | Uint8Array, name = 'audit.log', folder = tempFolder()): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const event = (id: string, more: EventParts = {}): string => `${line({ auditID: id, ...more })}\n`;

describe('files as they come', () => {
  const huge = { a: 'x'.repeat(5 << 20), b: [1, 2, '}"{\n'] };
  test.each<[string, string | Uint8Array, string[], number]>([
    ['empty', '', [], 0],
    ['empty lines', `\n\n${event('a')}\n \n${event('b')}`, ['a', 'b'], 0],
    ['no line break at the end', event('a') + line({ auditID: 'b' }), ['a', 'b'], 0],
    ['a half-written line at the end', event('a') + line({ auditID: 'b' }).slice(0, 200), ['a'], 1],
    ['CRLF', event('a').replace('\n', '\r\n') + event('b').replace('\n', '\r\n'), ['a', 'b'], 0],
    ['a byte order mark', `\ufeff${event('a')}`, ['a'], 0],
    ['a block of zeros after a power cut', `${event('a').slice(0, 99)}${'\0'.repeat(5000)}${event('b')}`, ['b'], 1],
    ['half a line with the next one behind it', event('a').slice(0, 150) + event('b') + event('c'), ['b', 'c'], 1],
    ['rubbish in between', `${event('a')}not json\n{"kind":\n\u0000\u0001\n${event('b')}`, ['a', 'b'], 3],
    [
      'a line of many megabytes',
      event('a') + event('b', { level: 'Request', requestObject: huge }) + event('c'),
      ['a', 'b', 'c'],
      0,
    ],
    ['gzipped', gzipSync(event('a') + event('b')), ['a', 'b'], 0],
    ['gzipped in parts', Buffer.concat([gzipSync(event('a')), gzipSync(event('b'))]), ['a', 'b'], 0],
    [
      'printed over many lines',
      `${JSON.stringify(JSON.parse(line({ auditID: 'a' })), null, 2)}\n${JSON.stringify(JSON.parse(line({ auditID: 'b' })), null, 2)}\n`,
      ['a', 'b'],
      0,
    ],
    [
      'one JSON list',
      JSON.stringify([JSON.parse(line({ auditID: 'a' })), JSON.parse(line({ auditID: 'b' }))], null, 1),
      ['a', 'b'],
      0,
    ],
    [
      'webhook dumps',
      `{"kind":"EventList","items":[${line({ auditID: 'a' })}]}\n{"kind":"EventList","items":[${line({ auditID: 'b' })}]}\n`,
      ['a', 'b'],
      0,
    ],
    [
      'a container log',
      `2026-01-01T00:00:00Z stdout F ${event('a')}2026-01-01T00:00:00Z stderr F I0101 hello\n2026-01-01T00:00:00Z stdout P ${line({ auditID: 'b' }).slice(0, 77)}\n2026-01-01T00:00:00Z stdout F ${line({ auditID: 'b' }).slice(77)}\n`,
      ['a', 'b'],
      0,
    ],
  ])('%s', async (_name, content, ids, damaged) => {
    const answer = await query([put(content)]);
    expect([answer.ids, total(answer.files, (file) => file.damaged)]).toEqual([ids, damaged]);
    expect(total(answer.files, (file) => file.events)).toBe(ids.length);
  });

  test('the event behind half of another one is found, whatever the half is', async () => {
    const first = event('a', { verb: 'get' });
    for (let cut = 1; cut < first.length - 1; cut++) {
      const path = put(first.slice(0, cut) + event('b', { verb: 'delete' }) + event('c', { verb: 'get' }));
      const { ids, files } = await query([path], { verb: ['delete'] });
      expect([cut, ids, total(files, ({ events }) => events)]).toEqual([cut, ['b'], 2]);
    }
  });

  test('a gzip that breaks off: what can be read of it, and told', async () => {
    const random = randomFrom(1);
    const text = Array.from({ length: 3000 }, (_, at) => event(String(at), { name: String(random()) })).join('');
    const { ids, files } = await query([put(gzipSync(text).subarray(0, -500), 'audit.log.gz')]);
    expect(ids.length).toBeGreaterThan(100);
    expect(ids.length).toBeLessThan(3000);
    expect(files[0]?.problem).toMatch(/unexpected end of file/);
  });
});

describe('standard input', () => {
  const reading = (input: string | Uint8Array): unknown =>
    JSON.parse(
      execFileSync(
        process.execPath,
        [
          bundle(`
            import { createLogReader } from './src/system/log/reader';
            const logs = await createLogReader().open({ kind: 'named', names: ['-'] });
            const ids = [];
            for await (const { raw } of logs.events({})) ids.push(JSON.parse(new TextDecoder().decode(raw)).auditID);
            console.log(JSON.stringify({ ids, damaged: logs.files[0].damaged }));
          `),
        ],
        { input, encoding: 'utf8' },
      ),
    );

  test.each<[string, string | Uint8Array, string[]]>([
    ['as it is', event('a') + event('b'), ['a', 'b']],
    ['gzipped', gzipSync(event('a') + event('b')), ['a', 'b']],
    ['empty', '', []],
  ])('%s', (_name, input, ids) => {
    expect(reading(input)).toEqual({ ids, damaged: 0 });
  });
});

describe('which files', () => {
  test('a folder, a pattern, what was rotated in order; each file once', async () => {
    const folder = tempFolder();
    put(event('3'), 'audit.log', folder);
    put(gzipSync(event('1')), 'audit-2026-01-01T00-00-00.000.log.gz', folder);
    put(event('2'), 'audit-2026-01-02T00-00-00.000.log', folder);
    put('not a log', 'notes.txt', folder);
    for (const names of [
      [folder],
      [`${folder}/audit*`],
      [`${folder}/audit.log`, `${folder}/audit-*`, `${folder}/./audit.log`],
    ])
      expect((await query(names)).ids).toEqual(['1', '2', '3']);
    expect((await query([`${folder}/audit.log`])).ids).toEqual(['3']);
  });

  test('the node\u2019s own log is found with its rotated files, below a root of its own', async () => {
    const root = tempFolder();
    mkdirSync(join(root, 'var/log/kubernetes/audit'), { recursive: true });
    const folder = join(root, 'var/log/kubernetes/audit');
    put(event('2'), 'audit.log', folder);
    put(event('1'), 'audit-2026-01-01T00-00-00.000.log', folder);
    put(event('x'), 'other.log', folder);
    const logs = await createLogReader().open({ kind: 'node', root, path: '/var/log/kubernetes/audit/audit.log' });
    const ids: string[] = [];
    for await (const { raw } of logs.events({}))
      ids.push((JSON.parse(new TextDecoder().decode(raw)) as { auditID: string }).auditID);
    logs.close();
    expect(ids).toEqual(['1', '2']);
  });

  test('the logs of several nodes are merged by time', async () => {
    const [a, b] = [tempFolder(), tempFolder()];
    const one = put([1, 4, 5].map((second) => event(`a${second}`, { time: time(second) })).join(''), 'audit.log', a);
    const two = put([2, 3, 6].map((second) => event(`b${second}`, { time: time(second) })).join(''), 'audit.log', b);
    expect((await query([one, two])).ids).toEqual(['a1', 'b2', 'b3', 'a4', 'a5', 'b6']);
  });

  test('renamed while it is read: the file that was opened is read to its end', async () => {
    const folder = tempFolder();
    const path = put(event('a') + event('b'), 'audit.log', folder);
    await withLogs([path], {}, async (logs) => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, event('new'));
      appendFileSync(`${path}.1`, event('late'));
      const ids: string[] = [];
      for await (const { raw } of logs.events({}))
        ids.push((JSON.parse(new TextDecoder().decode(raw)) as { auditID: string }).auditID);
      expect(ids).toEqual(['a', 'b']);
    });
  });

  test.each([['/nowhere/audit.log'], ['/nowhere/*.log']])('%s is not there', async (name) => {
    await expect(query([name])).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('in pieces and in threads', () => {
  const reference = readFileSync(COURSE, 'utf8')
    .trimEnd()
    .split('\n')
    .map(
      (each) => JSON.parse(each) as { auditID: string; stage: string; verb: string; objectRef?: { resource: string } },
    );
  const last = new Map(reference.map((each) => [each.auditID, each.stage]));

  test.each<[string, ReaderOptions]>([
    ['as a whole', {}],
    ['small pieces', { piece: 3000 }],
    ['pieces smaller than a line', { piece: 100 }],
  ])('%s: the same answer', async (_name, options) => {
    expect((await query([COURSE], { stage: ['all'] }, options)).ids).toEqual(reference.map(({ auditID }) => auditID));
    const picked = await query([COURSE], {}, options);
    expect(picked.ids.sort()).toEqual([...last.keys()].sort());
  });

  test('threads: the same events in the same order, and the same counts', async () => {
    const threaded = { script, threaded: 0, piece: 20_000, threads: 2 };
    for (const filter of [{ stage: ['all'] }, {}, { resource: ['secrets'] }, { code: ['!200'] }])
      expect((await query([COURSE], filter, threaded)).lines).toEqual((await query([COURSE], filter)).lines);
    const count = (options: ReaderOptions) => counted([COURSE], ['user', 'verb', 'resource', 'code'], {}, options);
    expect(await count(threaded)).toEqual(await count({}));
    const report = (options: ReaderOptions) =>
      withLogs([COURSE], options, (logs) => logs.collect({}, { kind: 'report' }));
    const [a, b] = [await report(threaded), await report({})];
    expect(JSON.parse(JSON.stringify(a))).toEqual(JSON.parse(JSON.stringify(b)));
  });

  test('a reader that is left early ends its threads', async () => {
    await withLogs([COURSE], { script, threaded: 0, piece: 20_000 }, async (logs) => {
      for await (const { raw } of logs.events({})) {
        expect(raw.length).toBeGreaterThan(0);
        break;
      }
    });
  });

  test('what holds for an early stage only does not count', async () => {
    const path = put(
      event('a', { stage: 'RequestReceived' }) +
        event('a', { code: 200 }) +
        event('b', { stage: 'RequestReceived' }) +
        event('b', { code: 403 }),
    );
    for (const options of [{}, { piece: 300 }])
      expect((await query([path], { code: ['!200'] }, options)).ids).toEqual(['b']);
  });
});

describe('spans of time', () => {
  const DAYS = 30;
  const COUNT = 60_000;
  const step = (DAYS * 86400) / COUNT;
  const long = put(Array.from({ length: COUNT }, (_, at) => event(String(at), { time: time(at * step) })).join(''));

  test('the last hour of thirty days: less than 2 % of the bytes, and all of its events', async () => {
    const since = Date.parse(time(DAYS * 86400 - 3600)) * 1000;
    const { ids, files } = await query([long], { since, stage: ['all'] });
    const expected = Array.from({ length: COUNT }, (_, at) => at).filter((at) => at * step >= DAYS * 86400 - 3600);
    expect(ids).toEqual(expected.map(String));
    expect(total(files, ({ bytes }) => bytes)).toBeLessThan(statSync(long).size * 0.02);
  });

  test.each([
    [0, 100],
    [1_000_000, 1_000_500],
    [2_591_000, 9_999_999],
    [-500, -100],
  ])('from second %d to %d', async (from, to) => {
    const span = { since: Date.parse(time(from)) * 1000, until: Date.parse(time(to)) * 1000 };
    const expected = Array.from({ length: COUNT }, (_, at) => at).filter((at) => at * step >= from && at * step <= to);
    expect((await query([long], { ...span, stage: ['all'] })).ids).toEqual(expected.map(String));
  });

  test('a log that is not in order is read as a whole', async () => {
    const seconds = Array.from({ length: 8000 }, (_, at) => (at < 4000 ? 100_000 + at : at));
    const path = put(seconds.map((second) => event(String(second), { time: time(second) })).join(''));
    const { ids } = await query([path], { since: Date.parse(time(103_990)) * 1000, stage: ['all'] });
    expect(ids).toEqual(Array.from({ length: 10 }, (_, at) => String(103_990 + at)));
  });

  test('rotated files that ended before are not opened', async () => {
    const folder = tempFolder();
    put(event('old', { time: time(0) }), 'audit-2026-01-01T00-00-01.000.log', folder);
    put(event('new', { time: time(90000) }), 'audit.log', folder);
    const { ids, files } = await query([folder], { since: Date.parse(time(80000)) * 1000 });
    expect([ids, files.map(({ bytes }) => bytes > 0)]).toEqual([['new'], [false, true]]);
  });
});

/** Requests whose stages are far from each other, some without an end, some with bodies. */
function tangled(requests: number, seed: number): string[] {
  const random = randomFrom(seed);
  const steps = Array.from({ length: requests }, (_, id) => {
    const at = random() * 1000;
    const end = at + random() * (id % 10 === 0 ? 500 : 5);
    const more = { auditID: `${seed}-${id}`, verb: id % 7 === 0 ? 'delete' : 'get', received: time(at) };
    return [
      { at, text: event(more.auditID, { ...more, stage: 'RequestReceived', time: time(at) }) },
      ...(id % 10 === 0
        ? [{ at: at + 0.1, text: event(more.auditID, { ...more, stage: 'ResponseStarted', time: time(at + 0.1) }) }]
        : []),
      ...(id % 13 === 0
        ? []
        : [{ at: end, text: event(more.auditID, { ...more, code: id % 11 === 0 ? 403 : 200, time: time(end) }) }]),
    ];
  });
  return steps
    .flat()
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text);
}

describe('the last ones', () => {
  const lines = tangled(400, 1);
  const one = put(lines.join(''));
  const rotated = tempFolder();
  put(gzipSync(lines.slice(0, 300).join('')), 'audit-2026-01-01T00-10-00.000.log.gz', rotated);
  put(lines.slice(300, 500).join(''), 'audit-2026-01-01T00-11-00.000.log', rotated);
  put(lines.slice(500).join(''), 'audit.log', rotated);
  const packed = put(gzipSync(lines.join('')), 'audit.log.gz');
  const other = put(tangled(100, 2).join(''), 'other.log');

  test.each<[string, string[], ReaderOptions]>([
    ['a file', [one], {}],
    ['a file in pieces', [one], { piece: 5000 }],
    ['in threads', [one], { piece: 20_000, script, threaded: 0, threads: 2 }],
    ['rotated files', [rotated], { piece: 5000 }],
    ['a packed file', [packed], {}],
    ['a packed file that is unpacked twice', [packed], { keep: 2000 }],
    ['several logs', [one, other], { piece: 5000 }],
  ])('%s: the end of all of them', async (_name, names, options) => {
    for (const filter of [{}, { stage: ['all'] }, { verb: ['delete'] }, { code: ['403'] }, { verb: ['patch'] }]) {
      const all = (await query(names, filter)).lines;
      for (const count of [1, 2, 17, 100, 399, 5000])
        expect((await query(names, filter, options, count)).lines).toEqual(all.slice(-count));
    }
  });

  test('no more is read than they need', async () => {
    const { files } = await query([one], {}, { piece: 5000 }, 5);
    expect(total(files, ({ bytes }) => bytes)).toBeLessThan(statSync(one).size / 5);
  });

  test('a line that was read twice is counted once', async () => {
    const path = put(`${lines.slice(0, 50).join('')}rubbish\n${lines.slice(50).join('')}`);
    const { files } = await query([path], { verb: ['patch'] }, { piece: 5000 }, 5);
    expect(files).toEqual([
      { path, size: statSync(path).size, bytes: statSync(path).size, events: lines.length, damaged: 1 },
    ]);
  });
});

describe('a file that is cut short while it is read', () => {
  test('what was there is given, and the rest is told', async () => {
    // The first event waits for its end, and everything else waits behind it: held as places in the file.
    const path = put(
      event('a', { stage: 'RequestReceived' }) +
        Array.from({ length: 4000 }, (_, at) => event(`b${at}`)).join('') +
        event('a'),
    );
    await withLogs([path], {}, async (logs) => {
      const ids: string[] = [];
      for await (const { raw } of logs.events({})) {
        if (ids.length === 0) truncateSync(path, 1000);
        ids.push((JSON.parse(new TextDecoder().decode(raw)) as { auditID: string }).auditID);
      }
      expect(ids.length).toBeLessThan(4001);
      expect(ids.slice(0, 2)).toEqual(['b0', 'b1']);
      expect(logs.files[0]?.problem).toBe('it was cut short while it was read');
    });
  });
});

describe('requests that never end', () => {
  const received = Array.from({ length: 3000 }, (_, at) =>
    event(`r${at}`, { stage: 'RequestReceived', time: time(at), received: time(at), verb: at % 3 ? 'get' : 'list' }),
  );

  test.each<[string, ReaderOptions]>([
    ['as a whole', {}],
    ['in pieces', { piece: 20_000 }],
    ['in threads', { piece: 20_000, script, threaded: 0, threads: 2 }],
    ['held for a short while only', { piece: 20_000, hold: 10_000 }],
  ])('%s: each is given and counted once', async (_name, options) => {
    const path = put(received.join(''));
    expect((await query([path], {}, options)).ids).toEqual(received.map((_, at) => `r${at}`));
    expect(await counted([path], ['verb', 'stage'], {}, options)).toEqual([
      { values: ['get', 'RequestReceived'], count: 2000 },
      { values: ['list', 'RequestReceived'], count: 1000 },
    ]);
  });
});
