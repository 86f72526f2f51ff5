import {
  requirePolicy,
  runCoverage,
  runExplain,
  runExplainKubectl,
  runExplainLines,
  runFix,
  runLint,
  runReplay,
} from '../../src/change/policy';

const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n';
const GOOD = `${HEAD}rules:\n- level: None\n  verbs: [list]\n- level: Metadata\n`;
const BAD = `${HEAD}rules:\n- level: Metadata\n- level: Request\n`;
const ALICE = { user: 'alice', groups: ['system:authenticated'] };

test('lint: several files, clean only when none has an error', () => {
  const { files, clean } = runLint([
    { file: 'good.yaml', text: GOOD },
    { file: 'bad.yaml', text: Buffer.from(BAD) },
  ]);
  expect(clean).toBe(false);
  expect(files.map(({ file, report }) => [file, report.findings.some(({ severity }) => severity === 'error')])).toEqual(
    [
      ['good.yaml', false],
      ['bad.yaml', true],
    ],
  );
  expect(runLint([{ file: 'bad.yaml', text: BAD }], { ignore: ['unreachable-rule', 'sensitive-bodies'] }).clean).toBe(
    true,
  );
});

test('fix: bytes or text in, text out', () => {
  const text = `${HEAD}rules:\n- level: metadata # all\n`;
  expect(runFix({ file: 'x', text: Buffer.from(text) }).text).toBe(text.replace('metadata', 'Metadata'));
});

test('a policy that the server refuses is a user error with its words and place', () => {
  expect(() => requirePolicy({ file: 'p.yaml', text: `${HEAD}rules: []\n` })).toThrow(
    expect.objectContaining({
      code: 'policy-refused',
      message: expect.stringContaining('loaded illegal policy with 0 rules: from file p.yaml') as string,
      place: expect.objectContaining({ file: 'p.yaml', line: 4 }) as object,
    }),
  );
  const star = `${HEAD}rules: [{level: None, resources: [{group: "*"}]}]\n`;
  expect(() => requirePolicy({ file: 'p.yaml', text: star }, { major: 1, minor: 30 })).toThrow('group');
});

test('explain: one request, JSON lines, a kubectl command', () => {
  const policy = requirePolicy({ file: 'p', text: GOOD });
  const request = { ...ALICE, verb: 'get', path: '/healthz' };
  expect(runExplain(policy, request).explanation.decision.rule).toBe(2);

  const lines = [
    '{"user":"a","groups":[],"verb":"list","resource":"pods"}',
    '',
    '{"user":null,"verb":"get","path":"/"}',
  ];
  expect([...runExplainLines(policy, lines)]).toEqual([
    '{"level":"None","rule":1,"omitStages":["RequestReceived"],"omitManagedFields":false}',
    '{"level":"Metadata","rule":2,"omitStages":["RequestReceived"],"omitManagedFields":false}',
  ]);
  expect(() => [...runExplainLines(policy, ['{}', 'x'], 'f')]).toThrow(
    expect.objectContaining({ place: expect.objectContaining({ file: 'f', line: 2 }) as object }),
  );

  const { requests } = runExplainKubectl(policy, ['kubectl', 'get', 'pods'], ALICE);
  expect(requests.map(({ path, explanation }) => `${path} ${explanation.decision.level}`)).toEqual([
    '/api Metadata',
    '/apis Metadata',
    '/api/v1/namespaces/default/pods?limit=500 None',
  ]);
});

test('coverage and replay', async () => {
  const policy = requirePolicy({ file: 'p', text: GOOD });
  expect(runCoverage(policy).find(({ concern }) => concern === 'pods')?.verdict).toBe('covered');
  const { result, files } = await runReplay(policy, ['a', 'b'], (paths, replay) => {
    replay.add('{"kind":"Event"}');
    return Promise.resolve([...paths]);
  });
  expect({ unreadable: result.unreadable, files }).toEqual({ unreadable: 1, files: ['a', 'b'] });
});
