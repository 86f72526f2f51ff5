/** What is made of objects: fields of the server's own, defaults, refusals with the server's words. */
import type { RestApi } from '../../../src/sandbox/apiserver/contract';
import { ask, openMemoryRest, read } from '../support/rest-front';

let rest: RestApi;
beforeAll(async () => {
  rest = await openMemoryRest({ now: () => new Date('2026-03-01T12:00:00.500Z') });
});
afterAll(() => rest.close());

const NS = '/api/v1/namespaces/default';
const create = (path: string, body: unknown) => ask(rest, 'POST', path, { body });

test('a secret: stringData becomes data, the server’s own fields are the server’s', async () => {
  const response = await create(`${NS}/secrets?fieldManager=me`, {
    metadata: { name: 's', uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', selfLink: '/x' },
    stringData: { a: 'ä' },
  });
  expect(response.status).toBe(201);
  const object = read(response);
  expect(Object.keys(object)).toEqual(['kind', 'apiVersion', 'metadata', 'type', 'data']);
  expect(Object.keys(object.metadata)).toEqual([
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'creationTimestamp',
    'managedFields',
  ]);
  expect(object).toMatchObject({
    type: 'Opaque',
    data: { a: 'w6Q=' },
    metadata: { creationTimestamp: '2026-03-01T12:00:00Z' },
  });
  expect(object.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
  expect(object.metadata.managedFields[0]).toMatchObject({ manager: 'me', operation: 'Update' });
  expect(response.objectRef).toEqual({
    name: 's',
    namespace: 'default',
    uid: object.metadata.uid,
    resourceVersion: object.metadata.resourceVersion,
  });
  expect(response.requestObject).toMatchObject({ kind: 'Secret', data: { a: 'w6Q=' } });
});

test('a pod: defaults, account, phase', async () => {
  const body = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } };
  const response = await create(`${NS}/pods`, body);
  const pod = read(response);
  const sent = response.requestObject as typeof pod;
  expect(sent.spec.restartPolicy).toBe('Always');
  expect(sent.spec).not.toHaveProperty('tolerations');
  expect(sent.spec.containers[0]).not.toHaveProperty('volumeMounts');
  expect(pod.spec).toMatchObject({
    restartPolicy: 'Always',
    serviceAccountName: 'default',
    terminationGracePeriodSeconds: 30,
    containers: [{ imagePullPolicy: 'Always', terminationMessagePolicy: 'File', resources: {} }],
  });
  expect(pod.spec.volumes[0].name).toMatch(/^kube-api-access-/);
  expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
});

test('a service is given an address of the cluster’s range, and a node port of the node’s', async () => {
  const spec = { type: 'NodePort', ports: [{ port: 80 }], selector: { app: 'x' } };
  const { spec: made } = read(await create(`${NS}/services`, { metadata: { name: 'svc' }, spec }));
  expect(made.clusterIP).toMatch(/^10\.(9[6-9]|10\d|11[01])\./);
  expect(made.clusterIPs).toEqual([made.clusterIP]);
  expect(made.ports[0]).toMatchObject({ port: 80, targetPort: 80, protocol: 'TCP' });
  expect(made.ports[0].nodePort).toBeGreaterThanOrEqual(30_000);
  expect(made.ports[0].nodePort).toBeLessThan(32_768);
});

test('a generated name begins as asked', async () => {
  const { metadata } = read(await create(`${NS}/configmaps`, { metadata: { generateName: 'web-' } }));
  expect(metadata.name).toMatch(/^web-[a-z0-9]{5}$/);
  expect(metadata.generateName).toBe('web-');
});

test('YAML is as good as JSON', async () => {
  const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: "1"}\n';
  const response = await ask(rest, 'POST', `${NS}/configmaps`, {
    body,
    contentType: 'application/yaml',
    accept: 'application/yaml',
  });
  expect(response.status).toBe(201);
  expect(read(response)).toContain('data:\n  a: "1"\n');
});

const containers = [{ name: 'c', image: 'i' }];
test.each<[string, string, unknown, number, string]>([
  [
    'no name',
    `${NS}/pods`,
    { spec: { containers } },
    422,
    'Pod "" is invalid: metadata.name: Required value: name or generateName is required',
  ],
  [
    'no containers',
    `${NS}/pods`,
    { metadata: { name: 'x' }, spec: {} },
    422,
    'Pod "x" is invalid: spec.containers: Required value',
  ],
  [
    'no image',
    `${NS}/pods`,
    { metadata: { name: 'x' }, spec: { containers: [{ name: 'c' }] } },
    422,
    'Pod "x" is invalid: spec.containers[0].image: Required value',
  ],
  [
    'a volume that is not there',
    `${NS}/pods`,
    {
      metadata: { name: 'x' },
      spec: { containers: [{ ...containers[0], volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
    },
    422,
    'Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    'an account that is not there',
    `${NS}/pods`,
    { metadata: { name: 'x' }, spec: { containers, serviceAccountName: 'bot' } },
    403,
    'pods "x" is forbidden: error looking up service account default/bot: serviceaccount "bot" not found',
  ],
  [
    'another namespace',
    `${NS}/configmaps`,
    { metadata: { name: 'x', namespace: 'other' } },
    400,
    'the namespace of the provided object does not match the namespace sent on the request',
  ],
  [
    'a namespace that is not there',
    '/api/v1/namespaces/nope/configmaps',
    { metadata: { name: 'x' } },
    404,
    'namespaces "nope" not found',
  ],
  [
    'another version',
    `${NS}/configmaps`,
    { apiVersion: 'v2', metadata: { name: 'x' } },
    400,
    'the API version in the data (v2) does not match the expected API version (v1)',
  ],
  [
    'labels of numbers',
    `${NS}/configmaps`,
    { metadata: { name: 'x', labels: { a: 1 } } },
    400,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  ],
  [
    'data that is no base64',
    `${NS}/secrets`,
    { metadata: { name: 'x' }, data: { a: '?' } },
    400,
    'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
  ],
  [
    'a bad key',
    `${NS}/configmaps`,
    { metadata: { name: 'x' }, data: { 'a b': '' } },
    422,
    'ConfigMap "x" is invalid: data[a b]: Invalid value: "a b": a valid config key must consist of',
  ],
  [
    'a secret too large',
    `${NS}/secrets`,
    { metadata: { name: 'x' }, data: { a: Buffer.alloc(1_048_577).toString('base64') } },
    422,
    'Secret "x" is invalid: data: Too long: may not be more than 1048576 bytes',
  ],
  [
    'a TLS secret without its key',
    `${NS}/secrets`,
    { metadata: { name: 'x' }, type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
    422,
    'Secret "x" is invalid: data[tls.key]: Required value',
  ],
  [
    'a service name with a digit first',
    `${NS}/services`,
    { metadata: { name: '1x' }, spec: { ports: [{ port: 80 }] } },
    422,
    'Service "1x" is invalid: metadata.name: Invalid value: "1x": a DNS-1035 label must consist of',
  ],
  [
    'a template that its selector does not match',
    '/apis/apps/v1/namespaces/default/deployments',
    {
      metadata: { name: 'x' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'c' } }, spec: { containers } },
      },
    },
    422,
    'Deployment.apps "x" is invalid: spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`',
  ],
  [
    'a rule without verbs',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles',
    { metadata: { name: 'x' }, rules: [{ apiGroups: [''], resources: ['pods'] }] },
    422,
    'Role.rbac.authorization.k8s.io "x" is invalid: rules[0].verbs: Required value: verbs must contain at least one value',
  ],
  [
    'a list',
    `${NS}/configmaps`,
    [],
    400,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go value of type v1.ConfigMap',
  ],
  [
    'nothing',
    `${NS}/configmaps`,
    '',
    400,
    "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  ],
])('refused: %s', async (_, path, body, status, message) => {
  const response = await create(path, body);
  const answered = read(response);
  expect(answered).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
  expect(String(answered.message).slice(0, message.length)).toBe(message);
  expect(response).toMatchObject({ status, message: answered.message });
});

test('an Invalid names its causes, several in a list', async () => {
  const body = { metadata: { name: 'x' }, spec: { containers: [{}] } };
  const { message, details } = read(await create(`${NS}/pods`, body));
  expect(message).toBe(
    'Pod "x" is invalid: [spec.containers[0].name: Required value, spec.containers[0].image: Required value]',
  );
  expect(details).toEqual({
    name: 'x',
    kind: 'Pod',
    causes: [
      { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers[0].name' },
      { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers[0].image' },
    ],
  });
});

test('twice the same name; dry run makes nothing, and fails as the real one would', async () => {
  const body = { metadata: { name: 'twice' } };
  expect((await create(`${NS}/configmaps?dryRun=All`, body)).status).toBe(201);
  expect((await ask(rest, 'GET', `${NS}/configmaps/twice`)).status).toBe(404);
  expect((await create(`${NS}/configmaps`, body)).status).toBe(201);
  for (const dry of ['', '?dryRun=All']) {
    const response = await create(`${NS}/configmaps${dry}`, body);
    expect(read(response)).toMatchObject({
      reason: 'AlreadyExists',
      code: 409,
      message: 'configmaps "twice" already exists',
      details: { name: 'twice', kind: 'configmaps' },
    });
  }
  expect(read(await create(`${NS}/configmaps?dryRun=x`, { metadata: { name: 'y' } }))).toMatchObject({
    code: 422,
    message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: supported values: "All"',
  });
});

test('an update with an old revision is a conflict; the status has its own path', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments';
  const labels = { app: 'd' };
  const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
  const made = read(await create(path, { metadata: { name: 'd' }, spec, status: { replicas: 9 } }));
  expect(made).toMatchObject({ status: {}, metadata: { generation: 1 }, spec: { replicas: 1 } });
  const put = (target: string, body: unknown) => ask(rest, 'PUT', target, { body });
  const next = read(await put(`${path}/d`, { ...made, spec: { ...made.spec, replicas: 2 }, status: { replicas: 9 } }));
  expect(next).toMatchObject({ status: {}, metadata: { generation: 2 } });
  expect(read(await put(`${path}/d`, made))).toMatchObject({
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on deployments.apps "d": the object has been modified; please apply your changes to the latest version and try again',
  });
  const withStatus = read(
    await put(`${path}/d/status`, { ...next, spec: { ...next.spec, replicas: 7 }, status: { replicas: 2 } }),
  );
  expect(withStatus).toMatchObject({ spec: { replicas: 2 }, status: { replicas: 2 }, metadata: { generation: 2 } });
  const scale = read(
    await ask(rest, 'PATCH', `${path}/d/scale`, {
      body: { spec: { replicas: 5 } },
      contentType: 'application/merge-patch+json',
    }),
  );
  expect(scale).toMatchObject({
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    spec: { replicas: 5 },
    status: { replicas: 2, selector: 'app=d' },
  });
  expect(read(await ask(rest, 'GET', `${path}/d`)).spec.replicas).toBe(5);
});

test('the same put twice is one revision', async () => {
  const made = read(await create(`${NS}/configmaps`, { metadata: { name: 'same' }, data: { a: '1' } }));
  const again = read(await ask(rest, 'PUT', `${NS}/configmaps/same`, { body: made }));
  expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
});

test('forty clients that each patch one key by themselves all succeed', async () => {
  await create(`${NS}/configmaps`, { metadata: { name: 'many' } });
  const patches = Array.from({ length: 40 }, (_, at) =>
    ask(rest, 'PATCH', `${NS}/configmaps/many`, {
      body: { data: { [`k${at}`]: 'x' } },
      contentType: 'application/merge-patch+json',
    }),
  );
  for (const { status } of await Promise.all(patches)) expect([200, 409]).toContain(status);
  const { data } = read(await ask(rest, 'GET', `${NS}/configmaps/many`));
  const done = (await Promise.all(patches)).filter(({ status }) => status === 200);
  expect(Object.keys(data)).toHaveLength(done.length);
  expect(done.length).toBeGreaterThan(19);
});
