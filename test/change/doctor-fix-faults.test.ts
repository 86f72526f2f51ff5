/**
 * doctor --fix when the n-th effect fails, and when the process ends there, for every n: the manifest is the broken one or
 * the mended one, whole; what is said of it is true; and another doctor --fix leads to a healthy server.
 */
import { runDoctor } from '../../src/change/doctor';
import { carryOut, planFix, type FixPlan } from '../../src/change/doctor-fix';
import { recover } from '../../src/change/recover';
import { openStore } from '../../src/change/store';
import type { NodeSight } from '../../src/core/diagnosis/node-sight';
import type { Outcome } from '../../src/core/outcome';
import { FINAL_STATES } from '../../src/core/record';
import { fakeDoctor } from '../support/doctor-ports';
import { Crash, FakeNode, MANIFEST, STATE, type EffectHook } from '../support/fake-node';
import { fixture } from '../support/manifests';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const flagged = (flag: string): string => PRISTINE.replace(/^( +- )--secure-port=.*$/m, `$&\n$1${flag}`);
const BROKEN = flagged('--audit-log-maxbackups=3');
const MENDED = flagged('--audit-log-maxbackup=3');
const BAK = `${MANIFEST}~`;
const where = { manifestPath: MANIFEST, stateDir: STATE, timeoutMs: 60_000, guardSeconds: 20 };

/** A misspelt flag, and the side file of an editor beside it. */
function broken(): FakeNode {
  const node = new FakeNode(PRISTINE);
  node.fs.put(MANIFEST, BROKEN, { mode: 0o600 });
  node.fs.put(BAK, PRISTINE, { mode: 0o600 });
  node.pass(60_000);
  return node;
}

/** The look at a node in this state, and what is planned for it: the same every time. */
let planned: Promise<{ sight: NodeSight; plan: FixPlan }> | undefined;

async function look(node: FakeNode): Promise<{ sight: NodeSight; plan: FixPlan } | undefined> {
  const ports = node.ports();
  const { sight, examination } = await runDoctor(ports, fakeDoctor(node), where);
  const plan = await planFix(ports, sight, examination, where);
  return plan && { sight, plan };
}

async function fix(node: FakeNode, hook?: EffectHook): Promise<Outcome> {
  planned ??= look(broken()).then((found) => found!);
  const { sight, plan } = await planned;
  return carryOut(node.ports(hook), fakeDoctor(node), plan, sight, where);
}

/** Numbers of the first effect of the change and of the last; before them nothing but looking is done. */
async function effects(): Promise<number[]> {
  let first = 0;
  let last = 0;
  const outcome = await fix(broken(), (n, name) => {
    if (name.startsWith('lock')) first = n;
    last = n;
  });
  expect(outcome).toMatchObject({ outcome: 'kept' });
  expect(last - first).toBeGreaterThan(30);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

const files = (node: FakeNode): unknown[] => [node.manifest(), node.fs.text(BAK)];

test.each([
  ['the n-th effect fails', (at: number, n: number) => at === n],
  ['every effect from the n-th on fails', (at: number, n: number) => at >= n],
])('%s, for every n', async (_, fails) => {
  for (const n of await effects()) {
    const node = broken();
    const result = await fix(node, (at, name) => {
      if (fails(at, n)) throw Object.assign(new Error(`EIO at ${n} ${name}`), { code: 'EIO', syscall: 'test' });
    }).catch(() => 'threw' as const);
    const told = result === 'threw' ? result : result.outcome;
    const now = [told, n, ...files(node)];
    if (told === 'threw') expect(now).toEqual([told, n, BROKEN, PRISTINE]);
    else if (told === 'kept') expect(now).toEqual([told, n, MENDED, undefined]);
    else expect([told, [BROKEN, MENDED].includes(node.manifest() ?? '')]).toEqual(['needs-a-person', true]);
  }
});

test.each(['killed', 'power cut'])('%s at the n-th effect, for every n, then recover and doctor --fix', async (how) => {
  for (const n of await effects()) {
    const node = broken();
    await fix(node, (at) => {
      if (at === n) throw new Crash(`crash at ${n}`);
    }).catch(() => undefined);
    if (how === 'power cut') {
      node.fs.powerCut();
      node.boot();
    } else {
      node.reap();
      node.pass(20_000);
    }
    await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST });
    expect([n, [BROKEN, MENDED].includes(node.manifest() ?? '')]).toEqual([n, true]);
    const { records } = await openStore(node.ports().files, STATE).list();
    expect([n, records.filter(({ state }) => !FINAL_STATES.has(state))]).toEqual([n, []]);
    node.pass(60_000);
    if (files(node).join() === [BROKEN, PRISTINE].join()) await fix(node);
    else {
      // Half of it was done: whatever is left is found anew.
      const left = await look(node);
      if (left) await carryOut(node.ports(), fakeDoctor(node), left.plan, left.sight, where);
    }
    expect([n, ...files(node), node.serving()?.asManifest]).toEqual([n, MENDED, undefined, true]);
  }
});
