/** The small parts: times, names of files, lines that are no plain events, masks, questions, gaps. */
import { logsOf, nameFile } from '../../../src/core/auditlog/files';
import { gapsIn, missingRotations, rotationsOf } from '../../../src/core/auditlog/gaps';
import { HEAD } from '../../../src/core/auditlog/horspool';
import { LineReader } from '../../../src/core/auditlog/line';
import type { AuditEvent } from '../../../src/core/auditlog/event';
import { MASK, maskBody, maskUri, presentable } from '../../../src/core/auditlog/mask';
import { parseQuestion } from '../../../src/core/auditlog/question';
import { EventScan } from '../../../src/core/auditlog/scan';
import { evenBars, minutesOf, Timeline } from '../../../src/core/auditlog/timeline';
import { micros, localMinute, timeArgument, timeText } from '../../../src/core/auditlog/time';
import { localIso } from '../../../src/output/log/time';
import { parseAddress } from '../../../src/core/auditlog/address';
import { line } from '../../support/audit-events';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const NOW = Date.UTC(2026, 0, 15, 12, 30, 0);

describe('times', () => {
  test.each([
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000000Z'],
    ['2026-01-01T02:00:00.123456+02:00', '2026-01-01T00:00:00.123456Z'],
    ['90m', '2026-01-15T11:00:00.000000Z'],
    ['1h30m', '2026-01-15T11:00:00.000000Z'],
    ['7d', '2026-01-08T12:30:00.000000Z'],
    ['2 h', undefined],
    ['now', '2026-01-15T12:30:00.000000Z'],
    ['yesterday', '2026-01-14T00:00:00.000000Z'],
    ['today', '2026-01-15T00:00:00.000000Z'],
    ['2026-01-02', '2026-01-02T00:00:00.000000Z'],
    ['2026-01-02 14:05', '2026-01-02T14:05:00.000000Z'],
    ['08:15', '2026-01-15T08:15:00.000000Z'],
    ['2026-02-31', undefined],
    ['25:00', undefined],
    ['last week', undefined],
    ['', undefined],
  ])('%s', (text, expected) => {
    const ask = (): string => timeText(timeArgument(text, NOW, true));
    if (expected === undefined) expect(ask).toThrow(expect.objectContaining({ code: 'bad-time' }) as Error);
    else expect(ask()).toBe(expected);
  });

  test('the local clock is meant, unless UTC is', () => {
    const local = timeArgument('2026-07-02 14:05', NOW, false);
    expect(local).toBe(new Date(2026, 6, 2, 14, 5).getTime() * 1000);
  });

  test('microseconds are kept', () => {
    expect(micros('2026-01-01T00:00:00.000001Z') - micros('2026-01-01T00:00:00Z')).toBe(1);
    expect(micros('no time')).toBeNaN();
  });
});

const minutes = (...texts: string[]): number[] => texts.map((each) => Date.parse(`${each}:00Z`) / 60_000);

describe('files', () => {
  test('one log in order, another apart, the gzip beside its file once', () => {
    const names = [
      '/a/audit.log',
      '/a/audit-2026-01-02T00-00-00.000.log.gz',
      '/a/audit-2026-01-01T00-00-00.000.log',
      '/a/audit-2026-01-01T00-00-00.000.log.gz',
      '/b/audit.log',
    ];
    expect(logsOf(names).map((log) => log.map(({ path }) => path))).toEqual([
      [
        '/a/audit-2026-01-01T00-00-00.000.log.gz',
        '/a/audit-2026-01-01T00-00-00.000.log',
        '/a/audit-2026-01-02T00-00-00.000.log.gz',
        '/a/audit.log',
      ],
      ['/b/audit.log'],
    ]);
  });

  test.each([
    [
      ['x.log.2.gz', 'x.log', 'x.log.10', 'x.log.1'],
      ['x.log.10', 'x.log.2.gz', 'x.log.1', 'x.log'],
    ],
    [
      ['1.log', '0.log', '0.log.20260101-101500', '0.log.20260101-101000.gz'],
      ['0.log.20260101-101000.gz', '0.log.20260101-101500', '0.log', '1.log'],
    ],
    [
      ['x.log', 'x.log-20260102', 'x.log-20260101-1767300000.gz', 'x.log-20260101.gz'],
      ['x.log-20260101.gz', 'x.log-20260101-1767300000.gz', 'x.log-20260102', 'x.log'],
    ],
    [
      ['x.log', 'x.log-2026010207', 'x.log-2026-01-02', 'x.log-1767200000', 'x.log.20260102-06'],
      ['x.log-1767200000', 'x.log-2026-01-02', 'x.log.20260102-06', 'x.log-2026010207', 'x.log'],
    ],
  ])('%j', (names, expected) => {
    expect(logsOf(names).map((log) => log.map(({ path }) => path))).toEqual([expected]);
  });

  test('a rotated file tells its end', () => {
    expect(nameFile('audit-2026-01-02T03-04-05.678.log').endsAt).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678) * 1000);
  });

  test('gaps, and numbers that are missing', () => {
    expect(gapsIn(minutes('2026-01-01T00:00', '2026-01-01T00:01', '2026-01-01T00:30', '2026-01-01T00:31'))).toEqual([
      { from: '2026-01-01T00:01', to: '2026-01-01T00:30', minutes: 29 },
    ]);
    expect(gapsIn(minutes('2026-01-01T00:00', '2026-01-01T00:15'))).toEqual([]);
    // Where every minute has events, ten without are a gap.
    const hour = Array.from({ length: 70 }, (_, at) => at);
    expect(gapsIn([...hour, 80])).toEqual([{ from: '1970-01-01T01:09', to: '1970-01-01T01:20', minutes: 11 }]);
    // The server opens a new file with the event that did not fit any more.
    expect(gapsIn([0, 1, 2, 3, 10, 11])).toEqual([]);
    expect(gapsIn([0, 1, 2, 3, 10, 11], rotationsOf(['audit-1970-01-01T00-04-00.000.log', 'audit.log']))).toEqual([
      { from: '1970-01-01T00:03', to: '1970-01-01T00:10', minutes: 7 },
    ]);
    // Where an hour is usual, an hour is no gap.
    expect(gapsIn(minutes('2026-01-01T00:00', '2026-01-01T01:00', '2026-01-01T02:00'))).toEqual([]);
    expect(missingRotations(['audit.log', 'audit.log.1', 'audit.log.4.gz'])).toEqual(['audit.log.2', 'audit.log.3']);
  });
});

describe('times as they are written', () => {
  const now = Date.UTC(2026, 6, 2, 14, 5);
  test.each([
    ['2026-01-31T14:05Z', '2026-01-31T14:05:00.000000Z'],
    ['2026-01-31 14:05+02:00', '2026-01-31T12:05:00.000000Z'],
    ['23:59', '2026-07-01T23:59:00.000000Z'],
    ['14:05', '2026-07-02T14:05:00.000000Z'],
  ])('since %s', (text, expected) => {
    expect(timeText(timeArgument(text, now, true, true))).toBe(expected);
  });

  test.each(['2026-02-30T00:00:00Z', '2026-02-30T00:00Z', '2026-13-01T00:00:00Z', '2026-02-30'])(
    '%s is none',
    (text) => {
      expect(() => timeArgument(text, now, true)).toThrow('this is no time');
    },
  );

  test('until 23:59 is to come', () => {
    expect(timeText(timeArgument('23:59', now, true))).toBe('2026-07-02T23:59:00.000000Z');
  });

  test('the local clock, by minutes and to the microsecond', () => {
    const local = new Date(now);
    const two = (number: number): string => String(number).padStart(2, '0');
    expect(localMinute('2026-07-02T14:05')).toContain(`T${two(local.getHours())}:${two(local.getMinutes())}`);
    const iso = localIso('2026-07-02T14:05:09.123456Z');
    expect(iso).toMatch(/\.123456[+-]\d\d:\d\d$/);
    expect(Date.parse(iso)).toBe(Date.parse('2026-07-02T14:05:09.123Z'));
  });
});

describe('lines', () => {
  const read = (...lines: string[]): { ids: string[]; damaged: number } => {
    const reader = new LineReader();
    const scan = new EventScan();
    const found = lines.map((each) => reader.read(new TextEncoder().encode(each), scan));
    const ids = found.flatMap(({ events }) =>
      events.map((event) => (JSON.parse(new TextDecoder().decode(event)) as { auditID: string }).auditID),
    );
    return { ids, damaged: found.reduce((sum, { damaged }) => sum + damaged, reader.end()) };
  };
  const event = line({ auditID: 'a' });
  const cri = '2026-01-01T00:00:00.000000000Z stdout';

  test.each<[string, string[], string[], number]>([
    ['an event', [event], ['a'], 0],
    ['a byte order mark and a carriage return', [`\ufeff${event}\r`], ['a'], 0],
    ['nothing', ['', '  ', '\0\0'], [], 0],
    ['rubbish', ['hello', '{"a":1}', '[1]', 'null'], [], 4],
    [
      'an event of the cluster, which is another thing',
      ['{"kind":"Event","apiVersion":"v1","reason":"Started"}'],
      [],
      1,
    ],
    ['zeros before it', [`\0\0\0\0${event}`], ['a'], 0],
    ['half an event, zeros, a whole one', [`${event.slice(0, 60)}\0\0${event}`], ['a'], 1],
    ['half an event with a whole one behind it', [event.slice(0, 200) + line({ auditID: 'b' })], ['b'], 1],
    [
      'five without line breaks',
      [['a', 'b', 'c', 'd', 'e'].map((auditID) => line({ auditID })).join('')],
      ['a', 'b', 'c', 'd', 'e'],
      0,
    ],
    [
      'halves among them, and something else',
      [`x${event}${event.slice(0, 90)}${line({ auditID: 'b' })}rest${line({ auditID: 'c' }).slice(0, 80)}`],
      ['a', 'b'],
      4,
    ],
    [
      'an event in the body of another one is none, half of one behind them or not',
      [
        `${line({ auditID: 'a', requestObject: JSON.parse(line({ auditID: 'fake' })) as unknown })}${event.slice(0, 90)}`,
      ],
      ['a'],
      1,
    ],
    ['an item of a list', [`${event},`], ['a'], 0],
    ['a container log', [`${cri} F ${event}`], ['a'], 0],
    [
      'cut in pieces',
      [`${cri} P ${event.slice(0, 50)}`, `${cri} P ${event.slice(50, 90)}`, `${cri} F ${event.slice(90)}`],
      ['a'],
      0,
    ],
    ['pieces without an end', [`${cri} P ${event.slice(0, 50)}`], [], 1],
    ['the other stream', [`2026-01-01T00:00:00Z stderr F W0101 warning`], [], 0],
    ['wrapped by Docker', [JSON.stringify({ log: `${event}\n`, stream: 'stdout', time: 'x' })], ['a'], 0],
    [
      'a list, as a webhook gets it',
      [`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[${event},${line({ auditID: 'b' })},{}]}`],
      ['a', 'b'],
      1,
    ],
  ])('%s', (_name, lines, ids, damaged) => {
    expect(read(...lines)).toEqual({ ids, damaged });
  });

  test('the head that is looked for is what events begin with', () => {
    expect(event.startsWith(HEAD)).toBe(true);
  });
});

describe('masks', () => {
  test.each<[string, unknown, boolean, unknown]>([
    [
      'a Secret',
      { kind: 'Secret', data: { a: 'x' }, type: 'Opaque' },
      true,
      { kind: 'Secret', data: { a: MASK }, type: 'Opaque' },
    ],
    [
      'one among others',
      { kind: 'List', items: [{ kind: 'Secret', stringData: { a: 'x' } }] },
      false,
      { kind: 'List', items: [{ kind: 'Secret', stringData: { a: MASK } }] },
    ],
    [
      'a list without kinds',
      { kind: 'SecretList', items: [{ data: { a: 'x' } }] },
      true,
      { kind: 'SecretList', items: [{ data: { a: MASK } }] },
    ],
    ['a merge patch', { data: { a: 'x', b: null } }, true, { data: { a: MASK, b: null } }],
    [
      'a JSON patch',
      [
        { op: 'add', path: '/data/a', value: 'x' },
        { op: 'add', path: '/metadata/labels/l', value: 'y' },
      ],
      true,
      [
        { op: 'add', path: '/data/a', value: MASK },
        { op: 'add', path: '/metadata/labels/l', value: 'y' },
      ],
    ],
    [
      'a JSON patch of everything',
      [{ op: 'replace', path: '', value: { data: { a: 'x' } } }],
      true,
      [{ op: 'replace', path: '', value: MASK }],
    ],
    [
      'what kubectl applied',
      {
        kind: 'Secret',
        metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":1}' } },
      },
      true,
      { kind: 'Secret', metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': MASK } } },
    ],
    [
      'a token',
      { kind: 'TokenRequest', status: { token: 'x', expirationTimestamp: 'y' } },
      false,
      { kind: 'TokenRequest', status: { token: MASK, expirationTimestamp: 'y' } },
    ],
    [
      'a ConfigMap is no Secret',
      { kind: 'ConfigMap', data: { a: 'x' } },
      false,
      { kind: 'ConfigMap', data: { a: 'x' } },
    ],
  ])('%s', (_name, body, secret, expected) => {
    expect(maskBody(body, secret)).toEqual(expected);
  });

  test('tokens in URLs', () => {
    expect(maskUri('/api?a=b&access_token=x&c=d')).toBe('/api?a=b&access_token=***&c=d');
  });

  const VALUE = 'U0VDUkVUVkFMVUU=';
  const secrets = { resource: 'secrets', namespace: 'production', name: 'db' };
  const webhook = (patch: unknown): Record<string, string> => ({
    'patch.webhook.admission.k8s.io/round_0_index_0': JSON.stringify({ configuration: 'vault', patch }),
  });
  test.each<[string, AuditEvent]>([
    ['text, as server-side apply sends it', { requestObject: `kind: Secret\ndata:\n  p: ${VALUE}\n` }],
    ['JSON within a text', { requestObject: JSON.stringify({ kind: 'Secret', data: { p: VALUE } }) }],
    ['no kind', { requestObject: { kind: null, data: { p: VALUE } } }],
    ['a kind misspelt', { requestObject: { kind: 'secret', data: { p: VALUE } } }],
    ['bytes', { requestObject: { kind: 'Unknown', raw: VALUE } }],
    ['a path without its slash', { requestObject: [{ op: 'add', path: 'data/p', value: VALUE }] }],
    ['an operation without a name', { requestObject: [{ path: '/data/p', value: VALUE }] }],
    [
      'what another tool applied',
      { requestObject: { metadata: { annotations: { 'objectset.rio.cattle.io/applied': VALUE } } } },
    ],
    ['a change of a webhook', { annotations: webhook([{ op: 'replace', path: '/data/p', value: VALUE }]) }],
    [
      'a change of a webhook that is no JSON',
      { annotations: { 'patch.webhook.admission.k8s.io/round_1_index_0': VALUE } },
    ],
    [
      'a token that was asked for',
      { objectRef: { resource: 'serviceaccounts', subresource: 'token' }, responseObject: VALUE },
    ],
    ['a token that was looked at', { objectRef: { resource: 'tokenreviews' }, requestObject: { raw: VALUE } }],
    [
      'a list that kubectl applied',
      {
        objectRef: { resource: 'configmaps' },
        requestObject: { metadata: { annotations: { [LAST_APPLIED]: `{"kind":"SecretList","items":["${VALUE}"]}` } } },
      },
    ],
    [
      'the same, as a patch',
      {
        objectRef: { resource: 'configmaps' },
        requestObject: [
          {
            path: `/metadata/annotations/${LAST_APPLIED.replace('/', '~1')}`,
            value: `{"kind":"Secret","a":"${VALUE}"}`,
          },
        ],
      },
    ],
  ])('never leave the log: %s', (_name, parts) => {
    const event = { objectRef: secrets, ...parts };
    expect(JSON.stringify(presentable(event, { bodies: true, reveal: false }))).not.toContain(VALUE);
    expect(presentable(event, { bodies: true, reveal: true })).toEqual(event);
  });

  test('what a webhook did elsewhere stays to be seen', () => {
    const event = {
      objectRef: { resource: 'pods' },
      annotations: webhook([{ op: 'add', path: '/spec/a', value: 'x' }]),
    };
    expect(presentable(event, { bodies: false, reveal: false })).toEqual(event);
  });

  test('bodies only when they are asked for', () => {
    const event = { verb: 'get', requestObject: { a: 1 }, stageTimestamp: 't' };
    expect(presentable(event, { bodies: false, reveal: true })).toEqual({ verb: 'get', stageTimestamp: 't' });
    expect(presentable(event, { bodies: true, reveal: false })).toEqual(event);
  });
});

describe('questions', () => {
  test.each([
    ['deleted', 'secret/important', { deed: 'delete', name: 'important' }],
    ['delete', 'secrets', { deed: 'delete', name: undefined }],
    [
      "exec'd",
      'pod/x',
      { deed: 'exec', name: 'x', target: { resource: 'pods', group: undefined, subresource: 'exec' } },
    ],
    [
      'created',
      'deployment.apps/web',
      { deed: 'create', name: 'web', target: { resource: 'deployments', group: 'apps', subresource: undefined } },
    ],
  ])('%s %s', (verb, target, expected) => {
    expect(parseQuestion(verb, target, undefined)).toMatchObject(expected);
  });

  test.each([
    ['frobbed', 'pod/x'],
    ['deleted', '/x'],
    ['deleted', ''],
  ])('%s %s is refused', (verb, target) => {
    expect(() => parseQuestion(verb, target, undefined)).toThrow(
      expect.objectContaining({ code: 'bad-question' }) as Error,
    );
  });
});

test.each([
  ['10.0.0.1', true],
  ['256.0.0.1', false],
  ['::1', true],
  ['1::2::3', false],
  ['1:2:3:4:5:6:7', false],
  ['1:2:3:4:5:6:7:8', true],
  ['::ffff:10.0.0.1', true],
  ['fe80::1%eth0', true],
  ['x', false],
])('address %s', (text, expected) => {
  expect(parseAddress(text) !== undefined).toBe(expected);
});

describe('over time', () => {
  const stamp = (minute: number): string => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString();

  test('bars grow with the log, and lose nothing; every minute is known', () => {
    const whole = new Timeline(2);
    const [one, two] = [new Timeline(2), new Timeline(2)];
    for (let minute = 0; minute < 5000; minute += 2) {
      whole.add(stamp(minute), 1);
      (minute < 700 ? one : two).add(stamp(minute), 1);
    }
    one.merge(two.result());
    expect(one.result()).toEqual(whole.result());
    const { bars, step } = whole.result();
    expect(bars.length).toBeLessThanOrEqual(1500);
    expect(step).toBeGreaterThan(1);
    expect(bars.reduce((sum, [, counts]) => sum + counts[1]!, 0)).toBe(2500);
    expect(minutesOf(whole.result())).toHaveLength(2500);
  });

  test('bars without events are there as well', () => {
    const timeline = new Timeline(1);
    timeline.add(stamp(0), 0);
    timeline.add(stamp(3), 0);
    timeline.add('no time', 0);
    expect(evenBars(timeline.result(), 96)).toEqual({
      step: 1,
      bars: [0, 1, 2, 3].map((at) => [Date.UTC(2026, 0, 1) / 60_000 + at, [at % 3 === 0 ? 1 : 0]]),
    });
    expect(evenBars(timeline.result(), 2).step).toBe(2);
  });
});
