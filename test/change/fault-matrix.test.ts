/**
 * The n-th effect fails, for every n; and the process ends at the n-th effect, for every n. Whatever happens: the manifest
 * is old or new and whole, what is said of it is true, and recover leads to a server that runs what the manifest says.
 */
import { readFileSync } from 'node:fs';
import { editManifest, type Editor, type Person } from '../../src/change/edit';
import { recover } from '../../src/change/recover';
import { openStore } from '../../src/change/store';
import type { Outcome } from '../../src/core/outcome';
import { FINAL_STATES } from '../../src/core/record';
import { Crash, FakeNode, MANIFEST, STATE, type EffectHook, type Kubelet } from '../support/fake-node';
import { apply, disable, enable, request, rollback } from '../support/flows';

const PRISTINE = readFileSync('fixtures/manifests/kubeadm-1.36.yaml', 'utf8');
const POLICY = '/etc/kubernetes/audit-policy.yaml';

interface Flow {
  name: string;
  /** What has happened on the node before. */
  before?: (node: FakeNode) => Promise<unknown>;
  run: (node: FakeNode, hook?: EffectHook) => Promise<Outcome>;
  ends: Outcome['outcome'];
  kubelet?: Kubelet;
  byHandOver?: boolean;
}

const enabled = async (node: FakeNode): Promise<void> => {
  expect((await enable(node.ports())).outcome).toBe('kept');
};
const BAD = PRISTINE.replace(/^( +- )--secure-port=.*$/m, '$&\n$1--audit-log-maxbackups=3');

const FLOWS: readonly Flow[] = [
  { name: 'enable', run: (node, hook) => enable(node.ports(hook)), ends: 'kept' },
  { name: 'enable, new kubelet', run: (node, hook) => enable(node.ports(hook)), ends: 'kept', kubelet: 'after' },
  {
    name: 'enable, rehearsed',
    before: (node) => Promise.resolve(void (node.rehearsal = 'as-server')),
    run: (node, hook) => enable(node.ports(hook), {}, { rehearse: true }),
    ends: 'kept',
  },
  { name: 'disable', before: enabled, run: (node, hook) => disable(node.ports(hook)), ends: 'kept' },
  { name: 'rollback', before: enabled, run: (node, hook) => rollback(node.ports(hook)), ends: 'kept' },
  { name: 'edit', run: edit, ends: 'kept' },
  { name: 'apply a bad manifest', run: (node, hook) => apply(node.ports(hook), BAD), ends: 'rolled-back' },
  {
    name: 'enable by hand-over',
    run: (node, hook) => enable(node.ports(hook), {}, { fast: { drainMs: 1000 } }),
    ends: 'kept',
    kubelet: 'after',
    byHandOver: true,
  },
  {
    name: 'apply a bad manifest by hand-over',
    run: (node, hook) => apply(node.ports(hook), BAD, { fast: { drainMs: 1000 } }),
    ends: 'rolled-back',
    kubelet: 'after',
    byHandOver: true,
  },
  {
    name: 'enable with a bad flag over an installed policy',
    before: enabled,
    run: (node, hook) =>
      enable(
        node.ports(hook),
        {
          policy: {
            bytes: new TextEncoder().encode('apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n'),
            from: 'p',
          },
          flags: { 'audit-log-maxbackups': '3' },
        },
        { ignore: new Set(['sensitive-bodies', 'unknown-flag']) },
      ),
    ends: 'rolled-back',
  },
];

/** The editor saves one change, and the person at the terminal says apply. */
function edit(node: FakeNode, hook?: EffectHook): Promise<Outcome> {
  const saved = PRISTINE.replace('cpu: 250m', 'cpu: 251m');
  const editor: Editor = {
    name: 'ed',
    locate: (path) => path,
    open(path) {
      node.fs.put(path, saved);
      return Promise.resolve({ state: 'ended' });
    },
  };
  const answers = ['a'];
  const person: Person = {
    show: () => undefined,
    showDiff: () => undefined,
    ask: () => Promise.resolve(answers.shift()),
  };
  const ours = request('edit', () => Promise.reject(new Error('not asked')));
  return editManifest(node.ports(hook), ours, editor, person);
}

/** A node on which the flow is about to run, and what its files would be afterwards. */
async function stage(flow: Flow): Promise<{ old: Files; fresh: () => FakeNode }> {
  const first = new FakeNode(PRISTINE, flow.kubelet);
  await flow.before?.(first);
  return { old: filesOf(first), fresh: () => first.twin() };
}

interface Files {
  manifest: string | undefined;
  policy: string | undefined;
  mode: number | undefined;
}

function filesOf(node: FakeNode): Files {
  const shot = node.fs.snapshot();
  return { manifest: shot[MANIFEST]?.text, policy: shot[POLICY]?.text, mode: shot[MANIFEST]?.mode };
}

/** What the flow writes when nothing fails: read off a run that ends well, or off the record of one that does not. */
async function goal(flow: Flow, fresh: () => FakeNode): Promise<{ files: Files[]; effects: number }> {
  const node = fresh();
  let effects = 0;
  const seen: Files[] = [];
  const outcome = await flow.run(node, (n, name) => {
    effects = n;
    if (name.startsWith('fsyncFolder')) seen.push(filesOf(node));
  });
  expect(outcome.outcome).toBe(flow.ends);
  return { files: [...seen, filesOf(node)], effects };
}

/** By hand-over there is none for a while: then the one that was there waits under a name that is not read. */
function onlyWholeFiles(node: FakeNode, { byHandOver = false }: Flow): void {
  for (const state of node.fs.history('/etc/kubernetes/manifests')) {
    const names = Object.keys(state);
    const read = names.filter((name) => !name.startsWith('.'));
    if (byHandOver && read.length === 0) expect(names).toContainEqual(expect.stringMatching(/^\.kube-auditctl-aside-/));
    else expect(read).toEqual(['kube-apiserver.yaml']);
  }
}

function noTemporaryFiles(node: FakeNode): void {
  const left = Object.keys(node.fs.snapshot()).filter((path) => path.includes('/.kube-auditctl-'));
  // What a crash leaves beside a copy that was being edited is in a folder of its own, and nobody reads it.
  expect(left.filter((path) => !path.startsWith(`${STATE}/edit/`))).toEqual([]);
}

describe.each(FLOWS)('$name', (flow) => {
  test('the n-th effect fails, for every n', async () => {
    const { old, fresh } = await stage(flow);
    const { files, effects } = await goal(flow, fresh);
    expect(effects).toBeGreaterThan(30);
    for (let n = 1; n <= effects; n++) {
      const node = fresh();
      let name = '';
      const result = await flow
        .run(node, (at, what) => {
          if (at !== n) return;
          name = what;
          throw Object.assign(new Error(`EIO: injected at ${n}`), { code: 'EIO', syscall: 'test' });
        })
        .catch((error: unknown) => ({ outcome: 'threw' as const, error }));
      const label = `effect ${n}: ${name} -> ${result.outcome}`;
      tellsTheTruth(node, result, old, files, label);
      onlyWholeFiles(node, flow);
      // One failure is always survived: a rollback's write is tried again.
      expect([label, result.outcome]).not.toEqual([label, 'needs-a-person']);
    }
  });

  test('every effect from the n-th on fails, for every n', async () => {
    const { old, fresh } = await stage(flow);
    const { files, effects } = await goal(flow, fresh);
    for (let n = 1; n <= effects; n++) {
      const node = fresh();
      const result = await flow
        .run(node, (at, name) => {
          if (at >= n)
            throw Object.assign(new Error(`ENOSPC: injected at ${n} ${name}`), { code: 'ENOSPC', syscall: 'test' });
        })
        .catch((error: unknown) => ({ outcome: 'threw' as const, error }));
      tellsTheTruth(node, result, old, files, `from effect ${n} on -> ${result.outcome}`);
      onlyWholeFiles(node, flow);
    }
  });

  test.each(['killed', 'power cut'])('%s at the n-th effect, for every n, then recover', async (how) => {
    const { old, fresh } = await stage(flow);
    const { files, effects } = await goal(flow, fresh);
    for (let n = 1; n <= effects; n++) {
      const node = fresh();
      const hook: EffectHook = (at) => {
        if (at === n) throw new Crash(`crash at ${n}`);
      };
      await flow.run(node, hook).catch(() => undefined);
      if (how === 'power cut') {
        node.fs.powerCut();
        node.boot();
      } else {
        node.reap();
        node.pass(20_000);
      }
      const label = `crash at ${n}`;
      const ports = node.ports();
      const stood = node.manifest();
      const recovery = await recover(ports, { stateDir: STATE, manifestPath: MANIFEST });
      const outcomes = recovery.state === 'recovered' ? recovery.outcomes.map(({ outcome }) => outcome) : [];
      expect([label, outcomes.filter((outcome) => outcome !== 'kept' && outcome !== 'rolled-back')]).toEqual([
        label,
        [],
      ]);
      // The new manifest was there, and good: that its writer died is no reason to go back.
      if (flow.ends === 'kept' && stood === files.at(-1)?.manifest && stood !== old.manifest)
        expect([label, outcomes.includes('rolled-back')]).toEqual([label, false]);
      node.pass(60_000);
      const now = filesOf(node);
      expect([label, [old, ...files]]).toEqual([label, expect.arrayContaining([now])]);
      expect([label, node.serving()?.asManifest]).toEqual([label, true]);
      const { records } = await openStore(ports.files, STATE).list();
      expect([label, records.filter(({ state }) => !FINAL_STATES.has(state))]).toEqual([label, []]);
      // A guard that was still set finds nothing to do, and ends itself.
      for (const guard of node.guards) await recover(node.ports(), { stateDir: STATE, manifestPath: MANIFEST, guard });
      expect([label, [...node.guards]]).toEqual([label, []]);
      noTemporaryFiles(node);
      onlyWholeFiles(node, flow);
    }
  });
});

function tellsTheTruth(
  node: FakeNode,
  result: { outcome: Outcome['outcome'] | 'threw' },
  old: Files,
  seen: readonly Files[],
  label: string,
): void {
  const now = filesOf(node);
  const last = seen.at(-1);
  switch (result.outcome) {
    case 'threw':
    case 'refused':
    case 'unchanged':
    case 'planned':
      expect([label, now]).toEqual([label, old]);
      expect([label, node.serving()?.asManifest]).toEqual([label, true]);
      break;
    case 'rolled-back':
      expect([label, now]).toEqual([label, old]);
      expect([label, node.serving()?.asManifest]).toEqual([label, true]);
      break;
    case 'kept':
      expect([label, now.manifest]).toEqual([label, last?.manifest]);
      expect([label, node.serving()?.asManifest]).toEqual([label, true]);
      break;
    case 'needs-a-person':
      expect([label, seen.map(({ manifest }) => manifest)]).toEqual([label, expect.arrayContaining([now.manifest])]);
      break;
  }
}
