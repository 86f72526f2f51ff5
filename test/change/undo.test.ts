/** disable and rollback: what was there before comes back, byte for byte, and what the user did since stays. */
import { openStore } from '../../src/change/store';
import type { Outcome } from '../../src/core/outcome';
import { fixture } from '../support/manifests';
import { FakeNode, MANIFEST, STATE } from '../support/fake-node';
import { apply, disable, enable, METADATA_POLICY, policyFile, rollback, writesOf } from '../support/flows';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const POLICY = '/etc/kubernetes/audit-policy.yaml';

async function enabled(manifest = PRISTINE): Promise<FakeNode> {
  const node = new FakeNode(manifest);
  await kept(enable(node.ports()));
  node.pass(40_000);
  return node;
}

async function kept(change: Promise<Outcome>): Promise<Outcome> {
  const outcome = await change;
  expect(outcome).toMatchObject({ outcome: 'kept' });
  return outcome;
}

const idOf = (outcome: Outcome): string => ('changeId' in outcome ? outcome.changeId : '');
const edited = (node: FakeNode, from: string | RegExp, to: string): void => {
  const text = node.manifest() ?? '';
  const next = text.replace(from, to);
  expect(next).not.toBe(text);
  node.fs.put(MANIFEST, next, { mode: 0o600 });
  node.pass(40_000);
};
const files = (node: FakeNode) => ({ manifest: node.manifest(), policy: node.fs.text(POLICY) });

describe('disable', () => {
  test.each(['kubeadm-1.20.yaml', 'kubeadm-1.36.yaml', 'crlf.yaml', 'indented-comments.yaml'] as const)(
    '%s: the same bytes as before, and the policy is gone',
    async (name) => {
      const node = await enabled(fixture(name));
      await kept(disable(node.ports()));
      expect(files(node)).toEqual({ manifest: fixture(name), policy: undefined });
      expect(node.serving()?.asManifest).toBe(true);
    },
  );

  test('a policy that was there before enable comes back with its mode', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(POLICY, '# mine\n' + METADATA_POLICY, { mode: 0o644, uid: 7 });
    await kept(enable(node.ports(), { preset: 'recommended' }));
    await kept(disable(node.ports()));
    expect(node.fs.snapshot()[POLICY]).toEqual({ text: '# mine\n' + METADATA_POLICY, mode: 0o644, uid: 7, gid: 0 });
  });

  test("the user's own edit elsewhere in the manifest stays", async () => {
    const node = await enabled();
    edited(node, 'cpu: 250m', 'cpu: 500m');
    await kept(disable(node.ports()));
    expect(node.manifest()).toBe(PRISTINE.replace('cpu: 250m', 'cpu: 500m'));
  });

  test('a policy edited since is not thrown away', async () => {
    const node = await enabled();
    node.fs.put(POLICY, METADATA_POLICY);
    const outcome = await kept(disable(node.ports()));
    expect(outcome.notes.join()).toContain(`${POLICY} was edited since it was installed, and is left as it is`);
    expect(files(node)).toEqual({ manifest: PRISTINE, policy: METADATA_POLICY });
  });

  test('after several changes of settings and policy', async () => {
    const node = await enabled();
    await kept(enable(node.ports(), { maxAge: 7 }));
    await kept(enable(node.ports(), { policy: policyFile(METADATA_POLICY), logPath: '/var/log/kube/a.log' }));
    await kept(disable(node.ports()));
    expect(files(node)).toEqual({ manifest: PRISTINE, policy: undefined });
  });

  test('after a change that was rolled back', async () => {
    const node = await enabled();
    await kept(enable(node.ports(), { maxAge: 7, policy: policyFile(METADATA_POLICY) }));
    await kept(rollback(node.ports()));
    await kept(disable(node.ports()));
    expect(files(node)).toEqual({ manifest: PRISTINE, policy: undefined });
  });

  test('the policy outlives the change until the server without it is seen to work', async () => {
    const node = await enabled();
    let policyAtWrite: string | undefined;
    await kept(
      disable(
        node.ports((_n, name) => {
          if (name.startsWith('rename') && name.endsWith(MANIFEST)) policyAtWrite = node.fs.text(POLICY);
        }),
      ),
    );
    expect(policyAtWrite).toBeDefined();
  });

  test('where nothing is configured there is nothing to do', async () => {
    const node = new FakeNode(PRISTINE);
    expect(await disable(node.ports())).toMatchObject({
      outcome: 'unchanged',
      notes: ['audit logging is not configured'],
    });
  });

  test('settings made by hand are not ours: refused, and --all takes them out', async () => {
    const node = new FakeNode(fixture('hand-configured.yaml'));
    node.fs.put(POLICY, METADATA_POLICY);
    expect(await disable(node.ports())).toMatchObject({
      outcome: 'refused',
      findings: [{ code: 'not-enabled-by-us', remedy: [expect.stringContaining('disable --all')] }],
    });
    const outcome = await disable(node.ports(), { all: true }, { ignore: new Set(['api-not-ready']) });
    expect(outcome.outcome).toBe('kept');
    expect(node.manifest()).not.toContain('--audit-');
  });

  test('enable over settings made by hand, then disable: the settings made by hand are back', async () => {
    const before = fixture('hand-configured.yaml');
    const node = new FakeNode(before);
    const options = { ignore: new Set(['api-not-ready']), verify: false };
    await kept(enable(node.ports(), { policy: policyFile(METADATA_POLICY), maxAge: 99 }, options));
    await kept(disable(node.ports(), {}, options));
    expect(node.manifest()).toBe(before);
  });
});

describe('rollback', () => {
  test('takes the last change back, policy and all', async () => {
    const node = await enabled();
    const before = files(node);
    await kept(enable(node.ports(), { policy: policyFile(METADATA_POLICY) }));
    await kept(rollback(node.ports()));
    expect(files(node)).toEqual(before);
  });

  test('twice: the change before that', async () => {
    const node = await enabled();
    await kept(enable(node.ports(), { maxAge: 7 }));
    await kept(rollback(node.ports()));
    await kept(rollback(node.ports()));
    expect(files(node)).toEqual({ manifest: PRISTINE, policy: undefined });
    await expect(rollback(node.ports())).rejects.toMatchObject({ code: 'nothing-to-roll-back' });
  });

  test('--to ID goes to what that change left, back and forth', async () => {
    const node = new FakeNode(PRISTINE);
    const first = idOf(await kept(enable(node.ports())));
    const afterFirst = files(node);
    const second = idOf(await kept(enable(node.ports(), { maxAge: 7 })));
    const afterSecond = files(node);
    await kept(enable(node.ports(), { policy: policyFile(METADATA_POLICY) }));
    await kept(rollback(node.ports(), { to: first }));
    expect(files(node)).toEqual(afterFirst);
    await kept(rollback(node.ports(), { to: second }));
    expect(files(node)).toEqual(afterSecond);
  });

  test('a change that was brought back by --to can be taken back again', async () => {
    const node = await enabled();
    const before = files(node);
    const second = idOf(await kept(enable(node.ports(), { maxAge: 7 })));
    await kept(rollback(node.ports()));
    await kept(rollback(node.ports(), { to: second }));
    expect(node.manifest()).toContain('--audit-log-maxage=7');
    await kept(rollback(node.ports()));
    expect(files(node)).toEqual(before);
  });

  test('--to original', async () => {
    const node = await enabled();
    await kept(enable(node.ports(), { maxAge: 7 }));
    await kept(enable(node.ports(), { policy: policyFile(METADATA_POLICY) }));
    await kept(rollback(node.ports(), { to: 'original' }));
    expect(files(node)).toEqual({ manifest: PRISTINE, policy: undefined });
  });

  test('the record names the changes it undid', async () => {
    const node = await enabled();
    await kept(rollback(node.ports()));
    const { records } = await openStore(node.ports().files, STATE).list();
    expect(records[1]).toMatchObject({ command: 'rollback', undoes: [records[0]?.id] });
  });

  test('an edit elsewhere is kept, and said', async () => {
    const node = await enabled();
    edited(node, 'cpu: 250m', 'cpu: 500m');
    const outcome = await kept(rollback(node.ports()));
    expect(outcome.notes).toEqual([`${MANIFEST} was edited since; those edits are kept`]);
    expect(node.manifest()).toBe(PRISTINE.replace('cpu: 250m', 'cpu: 500m'));
  });

  test('an edit in the same lines: refused, nothing written; --discard-edits gives it up', async () => {
    const node = await enabled();
    edited(node, '--audit-log-maxage=30', '--audit-log-maxage=3');
    const writes = await writesOf(node, async () => {
      expect(await rollback(node.ports(), {}, { dryRun: true })).toMatchObject({
        outcome: 'refused',
        findings: [{ code: 'rollback-conflict', detail: expect.stringContaining('--audit-log-maxage=3') }],
      });
    });
    expect(writes).toEqual([]);
    await kept(rollback(node.ports(), { discardEdits: true }));
    expect(node.manifest()).toBe(PRISTINE);
  });

  test('a policy edited since is left, unless edits are given up', async () => {
    const node = await enabled();
    const installed = node.fs.text(POLICY);
    await kept(enable(node.ports(), { policy: policyFile(METADATA_POLICY) }));
    node.fs.put(POLICY, '# mine\n' + METADATA_POLICY);
    const outcome = await kept(rollback(node.ports(), {}, { verify: false }));
    expect(outcome.notes).toContain(`${POLICY} was edited since, and is left as it is`);
    expect(node.fs.text(POLICY)).toBe('# mine\n' + METADATA_POLICY);
    expect(installed).not.toBe(METADATA_POLICY);
  });

  test('an unknown change, and none at all', async () => {
    await expect(rollback(new FakeNode(PRISTINE).ports())).rejects.toMatchObject({ code: 'nothing-to-roll-back' });
    const node = await enabled();
    await expect(rollback(node.ports(), { to: '20200101T000000Z-abcdef' })).rejects.toMatchObject({
      code: 'unknown-change',
      hints: ['kube-auditctl history'],
    });
  });

  test('to where the node is already: nothing to do', async () => {
    const node = new FakeNode(PRISTINE);
    const id = idOf(await kept(enable(node.ports())));
    expect((await rollback(node.ports(), { to: id })).outcome).toBe('unchanged');
  });
});

describe('apply', () => {
  test('another pod is refused at its place', async () => {
    const node = new FakeNode(PRISTINE);
    const before = node.fs.snapshot();
    const other = PRISTINE.replace('  name: kube-apiserver\n  namespace', '  name: kube-apiserver-2\n  namespace');
    await expect(apply(node.ports(), other)).rejects.toMatchObject({
      code: 'other-pod',
      message: expect.stringContaining('kube-system/kube-apiserver-2, not kube-system/kube-apiserver'),
      place: { file: 'new.yaml', line: expect.any(Number), lineText: '  name: kube-apiserver-2' },
    });
    expect(node.fs.snapshot()).toEqual(before);
  });

  test('a change that means nothing to the kubelet is kept without a restart', async () => {
    const node = new FakeNode(PRISTINE);
    const pid = (await node.ports().node.processes(6443))[0]?.pid;
    const outcome = await kept(apply(node.ports(), `# a comment\n${PRISTINE}`));
    expect(outcome).toMatchObject({ apiAwayMs: 0 });
    node.pass(60_000);
    expect((await node.ports().node.processes(6443))[0]?.pid).toBe(pid);
    expect(node.manifest()).toBe(`# a comment\n${PRISTINE}`);
  });

  test('the same file again: nothing to do', async () => {
    expect((await apply(new FakeNode(PRISTINE).ports(), PRISTINE)).outcome).toBe('unchanged');
  });

  test('what enable set is still ours to disable after somebody applied something else', async () => {
    const node = await enabled();
    await kept(apply(node.ports(), (node.manifest() ?? '').replace('cpu: 250m', 'cpu: 500m')));
    await kept(disable(node.ports()));
    expect(node.manifest()).toBe(PRISTINE.replace('cpu: 250m', 'cpu: 500m'));
  });
});

describe('what is kept of earlier changes', () => {
  test('all since audit logging was set up, which disable goes back by; after that, twenty', async () => {
    const node = new FakeNode(PRISTINE);
    const baseline = idOf(await kept(enable(node.ports())));
    for (let n = 1; n <= 24; n++) await kept(enable(node.ports(), { maxAge: 100 + n }, { verify: false }));
    const { records } = await openStore(node.ports().files, STATE).list();
    expect(records).toHaveLength(25);
    expect(records[0]?.id).toBe(baseline);
    await kept(disable(node.ports()));
    expect(files(node)).toEqual({ manifest: PRISTINE, policy: undefined });
    expect((await openStore(node.ports().files, STATE).list()).records).toHaveLength(20);
  });

  test('the last enable as well, however many other changes follow it', async () => {
    const node = await enabled();
    await kept(enable(node.ports(), { policy: policyFile(METADATA_POLICY) }));
    for (let n = 1; n <= 22; n++) {
      const text = (node.manifest() ?? '').replace(/cpu: \d+m/, `cpu: ${300 + n}m`);
      await kept(apply(node.ports(), text, { verify: false }));
    }
    await kept(disable(node.ports()));
    expect(files(node)).toEqual({ manifest: PRISTINE.replace('cpu: 250m', 'cpu: 322m'), policy: undefined });
  });
});
