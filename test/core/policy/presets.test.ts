import { loadPolicy } from '../../../src/core/policy/load';
import { decide } from '../../../src/core/policy/match';
import { PRESETS, findPreset } from '../../../src/core/policy/presets';
import { auditRequest } from '../../../src/core/policy/request';

const PEOPLE = {
  alice: { user: 'alice', groups: ['devs', 'system:authenticated'] },
  node: { user: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  scheduler: { user: 'system:kube-scheduler', groups: ['system:authenticated'] },
  anonymous: { user: 'system:anonymous', groups: ['system:unauthenticated'] },
  nobody: { user: null, groups: [] },
};

const NAMES = ['minimal', 'recommended', 'security', 'cis', 'cks', 'quiet', 'forensic'];

test('they are these', () => {
  expect(PRESETS.map(({ name }) => name)).toEqual(NAMES);
  expect(findPreset('cis')?.name).toBe('cis');
  expect(findPreset('none')).toBeUndefined();
});

/** A letter a level, in the order of NAMES: - None, m Metadata, r Request, R RequestResponse. */
test.each<[keyof typeof PEOPLE, string, string, string]>([
  ['anonymous', 'GET', '/readyz', '-------'],
  ['nobody', 'GET', '/api/v1/pods', 'mmmmmmm'],
  ['anonymous', 'GET', '/api/v1/secrets', 'mmmmmmm'],
  ['alice', 'GET', '/api/v1/namespaces/a/secrets/b', 'mmmmmmm'],
  ['alice', 'POST', '/api/v1/namespaces/a/secrets', 'mmmmmmm'],
  ['alice', 'PATCH', '/api/v1/namespaces/a/configmaps/b', 'mmmmmmm'],
  ['alice', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', 'mmmmmmm'],
  ['alice', 'POST', '/api/v1/namespaces/a/serviceaccounts/b/token', 'mmmmmmm'],
  ['alice', 'POST', '/api/v1/namespaces/a/pods/b/exec', 'mRRRmmR'],
  ['alice', 'GET', '/api/v1/namespaces/a/pods/b/exec', 'mRRRmmR'],
  ['alice', 'GET', '/api/v1/namespaces/a/pods', 'mmmmm-m'],
  ['alice', 'POST', '/api/v1/namespaces/a/pods', 'mmrrmmR'],
  ['alice', 'DELETE', '/apis/apps/v1/namespaces/a/deployments/b', 'mmrrmmR'],
  ['alice', 'PATCH', '/apis/apps/v1/namespaces/webapps/deployments/b', 'mmrrrmR'],
  ['alice', 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', 'mRRRmmR'],
  ['alice', 'POST', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', 'mmRmmmR'],
  ['alice', 'POST', '/api/v1/namespaces', 'mmrmRmR'],
  ['alice', 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x', 'mmmmm-R'],
  ['node', 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1', 'm--mm-R'],
  ['scheduler', 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x', 'm--mm-R'],
  ['node', 'PATCH', '/api/v1/nodes/n1/status', 'm-mmm-R'],
  ['node', 'GET', '/api/v1/namespaces/a/secrets/b', 'mmmmm-m'],
  ['scheduler', 'GET', '/api/v1/pods?watch=true', 'm-mmm-m'],
  ['node', 'POST', '/api/v1/namespaces/a/events', 'm--mm-R'],
  ['alice', 'GET', '/metrics', 'mmmmm-m'],
])('%s %s %s', (who, method, path, letters) => {
  const request = auditRequest(method, path, PEOPLE[who]);
  const levels = PRESETS.map(({ text }) => decide(loadPolicy(text).policy!, request).level);
  const letter = { None: '-', Metadata: 'm', Request: 'r', RequestResponse: 'R' };
  expect(levels.map((level) => letter[level]).join('')).toBe(letters);
});
