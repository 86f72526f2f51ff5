/** A change by hand-over on a node in memory: who is ended and when, how long the API is away, and every way it can go. */
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
    const recovery = await recover(node.ports(), { stateDir: STATE });
    expect(recovery).toMatchObject({ state: 'recovered', outcomes: [{ outcome: 'rolled-back' }] });
    expect([node.manifest(), node.serving()?.asManifest]).toEqual([PRISTINE, true]);
    expect(leftovers(node)).toEqual([]);
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
      set: (node: FakeNode) => node.apiServers.push({ node: 'node-2', ready: false }),
    },
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
