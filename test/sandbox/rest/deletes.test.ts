/** The end of things: grace, finalizers, preconditions, dependents, collections, namespaces. */
import type { RestApi } from '../../../src/sandbox/apiserver/contract';
import { until } from '../../support/until';
import { ask, openMemoryRest, read } from '../support/rest-front';

let rest: RestApi;
beforeAll(async () => {
  rest = await openMemoryRest();
});
afterAll(() => rest.close());

const NS = '/api/v1/namespaces/default';
const post = (path: string, body: object) => ask(rest, 'POST', path, { body });
const status = async (path: string) => (await ask(rest, 'GET', path)).status;
const remove = (path: string, body?: object) => ask(rest, 'DELETE', path, body ? { body } : {});

test('what is simply there is simply gone', async () => {
  const made = read(await post(`${NS}/secrets`, { metadata: { name: 's' } }));
  expect(read(await remove(`${NS}/secrets/s?dryRun=All`))).toMatchObject({ status: 'Success' });
  expect(await status(`${NS}/secrets/s`)).toBe(200);
  expect(read(await remove(`${NS}/secrets/s`))).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: 's', kind: 'secrets', uid: made.metadata.uid },
  });
  expect(await status(`${NS}/secrets/s`)).toBe(404);
});

test('preconditions', async () => {
  const { metadata } = read(await post(`${NS}/configmaps`, { metadata: { name: 'pre' } }));
  const message = `Operation cannot be fulfilled on configmaps "pre": Precondition failed: UID in precondition: other, UID in object meta: ${metadata.uid}`;
  expect(read(await remove(`${NS}/configmaps/pre`, { preconditions: { uid: 'other' } }))).toMatchObject({
    code: 409,
    message,
  });
  expect((await remove(`${NS}/configmaps/pre`, { preconditions: { resourceVersion: '1' } })).status).toBe(409);
  expect((await remove(`${NS}/configmaps/pre`, { preconditions: { uid: metadata.uid } })).status).toBe(200);
});

test('a finalizer holds it until it is taken away, and no other may be added', async () => {
  await post(`${NS}/configmaps`, { metadata: { name: 'held', finalizers: ['example.com/hold'] } });
  expect(read(await remove(`${NS}/configmaps/held`)).metadata.deletionTimestamp).toMatch(/Z$/);
  const patch = (finalizers: string[]) =>
    ask(rest, 'PATCH', `${NS}/configmaps/held`, {
      body: { metadata: { finalizers } },
      contentType: 'application/merge-patch+json',
    });
  expect(read(await patch(['example.com/hold', 'example.com/more'])).message).toContain(
    'no new finalizers can be added',
  );
  expect(await status(`${NS}/configmaps/held`)).toBe(200);
  expect((await patch([])).status).toBe(200);
  expect(await status(`${NS}/configmaps/held`)).toBe(404);
});

test('a mirror pod waits for its kubelet; a pod of nobody’s does not', async () => {
  const spec = { nodeName: 'cp1', containers: [{ name: 'c', image: 'i' }] };
  const annotations = { 'kubernetes.io/config.mirror': 'hash' };
  await post(`${NS}/pods`, { metadata: { name: 'mirror', annotations }, spec });
  await post(`${NS}/pods`, { metadata: { name: 'own' }, spec });
  const marked = read(await remove(`${NS}/pods/mirror`));
  expect(marked.metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
  await remove(`${NS}/pods/own`);
  await until(async () => (await status(`${NS}/pods/own`)) === 404);
  expect(await status(`${NS}/pods/mirror`)).toBe(200);
  expect((await remove(`${NS}/pods/mirror`, { gracePeriodSeconds: 0 })).status).toBe(200);
  expect(await status(`${NS}/pods/mirror`)).toBe(404);
});

test.each(['Background', 'Orphan'])('what it owns, by propagation %s', async (propagationPolicy) => {
  const { metadata } = read(await post(`${NS}/configmaps`, { metadata: { name: 'owner' } }));
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: metadata.uid }];
  await post(`${NS}/configmaps`, { metadata: { name: 'owned', ownerReferences } });
  await remove(`${NS}/configmaps/owner`, { propagationPolicy });
  const owned = await ask(rest, 'GET', `${NS}/configmaps/owned`);
  if (propagationPolicy === 'Background') expect(owned.status).toBe(404);
  else {
    expect(read(owned).metadata.ownerReferences).toBeUndefined();
    await remove(`${NS}/configmaps/owned`);
  }
});

test('a collection by its labels', async () => {
  for (const name of ['c1', 'c2', 'keep']) {
    await post(`${NS}/configmaps`, { metadata: { name, labels: { gone: name === 'keep' ? 'n' : 'y' } } });
  }
  const removed = read(await remove(`${NS}/configmaps?labelSelector=gone%3Dy`));
  expect(removed).toMatchObject({
    kind: 'ConfigMapList',
    items: [{ metadata: { name: 'c1' } }, { metadata: { name: 'c2' } }],
  });
  expect(await status(`${NS}/configmaps/keep`)).toBe(200);
  expect(await status(`${NS}/configmaps/c1`)).toBe(404);
});

test('a namespace ends with all that is in it, and takes nothing more meanwhile', async () => {
  await post('/api/v1/namespaces', { metadata: { name: 'doomed' } });
  const inside = '/api/v1/namespaces/doomed';
  await post(`${inside}/configmaps`, { metadata: { name: 'a', finalizers: ['example.com/hold'] } });
  await post(`${inside}/secrets`, { metadata: { name: 'b' } });
  expect(read(await remove(inside))).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' } });
  const refused = read(await post(`${inside}/secrets`, { metadata: { name: 'c' } }));
  expect(refused).toMatchObject({
    code: 403,
    message:
      'secrets "c" is forbidden: unable to create new content in namespace doomed because it is being terminated',
    details: { causes: [{ reason: 'NamespaceTerminating' }] },
  });
  await until(async () => (await status(`${inside}/secrets/b`)) === 404);
  expect(await status(inside)).toBe(200);
  const patch = { metadata: { finalizers: null } };
  await ask(rest, 'PATCH', `${inside}/configmaps/a`, { body: patch, contentType: 'application/merge-patch+json' });
  await until(async () => (await status(inside)) === 404);
  expect(
    rest
      .objects('', 'serviceaccounts')
      .filter(({ metadata }) => (metadata as { namespace: string }).namespace === 'doomed'),
  ).toEqual([]);
});

test('a new namespace has its account and its CA, and has them again', async () => {
  await post('/api/v1/namespaces', { metadata: { name: 'fresh' } });
  const account = '/api/v1/namespaces/fresh/serviceaccounts/default';
  const { metadata } = read(await ask(rest, 'GET', account));
  expect(read(await ask(rest, 'GET', '/api/v1/namespaces/fresh/configmaps/kube-root-ca.crt')).data).toEqual({
    'ca.crt': 'the CA',
  });
  await remove(account);
  await until(async () => {
    const response = await ask(rest, 'GET', account);
    return response.status === 200 && read(response).metadata.uid !== metadata.uid;
  });
});

test('the namespaces that hold the cluster together stay', async () => {
  expect(read(await remove('/api/v1/namespaces/kube-system'))).toMatchObject({
    code: 403,
    message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  });
});
