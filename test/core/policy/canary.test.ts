import fc from 'fast-check';
import { chooseCanary, secretProbe } from '../../../src/core/policy/canary';
import { loadPolicy } from '../../../src/core/policy/load';
import { decide } from '../../../src/core/policy/match';
import { PRESETS } from '../../../src/core/policy/presets';
import { auditRequest } from '../../../src/core/policy/request';
import type { Policy } from '../../../src/core/policy/types';

const ADMIN = { user: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:authenticated'] };

function load(rules: string): Policy {
  const { policy, serverMessage } = loadPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\n${rules}`);
  if (policy === undefined) throw new Error(serverMessage ?? '');
  return policy;
}

function choose(rules: string) {
  return chooseCanary(load(rules), ADMIN, 't0ken');
}

test.each([
  ['everything', 'rules: [{level: Metadata}]', 'GET /api/v1/namespaces/default ResponseComplete'],
  [
    'URLs only',
    'rules: [{level: None, resources: [{group: ""}, {group: apps}]}, {level: Metadata}]',
    'GET /version ResponseComplete',
  ],
  [
    'one resource',
    'rules: [{level: Request, resources: [{group: batch, resources: [jobs]}]}]',
    'GET /apis/batch/v1/namespaces/default/jobs/kube-auditctl-t0ken ResponseComplete',
  ],
  [
    'creations of one resource',
    'rules: [{level: Request, verbs: [create], resources: [{group: "", resources: [secrets]}]}]',
    'POST /api/v1/namespaces/default/secrets?dryRun=All ResponseComplete',
  ],
  [
    'deletions',
    'rules: [{level: Request, verbs: [delete], resources: [{group: apps, resources: [deployments]}]}]',
    'DELETE /apis/apps/v1/namespaces/default/deployments/kube-auditctl-t0ken?dryRun=All ResponseComplete',
  ],
  [
    'patches in one namespace',
    'rules: [{level: Request, verbs: [patch], namespaces: [prod], resources: [{group: "", resources: [pods]}]}]',
    'PATCH /api/v1/namespaces/prod/pods/kube-auditctl-t0ken?dryRun=All ResponseComplete',
  ],
  [
    'a subresource',
    'rules: [{level: Request, verbs: [create], resources: [{group: "", resources: [pods/exec]}]}]',
    'POST /api/v1/namespaces/default/pods/kube-auditctl-t0ken/exec?dryRun=All ResponseComplete',
  ],
  [
    'watches',
    'rules: [{level: Metadata, verbs: [watch]}]',
    'GET /api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dkube-auditctl-t0ken ResponseComplete',
  ],
  ['one URL', 'rules: [{level: Metadata, nonResourceURLs: [/metrics]}]', 'GET /metrics ResponseComplete'],
  [
    'URLs below one',
    'rules: [{level: Metadata, nonResourceURLs: [/debug/*]}]',
    'GET /debug/kube-auditctl-t0ken ResponseComplete',
  ],
  [
    'HEAD',
    'rules: [{level: Metadata, verbs: [head], nonResourceURLs: ["*"]}]',
    'HEAD /kube-auditctl-t0ken ResponseComplete',
  ],
  [
    'a named object is only looked at',
    'rules: [{level: Metadata, verbs: [delete, get], resources: [{group: "", resources: [secrets], resourceNames: [admin]}]}]',
    'GET /api/v1/namespaces/default/secrets/admin ResponseComplete',
  ],
  [
    'the deletion of a namespace is only tried on one that is not there',
    'rules: [{level: Metadata, verbs: [delete], resources: [{group: "", resources: [namespaces]}]}]',
    'DELETE /api/v1/namespaces/kube-auditctl-t0ken?dryRun=All ResponseComplete',
  ],
  [
    'arrivals',
    'omitStages: [ResponseComplete]\nrules: [{level: Metadata}]',
    'GET /api/v1/namespaces/default RequestReceived',
  ],
  [
    'streams',
    'omitStages: [ResponseComplete, RequestReceived]\nrules: [{level: Metadata}]',
    'GET /api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dkube-auditctl-t0ken ResponseStarted',
  ],
])('%s', (_, rules, expected) => {
  const { canary } = choose(rules);
  expect(canary && `${canary.method} ${canary.path} ${canary.stage}`).toBe(expected);
});

test.each([
  ['rules: [{level: None}]', 'no rule of the policy logs anything: every rule has level None'],
  [
    'rules: [{level: Metadata, users: [bob]}]',
    'every rule that logs is for other users or groups than kubernetes-admin (kubeadm:cluster-admins, system:authenticated)',
  ],
  [
    'omitStages: [RequestReceived, ResponseStarted, ResponseComplete]\nrules: [{level: Metadata}]',
    'the policy omits the stages RequestReceived and ResponseComplete, and no harmless request has another one',
  ],
  ['rules: [{level: None}, {level: Metadata}]', 'no harmless request by kubernetes-admin reaches a rule that logs'],
  [
    'rules: [{level: Metadata, verbs: [delete], namespaces: [prod], resources: [{group: "", resources: [namespaces]}]}]',
    'no harmless request by kubernetes-admin reaches a rule that logs',
  ],
  [
    'rules: [{level: Metadata, resources: [{group: "", resources: [services/proxy], resourceNames: [db]}]}]',
    'no harmless request by kubernetes-admin reaches a rule that logs',
  ],
  [
    'rules: [{level: Metadata, nonResourceURLs: [/debug/pprof/profile]}]',
    'no harmless request by kubernetes-admin reaches a rule that logs',
  ],
])('%s has none', (rules, whyNot) => {
  expect(choose(rules)).toEqual({ canary: undefined, whyNot });
});

test('whatever is chosen is logged as said, and cannot change anything', () => {
  const names = (...words: string[]) => fc.subarray(words);
  const rule = fc.record({
    level: fc.constantFrom('None', 'Metadata', 'Request'),
    users: names('kubernetes-admin'),
    verbs: names('get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'post', 'head'),
    namespaces: names('prod', ''),
    resources: fc.array(
      fc
        .record({
          group: fc.constantFrom('', 'apps', '*'),
          resources: names('pods', 'namespaces', 'pods/exec', '*', '*/status', 'nodes/*', 'services/proxy', 'pods/log'),
          resourceNames: names('important'),
        })
        .map((entry) => (entry.resources.length === 0 ? { ...entry, resourceNames: [] } : entry)),
      { maxLength: 2 },
    ),
    omitStages: names('RequestReceived', 'ResponseComplete'),
  });
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), (rules) => {
      const policy = load(`rules: ${JSON.stringify(rules)}`);
      const { canary } = chooseCanary(policy, ADMIN, 'zzz');
      if (canary === undefined) return;
      const { method, path } = canary;
      const decision = decide(policy, auditRequest(method, path, ADMIN));
      expect(decision).toMatchObject({ level: canary.level, rule: canary.rule });
      expect(decision.omitStages).not.toContain(canary.stage);
      if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') {
        expect(path).not.toMatch(/important\/(exec|proxy|attach|portforward)/);
        return;
      }
      expect(path).toContain('dryRun=All');
      expect(path).not.toContain('important');
      if (method === 'POST') expect(canary.body).toBeUndefined();
      else expect(path).toContain('kube-auditctl-zzz');
    }),
    { numRuns: 500 },
  );
});

test('every preset has a canary, and creates Secrets without their contents', () => {
  for (const { name, text } of PRESETS) {
    const { policy } = loadPolicy(text);
    expect({ name, loads: policy !== undefined }).toEqual({ name, loads: true });
    if (policy === undefined) continue;
    expect({ name, canary: chooseCanary(policy, ADMIN, 'x').canary !== undefined }).toEqual({ name, canary: true });
    expect(['None', 'Metadata']).toContain(secretProbe(policy, ADMIN).level);
  }
});
