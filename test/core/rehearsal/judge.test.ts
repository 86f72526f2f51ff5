/** What a rehearsal comes to: only a difference between the planned arguments and today's counts. */
import { judgeControl, judgeTrial, type RehearsalFacts } from '../../../src/core/rehearsal/judge';
import { etcdCause, etcdCauseToday } from '../../../src/core/rehearsal/etcd';
import { isPastAudit, versionOf, type TrialEnd } from '../../../src/core/rehearsal/trial';

const facts: RehearsalFacts = {
  manifestPath: '/m.yaml',
  version: 'v1.30.0',
  comparable: false,
  scene: {
    etcdServers: [],
    etcdChanged: false,
    wantedArgv: [],
    policyPath: '/p',
    policyMounted: false,
    logPath: '/a.log',
  },
};
const VERSION = 'I1121 08:21:36.617619       2 server.go:182] Version: v1.20.2';
const ended = (...lines: string[]): TrialEnd => ({ state: 'ended', code: 1, signal: null, lines });
const lives = (more: object = {}): TrialEnd => ({ state: 'lives', reached: 'admission', lines: [VERSION], ...more });
const UNKNOWN = ended('Error: unknown flag: --x');

const of = (planned: TrialEnd, control?: TrialEnd) => {
  const judged = judgeTrial(planned, facts);
  return 'undecided' in judged && control ? judgeControl(judged, control, facts) : judged;
};

test.each<[string, TrialEnd, object]>([
  ['lives behind its audit options', lives(), { state: 'accepted', version: 'v1.20.2' }],
  ['gives no sign', lives({ reached: 'nothing', lines: [] }), { state: 'not-possible', version: 'v1.30.0' }],
  ['is killed', { state: 'ended', code: null, signal: 'SIGKILL', lines: [] }, { state: 'not-possible' }],
  [
    'cannot be started',
    { state: 'not-possible', why: 'no unshare' },
    { state: 'not-possible', summary: 'not rehearsed: no unshare' },
  ],
])('a server that %s needs no control', (_, end, expected) => {
  expect(of(end)).toMatchObject(expected);
});

test('an image that is not on the node is a warning, with the way to get it there', () => {
  const withImage = { ...facts, scene: { ...facts.scene, image: 'r/kube-apiserver:v1.36.9' } };
  const why = 'ctr: ctr: image "r/kube-apiserver:v1.36.9": not found';
  expect(judgeTrial({ state: 'not-possible', why }, withImage)).toMatchObject({
    state: 'not-possible',
    cause: { code: 'image-not-on-node', severity: 'warning', remedy: ['crictl pull r/kube-apiserver:v1.36.9'] },
  });
  expect(judgeTrial({ state: 'not-possible', why: 'spawn ctr ENOENT' }, withImage)).not.toHaveProperty('cause');
});

const READ_ONLY = lives({ logProblem: 'read-only file system' });
const NO_FILE: TrialEnd = {
  state: 'unmountable',
  mount: { mountPath: '/p', source: '/p', readOnly: true, type: 'File' },
  why: 'hostPath type check failed: /p is not a file',
};
const POLICY = ended(
  VERSION,
  'E1121 08:21:36.0       2 run.go:72] "command failed" err="x"',
  'E1121 08:21:36.000000       2 run.go:72] "command failed" err="loading audit policy file: failed to read file path \\"/p\\": open /p: no such file or directory"',
);

test.each<[string, TrialEnd, object]>([
  ['unknown-flag', UNKNOWN, { detail: 'rehearsal with kube-apiserver v1.30.0\n  Error: unknown flag: --x' }],
  ['audit-policy-not-mounted', POLICY, {}],
  ['audit-log-read-only', READ_ONLY, { title: 'the audit log /a.log is mounted read-only' }],
  ['volume-not-mountable', NO_FILE, { title: expect.stringContaining('/p is not a file') }],
  [
    'server-refused',
    ended('Error: words without a rule'),
    { title: 'kube-apiserver refuses to start: words without a rule' },
  ],
  [
    'server-refused',
    ended('words of another kind'),
    { title: expect.stringContaining('exit code 1'), detail: expect.stringContaining('words of another kind') },
  ],
])('%s: rejected when today is accepted', (code, planned, cause) => {
  expect(of(planned, lives())).toMatchObject({
    state: 'rejected',
    control: 'accepted',
    cause: { code, severity: 'error', remedy: expect.arrayContaining([expect.any(String)]), ...cause },
  });
});

test.each([UNKNOWN, POLICY, READ_ONLY, NO_FILE])('what today fails of as well is no more than a warning', (end) => {
  expect(of(end, end)).toMatchObject({ state: 'not-possible', control: 'rejected', cause: { severity: 'warning' } });
});

const comparable = { ...facts, comparable: true };
const alike = (end: TrialEnd) => {
  const judged = judgeTrial(end, comparable);
  return 'undecided' in judged ? judgeControl(judged, end, comparable) : judged;
};
const KEY = ended(
  VERSION,
  'E1121 08:21:36.000000       2 run.go:72] "command failed" err="tls: private key does not match public key"',
);

test.each<[string, TrialEnd]>([
  ['certificate-unreadable', KEY],
  ['audit-policy-not-mounted', POLICY],
  ['unknown-flag', UNKNOWN],
  ['volume-not-mountable', NO_FILE],
])('%s: a server that runs with these very arguments has outlived its files', (code, end) => {
  const report = alike(end);
  expect(report).toMatchObject({ state: 'rejected', control: 'rejected', cause: { code, severity: 'error' } });
  expect(report.cause?.title).toContain('would not start again with today');
});

test('words that a trial could be blamed for say nothing, even then', () => {
  expect(alike(ended('Error: words without a rule'))).toMatchObject({ state: 'not-possible', control: 'rejected' });
});

test('today fails of something else: a difference', () => {
  expect(of(UNKNOWN, POLICY)).toMatchObject({
    state: 'rejected',
    control: 'rejected',
    cause: { code: 'unknown-flag' },
  });
});

test('two failures of a server that logs JSON are told apart by its words', () => {
  const failed = (err: string) =>
    ended(JSON.stringify({ ts: 1767268838300.2, caller: 'x', msg: 'command failed', err }));
  expect(of(failed('the moon is new'), failed('the moon is full'))).toMatchObject({
    state: 'rejected',
    cause: { code: 'server-refused', title: 'kube-apiserver refuses to start: the moon is new' },
  });
});

test('without a control nothing is held against the change', () => {
  expect(of(UNKNOWN, { state: 'not-possible', why: 'no memory' })).toMatchObject({
    state: 'not-possible',
    summary: expect.stringContaining('no memory'),
    cause: { code: 'unknown-flag', severity: 'warning' },
  });
});

test.each([
  ['I0101 1 plugins.go:158] Loaded 12 mutating admission controller(s) successfully in the following order: X.', true],
  ['{"msg":"Loaded 10 validating admission controller(s) successfully"}', true],
  ['W0101 1 clientconn.go:1223] grpc: addrConn.createTransport failed to connect to {https://127.0.0.1:1}', true],
  ['I0101 1 shared_informer.go:240] Waiting for caches to sync for node_authorizer', false],
  ['I0101 1 server.go:182] Version: v1.20.2', false],
])('%s: behind the audit options: %s', (line, past) => {
  expect(isPastAudit(`before\n${line}\n`)).toBe(past);
});

test('the version is what the server says', () => {
  expect(versionOf(['x', VERSION])).toBe('v1.20.2');
  expect(versionOf(['Error: unknown flag'])).toBeUndefined();
});

describe('the etcd of today', () => {
  test.each([
    ['an expired certificate', ['certificate has expired'], true],
    ['one that etcd does not take', ['tlsv1 alert unknown ca', 'connection refused'], true],
    ['a key of another pair', ['error:05800074:x509 certificate routines::key values mismatch'], true],
    ['nobody there: that says nothing of files', ['connection refused'], false],
    ['a key that only our library finds too short', ['ee certificate key too small'], false],
    ['one of them answers', ['certificate has expired', undefined], false],
  ])('%s', (_, failures, caused) => {
    const answers = failures.map((failure) => ({
      server: 'https://a:1',
      ...(failure === undefined ? {} : { failure }),
    }));
    expect(etcdCauseToday(answers)?.code).toBe(caused ? 'etcd-unreachable' : undefined);
  });
});

describe('etcd', () => {
  const dead = (server: string) => ({ server, failure: 'connection refused' });
  test.each([
    [
      'all dead, today one answers',
      [dead('https://a:1'), dead('https://b:1')],
      [{ server: 'https://c:1' }, dead('https://d:1')],
      true,
    ],
    [
      'one of the planned answers',
      [dead('https://a:1'), { server: 'https://b:1' }],
      [{ server: 'https://c:1' }],
      false,
    ],
    ['today nobody answers either', [dead('https://a:1')], [dead('https://c:1')], false],
    ['nobody was asked', [], [], false],
  ])('%s', (_, planned, today, caused) => {
    expect(etcdCause(planned, today)?.code).toBe(caused ? 'etcd-unreachable' : undefined);
  });
});
