/** Real kubectl against a whole sandbox: TLS, certificates, RBAC, and every request in the audit log. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Box } from './box';

const box = new Box();
const LOG = join(box.dir, 'node/var/log/kubernetes/audit/audit.log');

interface Event {
  auditID: string;
  stage: string;
  verb: string;
  level: string;
  user: { username: string; groups: string[] };
  impersonatedUser?: { username: string };
  userAgent: string;
  objectRef?: { resource: string; subresource?: string; name?: string; namespace?: string };
  requestURI: string;
  responseStatus?: { code: number };
  annotations?: Record<string, string>;
}

function events(): Event[] {
  const lines = readFileSync(LOG, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Event);
}

/** The events of what `work` does that kubectl caused. */
async function during(work: () => Promise<unknown>): Promise<Event[]> {
  const before = events().length;
  await work();
  return events()
    .slice(before)
    .filter(({ userAgent, stage }) => userAgent.startsWith('kubectl/') && stage === 'ResponseComplete');
}

async function good(user: string | undefined, line: string, input?: string): Promise<string> {
  const { code, stdout, stderr } = await box.kubectl(user, line, input);
  if (code !== 0) throw new Error(`kubectl ${line}: exit code ${code}: ${stderr}`);
  return stdout;
}

beforeAll(async () => {
  await box.start();
  const enabled = await box.tool('enable', '--preset', 'forensic');
  if (enabled.code !== 0) throw new Error(enabled.stdout + enabled.stderr);
});
afterAll(() => box.leave());

test('the life of a Deployment', async () => {
  await good('dave', 'create deployment web --image=nginx');
  await good('dave', 'scale deployment web --replicas=3');
  await good('dave', 'label deployment web tier=front');
  await good('dave', 'annotate deployment web note=mine');
  await good('dave', 'set image deployment/web nginx=nginx:2');
  expect(await good('dave', 'get deployments')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/3 /);
  const object = JSON.parse(await good('dave', 'get deployment web -o json')) as never;
  expect(object).toMatchObject({
    metadata: { namespace: 'production', labels: { app: 'web', tier: 'front' }, annotations: { note: 'mine' } },
    spec: { replicas: 3, template: { spec: { containers: [{ image: 'nginx:2' }] } } },
  });
  expect(await good('dave', 'describe deployment web')).toContain('Replicas:');
  await good('dave', 'delete deployment web');
  expect((await box.kubectl('dave', 'get deployment web')).stderr).toBe(
    'Error from server (NotFound): deployments.apps "web" not found\n',
  );
});

test('apply, change, apply again', async () => {
  const map = (value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: ${value}}\n`;
  expect(await good('dave', 'apply -f -', map('red'))).toBe('configmap/settings created\n');
  expect(await good('dave', 'apply -f -', map('red'))).toBe('configmap/settings unchanged\n');
  expect(await good('dave', 'apply -f -', map('blue'))).toBe('configmap/settings configured\n');
  expect(await good('dave', 'get configmap settings -o jsonpath={.data.colour}')).toBe('blue');
});

test('a server-side dry run changes nothing, and is logged as what it is', async () => {
  const seen = await during(() => good('dave', 'create secret generic dry --from-literal=a=b --dry-run=server'));
  expect((await box.kubectl('dave', 'get secret dry')).code).toBe(1);
  const [event] = seen.filter(({ verb }) => verb === 'create');
  expect([event?.requestURI, event?.responseStatus?.code]).toEqual([expect.stringContaining('dryRun=All'), 201]);
});

test('who may not is told so in the words of the server, and stands in the log', async () => {
  const seen = await during(async () => {
    const { code, stderr } = await box.kubectl('jane', 'get secrets');
    expect([code, stderr]).toEqual([
      1,
      'Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "staging"\n',
    ]);
  });
  expect(seen.find(({ objectRef }) => objectRef?.resource === 'secrets')).toMatchObject({
    verb: 'list',
    user: { username: 'jane', groups: ['developers', 'system:authenticated'] },
    responseStatus: { code: 403 },
    annotations: { 'authorization.k8s.io/decision': 'forbid' },
  });
});

test('--as: both names stand in the log', async () => {
  const seen = await during(() => good(undefined, '--as=dave -n production get pods'));
  expect(seen.find(({ objectRef }) => objectRef?.resource === 'pods')).toMatchObject({
    user: { username: 'kubernetes-admin' },
    impersonatedUser: { username: 'dave' },
  });
  expect((await box.kubectl('dave', '--as=jane get pods')).stderr).toContain('cannot impersonate resource "users"');
});

test('the values of Secrets never get into the log', async () => {
  await good('dave', 'create secret generic important --from-literal=password=correct-horse-battery');
  await good('dave', 'get secret important -o yaml');
  await good('dave', 'delete secret important');
  const text = readFileSync(LOG, 'utf8');
  expect(text).toContain('"name":"important"');
  for (const value of ['correct-horse-battery', Buffer.from('correct-horse-battery').toString('base64')])
    expect(text).not.toContain(value);
});

test('a watch sees what happens', async () => {
  const watching = box.kubectl('dave', 'get configmaps --watch-only --request-timeout=5s -o name');
  // Created again and again until the watch, which begins some time, has seen one.
  let done = false;
  void watching.then(() => (done = true));
  for (let n = 0; !done; n++) await box.kubectl('dave', `create configmap seen-${n}`);
  expect((await watching).stdout).toMatch(/^configmap\/seen-\d+$/m);
});

test('the node is there, and the mirror pod of its API server', async () => {
  expect(await good(undefined, 'get nodes')).toMatch(/^sandbox /m);
  expect(await good(undefined, '-n kube-system get pods')).toMatch(/^kube-apiserver-sandbox +1\/1 +Running/m);
});

test('api-resources, version, auth can-i', async () => {
  expect(await good('dave', 'api-resources')).toMatch(/^deployments +deploy +apps\S* +true +Deployment$/m);
  expect(await good('dave', 'version')).toContain('v1.36.0');
  expect((await box.kubectl('jane', 'auth can-i delete pods')).stdout).toBe('no\n');
  expect((await box.kubectl('dave', 'auth can-i delete pods')).stdout).toBe('yes\n');
});
