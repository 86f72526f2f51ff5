/** enable on a node: what stands on the disk afterwards, what was restarted, and what is refused before anything is touched. */
import { fixture } from '../support/manifests';
import { FakeNode, MANIFEST, STATE } from '../support/fake-node';
import { disable, enable, METADATA_POLICY, policyFile, writesOf } from '../support/flows';
import { openStore } from '../../src/change/store';
import type { ServerProcess } from '../../src/core/evidence';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const POLICY = '/etc/kubernetes/audit-policy.yaml';
const SECRETS_POLICY =
  'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Request\n  resources: [{group: ""}]\n- level: Metadata\n';

const pids = async (node: FakeNode): Promise<number[]> =>
  (await node.ports().node.processes(6443)).map(({ pid }: ServerProcess) => pid);

async function enabled(): Promise<FakeNode> {
  const node = new FakeNode(PRISTINE);
  expect((await enable(node.ports())).outcome).toBe('kept');
  node.pass(40_000);
  return node;
}

describe('a pristine node', () => {
  test('manifest, policy and folders are there, with their modes', async () => {
    const node = new FakeNode(PRISTINE);
    const outcome = await enable(node.ports());
    expect(outcome).toMatchObject({ outcome: 'kept', proof: { state: 'proven', secret: { state: 'metadata-only' } } });
    const shot = node.fs.snapshot();
    expect(shot[POLICY]).toMatchObject({ mode: 0o600, uid: 0, gid: 0 });
    expect(shot[MANIFEST]).toMatchObject({ mode: 0o600, uid: 0, gid: 0 });
    expect(shot[MANIFEST]?.text).toContain('--audit-policy-file=/etc/kubernetes/audit-policy.yaml');
    expect(shot[MANIFEST]?.text).toContain('--audit-log-path=/var/log/kubernetes/audit/audit.log');
    const files = node.ports().files;
    for (const folder of ['/var/log/kubernetes', '/var/log/kubernetes/audit', `${STATE}/changes`])
      expect([folder, await files.look(folder)]).toEqual([folder, expect.objectContaining({ mode: 0o700 })]);
    expect(node.serving()?.asManifest).toBe(true);
    expect(node.guards.size).toBe(0);
  });

  test('the manifest keeps the mode and the owner it had', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(MANIFEST, PRISTINE, { mode: 0o640, uid: 0, gid: 42 });
    await enable(node.ports());
    expect(node.fs.snapshot()[MANIFEST]).toMatchObject({ mode: 0o640, uid: 0, gid: 42 });
  });

  test('the record tells who, what, when and every file with its bytes', async () => {
    const node = new FakeNode(PRISTINE);
    const began = node.now;
    const ports = node.ports();
    await enable(ports);
    const { records } = await openStore(ports.files, STATE).list();
    const [record] = records;
    expect(records).toHaveLength(1);
    expect(record).toMatchObject({
      schema: 1,
      command: 'enable',
      state: 'kept',
      baseline: true,
      by: { uid: 0, user: 'root', pid: 4711, host: 'node-1' },
      startedAt: new Date(began).toISOString(),
      foldersMade: ['/var/log/kubernetes', '/var/log/kubernetes/audit'],
      end: { proof: { state: 'proven' }, apiAwayMs: expect.any(Number) },
    });
    expect(record?.states.map(({ state }) => state)).toEqual(['prepared', 'written', 'kept']);
    expect(record?.files.map(({ path, role, before }) => [path, role, before?.mode ?? null])).toEqual([
      [POLICY, 'policy', null],
      [MANIFEST, 'manifest', 0o600],
    ]);
    const shot = node.fs.snapshot();
    for (const file of record?.files ?? []) {
      const copy = `${STATE}/changes/${record?.id}/${file.after?.copy}`;
      expect(shot[copy]).toEqual({ text: shot[file.path]?.text, mode: 0o600, uid: 0, gid: 0 });
    }
    expect(shot[`${STATE}/changes/${record?.id}/${record?.files[1]?.before?.copy}`]?.text).toBe(PRISTINE);
  });

  test('the API is away only as long as the new server needs', async () => {
    const outcome = await enable(new FakeNode(PRISTINE, 'after').ports());
    expect(outcome).toMatchObject({ outcome: 'kept', apiAwayMs: expect.any(Number) });
    if (outcome.outcome !== 'kept') return;
    expect(outcome.apiAwayMs).toBeGreaterThan(37_000);
    expect(outcome.apiAwayMs).toBeLessThan(41_000);
    expect(outcome.stages.map(({ stage }) => stage)).toEqual([
      'written',
      'noticed',
      'away',
      'started',
      'ready',
      'steady',
      'proven',
    ]);
  });

  test('where there is no systemd, that is said', async () => {
    const node = new FakeNode(PRISTINE);
    node.systemd = false;
    const outcome = await enable(node.ports());
    expect(outcome.outcome).toBe('kept');
    expect(outcome.notes.join()).toMatch(/no guard: no systemd here; after a crash run: kube-auditctl recover/);
  });

  test('--guard 0 sets none', async () => {
    const node = new FakeNode(PRISTINE);
    const names: string[] = [];
    await enable(
      node.ports((_n, name) => names.push(name)),
      {},
      { guardSeconds: 0 },
    );
    expect(names.filter((name) => name.includes('guard'))).toEqual([]);
  });

  test('--no-verify: kept without a request', async () => {
    const node = new FakeNode(PRISTINE);
    node.logsNothing = true;
    expect(await enable(node.ports(), {}, { verify: false })).toMatchObject({
      outcome: 'kept',
      proof: { state: 'skipped' },
    });
  });
});

describe('again', () => {
  test('nothing differs: no byte is written to the disk, no process is restarted', async () => {
    const node = await enabled();
    const before = { files: node.fs.snapshot(), pids: await pids(node) };
    const writes = await writesOf(node, async () => {
      expect((await enable(node.ports())).outcome).toBe('unchanged');
    });
    node.pass(60_000);
    expect(writes).toEqual([]);
    expect({ files: node.fs.snapshot(), pids: await pids(node) }).toEqual(before);
  });

  test('only the policy differs: it is replaced, keeps its mode, and the server restarts', async () => {
    const node = await enabled();
    node.fs.put(POLICY, node.fs.text(POLICY) ?? '', { mode: 0o644 });
    const before = await pids(node);
    const outcome = await enable(node.ports(), { policy: policyFile(METADATA_POLICY) });
    expect(outcome).toMatchObject({ outcome: 'kept', proof: { state: 'proven' } });
    expect(outcome.notes.join()).toContain(`${POLICY} held another policy; it is kept in the record`);
    expect(node.fs.snapshot()[POLICY]).toEqual({ text: METADATA_POLICY, mode: 0o644, uid: 0, gid: 0 });
    node.pass(40_000);
    expect(await pids(node)).not.toEqual(before);
    expect(node.serving()?.asManifest).toBe(true);
  });

  test('the policy was edited by hand: enable without options makes the server read it', async () => {
    const node = await enabled();
    node.fs.put(POLICY, METADATA_POLICY);
    expect((await enable(node.ports())).outcome).toBe('kept');
    expect(node.fs.text(POLICY)).toBe(METADATA_POLICY);
    expect((await enable(node.ports())).outcome).toBe('unchanged');
  });

  test('one setting changes one line', async () => {
    const node = await enabled();
    const before = node.manifest() ?? '';
    const outcome = await enable(node.ports(), { maxAge: 7 });
    expect(outcome).toMatchObject({
      outcome: 'kept',
      changes: ['change flag --audit-log-maxage=7 (was --audit-log-maxage=30)'],
    });
    expect(node.manifest()).toBe(before.replace('--audit-log-maxage=30', '--audit-log-maxage=7'));
  });
});

describe('refused before anything is touched', () => {
  const refusal = async (node: FakeNode, options: Parameters<typeof enable>[1] = {}, ignore: string[] = []) => {
    const before = node.fs.snapshot();
    const outcome = await enable(node.ports(), options, { ignore: new Set(ignore) });
    expect(node.fs.snapshot()).toEqual(before);
    return outcome.findings.filter(({ severity }) => severity === 'error').map(({ code }) => code);
  };

  test.each([
    ['a misspelt field', 'rules:\n- level: Metadata\n  resource: []\n', ['unknown-field']],
    ['an unknown level', 'rules:\n- level: metadata\n', ['unknown-level']],
    ['no rules', 'rules: []\n', ['no-rules']],
    ['nothing but None', 'rules:\n- level: None\n', ['logs-nothing']],
  ])('%s', async (_name, rules, codes) => {
    const policy = policyFile(`apiVersion: audit.k8s.io/v1\nkind: Policy\n${rules}`);
    expect(await refusal(new FakeNode(PRISTINE), { policy })).toEqual(codes);
  });

  test('Secrets at Request: refused, with the rule to put before it', async () => {
    const outcome = await enable(new FakeNode(PRISTINE).ports(), { policy: policyFile(SECRETS_POLICY) });
    expect(outcome).toMatchObject({
      outcome: 'refused',
      findings: [{ code: 'sensitive-bodies', title: expect.stringContaining('Rule 1 writes the contents of Secrets') }],
    });
  });

  test('Secrets at Request, and meant: --ignore sensitive-bodies', async () => {
    const outcome = await enable(
      new FakeNode(PRISTINE).ports(),
      { policy: policyFile(SECRETS_POLICY) },
      { ignore: new Set(['sensitive-bodies']) },
    );
    expect(outcome.outcome).toBe('kept');
    expect(outcome.findings).toMatchObject([{ code: 'sensitive-bodies', severity: 'warning' }]);
  });

  test('a second manifest of the same pod', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(`${MANIFEST}.bak`, PRISTINE);
    expect(await refusal(node)).toEqual(['second-manifest']);
  });

  test('a backup that only the lenient kubelet reads as a pod', async () => {
    for (const text of [
      PRISTINE.replace('  hostNetwork: true\n', '  hostNetwork: true\n  hostNetwork: true\n'),
      `${PRISTINE}---\nkind: Nothing\n`,
    ]) {
      const node = new FakeNode(PRISTINE);
      node.fs.put('/etc/kubernetes/manifests/kube-apiserver.yaml~', text);
      expect(await refusal(node)).toEqual(['second-manifest']);
    }
  });

  test('what is no pod there is no danger, a hidden file neither', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put('/etc/kubernetes/manifests/etcd.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: etcd}\n');
    node.fs.put('/etc/kubernetes/manifests/.kube-apiserver.yaml.swp', PRISTINE);
    node.fs.putFolder('/etc/kubernetes/manifests/old');
    expect(await refusal(node, { policy: policyFile('rules: []') })).toEqual(['missing-api-version']);
  });

  test('a policy lying in the manifests folder is named: the kubelet takes it for a pod', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put('/etc/kubernetes/manifests/audit-policy.yaml', METADATA_POLICY);
    const outcome = await enable(node.ports(), {}, { dryRun: true });
    expect(outcome).toMatchObject({
      outcome: 'planned',
      findings: [{ code: 'stray-file', severity: 'warning', remedy: [expect.stringContaining('mv ')] }],
    });
  });

  test('no kubelet', async () => {
    const node = new FakeNode(PRISTINE);
    node.kubeletRuns = false;
    expect(await refusal(node)).toEqual(['kubelet-not-running']);
  });

  test('the API is down already; --ignore writes all the same', async () => {
    const node = new FakeNode(PRISTINE);
    node.processes = [];
    expect(await refusal(node)).toEqual(['api-not-ready']);
    const outcome = await enable(node.ports(), {}, { ignore: new Set(['api-not-ready']) });
    expect(outcome.outcome).toBe('kept');
  });

  test('all checks are asked, not only the first that fails', async () => {
    const node = new FakeNode(PRISTINE);
    node.kubeletRuns = false;
    node.processes = [];
    node.fs.put(`${MANIFEST}.bak`, PRISTINE);
    const policy = policyFile(SECRETS_POLICY);
    expect(await refusal(node, { policy })).toEqual([
      'sensitive-bodies',
      'second-manifest',
      'kubelet-not-running',
      'api-not-ready',
    ]);
  });

  test('a disk without room, a file system mounted read-only', async () => {
    const full = new FakeNode(PRISTINE);
    full.fs.statfs = () => Promise.resolve({ bytes: 4096, inodes: 10, freeInodes: 5 });
    expect(new Set(await refusal(full))).toEqual(new Set(['disk-full']));
    const readOnly = new FakeNode(PRISTINE);
    readOnly.fs.accessForWriting = () => Promise.reject(Object.assign(new Error('EROFS'), { code: 'EROFS' }));
    expect(new Set(await refusal(readOnly))).toEqual(new Set(['read-only-file-system']));
  });

  test('the log path is a folder', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.putFolder('/var/log/kubernetes/audit');
    expect(await refusal(node, { logPath: '/var/log/kubernetes/audit' })).toEqual(['log-path-not-a-file']);
  });
});

describe('could not ask: thrown, nothing touched', () => {
  const thrown = async (node: FakeNode, options: Parameters<typeof enable>[1] = {}): Promise<unknown> => {
    const before = node.fs.snapshot();
    const result = await enable(node.ports(), options).catch((error: unknown) => error);
    expect(node.fs.snapshot()).toEqual(before);
    return result;
  };

  test('the manifest is a symbolic link', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put('/root/kube-apiserver.yaml', PRISTINE);
    await node.fs.unlink(MANIFEST);
    node.fs.putLink(MANIFEST, '/root/kube-apiserver.yaml');
    expect(await thrown(node)).toMatchObject({ code: 'manifest-is-symlink' });
  });

  test('there is no manifest: other kinds of cluster are told where to go', async () => {
    const node = new FakeNode(PRISTINE);
    await node.fs.unlink(MANIFEST);
    expect(await thrown(node)).toMatchObject({
      code: 'no-manifest',
      hints: expect.arrayContaining([expect.stringContaining('k3s')]),
    });
  });

  test.each([
    [{ policyPath: '/etc/kubernetes/manifests/audit-policy.yaml' }],
    [{ policyPath: '/etc/kubernetes//manifests/./audit-policy.yaml' }],
    [{ logPath: '/etc/kubernetes/manifests/audit.log' }],
  ])('%j lies in the manifests folder', async (options) => {
    expect(await thrown(new FakeNode(PRISTINE), options)).toMatchObject({ code: 'file-inside-manifests' });
  });

  test('the policy path is a folder, as a runtime makes one for a missing hostPath', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.putFolder(POLICY);
    expect(await thrown(node)).toMatchObject({
      code: 'policy-path-is-folder',
      hints: expect.arrayContaining([`rmdir ${POLICY}`]),
    });
  });

  test('an unknown preset', async () => {
    expect(await thrown(new FakeNode(PRISTINE), { preset: 'nope' })).toMatchObject({
      code: 'unknown-preset',
      hints: [expect.stringContaining('recommended')],
    });
  });

  test.each([
    ['ftp://receiver/', 'must be an http or https URL'],
    ['receiver:8080', 'must be an http or https URL'],
    ['not a url', 'is no URL'],
  ])('webhook %s', async (url, message) => {
    const error = await thrown(new FakeNode(PRISTINE), { webhook: { url } });
    expect(error).toMatchObject({ code: 'invalid-url', message: expect.stringContaining(message) });
  });

  test('a manifest that is no UTF-8 text', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(MANIFEST, Uint8Array.of(0x61, 0xff, 0xfe));
    expect(await thrown(node)).toMatchObject({ code: 'not-text' });
  });
});

describe('a dry run', () => {
  test.each([
    ['plans', {}, 'planned'],
    ['refuses', { policy: policyFile('rules: []') }, 'refused'],
  ])('%s without a writing call, a lock, a guard or a request that changes anything', async (_name, options, ends) => {
    const node = new FakeNode(PRISTINE);
    const effects: string[] = [];
    const writes = await writesOf(node, async () => {
      const outcome = await enable(
        node.ports((_n, name) => effects.push(name)),
        options,
        { dryRun: true },
      );
      expect(outcome.outcome).toBe(ends);
    });
    expect(writes).toEqual([]);
    expect(effects.filter((name) => /^(lock|guard|watch)/.test(name))).toEqual([]);
    expect(effects.filter((name) => name.startsWith('request')).every((name) => name === 'request /readyz')).toBe(true);
  });

  test('says what would be done, as a diff of every file', async () => {
    const outcome = await enable(new FakeNode(PRISTINE).ports(), {}, { dryRun: true });
    expect(outcome.changes).toEqual(
      expect.arrayContaining([
        `install ${POLICY} (preset recommended)`,
        'add flag --audit-log-maxage=30',
        'set annotation kube-auditctl/policy-sha256',
      ]),
    );
    const diff = outcome.diffs.map((each) => each.diff).join('');
    expect(diff).toContain(`--- /dev/null\n+++ b${POLICY}`);
    expect(diff).toContain(`--- a${MANIFEST}\n+++ b${MANIFEST}`);
  });

  test('runs beside a change at work: it takes no lock', async () => {
    const node = new FakeNode(PRISTINE);
    await node.ports().lock.acquire({ pid: 1, what: 'enable', since: 'now' });
    expect((await enable(node.ports(), {}, { dryRun: true })).outcome).toBe('planned');
  });
});

describe('the webhook', () => {
  test('its kubeconfig is written beside the policy, for root alone, and removed by disable', async () => {
    const node = new FakeNode(PRISTINE);
    const ca = { bytes: new TextEncoder().encode('-----BEGIN CERTIFICATE-----'), from: 'ca.pem' };
    const outcome = await enable(node.ports(), { webhook: { url: 'https://receiver.example:8443/audit', ca } });
    expect(outcome.outcome).toBe('kept');
    const path = '/etc/kubernetes/audit-webhook.yaml';
    expect(node.fs.snapshot()[path]).toMatchObject({ mode: 0o600 });
    expect(node.fs.text(path)).toContain('server: https://receiver.example:8443/audit');
    expect(node.fs.text(path)).toContain(`certificate-authority-data: ${btoa('-----BEGIN CERTIFICATE-----')}`);
    expect(node.manifest()).toContain(`--audit-webhook-config-file=${path}`);
    expect((await disable(node.ports())).outcome).toBe('kept');
    expect(node.fs.text(path)).toBeUndefined();
    expect(node.manifest()).toBe(PRISTINE);
  });
});

test('a log in the folder of the audit daemon is warned of', async () => {
  const outcome = await enable(
    new FakeNode(PRISTINE).ports(),
    { logPath: '/var/log/audit/kube.log' },
    { dryRun: true },
  );
  expect(outcome).toMatchObject({
    outcome: 'planned',
    findings: [{ code: 'log-in-auditd-folder', severity: 'warning' }],
  });
});
