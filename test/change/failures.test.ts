/** Changes that go wrong on a node: what is said, what stands on the disk afterwards, and who serves. */
import { recover } from '../../src/change/recover';
import { openStore } from '../../src/change/store';
import type { Ports } from '../../src/change/ports';
import type { ChangeRecord } from '../../src/core/record';
import { fixture } from '../support/manifests';
import { Crash, FakeNode, MANIFEST, STATE, type TestPorts } from '../support/fake-node';
import { apply, disable, enable, METADATA_POLICY, policyFile } from '../support/flows';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const POLICY = '/etc/kubernetes/audit-policy.yaml';
const BAD = PRISTINE.replace(/^( +- )--secure-port=.*$/m, '$&\n$1--audit-log-maxbackups=3');

const records = async (node: FakeNode): Promise<ChangeRecord[]> =>
  (await openStore(node.ports().files, STATE).list()).records;

const asBefore = (node: FakeNode): void => {
  expect({ manifest: node.manifest(), policy: node.fs.text(POLICY) }).toEqual({
    manifest: PRISTINE,
    policy: undefined,
  });
  expect(node.serving()?.asManifest).toBe(true);
};

/** Ports whose work is interrupted when an effect of that name is about to happen. */
function interruptedAt(node: FakeNode, pattern: RegExp, times = 1): TestPorts {
  let left = times;
  const ports: TestPorts = node.ports((_n, name) => {
    if (left > 0 && pattern.test(name)) {
      left--;
      ports.interrupt();
    }
  });
  return ports;
}

/** Does something at the first sleep after the manifest was written: while the server is being waited for. */
function whileWaiting(node: FakeNode, act: (ports: TestPorts) => void): TestPorts {
  const ports = node.ports();
  const sleep = ports.clock.sleep.bind(ports.clock);
  let done = false;
  ports.clock.sleep = (ms, signal) => {
    if (!done && node.manifest() !== PRISTINE) {
      done = true;
      act(ports);
    }
    return sleep(ms, signal);
  };
  return ports;
}

describe('the new server is bad', () => {
  test('certain after a moment: rolled back, cause told, evidence saved', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = node.ports();
    const began = node.now;
    const outcome = await apply(ports, BAD);
    expect(outcome).toMatchObject({
      outcome: 'rolled-back',
      cause: { code: 'unknown-flag', title: 'kube-apiserver does not know the flag --audit-log-maxbackups' },
      evidencePath: expect.stringMatching(/\/changes\/[^/]+\/evidence$/),
    });
    expect(node.now - began).toBeLessThan(10_000);
    asBefore(node);
    const shot = node.fs.snapshot();
    const evidence = Object.entries(shot).filter(([path]) => path.includes('/evidence/'));
    expect(
      evidence.map(([path]) =>
        path
          .split('/')
          .at(-1)!
          .replace(/[0-9a-f]{32}/, 'UID'),
      ),
    ).toEqual(expect.arrayContaining(['cause.json', 'processes.txt', 'kube-apiserver-UID-0.log']));
    expect(evidence.find(([path]) => path.endsWith('-0.log') && shot[path]?.text !== '')?.[1].text).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z Error: unknown flag: --audit-log-maxbackups\n$/,
    );
    expect(evidence.map(([, { mode }]) => mode)).toEqual(evidence.map(() => 0o600));
    expect((await records(node))[0]).toMatchObject({ state: 'rolled-back', end: { cause: { code: 'unknown-flag' } } });
    expect(ports.events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['step', 'stage', 'waiting', 'failed']),
    );
    expect(node.guards.size).toBe(0);
  });

  test('folders made for it are taken away again', async () => {
    const node = new FakeNode(PRISTINE);
    const ignore = new Set(['unknown-flag']);
    expect((await enable(node.ports(), { flags: { 'audit-log-maxbackups': '3' } }, { ignore })).outcome).toBe(
      'rolled-back',
    );
    expect(await node.ports().files.look('/var/log/kubernetes')).toBeUndefined();
    asBefore(node);
  });

  test('never ready: the deadline names the best guess, and the old server is back', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = whileWaiting(node, () => {
      node.neverReady = true;
    });
    ports.report = (event) => {
      if (event.kind === 'failed') node.neverReady = false;
    };
    const outcome = await enable(ports, {}, { timeoutMs: 60_000 });
    expect(outcome).toMatchObject({
      outcome: 'rolled-back',
      cause: { code: 'not-ready-in-time', title: 'the new API server runs, but does not get ready within 60 s' },
    });
    asBefore(node);
  });

  test('a doubt that lasts to the deadline is named', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = whileWaiting(node, () => {
      node.kubeletIsDeaf = true;
      for (const process of node.processes) process.listening = false;
      node.journal.push({
        at: node.now + 200,
        text: 'E0101 12:00:00.000000     50 x.go:1] "Error syncing pod, skipping" err="failed with CreatePodSandboxError: \\"no\\"" pod="kube-system/kube-apiserver-node-1"',
      });
    });
    ports.report = (event) => {
      if (event.kind !== 'failed') return;
      node.kubeletIsDeaf = false;
      node.boot();
    };
    expect(await enable(ports, {}, { timeoutMs: 30_000 })).toMatchObject({
      cause: { code: 'container-not-startable', title: expect.stringContaining('(still so after 30 s)') },
    });
  });

  test('--keep-on-failure leaves it in place, and recover by hand takes it back', async () => {
    const node = new FakeNode(PRISTINE);
    expect(await apply(node.ports(), BAD, { keepOnFailure: true })).toMatchObject({
      outcome: 'needs-a-person',
      cause: { code: 'unknown-flag' },
      what: { code: 'kept-on-failure', remedy: expect.arrayContaining(['kube-auditctl recover']) },
    });
    expect(node.manifest()).toBe(BAD);
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toMatchObject({
      state: 'recovered',
      outcomes: [{ outcome: 'rolled-back' }],
    });
    asBefore(node);
  });
});

describe('the kubelet does not act', () => {
  test('three polls without a sign: rolled back, though the old server never stopped', async () => {
    const node = new FakeNode(PRISTINE);
    node.kubeletIsDeaf = true;
    expect(await enable(node.ports())).toMatchObject({
      outcome: 'rolled-back',
      cause: { code: 'kubelet-ignores-manifest' },
      apiAwayMs: 0,
    });
    asBefore(node);
  });
});

describe('healthy, but not proven', () => {
  test('no event in the log: rolled back', async () => {
    const node = new FakeNode(PRISTINE);
    node.logsNothing = true;
    expect(await enable(node.ports())).toMatchObject({
      outcome: 'rolled-back',
      cause: { code: 'no-event-in-log' },
      proof: { state: 'failed', canary: { auditId: expect.stringMatching(/^kube-auditctl-[0-9a-f]{16}$/) } },
    });
    asBefore(node);
  });

  test("a Secret's value in the log: rolled back", async () => {
    const node = new FakeNode(PRISTINE);
    node.leaksSecrets = true;
    expect(await enable(node.ports())).toMatchObject({
      outcome: 'rolled-back',
      cause: { code: 'secret-in-log' },
      proof: { secret: { state: 'leaked' } },
    });
    asBefore(node);
  });

  test('the server goes by another policy', async () => {
    const node = new FakeNode(PRISTINE);
    node.otherPolicy = METADATA_POLICY.replace('Metadata', 'RequestResponse');
    expect(await enable(node.ports())).toMatchObject({ outcome: 'rolled-back', cause: { code: 'other-policy-runs' } });
    asBefore(node);
  });
});

describe('signals', () => {
  test.each([
    ['before the record', /^watch/],
    ['while the record is written', /^createExclusive .*\/changes\//],
    ['when the guard is set', /^guard/],
    ['when the policy is about to be written', /^createExclusive \/etc\/kubernetes\/\./],
  ])('the first one %s: thrown, nothing changed, nothing left behind', async (_when, pattern) => {
    const node = new FakeNode(PRISTINE);
    await expect(enable(interruptedAt(node, pattern))).rejects.toMatchObject({ code: 'interrupted' });
    asBefore(node);
    expect(node.guards.size).toBe(0);
    expect(Object.keys(node.fs.snapshot()).filter((path) => path.startsWith(STATE))).toEqual([]);
    expect(await node.ports().files.look('/var/log/kubernetes')).toBeUndefined();
    expect((await enable(node.ports())).outcome).toBe('kept');
  });

  test('the first one after the write: rolled back, cause interrupted', async () => {
    const node = new FakeNode(PRISTINE);
    const outcome = await enable(
      whileWaiting(node, (ports) => {
        ports.interrupt();
      }),
    );
    expect(outcome).toMatchObject({ outcome: 'rolled-back', cause: { code: 'interrupted' } });
    asBefore(node);
    expect((await records(node))[0]?.state).toBe('rolled-back');
  });

  test('the first one while the proof is awaited is an interrupt, not a failed proof', async () => {
    const node = new FakeNode(PRISTINE);
    node.logsNothing = true;
    const ports = interruptedAt(node, /^request \/(?!readyz)/);
    expect(await enable(ports)).toMatchObject({ outcome: 'rolled-back', cause: { code: 'interrupted' } });
    asBefore(node);
  });

  test('a second one while the old server is awaited: stops at once; the guard stays, and finishes the work', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = whileWaiting(node, (each) => {
      each.interrupt();
    });
    ports.report = (event) => {
      if (event.kind === 'stage' && event.stage === 'restoring') ports.interrupt();
    };
    const outcome = await enable(ports);
    expect(outcome).toMatchObject({
      outcome: 'needs-a-person',
      what: { code: 'stopped-at-once', remedy: ['kube-auditctl recover'] },
    });
    expect(node.guards.size).toBe(1);
    expect((await records(node))[0]?.state).toBe('written');
    const [guard] = node.guards;
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST, guard })).toMatchObject({
      state: 'recovered',
      outcomes: [{ outcome: 'rolled-back' }],
    });
    asBefore(node);
    expect(node.guards.size).toBe(0);
  });

  test('two at once, before anything was put back: the guard judges the new manifest by itself', async () => {
    const node = new FakeNode(PRISTINE);
    const outcome = await enable(
      whileWaiting(node, (ports) => {
        ports.interrupt();
        ports.interrupt();
      }),
    );
    expect(outcome).toMatchObject({ outcome: 'needs-a-person', what: { code: 'stopped-at-once' } });
    expect(node.manifest()).toContain('--audit-policy-file');
    const [guard] = node.guards;
    const recovery = await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST, guard });
    expect(recovery).toMatchObject({ state: 'recovered', outcomes: [{ outcome: 'kept' }] });
    expect(node.serving()?.asManifest).toBe(true);
  });
});

describe('somebody else', () => {
  const THEIRS = PRISTINE.replace('cpu: 250m', 'cpu: 999m');

  test('edits during the wait: their bytes stay, and a person is asked', async () => {
    const node = new FakeNode(PRISTINE);
    const outcome = await enable(
      whileWaiting(node, () => {
        node.fs.put(MANIFEST, THEIRS, { mode: 0o600 });
      }),
    );
    expect(outcome).toMatchObject({ outcome: 'needs-a-person', what: { code: 'manifest-overtaken' } });
    expect(node.manifest()).toBe(THEIRS);
    expect((await records(node))[0]?.state).toBe('overtaken');
    expect(node.guards.size).toBe(0);
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toEqual({ state: 'nothing' });
  });

  test('edits between a failure and the way back: nothing is rolled back over them', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = node.ports();
    ports.report = (event) => {
      if (event.kind === 'failed') node.fs.put(MANIFEST, THEIRS, { mode: 0o600 });
    };
    expect(await apply(ports, BAD)).toMatchObject({ outcome: 'needs-a-person', what: { code: 'manifest-overtaken' } });
    expect(node.manifest()).toBe(THEIRS);
  });

  test('edits between the plan and the write: thrown, theirs stays, ours is taken back', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = node.ports((_n, name) => {
      if (name === 'guard arm') node.fs.put(MANIFEST, THEIRS, { mode: 0o600 });
    });
    await expect(enable(ports)).rejects.toMatchObject({ code: 'manifest-changed-meanwhile' });
    expect({ manifest: node.manifest(), policy: node.fs.text(POLICY) }).toEqual({
      manifest: THEIRS,
      policy: undefined,
    });
  });

  test('edits the policy during the wait: the manifest goes back, their policy stays', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = whileWaiting(node, (each) => {
      node.fs.put(POLICY, '# theirs');
      each.interrupt();
    });
    const outcome = await enable(ports);
    expect(outcome).toMatchObject({ outcome: 'rolled-back' });
    expect(outcome.notes.join()).toContain(`${POLICY} was changed by somebody else meanwhile, and left alone`);
    expect({ manifest: node.manifest(), policy: node.fs.text(POLICY) }).toEqual({
      manifest: PRISTINE,
      policy: '# theirs',
    });
  });

  test('is at work: the lock names them', async () => {
    const node = new FakeNode(PRISTINE);
    await node.ports().lock.acquire({ pid: 77, what: 'disable', since: '2026-01-01T12:00:00.000Z' });
    await expect(enable(node.ports())).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('pid 77 (kube-auditctl disable, since 2026-01-01T12:00:00.000Z)'),
      hints: expect.arrayContaining(['ps -fp 77']),
    });
    asBefore(node);
  });
});

describe('recover', () => {
  test('the guard finds its process at work, and leaves it alone', async () => {
    const node = new FakeNode(PRISTINE);
    let seen: unknown;
    const ports = whileWaiting(node, () => {
      const [guard] = node.guards;
      void recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST, guard }).then(
        (recovery) => (seen = recovery),
      );
    });
    expect((await enable(ports)).outcome).toBe('kept');
    expect(seen).toEqual({ state: 'at-work', rescued: false });
  });

  test('by hand while a change is at work: locked', async () => {
    const node = new FakeNode(PRISTINE);
    await node.ports().lock.acquire({ pid: 77, what: 'enable', since: '' });
    await expect(recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).rejects.toMatchObject({
      code: 'locked',
    });
  });

  test('by hand after a rollback that could not be seen to work, once the cause is mended', async () => {
    const node = new FakeNode(PRISTINE);
    const ports = node.ports();
    ports.report = (event) => {
      if (event.kind === 'failed') node.neverReady = true;
    };
    expect(await apply(ports, BAD, { timeoutMs: 60_000 })).toMatchObject({
      outcome: 'needs-a-person',
      what: { code: 'old-server-not-back' },
    });
    expect(node.manifest()).toBe(PRISTINE);
    node.neverReady = false;
    node.boot();
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toMatchObject({
      outcomes: [{ outcome: 'rolled-back' }],
    });
    expect((await records(node))[0]?.state).toBe('rolled-back');
  });

  test('by hand after a rollback that could not be written', async () => {
    const node = new FakeNode(PRISTINE);
    let fail = false;
    const ports = node.ports((_n, name) => {
      if (fail && name.startsWith('createExclusive /etc/kubernetes/manifests/'))
        throw Object.assign(new Error('EROFS'), { code: 'EROFS', syscall: 'open' });
    });
    ports.report = (event) => {
      fail ||= event.kind === 'failed';
    };
    const outcome = await apply(ports, BAD);
    expect(outcome).toMatchObject({
      outcome: 'needs-a-person',
      what: {
        code: 'rollback-failed',
        remedy: [
          expect.stringMatching(/^install -m 600 \/var\/lib\/kube-auditctl\/changes\/\S+ \S+$/),
          'kube-auditctl recover',
        ],
      },
    });
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toMatchObject({
      outcomes: [{ outcome: 'rolled-back' }],
    });
    asBefore(node);
  });

  test('the next change recovers first, and says so', async () => {
    const node = new FakeNode(PRISTINE);
    await enable(
      node.ports((_n, name) => {
        if (name.startsWith('rename') && name.endsWith(MANIFEST)) throw new Crash('kill -9');
      }),
    ).catch(() => undefined);
    node.reap();
    const ports = node.ports();
    expect((await disable(ports)).outcome).toBe('unchanged');
    expect(ports.events[0]).toMatchObject({ kind: 'recovering' });
    expect((await records(node)).map(({ state }) => state)).toEqual(['rolled-back']);
    asBefore(node);
  });

  test('what somebody wrote since the crash is left alone', async () => {
    const node = new FakeNode(PRISTINE);
    const ports: Ports = node.ports((_n, name) => {
      if (
        /^createExclusive .*record\.json|^createExclusive .*changes.*kube-auditctl/.test(name) &&
        node.manifest() !== PRISTINE
      )
        throw new Crash('kill -9');
    });
    await enable(ports).catch(() => undefined);
    node.reap();
    node.fs.put(MANIFEST, PRISTINE.replace('250m', '999m'), { mode: 0o600 });
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toMatchObject({
      outcomes: [{ outcome: 'needs-a-person', what: { code: 'manifest-overtaken' } }],
    });
    expect(node.manifest()).toBe(PRISTINE.replace('250m', '999m'));
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toEqual({ state: 'nothing' });
  });

  test('a copy that is not what the record says is not written back', async () => {
    const node = new FakeNode(PRISTINE);
    await apply(node.ports(), BAD, { keepOnFailure: true });
    const [record] = await records(node);
    node.fs.put(`${STATE}/changes/${record?.id}/${record?.files[0]?.before?.copy}`, 'something else');
    await expect(recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).rejects.toMatchObject({
      code: 'copy-damaged',
    });
    expect(node.manifest()).toBe(BAD);
  });

  test('a damaged record stops neither a change nor recover, and is still listed', async () => {
    const node = new FakeNode(PRISTINE);
    const id = '20250101T000000Z-abcdef';
    node.fs.put(`${STATE}/changes/${id}/record.json`, '{"schema": 99}');
    node.fs.put(`${STATE}/changes/not-ours/x`, 'x');
    expect((await enable(node.ports())).outcome).toBe('kept');
    expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toEqual({ state: 'nothing' });
    const { damaged } = await openStore(node.ports().files, STATE).list();
    expect(damaged).toEqual([{ id, why: expect.stringContaining('has schema 99; this tool reads 1') }]);
    expect(node.fs.text(`${STATE}/changes/not-ours/x`)).toBe('x');
  });

  test('nothing to recover where nothing was ever done', async () => {
    expect(await recover(new FakeNode(PRISTINE).ports(), { stateDir: STATE, manifestPath: MANIFEST })).toEqual({
      state: 'nothing',
    });
  });
});

test('enable over a policy that is bad in use: the old policy is back with its bytes', async () => {
  const node = new FakeNode(PRISTINE);
  await enable(node.ports());
  const before = node.fs.snapshot()[POLICY];
  const manifest = node.manifest();
  node.logsNothing = true;
  expect((await enable(node.ports(), { policy: policyFile(METADATA_POLICY) })).outcome).toBe('rolled-back');
  expect(node.fs.snapshot()[POLICY]).toEqual(before);
  expect(node.manifest()).toBe(manifest);
});

describe('after a boot with the bad manifest the kubelet is wedged: it found the bad one, and the API is down', () => {
  const crashed = async (): Promise<FakeNode> => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = node.ports((_n, name) => {
      if (name.startsWith('fsyncFolder /etc/kubernetes/manifests')) throw new Crash('the plug');
    });
    await apply(ports, BAD).catch(() => undefined);
    node.fs.put(MANIFEST, BAD, { mode: 0o600 });
    node.boot();
    node.kubeletPid = 77;
    node.kubeletIsDeaf = true;
    return node;
  };

  test('recover puts the old manifest back, and starts the kubelet anew', async () => {
    const node = await crashed();
    const ports = node.ports();
    const recovery = await recover(ports, { stateDir: STATE, manifestPath: MANIFEST });
    expect(recovery).toMatchObject({ state: 'recovered', outcomes: [{ outcome: 'rolled-back' }] });
    expect(node.kubeletPid).toBe(78);
    asBefore(node);
  });

  /** After so long the kubelet acts again by itself. */
  const healing = (node: FakeNode, afterMs: number, ports: TestPorts): TestPorts => {
    const from = node.now;
    const sleep = ports.clock.sleep.bind(ports.clock);
    ports.clock.sleep = (ms, signal) => {
      if (node.now - from > afterMs) node.kubeletIsDeaf = false;
      return sleep(ms, signal);
    };
    return ports;
  };

  test('a kubelet that cannot be started is told of, and waited for', async () => {
    const node = await crashed();
    const ports = node.ports((_n, name) => {
      if (name === 'restart kubelet') throw new Error('systemctl restart kubelet: no');
    });
    const recovery = await recover(healing(node, 90_000, ports), { stateDir: STATE, manifestPath: MANIFEST });
    expect(recovery).toMatchObject({ outcomes: [{ outcome: 'rolled-back' }] });
    expect(JSON.stringify(recovery)).toContain('could not be started anew: systemctl restart kubelet: no');
  });

  test('a kubelet that has run all the time is never touched', async () => {
    const node = await crashed();
    node.kubeletPid = 50;
    const recovery = await recover(healing(node, 90_000, node.ports()), { stateDir: STATE, manifestPath: MANIFEST });
    expect([node.kubeletPid, recovery]).toMatchObject([50, { outcomes: [{ outcome: 'rolled-back' }] }]);
  });
});
