import { requirePolicy, runCoverage, runExplain, runExplainKubectl } from '../../src/change/policy';
import { LINT_RULES, lintPolicy } from '../../src/core/policy/lint';
import { PRESETS } from '../../src/core/policy/presets';
import type { ReplayResult } from '../../src/core/policy/replay';
import { createReplay } from '../../src/core/policy/replay';
import { coverageJson, coverageText } from '../../src/output/policy-coverage';
import { explainJson, explainText, kubectlJson, kubectlText } from '../../src/output/policy-explain';
import { lintJson, lintText } from '../../src/output/policy-lint';
import { presetsJson, presetsText } from '../../src/output/policy-presets';
import { bytesText, replayJson, replayText } from '../../src/output/policy-replay';
import { sarif } from '../../src/output/sarif';
import { createStyle } from '../../src/output/style';

const PLAIN = createStyle(false);
const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n';
const ALICE = { user: 'alice', groups: ['system:authenticated'] };
const policyOf = (rules: string) => requirePolicy({ file: 'p', text: `${HEAD}rules:\n${rules}` });

describe('lint', () => {
  const text = `${HEAD}rules:\n- level: Metadata\n- level: request\n`;
  const report = lintPolicy(text, { file: 'p.yaml', ignore: ['unreachable-rule'] });

  test('for people', () => {
    expect(lintText('p.yaml', report, PLAIN)).toBe(`p.yaml: the API server would not start with it
  it would say: loading audit policy file: rules[1].level: Unsupported value: "request": supported values: "None", "Metadata", "Request", "RequestResponse": from file p.yaml
✗ There is no level request [unknown-level]
    p.yaml:6:10
    6 | - level: request
                 ^^^^^^^
    rules[1].level: Unsupported value: "request": supported values: "None", "Metadata", "Request", "RequestResponse"
    → level: Request
1 error. --fix mends 1 of them.
`);
    const clean = lintPolicy(PRESETS[1]!.text);
    expect(lintText('x', clean, PLAIN)).toBe('x: the API server would load it\nNothing found.\n');
    const lenient = lintPolicy(`${HEAD}rule: []\nrules:\n- level: Metadata\n`);
    expect(lintText('x', lenient, PLAIN)).toMatch(
      /^x: the API server would load it, and ignore what it does not understand\n {2}it would say: Audit policy contains errors/,
    );
  });

  test('as JSON: the documented fields and no others', () => {
    const json = JSON.parse(lintJson(report)) as { findings: object[] };
    expect(json).toEqual({
      loads: false,
      lenient: false,
      serverMessage: report.serverMessage,
      findings: [
        {
          code: 'unknown-level',
          severity: 'error',
          title: 'There is no level request',
          detail: expect.stringContaining('rules[1].level') as string,
          place: { file: 'p.yaml', line: 6, column: 10, lineText: '- level: request', length: 7 },
          remedy: ['level: Request'],
          fixable: true,
        },
      ],
    });
  });

  test('as SARIF: each finding at its region, each rule described', () => {
    const log = JSON.parse(sarif(report.findings, LINT_RULES, '1.2.3')) as {
      version: string;
      runs: { tool: { driver: { version: string; rules: { id: string }[] } }; results: Record<string, unknown>[] }[];
    };
    const [run] = log.runs;
    expect({ version: log.version, tool: run!.tool.driver.version }).toEqual({ version: '2.1.0', tool: '1.2.3' });
    const [result] = run!.results;
    expect(run!.tool.driver.rules[result!['ruleIndex'] as number]?.id).toBe('unknown-level');
    expect(result).toMatchObject({
      ruleId: 'unknown-level',
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'p.yaml' },
            region: { startLine: 6, startColumn: 10, endColumn: 17 },
          },
        },
      ],
    });
  });
});

describe('explain', () => {
  const policy = policyOf('- level: None\n  verbs: [list]\n- level: Request\n  omitManagedFields: true\n');

  test('a request', () => {
    const request = {
      ...ALICE,
      verb: 'create',
      apiGroup: 'apps',
      apiVersion: 'v1',
      resource: 'deployments',
      subresource: 'scale',
      name: 'd',
      namespace: 'web',
    };
    const explained = runExplain(policy, request);
    expect(explainText(explained, PLAIN))
      .toBe(`create deployments/scale.apps d in web by alice: Request, without the stages RequestReceived, without managed fields
  rule 1 does not match: its verbs are list; this request's is create
  rule 2 decides
`);
    expect(JSON.parse(explainJson(explained))).toMatchObject({
      request: { user: 'alice', resource: 'deployments' },
      level: 'Request',
      rule: 2,
      skipped: [{ rule: 1, reason: 'verb' }],
    });
    const nobody = runExplain(policyOf('- level: Metadata\n  users: [bob]\n'), {
      user: null,
      groups: [],
      verb: 'get',
      path: '/x',
    });
    expect(explainText(nobody, PLAIN)).toBe(`get /x by nobody (failed login): None, it is not logged
  rule 1 does not match: it names users (bob); this request is not authenticated
  no rule matches it
`);
  });

  test('a kubectl command', () => {
    const explained = runExplainKubectl(policy, ['delete', 'pod', 'x', '--wait=false', '--as=bob'], ALICE);
    const lines = kubectlText(explained, PLAIN).trimEnd().split('\n');
    expect(lines[2]).toBe('Request  rule 2  DELETE /api/v1/namespaces/default/pods/x  deletes the object');
    expect(lines[3]).toMatch(/^ {2}– The policy is asked about the user who logs in, not about bob/);
    const json = JSON.parse(kubectlJson(explained)) as { requests: object[] };
    expect(json.requests[2]).toMatchObject({
      method: 'DELETE',
      discovery: false,
      when: null,
      level: 'Request',
      rule: 2,
    });
  });
});

test('coverage', () => {
  const rows = runCoverage(policyOf('- level: None\n  users: [bob]\n- level: Metadata\n'));
  const text = coverageText(rows, PLAIN);
  expect(text).toMatch(/^✓ covered {2}Secrets \(CIS 3\.2\.2\) +read Metadata, write Metadata, delete Metadata$/m);
  expect(text).toMatch(/^! partly {3}Roles and bindings +write Metadata, delete Metadata$/m);
  expect(text).toContain('\nTreated otherwise:\n  Secrets, read: None for requests of bob\n');
  expect(JSON.parse(coverageJson(rows))).toEqual({ concerns: JSON.parse(JSON.stringify(rows)) });
});

describe('replay', () => {
  const event = (verb: string, second: number) =>
    `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/api/v1/pods","verb":"${verb}","user":{"username":"a"},"requestReceivedTimestamp":"2026-01-01T00:00:0${second}.000000Z","stageTimestamp":"2026-01-01T00:00:0${second}.000000Z"}`;
  const run = (rotation?: object): ReplayResult => {
    const policy = policyOf('- level: None\n  verbs: [watch]\n- level: Metadata\n');
    const replay = createReplay(policy, rotation === undefined ? {} : { rotation: rotation as never });
    replay.add(event('list', 0));
    replay.add(event('watch', 9));
    return replay.result();
  };

  test('for people', () => {
    const text = replayText(run({ maxSize: 1, maxBackup: 10, maxAge: 30 }), PLAIN);
    expect(text).toMatch(/^Recorded: 2 events, \d+ B, 2026-01-01T00:00:00\.000000Z to 2026-01-01T00:00:09\.000000Z\n/);
    expect(text).toMatch(/\nWith this policy: 1 event, \d+ B \(50 % of the bytes\)\n {2}dropped: 1 event, \d+ B\n/);
    expect(text).toMatch(/\nrule {2}level {5}events now {2}then {2}bytes now {2}then\n1 {5}None {6}1 {11}0 /);
    expect(text).toMatch(/\npods {6}2 {11}1 /);
    expect(text).toMatch(
      /\nAt this rate \d\.\d MiB a day: the log reaches back 3 days, limited by size, and takes up to 11\.0 MiB of disk\.\n/,
    );
    expect(text).toContain('– Requests that the recorded log leaves out cannot be counted');
    expect(replayText(run({ maxSize: 0, maxBackup: 0, maxAge: 0 }), PLAIN)).toContain(
      'and nothing is ever removed: the disk fills up.',
    );
    expect(replayText(run(), PLAIN)).not.toContain('At this rate');
  });

  test('as JSON', () => {
    expect(JSON.parse(replayJson(run()))).toMatchObject({
      now: { events: 2 },
      then: { events: 1 },
      rules: [{ rule: 1 }, { rule: 2 }],
    });
  });
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [100 * 1024 * 1024, '100.0 MiB'],
])('%i bytes', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test('presets', () => {
  expect(presetsText(PRESETS, PLAIN).split('\n')[0]).toBe(
    'minimal      everything by metadata, health probes left out: a starting point',
  );
  expect(JSON.parse(presetsJson(PRESETS))).toEqual({ presets: PRESETS });
});
