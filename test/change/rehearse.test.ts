/** The rehearsal in the flow: what it refuses is never written, and what goes wrong with it refuses nothing. */
import type { Outcome } from '../../src/core/outcome';
import { FakeNode, MANIFEST } from '../support/fake-node';
import { apply, disable, enable, policyFile, rollback, writesOf } from '../support/flows';
import { fixture } from '../support/manifests';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const flag = (line: string): string => PRISTINE.replace(/^( +- )--secure-port=.*$/m, `$&\n$1${line}`);
// Preflight knows the flags of auditing; others are the server's to know.
const BAD = flag('--magic=3');
const REHEARSE = { rehearse: true, ignore: new Set<string>() };
const ENCRYPTION = '/etc/kubernetes/pki/encryption.yaml';

function nodeWith(rehearsal: FakeNode['rehearsal'], manifest = PRISTINE): FakeNode {
  const node = new FakeNode(manifest);
  node.rehearsal = rehearsal;
  return node;
}

const noted = (outcome: Outcome) => ({ outcome: outcome.outcome, rehearsal: outcome.rehearsal?.state });

test('a refused change writes nothing, restarts nothing, and names the cause', async () => {
  const node = nodeWith('as-server');
  const ports = node.ports();
  const before = node.processes.map(({ pid }) => pid);
  let outcome: Outcome | undefined;
  const writes = await writesOf(node, async () => {
    outcome = await apply(ports, BAD, REHEARSE);
  });
  expect(outcome).toMatchObject({
    outcome: 'refused',
    findings: [{ code: 'unknown-flag', severity: 'error' }],
    rehearsal: { state: 'rejected', control: 'accepted', ms: 600, cause: { code: 'unknown-flag' } },
  });
  expect(writes.filter((write) => write.includes(MANIFEST))).toEqual([]);
  expect(node.processes.map(({ pid }) => pid)).toEqual(before);
  expect(ports.events.filter(({ kind }) => kind === 'rehearsal')).toHaveLength(1);
});

test('an accepted one goes on, and one trial was enough', async () => {
  const node = nodeWith('as-server');
  const outcome = await enable(node.ports(), {}, REHEARSE);
  expect(outcome).toMatchObject({ outcome: 'kept', rehearsal: { state: 'accepted', version: 'v1.36.0', ms: 300 } });
  expect(outcome.rehearsal).not.toHaveProperty('control');
  expect(node.rehearsed).toHaveLength(1);
});

test('it sees the policy that is not written yet', async () => {
  const node = nodeWith('as-server');
  const policy = policyFile('apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n');
  const outcome = await enable(
    node.ports(),
    { policy },
    { ...REHEARSE, ignore: new Set(['no-rules', 'logs-nothing']) },
  );
  expect(noted(outcome)).toEqual({ outcome: 'refused', rehearsal: 'rejected' });
  expect(outcome.rehearsal?.cause?.code).toBe('audit-policy-refused');
});

test.each<FakeNode['rehearsal']>(['not-possible', 'rejects', 'no-sign', 'killed'])(
  'a rehearsal that is %s refuses nothing',
  async (how) => {
    const node = nodeWith(how);
    expect(noted(await enable(node.ports(), {}, REHEARSE))).toEqual({ outcome: 'kept', rehearsal: 'not-possible' });
  },
);

test('what today fails of as well is a warning', async () => {
  // The server that runs was started before somebody put this manifest there.
  const node = nodeWith('as-server');
  node.kubeletIsDeaf = true;
  node.fs.put(MANIFEST, BAD, { mode: 0o600 });
  const worse = BAD.replace('--magic=3', '--magic=4');
  const outcome = await apply(node.ports(), worse, { ...REHEARSE, dryRun: true });
  expect(noted(outcome)).toEqual({ outcome: 'planned', rehearsal: 'not-possible' });
  expect(outcome.findings).toMatchObject([{ code: 'unknown-flag', severity: 'warning' }]);
});

test('its cause can be ignored by name', async () => {
  const node = nodeWith('as-server');
  const outcome = await apply(node.ports(), BAD, { ...REHEARSE, ignore: new Set(['unknown-flag']) });
  expect(outcome).toMatchObject({ outcome: 'rolled-back', findings: [{ severity: 'warning' }] });
});

test('a dry run rehearses too, and tells of it only in its answer', async () => {
  const node = nodeWith('as-server');
  const ports = node.ports();
  const writes = await writesOf(node, async () => {
    expect(noted(await enable(ports, {}, { ...REHEARSE, dryRun: true }))).toEqual({
      outcome: 'planned',
      rehearsal: 'accepted',
    });
  });
  expect([writes, ports.events]).toEqual([[], []]);
});

test.each<[string, (node: FakeNode) => Promise<Outcome>, string | undefined]>([
  ['--no-rehearse', (node) => enable(node.ports()), 'skipped'],
  ['a change that restarts nothing', (node) => apply(node.ports(), `# a comment\n${PRISTINE}`, REHEARSE), undefined],
  ['what preflight refuses', (node) => ((node.kubeletRuns = false), enable(node.ports(), {}, REHEARSE)), undefined],
])('nothing is started for %s', async (_, run, state) => {
  const node = nodeWith('as-server');
  expect((await run(node)).rehearsal?.state).toBe(state);
  expect(node.rehearsed).toEqual([]);
});

test('whose program is started: the running server\u2019s, or that of the image that the plan or the manifest names', async () => {
  const node = nodeWith('as-server');
  const image = 'x/kube-apiserver:v9.9.9';
  const dryRun = { ...REHEARSE, dryRun: true, ignore: new Set(['api-not-ready']) };
  await enable(node.ports(), {}, dryRun);
  await apply(node.ports(), PRISTINE.replace(/image: .*/, `image: ${image}`), dryRun);
  const [{ pid } = { pid: 0 }] = node.processes;
  node.processes = [];
  await enable(node.ports(), {}, dryRun);
  expect(node.rehearsed.map(({ program }) => program)).toEqual([
    { pid },
    { image },
    { image: /image: (.*)/.exec(PRISTINE)?.[1] },
  ]);
});

test('disable and rollback are rehearsed as well', async () => {
  for (const back of [disable, rollback]) {
    const node = nodeWith('as-server');
    await enable(node.ports());
    expect(noted(await back(node.ports(), {}, REHEARSE))).toEqual({ outcome: 'kept', rehearsal: 'accepted' });
  }
});

test('stopped by a signal meanwhile: nothing is changed', async () => {
  const node = nodeWith('as-server');
  const ports = node.ports((_, name) => {
    if (name === 'rehearse') ports.interrupt();
  });
  await expect(enable(ports, {}, REHEARSE)).rejects.toMatchObject({ code: 'interrupted' });
  expect(node.manifest()).toBe(PRISTINE);
});

test('no key service is asked for keys: the server is shown a copy without its socket', async () => {
  const manifest = flag(`--encryption-provider-config=${ENCRYPTION}`);
  const node = nodeWith('as-server', manifest);
  node.fs.put(ENCRYPTION, 'resources:\n- providers:\n  - kms: {endpoint: unix:///run/kms.sock}\n', { mode: 0o640 });
  await enable(node.ports(), {}, { ...REHEARSE, dryRun: true });
  const copy = node.rehearsed[0]?.files.find(({ hostPath }) => hostPath === ENCRYPTION);
  expect(Buffer.from(copy?.bytes ?? []).toString()).toContain('unix:///run/rehearsal/none.sock');
  expect(copy?.mode).toBe(0o640);
  expect(node.fs.text(ENCRYPTION)).toContain('unix:///run/kms.sock');
});

describe('another etcd', () => {
  const DEAD = 'https://127.0.0.1:1';
  const moved = PRISTINE.replace(/--etcd-servers=.*/, `--etcd-servers=${DEAD}`);

  test('that does not answer, where today\u2019s does', async () => {
    const node = nodeWith('as-server');
    node.deadEtcd.add(DEAD);
    expect(await apply(node.ports(), moved, REHEARSE)).toMatchObject({
      outcome: 'refused',
      rehearsal: { state: 'rejected', cause: { code: 'etcd-unreachable', detail: expect.stringContaining(DEAD) } },
    });
  });

  test('that answers', async () => {
    const node = nodeWith('as-server');
    expect(noted(await apply(node.ports(), moved, { ...REHEARSE, dryRun: true }))).toEqual({
      outcome: 'planned',
      rehearsal: 'accepted',
    });
  });

  test('the same one is asked too: its files may have changed since the server that runs has read them', async () => {
    const node = nodeWith('as-server');
    node.deadEtcd.add('https://127.0.0.1:2379');
    node.etcdFailure = 'certificate has expired';
    const outcome = await enable(node.ports(), {}, REHEARSE);
    expect(outcome).toMatchObject({ outcome: 'refused', findings: [{ code: 'etcd-unreachable', severity: 'error' }] });
    expect(outcome.findings[0]?.title).toContain('would not start again');
    const ignore = new Set(['etcd-unreachable']);
    expect((await enable(node.ports(), {}, { ...REHEARSE, dryRun: true, ignore })).outcome).toBe('planned');
  });

  test('the same one that nobody answers for refuses nothing: the server that runs has lost it as well', async () => {
    const node = nodeWith('as-server');
    node.deadEtcd.add('https://127.0.0.1:2379');
    expect((await enable(node.ports(), {}, { ...REHEARSE, dryRun: true })).outcome).toBe('planned');
  });
});

test('files that the running server has outlived: refused, and let through by name', async () => {
  const node = nodeWith('as-server');
  await enable(node.ports());
  node.pass(40_000);
  // The policy that it was started with is gone from the disk.
  node.fs.put('/etc/kubernetes/audit-policy.yaml', 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n');
  const text = (node.manifest() ?? '').replace('cpu: 250m', 'cpu: 251m');
  const ignore = ['no-rules', 'logs-nothing', 'audit-policy-refused'];
  const outcome = await apply(node.ports(), text, { ...REHEARSE, dryRun: true, ignore: new Set(ignore.slice(0, 2)) });
  expect(outcome).toMatchObject({
    outcome: 'refused',
    rehearsal: { state: 'rejected', control: 'rejected', cause: { code: 'audit-policy-refused' } },
  });
  const letThrough = await apply(node.ports(), text, { ...REHEARSE, dryRun: true, ignore: new Set(ignore) });
  expect(letThrough.outcome).toBe('planned');
});
