/** A change by hand-over on a node in memory: who is ended and when, how long the API is away, and every way it can go. */
import { asidePath } from '../../src/change/aside';
import { openStore } from '../../src/change/store';
import { recover } from '../../src/change/recover';
import type { Outcome } from '../../src/core/outcome';
import { fixture } from '../support/manifests';
import { Crash, FakeNode, MANIFEST, STATE, type EffectHook, type TestPorts } from '../support/fake-node';
import { apply, disable, enable, rollback } from '../support/flows';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const BAD = PRISTINE.replace(/^( +- )--secure-port=.*$/m, '$&\n$1--audit-log-maxbackups=3');
const THEIRS = PRISTINE.replace('spec:', 'spec: # theirs');
const FAST = { fast: { drainMs: 1000 } };

const leftovers = (node: FakeNode): string[] =>
  Object.keys(node.fs.snapshot()).filter((path) => path.includes('/.kube-auditctl-'));

const lastRecord = async (node: FakeNode) => (await openStore(node.ports().files, STATE).list()).records.at(-1);

type Ran = Extract<Outcome, { apiAwayMs: number }>;

async function ran(work: Promise<Outcome>, expected: Outcome['outcome']): Promise<Ran> {
  const outcome = await work;
  expect(outcome.outcome).toBe(expected);
  return outcome as Ran;
}

/** Killed, or only hung, with the manifest aside. */
async function killedWhileAside({ reaped = true } = {}): Promise<{ node: FakeNode; id: string }> {
  const node = new FakeNode(PRISTINE, 'after');
  const ports = node.ports((_n, name) => {
    if (name.startsWith('endServer')) throw new Crash('kill -9');
  });
  await expect(enable(ports, {}, FAST)).rejects.toThrow(Crash);
  expect(node.manifest()).toBeUndefined();
  if (reaped) node.reap();
  return { node, id: [...node.guards][0] ?? '' };
}

/** Does something at the first sleep that finds the folder without a manifest. */
function whileAside(node: FakeNode, act: (ports: TestPorts) => void, hook?: EffectHook): TestPorts {
  const ports = node.ports(hook);
  const sleep = ports.clock.sleep.bind(ports.clock);
  let done = false;
  ports.clock.sleep = (ms, signal) => {
    if (!done && node.manifest() === undefined) {
      done = true;
      act(ports);
    }
    return sleep(ms, signal);
  };
  return ports;
}

test('takes a fifth of the time of the plain way, and ends only the old process, deaf and after its grace', async () => {
  const slow = await ran(enable(new FakeNode(PRISTINE, 'after').ports()), 'kept');
  const node = new FakeNode(PRISTINE, 'after');
  const [old] = node.processes;
  const fast = await ran(enable(node.ports(), {}, { fast: { drainMs: 5000 } }), 'kept');
  expect(slow.apiAwayMs).toBeGreaterThan(35_000);
  expect(fast.apiAwayMs).toBeLessThan(4_000 + 7_000);
  expect(node.ended).toEqual([{ pid: old?.pid, listening: false }]);
  expect(fast.stages.map(({ stage }) => stage).slice(0, 4)).toEqual(['aside', 'deaf', 'ended', 'written']);
  const at = (stage: string): number => fast.stages.find((each) => each.stage === stage)?.afterMs ?? NaN;
  expect(at('ended') - at('deaf')).toBeGreaterThanOrEqual(5000);
  const ended = [{ pid: old?.pid, startTicks: old?.startTicks, argv: old?.argv }];
  expect(fast.handOver).toEqual({ state: 'done', ended });
  expect(await lastRecord(node)).toMatchObject({
    state: 'kept',
    fast: { drainMs: 5000 },
    handOver: { processes: ended },
    end: { handOver: { state: 'done', ended } },
  });
  expect(leftovers(node)).toEqual([]);
});

test('every changing command can go so, and the way back does', async () => {
  const node = new FakeNode(PRISTINE, 'after');
  await ran(enable(node.ports(), {}, FAST), 'kept');
  expect((await ran(rollback(node.ports(), {}, FAST), 'kept')).apiAwayMs).toBeLessThan(7_000);
  await ran(enable(node.ports(), {}, FAST), 'kept');
  expect((await ran(disable(node.ports(), {}, FAST), 'kept')).apiAwayMs).toBeLessThan(7_000);
  expect(node.manifest()).toBe(PRISTINE);
  const other = PRISTINE.replace(/^( +- )--secure-port=.*$/m, '$&\n$1--v=1');
  expect((await ran(apply(node.ports(), other, FAST), 'kept')).apiAwayMs).toBeLessThan(7_000);
  expect(leftovers(node)).toEqual([]);
});

test('out of a crash loop the old manifest comes back by hand-over too', async () => {
  const plain = await ran(apply(new FakeNode(PRISTINE, 'after').ports(), BAD), 'rolled-back');
  const node = new FakeNode(PRISTINE, 'after');
  const fast = await ran(apply(node.ports(), BAD, FAST), 'rolled-back');
  expect(plain.apiAwayMs).toBeGreaterThan(35_000);
  expect(fast.apiAwayMs).toBeLessThan(13_000);
  expect(node.manifest()).toBe(PRISTINE);
  expect(node.serving()?.asManifest).toBe(true);
  expect(leftovers(node)).toEqual([]);
});

describe('nothing is hastened', () => {
  test('where the new server starts beside the old one', async () => {
    const node = new FakeNode(PRISTINE, 'beside');
    const outcome = await ran(enable(node.ports(), {}, FAST), 'kept');
    expect(outcome.handOver).toEqual({
      state: 'not-needed',
      why: 'a kubelet of 1.20 starts the new server beside the old one',
      ended: [],
    });
    expect([node.ended, node.gaps]).toEqual([[], []]);
  });

  test('where nothing is restarted', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const outcome = await ran(apply(node.ports(), `# mine\n${PRISTINE}`, FAST), 'kept');
    expect(outcome.handOver).toMatchObject({ state: 'not-needed', why: 'nothing is restarted by this change' });
    expect([node.ended, node.gaps]).toEqual([[], []]);
  });

  test('unless it is asked for', async () => {
    const node = new FakeNode(PRISTINE, 'beside');
    const outcome = await ran(enable(node.ports(), {}, { fast: { drainMs: 1000, always: true } }), 'kept');
    expect(outcome.handOver).toMatchObject({ state: 'done', ended: [{}] });
  });
});

describe('a limit is reached: the plain way is taken', () => {
  test.each([
    {
      name: 'the kubelet does not notice that the manifest is gone',
      set: (node: FakeNode) => (node.kubeletIsDeaf = true),
      why: 'the kubelet did not tell the old server to stop',
      ends: 'rolled-back',
      ended: 0,
    },
    {
      name: 'the kubelet does not let go of the pod',
      set: (node: FakeNode) => (node.neverLetsGo = true),
      why: 'the kubelet did not let go of the old pod',
      ends: 'kept',
      ended: 1,
    },
  ] as const)('$name', async ({ set, why, ends, ended }) => {
    const node = new FakeNode(PRISTINE, 'after');
    set(node);
    const outcome = await ran(enable(node.ports(), {}, FAST), ends);
    expect(outcome.notes).toContain(`the hand-over took the plain way: ${why}`);
    expect(node.ended).toHaveLength(ended);
    expect(node.serving()?.asManifest).toBe(true);
    expect(leftovers(node)).toEqual([]);
  });

  test('the process cannot be ended', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = node.ports((_n, name) => {
      if (name.startsWith('endServer')) throw Object.assign(new Error('EPERM: kill'), { code: 'EPERM' });
    });
    const outcome = await ran(enable(ports, {}, FAST), 'kept');
    expect(outcome.handOver).toMatchObject({ state: 'late', why: 'the old server did not end', ended: [] });
    expect(outcome.notes).toContainEqual(expect.stringContaining('could not be ended: EPERM'));
  });
});

describe('while there is no manifest', () => {
  test('a signal: the old one is back under its name, and its server healthy', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = whileAside(node, ({ interrupt }) => {
      interrupt();
    });
    const outcome = await ran(enable(ports, {}, FAST), 'rolled-back');
    expect(outcome).toMatchObject({ cause: { code: 'interrupted' } });
    expect([node.manifest(), node.serving()?.asManifest, node.fs.text('/etc/kubernetes/audit-policy.yaml')]).toEqual([
      PRISTINE,
      true,
      undefined,
    ]);
    expect(leftovers(node)).toEqual([]);
  });

  test('the new one cannot be written: the old one comes back by a rename, which needs no room', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = whileAside(node, () => {
      node.fs.fault({ code: 'ENOSPC', under: '/etc/kubernetes/manifests', call: 'createExclusive' });
    });
    const outcome = await ran(enable(ports, {}, FAST), 'rolled-back');
    expect(outcome).toMatchObject({ cause: { code: 'disk-full' } });
    expect([node.manifest(), node.serving()?.asManifest]).toEqual([PRISTINE, true]);
    expect(leftovers(node)).toEqual([]);
  });

  test("somebody else's manifest appears: it stays", async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = whileAside(node, () => {
      node.fs.put(MANIFEST, THEIRS, { mode: 0o600 });
    });
    const outcome = await ran(enable(ports, {}, FAST), 'needs-a-person');
    expect(outcome).toMatchObject({ cause: { code: 'manifest-overtaken' } });
    expect(node.manifest()).toBe(THEIRS);
    expect(leftovers(node)).toEqual([]);
  });

  test('the process is killed: recover brings the old manifest back, and nothing stays', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = node.ports((_n, name) => {
      if (name.startsWith('endServer')) throw new Crash('kill -9');
    });
    await expect(enable(ports, {}, FAST)).rejects.toThrow(Crash);
    expect(node.manifest()).toBeUndefined();
    node.reap();
    const recovery = await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST });
    expect(recovery).toMatchObject({ state: 'recovered', outcomes: [{ outcome: 'rolled-back' }] });
    expect([node.manifest(), node.serving()?.asManifest]).toEqual([PRISTINE, true]);
    expect(leftovers(node)).toEqual([]);
  });
});

describe('no room on the disk', () => {
  const full = { code: 'ENOSPC', under: '/etc/kubernetes', call: 'createExclusive' } as const;

  test('killed while it is aside: the guard brings the old name back, which needs none', async () => {
    const { node, id } = await killedWhileAside();
    node.fs.fault(full);
    await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST, guard: id });
    expect([node.manifest(), node.serving()?.asManifest]).toEqual([PRISTINE, true]);
  });

  test('nothing can be done at all: what waits aside stays, the guard stays, and the next try succeeds', async () => {
    const { node, id } = await killedWhileAside();
    node.fs.fault(full);
    node.fs.fault({ code: 'EIO', under: '/etc/kubernetes', call: 'link' });
    const options = { stateDir: STATE, manifestPath: MANIFEST, guard: id };
    await recover(node.ports(), options);
    await recover(node.ports(), options);
    expect([node.manifest(), node.fs.text(asidePath(MANIFEST, id)), [...node.guards]]).toEqual([
      undefined,
      PRISTINE,
      [id],
    ]);
    node.fs.clearFaults();
    await recover(node.ports(), options);
    expect([node.manifest(), node.serving()?.asManifest, leftovers(node), [...node.guards]]).toEqual([
      PRISTINE,
      true,
      [],
      [],
    ]);
    expect((await lastRecord(node))?.states.map(({ state }) => state)).toEqual([
      'prepared',
      'needs-a-person',
      'rolled-back',
    ]);
  });

  test('it fills up while the new server is watched: the way back needs none', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    node.neverReady = true;
    const ports = node.ports((_n, name) => {
      if (name.startsWith('link') && name.endsWith(MANIFEST)) node.fs.fault(full);
    });
    const outcome = apply(ports, BAD, FAST);
    node.neverReady = false;
    await ran(outcome, 'rolled-back');
    expect([node.manifest(), node.serving()?.asManifest, leftovers(node)]).toEqual([PRISTINE, true, []]);
  });
});

describe('a process that lives and does nothing', () => {
  test('after the longest time the guard gives the old manifest its name back, without the lock', async () => {
    const { node, id } = await killedWhileAside({ reaped: false });
    const options = { stateDir: STATE, manifestPath: MANIFEST, guard: id };
    node.pass(10_000);
    expect(await recover(node.ports(), options)).toEqual({ state: 'at-work', rescued: false });
    expect(node.manifest()).toBeUndefined();
    node.pass(40_000);
    expect(await recover(node.ports(), options)).toEqual({ state: 'at-work', rescued: true });
    node.pass(60_000);
    expect([node.manifest(), node.serving()?.asManifest]).toEqual([PRISTINE, true]);
    expect(await recover(node.ports(), options)).toEqual({ state: 'at-work', rescued: false });
  });

  test('that goes on finds it there, and takes the rest back', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = whileAside(node, () => {
      node.pass(60_000);
      node.fs.put(MANIFEST, PRISTINE, { mode: 0o600 });
      node.pass(30_000);
    });
    const outcome = await ran(enable(ports, {}, FAST), 'rolled-back');
    expect(outcome).toMatchObject({ cause: { code: 'hand-over-stuck' } });
    expect(outcome.totalMs).toBeLessThan(120_000);
    expect([node.manifest(), node.serving()?.asManifest, node.fs.text('/etc/kubernetes/audit-policy.yaml')]).toEqual([
      PRISTINE,
      true,
      undefined,
    ]);
    expect(leftovers(node)).toEqual([]);
  });
});

test('one that waits aside without a record has its name back by recover; other commands say so', async () => {
  const node = new FakeNode(PRISTINE, 'after');
  const aside = asidePath(MANIFEST, '20260101T000000Z-abcdef');
  node.fs.put(aside, PRISTINE, { mode: 0o600 });
  await node.fs.unlink(MANIFEST);
  await expect(enable(node.ports())).rejects.toMatchObject({
    code: 'manifest-aside',
    hints: ['kube-auditctl recover', expect.any(String)],
  });
  expect(await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST })).toEqual({
    state: 'brought-back',
    manifestPath: MANIFEST,
    from: aside,
  });
  expect([node.manifest(), leftovers(node)]).toEqual([PRISTINE, []]);
});

describe('edits of others are theirs', () => {
  test('saved in the moment before the move: back under its name, and told', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = node.ports((_n, name) => {
      if (name.startsWith('rename') && name.includes('-aside-')) node.fs.put(MANIFEST, THEIRS, { mode: 0o600 });
    });
    const outcome = await ran(enable(ports, {}, FAST), 'needs-a-person');
    expect(outcome).toMatchObject({ cause: { code: 'manifest-overtaken' } });
    expect([node.manifest(), leftovers(node), node.ended]).toEqual([THEIRS, [], []]);
  });

  test('saved in the moment before the new one goes in: it stays', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    const ports = node.ports((_n, name) => {
      if (name.startsWith('link') && name.endsWith(MANIFEST)) node.fs.put(MANIFEST, THEIRS, { mode: 0o600 });
    });
    await ran(enable(ports, {}, FAST), 'needs-a-person');
    expect([node.manifest(), leftovers(node)]).toEqual([THEIRS, []]);
  });

  test('saved on the way back: what theirs may need stays as well', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    let moves = 0;
    const wanting = THEIRS.replace(
      /^( +- )--secure-port=.*$/m,
      '$&\n$1--audit-policy-file=/etc/kubernetes/audit-policy.yaml',
    );
    const ports = node.ports();
    const sleep = ports.clock.sleep.bind(ports.clock);
    let isGone = false;
    ports.clock.sleep = (ms, signal) => {
      const gone = node.manifest() === undefined;
      if (gone && !isGone && ++moves === 2) node.fs.put(MANIFEST, wanting, { mode: 0o600 });
      isGone = gone;
      return sleep(ms, signal);
    };
    const flags = { flags: { magic: '1' } };
    const outcome = await ran(enable(ports, flags, { ...FAST, ignore: new Set(['unknown-flag']) }), 'needs-a-person');
    expect(outcome).toMatchObject({ cause: { code: 'manifest-overtaken' } });
    expect([node.manifest(), node.fs.text('/etc/kubernetes/audit-policy.yaml')]).toEqual([
      wanting,
      expect.stringContaining('kind: Policy'),
    ]);
  });
});

describe('killed once the new manifest stands', () => {
  test.each(['after', 'beside'] as const)(
    '%s: the server that came of it is the new one, and is kept',
    async (kubelet) => {
      const node = new FakeNode(PRISTINE, kubelet);
      let stands = false;
      const ports = node.ports((_n, name) => {
        if (stands) throw new Crash('kill -9');
        stands = /^(?:link|rename) /.test(name) && name.endsWith(` ${MANIFEST}`);
      });
      await enable(ports, {}, kubelet === 'after' ? FAST : {}).catch(() => undefined);
      expect((await lastRecord(node))?.state).toBe('prepared');
      node.reap();
      node.pass(60_000);
      const recovery = await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST });
      expect(recovery).toMatchObject({ state: 'recovered', outcomes: [{ outcome: 'kept' }] });
      expect(leftovers(node)).toEqual([]);
    },
  );
});

test('a slow disk on the way back: the old server that started meanwhile is known for what it is', async () => {
  const node = new FakeNode(PRISTINE, 'after');
  let back = false;
  const ports = node.ports((_n, name) => {
    back ||= name.startsWith('link') && name.includes('-aside-');
    if (back && name.startsWith('fsyncFolder /etc')) node.pass(2_500);
  });
  const outcome = await ran(apply(ports, BAD, FAST), 'rolled-back');
  expect(outcome.totalMs).toBeLessThan(60_000);
});

test('a server that moves to another port is asked there, and the old one where it was', async () => {
  const other = PRISTINE.replace('--secure-port=6443', '--secure-port=7443').replaceAll(/port: 6443/g, 'port: 7443');
  for (const fast of [{}, FAST]) {
    const node = new FakeNode(PRISTINE, 'after');
    const asked = [...IGNORED_PORTS];
    expect((await apply(node.ports(), other, { ...fast, verify: false, ignore: new Set(asked) })).outcome).toBe('kept');
    expect(node.ended.every(({ listening }) => !listening)).toBe(true);
  }
});

/** What preflight says of such a change is no business of these tests. */
const IGNORED_PORTS = ['unknown-flag', 'secure-port-mismatch', 'probe-port', 'api-not-ready', 'probe-port-mismatch'];

test('the record tells who was ended, on the way forth and on the way back', async () => {
  const node = new FakeNode(PRISTINE, 'after');
  const [old] = node.processes;
  expect((await ran(enable(node.ports(), {}, FAST), 'kept')).handOver?.ended).toMatchObject([{ pid: old?.pid }]);
  const broken = new FakeNode(PRISTINE, 'after');
  broken.logsNothing = true;
  const outcome = await ran(enable(broken.ports(), {}, FAST), 'rolled-back');
  const ended = broken.ended.map(({ pid }) => pid);
  expect(ended).toHaveLength(2);
  expect(outcome.handOver?.ended.map(({ pid }) => pid)).toEqual(ended);
  expect((await lastRecord(broken))?.handOver?.processes.map(({ pid }) => pid)).toEqual(ended);
  const stopped = new FakeNode(PRISTINE, 'after');
  const ports = stopped.ports((_n, name) => {
    if (name.startsWith('endServer')) ports.interrupt();
  });
  const interrupted = await ran(enable(ports, {}, FAST), 'rolled-back');
  expect(interrupted.handOver).toMatchObject({ state: 'broken-off', ended: [{}] });
});

test('the time of day is set back while there is no manifest: no wait depends on it', async () => {
  const node = new FakeNode(PRISTINE, 'after');
  const ports = whileAside(node, () => {
    node.setClock(-3_600_000);
  });
  const before = node.elapsed();
  await ran(enable(ports, {}, FAST), 'kept');
  expect(node.elapsed() - before).toBeLessThan(20_000);
});

describe('the plain way instead', () => {
  test.each([
    { name: 'no guard can be set', set: (node: FakeNode) => (node.systemd = false), why: /^no guard could be set/ },
    {
      name: 'no signal of ours reaches its processes',
      set: (node: FakeNode) => (node.reachable = false),
      why: /another pid namespace/,
    },
    {
      name: 'a kubelet that may forget a pod',
      set: (node: FakeNode) => (node.kubeletMinor = 22),
      why: /^a kubelet of 1\.22 may not start/,
    },
  ])('$name', async ({ set, why }) => {
    const node = new FakeNode(PRISTINE, 'after');
    set(node);
    const outcome = await ran(enable(node.ports(), {}, FAST), 'kept');
    expect(outcome.handOver).toEqual({ state: 'not-needed', why: expect.stringMatching(why), ended: [] });
    expect([node.ended, node.gaps, (await lastRecord(node))?.fast]).toEqual([[], [], undefined]);
  });

  test('but with --force also without a guard, and where none was wanted', async () => {
    for (const more of [{ ignore: new Set(['no-guard']) }, { guardSeconds: 0 }]) {
      const node = new FakeNode(PRISTINE, 'after');
      node.systemd = false;
      await ran(enable(node.ports(), {}, { ...FAST, ...more }), 'kept');
      expect(node.ended).toHaveLength(1);
    }
  });
});

describe('not handed over without --force', () => {
  test.each([
    {
      code: 'etcd-not-healthy',
      set: (node: FakeNode) => (node.etcdHealth = { state: 'unhealthy', detail: 'GET /health: HTTP 503' }),
    },
    {
      code: 'other-api-server-not-ready',
      set: (node: FakeNode) => node.controlPlane?.push({ node: 'node-2', ready: false }),
    },
    { code: 'other-api-servers-unknown', set: (node: FakeNode) => (node.controlPlane = undefined) },
  ])('$code', async ({ code, set }) => {
    const node = new FakeNode(PRISTINE, 'after');
    set(node);
    const outcome = await enable(node.ports(), {}, FAST);
    expect(outcome).toMatchObject({ outcome: 'refused', findings: [expect.objectContaining({ code })] });
    expect([node.manifest(), node.gaps]).toEqual([PRISTINE, []]);
    await ran(enable(node.ports(), {}, { ...FAST, ignore: new Set([code]) }), 'kept');
  });

  test('asked of --fast only', async () => {
    const node = new FakeNode(PRISTINE, 'after');
    node.etcdHealth = { state: 'unhealthy', detail: '' };
    await ran(enable(node.ports()), 'kept');
  });
});
