/** doctor --fix on a node in memory: what it mends, what it leaves, and how it ends when that does not help. */
import { run } from '../support/command-line';
import { fakeDoctor } from '../support/doctor-ports';
import { FakeNode, MANIFEST, STATE } from '../support/fake-node';
import { enable } from '../support/flows';
import { fixture } from '../support/manifests';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const BAK = `${MANIFEST}.bak`;

function nodeWith(manifest: string): FakeNode {
  const node = new FakeNode(PRISTINE);
  node.fs.put(MANIFEST, manifest, { mode: 0o600 });
  node.pass(60_000);
  return node;
}

const withFlag = (flag: string): string => PRISTINE.replace(/^( +- )--secure-port=.*$/m, `$&\n$1${flag}`);

test.each([
  ['a misspelt flag', withFlag('--audit-log-maxbackups=3'), withFlag('--audit-log-maxbackup=3')],
  ['tabs', PRISTINE.replace('  - command:', '\t- command:'), PRISTINE],
  ['a misspelt field', PRISTINE.replace('    volumeMounts:', '    volumeMount:'), PRISTINE],
  ['a boolean in quotes', PRISTINE.replace('hostNetwork: true', 'hostNetwork: "true"'), PRISTINE],
  ['a uid', PRISTINE.replace('  namespace: kube-system\n', '$&  uid: 1-2-3\n'), PRISTINE],
])('%s is edited in place, and nothing else', async (_, broken, mended) => {
  const node = nodeWith(broken);
  const { code, out } = await run(node, ['doctor', '--fix', '--yes']);
  expect([code, node.manifest()]).toEqual([0, mended]);
  expect(out).toContain('Done.');
  expect(node.serving()?.asManifest).toBe(true);
  expect((await run(node, ['doctor'])).code).toBe(0);
});

test('a backup in the folder goes to the state folder, with its bytes', async () => {
  const node = nodeWith(PRISTINE);
  node.fs.put(BAK, `# old\n${PRISTINE}`, { mode: 0o644 });
  expect((await run(node, ['doctor'])).code).toBe(1);
  const { code } = await run(node, ['doctor', '--fix', '--yes']);
  expect([code, node.fs.text(BAK), node.manifest()]).toEqual([0, undefined, PRISTINE]);
  const moved = Object.entries(node.fs.snapshot()).filter(([path]) => path.startsWith(`${STATE}/moved/`));
  expect(moved.map(([path, { text }]) => [path.replace(/^.*Z-/, ''), text])).toEqual([
    ['kube-apiserver.yaml.bak', `# old\n${PRISTINE}`],
  ]);
});

test('what no edit is known for is restored from the newest change that was kept', async () => {
  const node = nodeWith(PRISTINE);
  expect(await enable(node.ports())).toMatchObject({ outcome: 'kept' });
  const good = node.manifest() ?? '';
  node.fs.put(MANIFEST, good.slice(0, good.indexOf('volumeMounts')), { mode: 0o600 });
  node.pass(60_000);
  expect(node.serving()).toBeUndefined();
  const { code } = await run(node, ['doctor', '--fix', '--yes']);
  expect([code, node.manifest()]).toEqual([0, good]);
});

test('a manifest that is gone is restored likewise', async () => {
  const node = nodeWith(PRISTINE);
  await enable(node.ports());
  const good = node.manifest() ?? '';
  await node.fs.unlink(MANIFEST);
  node.pass(60_000);
  const { code } = await run(node, ['doctor', '--fix', '--yes']);
  expect([code, node.manifest()]).toEqual([0, good]);
});

test('a stopped kubelet is started once the manifest is right', async () => {
  const node = nodeWith(PRISTINE);
  node.kubeletRuns = false;
  const doctor = fakeDoctor(node);
  expect((await run(node, ['doctor', '--fix', '--yes'], { doctor })).code).toBe(0);
  expect(doctor.done).toEqual(['start kubelet']);
});

test('a kubelet that cannot be started: what was written is taken back, and it needs a person', async () => {
  const node = nodeWith(withFlag('--audit-log-maxbackups=3'));
  node.kubeletRuns = false;
  const doctor = fakeDoctor(node);
  doctor.hands.startUnit = () => Promise.reject(new Error('Unit kubelet.service is broken'));
  const before = node.manifest();
  const { code, out } = await run(node, ['doctor', '--fix', '--yes'], { doctor });
  expect([code, node.manifest()]).toEqual([4, before]);
  expect(out).toContain('Unit kubelet.service is broken');
});

test('a mend that does not help is taken back, bytes and all', async () => {
  const broken = withFlag('--audit-log-maxbackups=3');
  const node = nodeWith(broken);
  node.neverReady = true;
  const { code, out } = await run(node, ['doctor', '--fix', '--yes', '--timeout', '30s']);
  expect([code, node.manifest()]).toEqual([4, broken]);
  expect(out).toContain('[not-mended]');
});

test.each([
  ['a dry run', ['--dry-run'], 0],
  ['no terminal to ask on', [], 2],
])('%s writes nothing', async (_, flags, expected) => {
  const node = nodeWith(withFlag('--audit-log-maxbackups=3'));
  const before = JSON.stringify(node.fs.snapshot());
  const { code, out, talk } = await run(node, ['doctor', '--fix', ...flags]);
  expect(code).toBe(expected);
  expect(out + talk).toContain('+    - --audit-log-maxbackup=3');
  expect(JSON.stringify(node.fs.snapshot())).toBe(before);
});

test('a no is a no, a yes is a yes', async () => {
  const node = nodeWith(withFlag('--audit-log-maxbackups=3'));
  expect(await run(node, ['doctor', '--fix'], { answers: ['n'] })).toMatchObject({ code: 2 });
  expect(await run(node, ['doctor', '--fix'], { answers: ['y'] })).toMatchObject({ code: 0 });
});

test('nothing certain: nothing is touched', async () => {
  const node = nodeWith(PRISTINE);
  const { code, out } = await run(node, ['doctor', '--fix', '--yes']);
  expect([code, node.manifest()]).toEqual([0, PRISTINE]);
  expect(out).toContain('The API server is healthy.');
});

test('a rollback does not go back to what a mend took away', async () => {
  const node = nodeWith(PRISTINE);
  await enable(node.ports());
  const good = node.manifest() ?? '';
  node.fs.put(MANIFEST, good.replace('--audit-log-maxbackup', '--audit-log-maxbackups'), { mode: 0o600 });
  node.pass(60_000);
  expect((await run(node, ['doctor', '--fix', '--yes'])).code).toBe(0);
  expect(node.manifest()).toBe(good);
  expect((await run(node, ['rollback'])).code).toBe(0);
  expect(node.manifest()).toBe(PRISTINE);
});
