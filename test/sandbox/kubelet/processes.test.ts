/** The kubelet, its shims and their programs as real processes: what stands on the disk, and who is alive. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEntry } from '../../../src/system/journal-lines';
import type { Container } from '../../../src/sandbox/container';
import type { ContainerState } from '../../../src/sandbox/kubelet/runtime/container-files';
import { endContainers } from '../../../src/sandbox/kubelet/runtime/end-containers';
import { isAlive } from '../../../src/sandbox/kubelet/runtime/process-files';
import { list, manifest, SandboxNode } from '../../support/sandbox-node';
import { until } from '../../support/until';

const logOf = (node: SandboxNode, text: string) =>
  until(() => Object.entries(node.logs()).find(([, log]) => log.includes(text)));
const oneProcess = (node: SandboxNode) => until(() => node.processes().length === 1 && node.processes()[0]);

test('a manifest becomes a process with its log, its mounts and its entry', async () => {
  const node = new SandboxNode();
  mkdirSync(join(node.dir, 'node/etc/kubernetes/pki'), { recursive: true });
  writeFileSync(join(node.dir, 'node/etc/kubernetes/policy.yaml'), 'x');
  node.put(
    manifest({
      args: ['--secure-port=6443'],
      mounts:
        '[{name: pki, mountPath: /pki, readOnly: true}, {name: policy, mountPath: /p.yaml}, {name: log, mountPath: /log}]',
      volumes:
        '[{name: pki, hostPath: {path: /etc/kubernetes/pki, type: Directory}}, {name: policy, hostPath: {path: /etc/kubernetes/policy.yaml, type: File}}, {name: log, hostPath: {path: /var/log/audit, type: DirectoryOrCreate}}]',
    }),
  );
  node.start();
  const [path, log] = await logOf(node, 'up --secure-port=6443');
  const process = await oneProcess(node);
  expect(path).toBe(`kube-system_kube-apiserver-cp1_${process.podUid}/0.log`);
  expect(log).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stderr F up --secure-port=6443\n/);
  expect(process).toMatchObject({
    argv: ['kube-apiserver', '--secure-port=6443'],
    podUid: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(isAlive(process)).toBe(true);
  if (globalThis.process.platform === 'linux') {
    expect(readFileSync(`/proc/${process.pid}/comm`, 'utf8')).toBe('kube-apiserver\n');
  }
  const folder = join(node.run, 'containers', process.containerId!);
  const container = JSON.parse(readFileSync(join(folder, 'container.json'), 'utf8')) as Container;
  const at = (path_: string) => join(node.dir, 'node', path_);
  expect(container.mounts).toEqual([
    { containerPath: '/pki', hostPath: at('etc/kubernetes/pki'), readOnly: true, kind: 'folder' },
    { containerPath: '/p.yaml', hostPath: at('etc/kubernetes/policy.yaml'), readOnly: false, kind: 'file' },
    { containerPath: '/log', hostPath: at('var/log/audit'), readOnly: false, kind: 'folder' },
  ]);
  expect(existsSync(container.rootfs)).toBe(true);
  const [link] = list(at('var/log/containers'));
  expect(link).toBe(`kube-apiserver-cp1_kube-system_kube-apiserver-${process.containerId}.log`);
  expect(readlinkSync(at(`var/log/containers/${link}`))).toBe(`/var/log/pods/${path.replace('/', '/kube-apiserver/')}`);
  expect(node.kubelet()).toMatchObject({
    argv: expect.arrayContaining(['/usr/bin/kubelet', '--config=/var/lib/kubelet/config.yaml']),
  });
  const entry = node.journal().find(({ MESSAGE }) => MESSAGE.includes('VerifyControllerAttachedVolume'))!;
  expect(parseEntry(JSON.stringify(entry))).toMatchObject({
    text: expect.stringContaining(process.podUid!),
    cursor: expect.any(String),
  });
  expect(entry).toMatchObject({ _SYSTEMD_UNIT: 'kubelet.service', _PID: String(node.kubelet()!.pid) });
});

test('a changed manifest: SIGTERM, SIGKILL when the grace is over, and only then the new process; then the old log goes', async () => {
  const node = new SandboxNode();
  // 30 s at thirty times the speed.
  node.put(manifest({ args: ['--stubborn'] }));
  node.start();
  const [, first] = await logOf(node, 'up --stubborn');
  const old = await oneProcess(node);
  expect(first).not.toContain('told to stop');
  node.put(manifest({ args: ['--new'] }));
  await logOf(node, 'told to stop');
  const toldAt = Date.now();
  expect(isAlive(old)).toBe(true);
  await until(() => !isAlive(old));
  expect(Date.now() - toldAt).toBeGreaterThan(700);
  const stateFile = join(node.run, 'containers', old.containerId!, 'state.json');
  const state = await until(() => {
    const found = JSON.parse(readFileSync(stateFile, 'utf8')) as ContainerState;
    return found.finishedAt !== undefined && found;
  });
  expect(state).toMatchObject({ pid: old.pid, exitCode: 137, signal: 'SIGKILL', finishedAt: expect.any(Number) });
  await logOf(node, 'up --new');
  const fresh = await oneProcess(node);
  expect(fresh.podUid).not.toBe(old.podUid);
  expect(fresh.startedAt).toBeGreaterThan(state.finishedAt!);
  await until(() => Object.keys(node.logs()).every((path) => path.includes(fresh.podUid!)));
  expect(existsSync(join(node.run, 'containers', old.containerId!))).toBe(false);
  await until(() => list(join(node.dir, 'node/var/log/pods')).length === 1);
});

test('a kubelet that is started anew takes up the running container, and ends it when the manifest goes', async () => {
  const node = new SandboxNode();
  node.put(manifest());
  node.start();
  await logOf(node, 'up');
  const process = await oneProcess(node);
  expect(await node.stop()).toBe(0);
  expect([node.kubelet(), existsSync(join(node.run, 'kubelet.json'))]).toEqual([undefined, false]);
  expect(isAlive(process)).toBe(true);
  node.start();
  await until(() => node.kubelet());
  // Killed under it: the restart proves that it looks after the container.
  globalThis.process.kill(process.pid, 'SIGKILL');
  const again = await until(() => node.processes().find(({ pid }) => pid !== process.pid));
  expect(again.podUid).toBe(process.podUid);
  expect(Object.keys(node.logs()).some((path) => path.endsWith('/1.log'))).toBe(true);
  node.put(manifest({ annotation: 'other' }));
  await until(() => node.processes().find(({ podUid }) => podUid !== process.podUid));
  expect(isAlive(again)).toBe(false);
});

test('a second kubelet refuses to start, and leaves the first one alone', async () => {
  const node = new SandboxNode();
  node.start();
  const first = await until(() => node.kubelet());
  const other = node.second();
  await once(other, 'exit');
  expect(other.exitCode).toBe(1);
  expect([isAlive(first), node.kubelet()]).toEqual([true, first]);
});

test('a program that ends: restarted at once, then held back, with the newest one or two logs kept', async () => {
  const node = new SandboxNode();
  node.put(manifest({ args: ['--exit=1'] }));
  node.start();
  await until(() => node.journal().some(({ MESSAGE }) => MESSAGE.includes('back-off 800ms restarting failed')));
  const logs = Object.entries(node.logs());
  expect(logs.length).toBeLessThanOrEqual(2);
  expect(Math.max(...logs.map(([path]) => Number(/(\d+)\.log$/.exec(path)![1])))).toBeGreaterThanOrEqual(2);
  for (const [, log] of logs) expect(log).toMatch(/^\S+ stderr F up --exit=1\n$/);
  expect(node.journal().find(({ MESSAGE }) => MESSAGE.includes('CrashLoopBackOff'))!.MESSAGE).toMatch(
    /^E\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ pod_workers\.go:1324\] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"kube-apiserver\\" with CrashLoopBackOff: \\"back-off 400ms restarting failed container=kube-apiserver pod=kube-apiserver-cp1_kube-system\([0-9a-f]{32}\)\\"" pod="kube-system\/kube-apiserver-cp1" podUID="[0-9a-f]{32}"$/,
  );
});

test('endContainers: asked first, killed in the end, and nothing is left', async () => {
  const node = new SandboxNode();
  node.put(manifest({ args: ['--stubborn'] }));
  node.start();
  await logOf(node, 'up --stubborn');
  const process = await oneProcess(node);
  const { shim } = JSON.parse(readFileSync(join(node.run, 'containers', process.containerId!, 'state.json'), 'utf8'));
  await node.stop();
  expect(await endContainers(node.run, { graceMs: 100 })).toBe(1);
  expect([isAlive(process), isAlive(shim), node.processes()]).toEqual([false, false, []]);
  expect(Object.values(node.logs()).join('')).toContain('told to stop');
  expect(await endContainers(node.run)).toBe(0);
});

test('1.20: the new process starts beside the old one', async () => {
  const node = new SandboxNode('1.20');
  node.put(manifest({ args: ['--stubborn'], grace: 2 }));
  node.start();
  await logOf(node, 'up --stubborn');
  const old = await oneProcess(node);
  node.put(manifest({ args: ['--new'] }));
  await logOf(node, 'up --new');
  expect(isAlive(old)).toBe(true);
  expect(
    node
      .processes()
      .map(({ argv }) => argv[1])
      .sort(),
  ).toEqual(['--new', '--stubborn']);
  await until(() => !isAlive(old));
  expect(node.journal().some(({ MESSAGE }) => MESSAGE.includes('topology_manager.go:187] [topologymanager]'))).toBe(
    true,
  );
});
