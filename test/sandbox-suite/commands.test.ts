/** The tool's commands on a sandbox, without root: the whole way of a user, and what stands on the disk afterwards. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Box } from './box';

const box = new Box();
const MANIFEST = join(box.dir, 'node/etc/kubernetes/manifests/kube-apiserver.yaml');
const LOG = join(box.dir, 'node/var/log/kubernetes/audit/audit.log');
let pristine: string;

interface Event {
  verb: string;
  user: { username: string };
  objectRef?: { resource: string };
  responseStatus?: { code: number };
}

beforeAll(async () => {
  await box.start();
  pristine = readFileSync(MANIFEST, 'utf8');
});
afterAll(() => box.leave());

test('enable: kept and proven, and it says that this is no real node', async () => {
  const ran = await box.tool('enable');
  expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('guard set')]);
  expect(ran.stdout).toMatch(/^ {2}proven: event kube-auditctl-[0-9a-f]+ .*not$/m);
  expect(ran.stdout).toContain(`In the sandbox ${box.dir}: no real node was touched.`);
  expect(statSync(LOG).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(box.dir, 'run/guards'))).toEqual([]);
});

test('again: nothing to do, the same process', async () => {
  const before = await box.json('status');
  expect(await box.json('enable')).toMatchObject({ outcome: 'unchanged', sandbox: box.dir });
  expect((await box.json('status')).running).toEqual(before.running);
});

test('status and verify', async () => {
  expect(await box.json('status', '--check')).toMatchObject({
    exitCode: 0,
    configured: 'on',
    running: { asConfigured: true, ready: true },
    policy: { runs: 'this' },
    findings: [],
    sandbox: box.dir,
  });
  expect(await box.json('verify')).toMatchObject({ state: 'proven', secret: { state: 'metadata-only' } });
});

test('what only the server can know is refused by its own program, which leaves nothing behind', async () => {
  const bad = join(box.home, 'bad.yaml');
  const before = readFileSync(MANIFEST, 'utf8');
  const names = (): string[] => readdirSync(join(box.dir, 'run')).sort();
  const left = names();
  writeFileSync(bad, before.replace(/^( *- )--secure-port=.*$/m, '$&\n$1--magic=3'));
  expect(await box.json('apply', '-f', bad)).toMatchObject({
    outcome: 'refused',
    exitCode: 1,
    rehearsal: { state: 'rejected', control: 'accepted', cause: { code: 'unknown-flag' } },
  });
  writeFileSync(bad, before.replace(/^( *- )--audit-log-path=.*$/m, '$1--audit-log-path=/var/log/kubernetes'));
  expect(await box.json('apply', '-f', bad)).toMatchObject({ outcome: 'refused', exitCode: 1 });
  writeFileSync(bad, before.replace(/^( *- )--secure-port=.*$/m, '$&\n$1--v=1'));
  expect(await box.json('apply', '-f', bad, '--dry-run')).toMatchObject({
    outcome: 'planned',
    rehearsal: { state: 'accepted' },
  });
  expect([names(), readFileSync(MANIFEST, 'utf8')]).toEqual([left, before]);
});

test('--fast hands over: the old process is ended, and named', async () => {
  const other = join(box.home, 'other.yaml');
  const before = readFileSync(MANIFEST, 'utf8');
  writeFileSync(other, before.replace(/^( *- )--secure-port=.*$/m, '$&\n$1--v=1'));
  // The sandbox's kubelet has a grace period of a second itself.
  expect(await box.json('apply', '-f', other, '--fast', '--drain', '0s')).toMatchObject({
    outcome: 'kept',
    handOver: { state: 'done', ended: [{ pid: expect.any(Number) as number }] },
  });
  expect(await box.json('rollback', '--fast')).toMatchObject({ outcome: 'kept', handOver: { state: 'done' } });
  expect(readFileSync(MANIFEST, 'utf8')).toBe(before);
  expect(readdirSync(join(MANIFEST, '..')).sort()).toEqual(['etcd.yaml', 'kube-apiserver.yaml']);
});

test('a misspelt flag is rolled back with its cause, by the server’s own words', async () => {
  const bad = join(box.home, 'bad.yaml');
  const before = readFileSync(MANIFEST, 'utf8');
  writeFileSync(bad, before.replace('--audit-log-maxbackup=', '--audit-log-maxbackups='));
  expect(await box.json('apply', '-f', bad)).toMatchObject({ outcome: 'refused', exitCode: 1 });
  const report = await box.json('apply', '-f', bad, '--ignore', 'unknown-flag');
  expect(report).toMatchObject({ outcome: 'rolled-back', exitCode: 3, cause: { code: 'unknown-flag' } });
  expect(readFileSync(MANIFEST, 'utf8')).toBe(before);
  expect(await box.json('status', '--check')).toMatchObject({ exitCode: 0 });
});

test('who did it stands in the log', async () => {
  const secrets = '/api/v1/namespaces/production/secrets';
  const object = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'important' } });
  await box.tool('sandbox', 'request', 'POST', secrets, '--data', object);
  expect((await box.tool('sandbox', 'request', '--user', 'jane', 'DELETE', `${secrets}/important`)).code).toBe(1);
  expect((await box.tool('sandbox', 'request', '--user', 'dave', 'DELETE', `${secrets}/important`)).code).toBe(0);
  const events = readFileSync(LOG, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
    .filter(({ verb, objectRef }) => verb === 'delete' && objectRef?.resource === 'secrets');
  expect(events.map(({ user, responseStatus }) => [user.username, responseStatus?.code])).toEqual([
    ['jane', 403],
    ['dave', 200],
  ]);
});

test('what is read of its log says whose it is', async () => {
  for (const line of [
    'log query --verb delete',
    'log top',
    'log who deleted secret/important -n production',
    'log report',
  ])
    expect([line, (await box.json(...line.split(' '))).sandbox]).toEqual([line, box.dir]);
  const { events } = (await box.json('log', 'query', '--verb', 'delete')) as never as { events: { auditID: string }[] };
  expect(await box.json('log', 'show', events[0]!.auditID)).toMatchObject({ sandbox: box.dir });
});

test('disable gives back the same bytes', async () => {
  expect(await box.json('disable')).toMatchObject({ outcome: 'kept' });
  expect(readFileSync(MANIFEST, 'utf8')).toBe(pristine);
});

test('stopped: a clear error; started again: everything is as it was; deleted: nothing is left', async () => {
  await box.tool('enable');
  expect((await box.tool('sandbox', 'stop')).code).toBe(0);
  expect(box.processes()).toEqual([]);
  const refused = await box.tool('status', '-o', 'json');
  expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([2, { error: { code: 'sandbox-stopped' } }]);
  await box.tool('sandbox', 'start');
  expect(await box.json('status', '--check')).toMatchObject({ exitCode: 0, configured: 'on' });
  const namespaces = await box.tool('sandbox', 'request', 'GET', '/api/v1/namespaces/production');
  expect(JSON.parse(namespaces.stdout)).toMatchObject({ metadata: { name: 'production' } });
  expect((await box.tool('sandbox', 'stop', '--delete')).code).toBe(0);
  expect([box.processes(), existsSync(box.dir)]).toEqual([[], false]);
});
