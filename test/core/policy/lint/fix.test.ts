import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { applyEdits } from '../../../../src/core/policy/edit';
import { fixPolicy, lintPolicy } from '../../../../src/core/policy/lint';

const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n';

function fix(text: string) {
  const { text: result, fixed } = fixPolicy(text);
  return { result, fixed };
}

test.each([
  [
    'a field',
    '- level: None # why\n  resource:\n  - group: ""\n- level: Metadata\n',
    '- level: None # why\n  resources:\n  - group: ""\n- level: Metadata\n',
  ],
  [
    'a field with one value',
    '- level: Request\n  verb: get # one\n- level: Metadata\n',
    '- level: Request\n  verbs: [get] # one\n- level: Metadata\n',
  ],
  [
    'a field by its meaning',
    '- level: Metadata\n  groups: [a]\n- level: Metadata\n',
    '- level: Metadata\n  userGroups: [a]\n- level: Metadata\n',
  ],
  ['a level', '- level: "metadata"\n', '- level: "Metadata"\n'],
  [
    'a group with a version',
    '- level: None\n  resources:\n  - group: apps/v1\n- level: Metadata\n',
    '- level: None\n  resources:\n  - group: apps\n- level: Metadata\n',
  ],
  [
    'a group with its name',
    "- level: None\n  resources:\n  - group: core\n    resources: ['pods']\n- level: Metadata\n",
    '- level: None\n  resources:\n  - group: ""\n    resources: [\'pods\']\n- level: Metadata\n',
  ],
  [
    'a resource in the wrong group',
    '- level: Request\n  resources:\n  - group: ""\n    resources: [deployments] # workloads\n- level: Metadata\n',
    '- level: Request\n  resources:\n  - group: "apps"\n    resources: [deployments] # workloads\n- level: Metadata\n',
  ],
  [
    'names of resources',
    '- level: Request\n  resources:\n  - group: ""\n    resources: [Pod, pods/logs]\n- level: Metadata\n',
    '- level: Request\n  resources:\n  - group: ""\n    resources: [pods, pods/log]\n- level: Metadata\n',
  ],
  [
    'verbs',
    '- level: Request\n  verbs: [GET, "post"]\n  resources:\n  - group: apps\n- level: Metadata\n',
    '- level: Request\n  verbs: [get, "create"]\n  resources:\n  - group: apps\n- level: Metadata\n',
  ],
  [
    'a star for all verbs',
    '- level: Request\n  verbs: ["*"] # all\n  namespaces: [a]\n  resources:\n  - group: apps\n- level: Metadata\n',
    '- level: Request\n  namespaces: [a]\n  resources:\n  - group: apps\n- level: Metadata\n',
  ],
  [
    'a URL',
    '- level: None\n  nonResourceURLs: [healthz**, "/a"]\n- level: Metadata\n',
    '- level: None\n  nonResourceURLs: [/healthz*, "/a"]\n- level: Metadata\n',
  ],
  [
    'Secrets by a wildcard',
    '  # the namespaces\n  - level: None\n    namespaces: [x]\n  # all that is written\n  - level: Request\n    resources:\n      - group: ""\n  - level: Metadata\n',
    '  # the namespaces\n  - level: None\n    namespaces: [x]\n  - level: Metadata\n    resources:\n      - group: ""\n        resources: [secrets, configmaps]\n  # all that is written\n  - level: Request\n    resources:\n      - group: ""\n  - level: Metadata\n',
  ],
])('mends %s and leaves the rest alone', (_, before, after) => {
  expect(fix(`${HEAD}rules:\n${before}`).result).toBe(`${HEAD}rules:\n${after}`);
});

test.each([
  [
    'apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n',
    `${HEAD}rules:\n- level: Metadata\n`,
  ],
  [
    '# mine\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n',
    '# mine\napiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n',
  ],
  [
    'apiVersion: audit.k8s.io/v1\nkind: policy\nomitStages: [requestreceived]\nrules:\n- level: Metadata\n',
    `${HEAD}rules:\n- level: Metadata\n`,
  ],
  [
    'apiVersion: audit.k8s.io/v1\r\nkind: Policy\r\n# all\r\nrules:\r\n- level: Metadata\r\n',
    'apiVersion: audit.k8s.io/v1\r\nkind: Policy\r\nomitStages: [RequestReceived]\r\n# all\r\nrules:\r\n- level: Metadata\r\n',
  ],
  [
    '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"metadata","verb":"get"}]}',
    '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata","verbs":["get"]}]}',
  ],
])('mends the file around the rules', (before, after) => {
  expect(fix(before).result).toBe(after);
});

test('what has no certain mend is left, and said', () => {
  const text = `${HEAD}rules:\n- level: Metadata\n- level: Request\n  namespaces: ["*"]\n`;
  const { text: result, fixed, left } = fixPolicy(text);
  expect({ result, fixed }).toEqual({ result: text, fixed: [] });
  expect(left.map(({ code }) => code)).toContain('unreachable-rule');
});

test('one mend after the other, until nothing certain is left', () => {
  const text = readFileSync(join(__dirname, '../../../../fixtures/policies/bad/old-version.yaml'), 'utf8');
  const { text: result, fixed } = fixPolicy(text);
  expect(fixed).toEqual(['wrong-api-version', 'unknown-level', 'invalid-group', 'doubled-requests']);
  expect(lintPolicy(result).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(result.split('\n')[0]).toBe(text.split('\n')[0]);
});

test('a mend never makes things worse, and mending twice changes nothing more', () => {
  const rule = fc.constantFrom(
    '- level: None\n  resource:\n  - group: ""\n',
    '- level: Metadata\n',
    '- level: Request\n  verbs: ["*"]\n',
    '- level: request\n  user: bob\n',
    '- level: RequestResponse\n  resources:\n  - group: ""\n    resources: ["*"]\n',
    '- level: Request\n  resources:\n  - group: ""\n    resources: [deployments, Pods]\n',
    '- level: Metadata\n  users: [a]\n  users: [b]\n',
    '- {level: None, verb: get}\n',
  );
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), (rules) => {
      const text = `apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules.join('# next\n')}`;
      const before = lintPolicy(text);
      const { text: result } = fixPolicy(text);
      const after = lintPolicy(result);
      const errors = ({ findings }: typeof before) => findings.filter(({ severity }) => severity === 'error').length;
      if (before.loads) {
        expect(after.loads).toBe(true);
        expect(errors(after)).toBeLessThanOrEqual(errors(before));
      }
      expect(result.split('# next').length).toBe(text.split('# next').length);
      expect(fixPolicy(result).text).toBe(result);
    }),
    { numRuns: 150 },
  );
});

test('overlapping edits are a bug, not a result', () => {
  expect(() =>
    applyEdits('abc', [
      { start: 0, end: 2, text: '' },
      { start: 1, end: 3, text: '' },
    ]),
  ).toThrow(RangeError);
});
