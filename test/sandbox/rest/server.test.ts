/** Discovery, bootstrap, reviews, subresources, bodies in protobuf: what there is besides objects. */
import type { RestApi } from '../../../src/sandbox/apiserver/contract';
import { Engine } from '../../../src/sandbox/etcd/engine';
import { Store } from '../../../src/sandbox/etcd/store';
import { KINDS } from '../../../src/sandbox/apiserver/rest/kinds/table';
import { ask, openMemoryRest, read } from '../support/rest-front';

let rest: RestApi;
beforeAll(async () => {
  rest = await openMemoryRest();
});
afterAll(() => rest.close());

const NS = '/api/v1/namespaces/default';

interface Announced {
  resource: string;
  verbs: string[];
  subresources?: { subresource: string }[];
}

test('every kind of the table is announced, plainly and aggregated, and can be listed', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const announced = new Set<string>();
  for (const root of ['/api', '/apis']) {
    const response = await ask(rest, 'GET', root, { accept });
    expect('type' in response.body && response.body.type).toContain('as=APIGroupDiscoveryList');
    for (const { metadata, versions } of read(response).items) {
      for (const { version, resources } of versions) {
        const path = metadata.name ? `/apis/${metadata.name}/${version}` : `/api/${version}`;
        const plain = read(await ask(rest, 'GET', path));
        const listed: { name: string }[] = plain.resources;
        const names = listed.map(({ name }) => name);
        for (const { resource, verbs, subresources = [] } of resources as Announced[]) {
          announced.add(`${metadata.name ?? ''}/${resource}`);
          expect(names).toContain(resource);
          for (const { subresource } of subresources) expect(names).toContain(`${resource}/${subresource}`);
          if (verbs.includes('list')) expect((await ask(rest, 'GET', `${path}/${resource}`)).status).toBe(200);
        }
      }
    }
  }
  expect(announced).toEqual(new Set(KINDS.map(({ group, resource }) => `${group}/${resource}`)));
});

test('the aggregated form came with 1.26: an older server answers plainly', async () => {
  const old = await openMemoryRest({ gitVersion: 'v1.20.2', bootstrap: false });
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
  expect(read(await ask(old, 'GET', '/apis', { accept })).kind).toBe('APIGroupList');
  expect(read(await ask(old, 'GET', '/version'))).toMatchObject({ major: '1', minor: '20', gitVersion: 'v1.20.2' });
  await old.close();
});

test('OpenAPI says of every kind that can be patched that it takes dryRun', async () => {
  const { paths } = read(await ask(rest, 'GET', '/openapi/v3'));
  const root = paths['apis/apps/v1'].serverRelativeURL as string;
  const document = read(await ask(rest, 'GET', root));
  const { patch } = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
  const parameters: { name: string }[] = patch.parameters;
  expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(['dryRun', 'fieldValidation']));
  expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
  const old = await ask(rest, 'GET', '/openapi/v2', {
    accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  });
  expect('bytes' in old.body && Buffer.from(old.body.bytes).includes('x-kubernetes-group-version-kind')).toBe(true);
});

test.each([
  ['v1.36.0', 'v1beta4', true],
  ['v1.28.4', 'v1beta3', false],
  ['v1.20.2', 'v1beta2', false],
])('a new cluster of %s: kubeadm’s configuration is %s', async (gitVersion, version, withAdmins) => {
  const engine = new Engine(new Store());
  const first = await openMemoryRest({ gitVersion, engine });
  const { revision } = engine;
  const { data } = read(await ask(first, 'GET', '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'));
  expect(data.ClusterConfiguration).toContain(`apiVersion: kubeadm.k8s.io/${version}\n`);
  expect(data.ClusterConfiguration).toContain(`kubernetesVersion: ${gitVersion}\n`);
  const bindings = first
    .objects('rbac.authorization.k8s.io', 'clusterrolebindings')
    .map(({ metadata }) => (metadata as { name: string }).name);
  expect(bindings.includes('kubeadm:cluster-admins')).toBe(withAdmins);
  await ask(first, 'DELETE', '/apis/rbac.authorization.k8s.io/v1/clusterroles/view');
  const second = await openMemoryRest({ gitVersion, engine });
  expect(
    second
      .objects('rbac.authorization.k8s.io', 'clusterroles')
      .some(({ metadata }) => (metadata as { name: string }).name === 'view'),
  ).toBe(true);
  expect(engine.revision).toBe(revision + 2);
  await Promise.all([first.close(), second.close()]);
});

const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'default' };
test.each([
  ['authorization.k8s.io/v1/selfsubjectaccessreviews', { resourceAttributes }, { allowed: true, reason: 'because' }],
  [
    'authorization.k8s.io/v1/subjectaccessreviews',
    { resourceAttributes, user: 'nobody' },
    { allowed: false, reason: 'because' },
  ],
  [
    'authorization.k8s.io/v1/selfsubjectaccessreviews',
    { nonResourceAttributes: { verb: 'post', path: '/x' } },
    { allowed: true },
  ],
  [
    'authentication.k8s.io/v1/tokenreviews',
    { token: 'good' },
    { authenticated: true, user: { username: 'kubernetes-admin' } },
  ],
  ['authentication.k8s.io/v1/tokenreviews', { token: 'bad' }, { error: 'invalid bearer token' }],
  ['authentication.k8s.io/v1/selfsubjectreviews', {}, { userInfo: { username: 'kubernetes-admin' } }],
])('review %s of %j', async (path, spec, expected) => {
  const response = await ask(rest, 'POST', `/apis/${path}`, { body: { spec } });
  expect(response.status).toBe(201);
  expect(read(response).status).toMatchObject(expected);
});

test('SelfSubjectRulesReview: what the bound roles say', async () => {
  const RBAC = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
  await ask(rest, 'POST', `${RBAC}/roles`, { body: { metadata: { name: 'r' }, rules } });
  const subjects = [{ kind: 'User', name: 'jane' }];
  const roleRef = { kind: 'Role', name: 'r' };
  const binding = { metadata: { name: 'b' }, roleRef, subjects };
  expect((await ask(rest, 'POST', `${RBAC}/rolebindings`, { body: binding })).status).toBe(201);
  const changed = { ...binding, roleRef: { kind: 'Role', name: 'other' } };
  expect(read(await ask(rest, 'PUT', `${RBAC}/rolebindings/b`, { body: changed })).message).toContain(
    'cannot change roleRef',
  );
  const ask2 = (namespace: string) =>
    ask(rest, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      body: { spec: { namespace } },
      user: { name: 'jane', groups: [] },
    });
  expect(read(await ask2('default')).status.resourceRules).toEqual([
    { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
  ]);
  expect(read(await ask2('kube-system')).status.resourceRules).toEqual([]);
});

test('a token for an account that is there', async () => {
  const path = `${NS}/serviceaccounts/default/token`;
  const response = read(await ask(rest, 'POST', path, { body: { spec: { expirationSeconds: 900 } } }));
  expect(response).toMatchObject({ kind: 'TokenRequest', status: { token: 'token-of-default-default' } });
  expect((await ask(rest, 'POST', path, { body: { spec: { expirationSeconds: 5 } } })).status).toBe(422);
  expect((await ask(rest, 'POST', `${NS}/serviceaccounts/none/token`, { body: { spec: {} } })).status).toBe(404);
});

test('pods: binding, exec, log, eviction', async () => {
  await ask(rest, 'POST', `${NS}/pods`, {
    body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  });
  const exec = () => ask(rest, 'POST', `${NS}/pods/p/exec?command=ls&container=c`);
  expect(read(await exec())).toMatchObject({ code: 400, message: 'pod p does not have a host assigned' });
  expect(read(await ask(rest, 'POST', `${NS}/pods/p/exec?container=d`)).message).toBe(
    'container d is not valid for pod p',
  );
  expect(read(await ask(rest, 'GET', `${NS}/pods/p/log`))).toBe('');
  const bind = () => ask(rest, 'POST', `${NS}/pods/p/binding`, { body: { target: { name: 'cp1' } } });
  expect((await bind()).status).toBe(201);
  expect(read(await bind()).message).toBe(
    'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "cp1"',
  );
  expect(read(await exec())).toMatchObject({
    code: 500,
    message: expect.stringContaining('error dialing backend: dial tcp cp1:10250'),
  });
  expect((await ask(rest, 'GET', `${NS}/pods/p/log`)).status).toBe(500);
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } };
  expect((await ask(rest, 'POST', `${NS}/pods/p/eviction`, { body })).status).toBe(201);
  expect(read(await ask(rest, 'GET', `${NS}/pods/p`)).metadata.deletionTimestamp).toBeDefined();
});

test('the same events in both groups', async () => {
  const body = {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
    reason: 'Why',
    message: 'What',
    type: 'Normal',
  };
  expect((await ask(rest, 'POST', `${NS}/events`, { body })).status).toBe(201);
  const path = '/apis/events.k8s.io/v1/namespaces/default/events';
  expect(read(await ask(rest, 'GET', `${path}/e`))).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    note: 'What',
    regarding: { name: 'p' },
  });
  const newer = {
    metadata: { name: 'f' },
    regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
    note: 'Else',
    reason: 'Why',
    type: 'Normal',
  };
  expect((await ask(rest, 'POST', path, { body: newer })).status).toBe(201);
  expect(read(await ask(rest, 'GET', `${NS}/events/f`))).toMatchObject({
    apiVersion: 'v1',
    message: 'Else',
    involvedObject: { name: 'p' },
  });
});

test('a body in protobuf, as kubectl create secret sends it', async () => {
  const field = (number: number, ...parts: (Buffer | string)[]) => {
    const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
    return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  };
  const secret = Buffer.concat([
    field(1, field(1, 'proto'), field(3, ''), field(8)),
    field(2, field(1, 'a'), field(2, 'b')),
    field(3, 'Opaque'),
    Buffer.from([(5 << 3) | 0, 0]),
  ]);
  const type = field(1, field(1, 'v1'), field(2, 'Secret'));
  const body = Buffer.concat([Buffer.from('k8s\0'), type, field(2, secret), field(3), field(4)]);
  const contentType = 'application/vnd.kubernetes.protobuf';
  const made = await ask(rest, 'POST', `${NS}/secrets`, { body, contentType });
  expect(made.status).toBe(201);
  expect(read(made)).toMatchObject({
    metadata: { name: 'proto' },
    data: { a: 'Yg==' },
    immutable: false,
    type: 'Opaque',
  });
  for (const wrong of [Buffer.from('{}'), body.subarray(0, body.length - 9)]) {
    expect((await ask(rest, 'POST', `${NS}/secrets`, { body: wrong, contentType })).status).toBe(400);
  }
});
