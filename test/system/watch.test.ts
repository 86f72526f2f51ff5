import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Sight } from '../../src/core/evidence';
import { createNode } from '../../src/system/watch';
import { apiServer } from '../support/api-server';
import { bundle } from '../support/bundle';
import { kubeconfig } from '../support/certificates';
import { fakeProc, tcpLine } from '../support/fake-proc';
import { tempFolder } from '../support/temp-folder';
import { until } from '../support/until';

const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const UID = '0e3e5bb13ac30f0d7d74e004fb3e0f9f';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function fakeNode() {
  const root = tempFolder();
  const proc = fakeProc();
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  return { root, proc, put, node: createNode({ root, proc: proc.path, nodeName: 'cp1' }) };
}
const target = (endpoint: { host: string; port: number }) => ({
  manifestPath: MANIFEST,
  podName: 'kube-apiserver',
  namespace: 'kube-system',
  endpoint,
});

test('one look sees the manifest, the process, the logs and the health', async () => {
  const { proc, put, node } = fakeNode();
  const server = await apiServer();
  put(MANIFEST, 'text');
  put('/etc/kubernetes/admin.conf', kubeconfig());
  put(`/var/log/pods/kube-system_kube-apiserver-cp1_${UID}/kube-apiserver/0.log`, '2024-01-15T10:30:00Z stderr F up\n');
  const { port } = server.endpoint;
  proc.put(42, { comm: 'kube-apiserver', argv: ['kube-apiserver'], fds: { 7: 'socket:[5]' }, tcp: [tcpLine(port, 5)] });
  const watch = await node.watch(target(server.endpoint));
  const sight = await until(async () => {
    const seen = await watch.look();
    return seen.health.length > 0 && seen;
  });
  expect(sight).toMatchObject({
    manifest: { state: 'present', sha256: sha256('text') },
    processes: [{ pid: 42, listening: true }],
    pods: [{ uid: UID, logs: [{ restart: 0, lines: [{ text: 'up' }] }] }],
    kubelet: [],
  });
  expect(sight.health[0]).toMatchObject({ state: 'ok', status: 200 });
  expect(server.client).toBe('kubernetes-admin');
  await watch.close();
});

test('of an empty node: nothing seen, nothing rejected', async () => {
  const { node } = fakeNode();
  const watch = await node.watch(target({ host: '127.0.0.1', port: 1 }));
  const { manifest, processes, pods, kubelet } = await watch.look();
  expect({ manifest, processes, pods, kubelet }).toEqual({
    manifest: { state: 'absent' },
    processes: [],
    pods: [],
    kubelet: [],
  });
  const [health] = await until(async () => {
    const seen = (await watch.look()).health;
    return seen.length > 0 && seen;
  });
  expect(health?.state).toBe('unreachable');
  expect(health?.detail).toContain("no administrator's kubeconfig");
  await watch.close();
});

test('after close nothing is left that keeps the process alive', async () => {
  const { root, put } = fakeNode();
  put('/etc/kubernetes/admin.conf', kubeconfig());
  const server = await apiServer();
  // An answer that never comes: closing must not wait for it.
  server.answer = () => undefined;
  const script = bundle(`
    import { createNode } from './src/system/watch';
    const watch = await createNode({ root: ${JSON.stringify(root)} }).watch(${JSON.stringify(target(server.endpoint))});
    await watch.look();
    await watch.close();
    const closed = Date.now();
    process.on('exit', () => console.log(Date.now() - closed));
  `);
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  // The question was good for five seconds.
  expect(Number(stdout)).toBeLessThan(2000);
});

test("what stands in the manifest's place", async () => {
  const { root, put, node } = fakeNode();
  const watch = await node.watch(target({ host: '127.0.0.1', port: 1 }));
  const manifest = async (): Promise<Sight['manifest']> => (await watch.look()).manifest;
  put(MANIFEST, 'one');
  expect(await manifest()).toEqual({ state: 'present', sha256: sha256('one') });
  // The kubelet follows a link, and the node's own links count.
  renameSync(join(root, MANIFEST), join(root, '/etc/kubernetes/other.yaml'));
  symlinkSync('/etc/kubernetes/other.yaml', join(root, MANIFEST));
  expect(await manifest()).toEqual({ state: 'present', sha256: sha256('one') });
  rmSync(join(root, MANIFEST));
  mkdirSync(join(root, MANIFEST));
  expect(await manifest()).toMatchObject({
    state: 'unreadable',
    detail: expect.stringContaining('not a regular file') as string,
  });
  await watch.close();
});

test('identity and requests are of the administrator', async () => {
  const { put, node } = fakeNode();
  expect(await node.identity()).toBeUndefined();
  const server = await apiServer();
  await expect(node.request(server.endpoint, { method: 'GET', path: '/' })).rejects.toMatchObject({
    code: 'no-credentials',
  });
  put('/etc/kubernetes/admin.conf', kubeconfig());
  expect(await node.identity()).toEqual({
    user: 'kubernetes-admin',
    groups: ['system:masters', 'kubeadm:cluster-admins', 'system:authenticated'],
    source: '/etc/kubernetes/admin.conf',
  });
  expect(await node.request(server.endpoint, { method: 'GET', path: '/' })).toEqual({ status: 200, body: 'ok' });
});

test('a file as a process sees it: its own links, not ours', async () => {
  const { proc, node } = fakeNode();
  proc.put(42, { argv: ['kube-apiserver'] });
  const container = join(proc.path, '42/root');
  mkdirSync(join(container, 'data'), { recursive: true });
  writeFileSync(join(container, 'data/policy.yaml'), 'rules');
  symlinkSync('/data', join(container, 'etc'));
  const text = async (path: string, limit = 100) => {
    const bytes = await node.readInside(42, path, limit);
    return bytes && Buffer.from(bytes).toString();
  };
  expect(await text('/etc/policy.yaml')).toBe('rules');
  expect(await text('/etc/policy.yaml', 4)).toBeUndefined();
  expect(await text('/etc/none')).toBeUndefined();
  expect(await node.readInside(43, '/etc/policy.yaml', 100)).toBeUndefined();
});

test('the kubelet, and who we are', async () => {
  const { proc, node } = fakeNode();
  expect(await node.kubelet()).toBeUndefined();
  proc.put(7, { comm: 'kubelet', argv: ['/usr/bin/kubelet', '--v=2'], startTicks: 1 });
  expect(await node.kubelet()).toMatchObject({ pid: 7, argv: ['/usr/bin/kubelet', '--v=2'] });
  expect(await node.processes(6443)).toEqual([]);
  expect(node.pid()).toBe(process.pid);
  expect(node.uid()).toBe(process.geteuid?.());
  const before = process.env['SUDO_USER'];
  process.env['SUDO_USER'] = 'dana';
  expect(node.operator()).toMatchObject({ uid: process.getuid?.(), sudoUser: 'dana' });
  delete process.env['SUDO_USER'];
  expect(node.operator()).not.toHaveProperty('sudoUser');
  if (before !== undefined) process.env['SUDO_USER'] = before;
});
