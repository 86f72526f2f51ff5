/** Roles and bindings that grant what their author does not hold: refused in the server's words. */
import type { RestApi } from '../../../src/sandbox/apiserver/contract';
import { ask, openMemoryRest, read } from '../support/rest-front';

let rest: RestApi;
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/default/roles`;
/** The front of these tests lets this user neither escalate nor bind. */
const user = { name: 'nobody', groups: ['dev', 'system:authenticated'] };
const role = (name: string, ...rules: object[]) => ({ metadata: { name }, rules });
const pods = (...verbs: string[]) => ({ apiGroups: [''], resources: ['pods'], verbs });
const binding = (name: string, roleRef: object) => ({
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...roleRef },
  subjects: [{ kind: 'User', name: user.name, apiGroup: 'rbac.authorization.k8s.io' }],
});

beforeAll(async () => {
  rest = await openMemoryRest();
  await ask(rest, 'POST', ROLES, { body: role('looks', pods('get', 'list')) });
  const bound = binding('looks', { kind: 'Role', name: 'looks' });
  await ask(rest, 'POST', `${RBAC}/namespaces/default/rolebindings`, { body: bound });
});
afterAll(() => rest.close());

test('a role with more than is held', async () => {
  const body = role(
    'more',
    pods('get', 'delete', 'create'),
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['a'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods'], resourceNames: ['x'], verbs: ['list'] },
  );
  const answer = await ask(rest, 'POST', ROLES, { body, user });
  expect([answer.status, read(answer).message]).toEqual([
    403,
    'roles.rbac.authorization.k8s.io "more" is forbidden: user "nobody" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}\n' +
      '{APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get"]}',
  ]);
});

test('as much as is held; and what is changed in other ways', async () => {
  expect((await ask(rest, 'POST', ROLES, { body: role('same', pods('list')), user })).status).toBe(201);
  const label = { contentType: 'application/merge-patch+json', body: { metadata: { labels: { a: 'b' } } }, user };
  const granted = `${RBAC}/clusterroles/cluster-admin`;
  expect((await ask(rest, 'PATCH', granted, label)).status).toBe(200);
  const rules = { ...label, body: { rules: [pods('watch')] } };
  expect((await ask(rest, 'PATCH', `${ROLES}/same`, rules)).status).toBe(403);
});

test('bindings: of the role that they name', async () => {
  const bind = async (name: string, roleRef: object) =>
    ask(rest, 'POST', `${RBAC}/namespaces/default/rolebindings`, { body: binding(name, roleRef), user });
  expect((await bind('same', { kind: 'Role', name: 'looks' })).status).toBe(201);
  expect((await bind('none', { kind: 'Role', name: 'none' })).status).toBe(404);
  const all = await bind('all', { kind: 'ClusterRole', name: 'cluster-admin' });
  expect([all.status, read(all).message]).toEqual([
    403,
    expect.stringMatching(
      /not currently held:\n{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]}\n{NonResourceURLs:/,
    ),
  ]);
  const cluster = binding('all', { kind: 'ClusterRole', name: 'cluster-admin' });
  expect((await ask(rest, 'POST', `${RBAC}/clusterrolebindings`, { body: cluster, user })).status).toBe(403);
});

test('system:masters, and who may escalate, grant what they like', async () => {
  for (const each of [
    { name: 'root', groups: ['system:masters'] },
    { name: 'escalator', groups: [] },
  ])
    expect((await ask(rest, 'POST', ROLES, { body: role(each.name, pods('*')), user: each })).status).toBe(201);
});
