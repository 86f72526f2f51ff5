import { loadPolicy } from '../../../src/core/policy/load';
import { createReplay } from '../../../src/core/policy/replay';
import { retentionOf } from '../../../src/core/policy/replay/retention';
import { scanEvent } from '../../../src/core/policy/replay/scan';

interface Event {
  level?: string;
  stage?: string;
  verb?: string;
  requestURI?: string;
  user?: object;
  requestObject?: unknown;
  responseObject?: unknown;
  time?: string;
}

/** An event with its fields in the API server's order. */
function event(fields: Event = {}): string {
  const time = fields.time ?? '2026-01-01T00:00:00.000000Z';
  const { requestObject, responseObject } = fields;
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: fields.level ?? 'Metadata',
    auditID: '11111111-2222-3333-4444-555555555555',
    stage: fields.stage ?? 'ResponseComplete',
    requestURI: fields.requestURI ?? '/api/v1/namespaces/default/pods/x',
    verb: fields.verb ?? 'get',
    user: fields.user ?? { username: 'alice', groups: ['devs', 'system:authenticated'] },
    sourceIPs: ['10.0.0.1'],
    userAgent: 'x "requestObject": {',
    objectRef: { resource: 'pods', namespace: 'default', name: 'x', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    ...(requestObject === undefined ? {} : { requestObject }),
    ...(responseObject === undefined ? {} : { responseObject }),
    requestReceivedTimestamp: time,
    stageTimestamp: time,
    annotations: { 'authorization.k8s.io/reason': 'RBAC: ,"requestReceivedTimestamp":"x' },
  });
}

function replay(rules: string, lines: readonly (string | Uint8Array)[], options = {}) {
  const { policy } = loadPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\n${rules}`);
  const one = createReplay(policy!, options);
  for (const line of lines) one.add(line);
  return one.result();
}

const QUIET = 'omitStages: [RequestReceived]\n';

test('what is dropped, kept and counted, rule by rule', () => {
  const get = event();
  const watch = event({ verb: 'watch', requestURI: '/api/v1/pods?watch=true' });
  const result = replay(
    `${QUIET}rules: [{level: None, verbs: [watch]}, {level: Request, users: [bob]}, {level: Metadata}]`,
    [get, get, watch],
  );
  const [g, w] = [get.length + 1, watch.length + 1];
  expect(result.now).toEqual({ events: 3, bytes: 2 * g + w });
  expect(result.then).toEqual({ events: 2, bytes: 2 * g });
  expect(result.dropped).toEqual({ events: 1, bytes: w });
  expect(result.rules.map(({ rule, level, now, then }) => [rule, level, now.events, then.events])).toEqual([
    [1, 'None', 1, 0],
    [2, 'Request', 0, 0],
    [3, 'Metadata', 2, 2],
  ]);
  expect(result.resources).toEqual([
    { resource: 'pods', now: { events: 3, bytes: 2 * g + w }, then: { events: 2, bytes: 2 * g } },
  ]);
});

test.each([
  ['Metadata', 0, 0],
  ['Request', 1, 0],
  ['RequestResponse', 1, 1],
])('bodies at %s', (level, request, response) => {
  const requestObject = { kind: 'Pod', data: 'a } "quoted" \\ {', list: [1, { responseObject: 2 }] };
  const responseObject = { status: [{ x: ']' }] };
  const fields = { level: 'RequestResponse', verb: 'create', requestURI: '/api/v1/namespaces/a/pods' };
  const full = event({ ...fields, requestObject, responseObject });
  const expected = event({
    ...fields,
    ...(request ? { requestObject } : {}),
    ...(response ? { responseObject } : {}),
  });
  const { then, shortened, lengthened } = replay(`${QUIET}rules: [{level: ${level}}]`, [full]);
  expect(then.bytes).toBe(expected.length + 1);
  expect(shortened.bytes).toBe(full.length - expected.length);
  expect(lengthened).toBe(0);
});

test('a body that was never recorded cannot be counted, and is said', () => {
  const lines = [
    event({ verb: 'create', requestURI: '/api/v1/namespaces/a/pods' }),
    event({ verb: 'get' }),
    event({ verb: 'watch', requestURI: '/api/v1/pods?watch=1' }),
    event({ verb: 'get', requestURI: '/healthz' }),
  ];
  expect(replay(`${QUIET}rules: [{level: Request}]`, lines).lengthened).toBe(1);
  const { lengthened, unknown } = replay(`${QUIET}rules: [{level: RequestResponse}]`, lines);
  expect(lengthened).toBe(2);
  expect(unknown).toContain('2 events would get bodies that were never recorded: the log grows by an unknown amount.');
});

test('stages: omitted ones are dropped, missing ones are estimated', () => {
  const received = event({ stage: 'RequestReceived' });
  const complete = event();
  expect(replay(`${QUIET}rules: [{level: Metadata}]`, [received, complete]).dropped.events).toBe(1);
  expect(replay('rules: [{level: Metadata}]', [received, complete]).doubled.events).toBe(0);
  expect(replay('rules: [{level: Metadata}]', [complete, complete])).toMatchObject({
    doubled: { events: 2, bytes: 2 * (complete.length + 1) },
    then: { events: 4 },
  });
});

test('who asked, and for what, is what the policy is asked about', () => {
  const rules = `${QUIET}rules:
- {level: None, users: [alice], resources: [{group: "", resources: [pods], resourceNames: [x]}]}
- {level: None, userGroups: [ops], nonResourceURLs: ["/healthz*"]}
- {level: None, namespaces: [kube-system]}
- {level: Metadata}`;
  const kept = (fields: Event) => replay(rules, [event(fields)]).then.events;
  expect(kept({})).toBe(0);
  expect(kept({ requestURI: '/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dx', verb: 'list' })).toBe(0);
  // The name of a new object stands in the log, but not in the request's path.
  expect(kept({ requestURI: '/api/v1/namespaces/default/pods', verb: 'create' })).toBe(1);
  expect(kept({ requestURI: '/healthz/etcd', user: { username: 'o', groups: ['ops'] } })).toBe(0);
  expect(kept({ requestURI: '/healthz/etcd', user: {} })).toBe(1);
  expect(kept({ requestURI: '/api/v1/namespaces/kube-system/pods', verb: 'list', user: {} })).toBe(0);
});

test('bytes are bytes, whatever the line is given as', () => {
  const line = event({ user: { username: 'zoë', groups: ['ü'] } });
  const bytes = Buffer.from(line);
  const rules = `${QUIET}rules: [{level: None, users: [zoë], userGroups: [ü]}, {level: Metadata}]`;
  for (const given of [line, bytes]) {
    expect(replay(rules, [given])).toMatchObject({ now: { bytes: bytes.length + 1 }, dropped: { events: 1 } });
  }
});

test('events in another order of fields count the same', () => {
  const inOrder = event({
    level: 'Request',
    verb: 'create',
    requestURI: '/api/v1/namespaces/a/pods',
    requestObject: { a: 1 },
  });
  const shuffled = JSON.stringify(
    Object.fromEntries(
      Object.entries(JSON.parse(inOrder) as object)
        .sort()
        .reverse(),
    ),
  );
  const rules = `${QUIET}rules: [{level: Metadata}]`;
  expect(replay(rules, [shuffled]).then.bytes).toBe(replay(rules, [inOrder]).then.bytes);
  expect(scanEvent(shuffled)).toEqual(scanEvent(inOrder));
});

test('damaged lines are counted, never fatal', () => {
  const line = event();
  const lines = ['', '{', 'null', '[]', '{"kind":"Pod"}', line.slice(0, -20), line.slice(0, 90), 'x'.repeat(10)];
  const { unreadable, now, unknown } = replay(`${QUIET}rules: [{level: Metadata}]`, [...lines, line]);
  expect({ unreadable, events: now.events }).toEqual({ unreadable: 7, events: 1 });
  expect(unknown).toContain('7 lines are no audit events, and are not counted.');
});

test('names without end take no memory without end', () => {
  const lines = Array.from({ length: 5000 }, (_, n) => event({ requestURI: `/apis/g${n}.example/v1/things` }));
  const { resources, now } = replay(`${QUIET}rules: [{level: Metadata}]`, lines);
  expect(resources.length).toBe(2001);
  expect(resources.reduce((sum, { now: tally }) => sum + tally.events, 0)).toBe(now.events);
});

test('how long the rotation holds, from the rate of what is kept', () => {
  const rotation = { maxSize: 1, maxBackup: 3, maxAge: 30 };
  const lines = [event(), event({ time: '2026-01-01T12:00:00.000000Z' })];
  const { retention, seconds } = replay(`${QUIET}rules: [{level: Metadata}]`, lines, { rotation });
  expect(seconds).toBe(43200);
  expect(retention?.bytesPerDay).toBe(4 * (lines[0]!.length + 1));
  expect(replay(`${QUIET}rules: [{level: Metadata}]`, [event()], { rotation }).retention).toBeUndefined();
});

test.each([
  [{ maxSize: 100, maxBackup: 10, maxAge: 30 }, 1000, 'size', 1, 1100],
  [{ maxSize: 100, maxBackup: 10, maxAge: 30 }, 1, 'age', 30, 130],
  [{ maxSize: 100, maxBackup: 0, maxAge: 30 }, 1000, 'age', 30, 30100],
  [{ maxSize: 100, maxBackup: 10, maxAge: 0 }, 500, 'size', 2, 1100],
  [{ maxSize: 100, maxBackup: 0, maxAge: 0 }, 500, 'nothing', Infinity, Infinity],
  [{ maxSize: 0, maxBackup: 10, maxAge: 30 }, 500, 'nothing', Infinity, Infinity],
])('%j at %i MiB a day', (rotation, mibPerDay, limit, days, mibOnDisk) => {
  const mib = 1024 * 1024;
  const retention = retentionOf(mibPerDay * mib, 86400, rotation);
  expect({ ...retention, bytesOnDisk: retention.bytesOnDisk / mib }).toEqual({
    bytesPerDay: mibPerDay * mib,
    days,
    limit,
    bytesOnDisk: mibOnDisk,
  });
});
