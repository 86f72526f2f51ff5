/** `sandbox start`, `stop` and what lies between, with real processes: a kubelet and a server of a few lines. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createSandboxes } from '../../src/sandbox/manage';
import { enterSandbox } from '../../src/sandbox/world';
import { tempFolder } from '../support/temp-folder';

const programs = tempFolder();
copyFileSync(join(__dirname, '../support/tiny-kubelet.cjs'), join(programs, 'kubelet.cjs'));
const sandboxes = createSandboxes(programs);
// Not tempFolder(): that is gone before what runs in it could be ended.
const own = mkdtempSync(join(tmpdir(), 'kube-auditctl-test-'));
const dir = join(own, 'box');
const said: string[] = [];
const start = (path = dir, like?: string) =>
  sandboxes.start(path, {
    ...(like === undefined ? {} : { like }),
    // The usual ones may be wanted by others on this machine.
    port: 0,
    report: (line) => said.push(line),
    signal: new AbortController().signal,
  });
const alive = (pid: number): boolean => {
  try {
    return /^State:\s+[^ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

afterAll(async () => {
  await sandboxes.stop(dir, { remove: true });
  rmSync(own, { recursive: true });
});

test('nothing there is a state; to use it is an error that says what to type', async () => {
  expect(await sandboxes.status(dir)).toMatchObject({ state: 'none', containers: [], kubelet: null });
  expect(await sandboxes.stop(dir, { remove: true })).toEqual({ was: 'none', ended: [] });
  expect(() => enterSandbox(dir, { programs, isDefault: false })).toThrow(
    expect.objectContaining({ code: 'no-sandbox', hints: [`kube-auditctl sandbox start ${dir}`] }),
  );
});

test('start makes it whole, runs it, and makes its users', async () => {
  const { was, state } = await start();
  expect(was).toBe('none');
  expect(state).toMatchObject({ state: 'running', ready: true, like: 'fast', nodeName: 'sandbox' });
  expect([state.kubelet?.pid, state.containers[0]?.pid].every((pid) => alive(pid!))).toBe(true);
  const answer = await sandboxes.request(dir, { user: 'dave', method: 'GET', path: '/who' });
  expect(JSON.parse(answer.body)).toMatchObject({ user: 'dave', groups: 'developers' });
  const { seen } = JSON.parse(answer.body) as { seen: string[] };
  expect(seen).toContain('/apis/rbac.authorization.k8s.io/v1/namespaces/production/rolebindings');
  expect(readdirSync(join(dir, '..')).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('the files have the modes that kubeadm gives them', () => {
  const modes = Object.fromEntries(
    [
      'manifests/kube-apiserver.yaml',
      'manifests',
      'pki/apiserver.key',
      'pki/apiserver.crt',
      'pki/sa.pub',
      'admin.conf',
      'super-admin.conf',
    ].map((path) => [path, (statSync(join(dir, 'node/etc/kubernetes', path)).mode & 0o777).toString(8)]),
  );
  expect(modes).toEqual({
    'manifests/kube-apiserver.yaml': '600',
    manifests: '700',
    'pki/apiserver.key': '600',
    'pki/apiserver.crt': '644',
    'pki/sa.pub': '600',
    'admin.conf': '600',
    'super-admin.conf': '600',
  });
});

test('every certificate is of its authority, for its purpose', () => {
  const pki = join(dir, 'node/etc/kubernetes/pki');
  const of = (name: string): X509Certificate => new X509Certificate(readFileSync(join(pki, `${name}.crt`)));
  for (const [ca, names] of [
    ['ca', ['apiserver', 'apiserver-kubelet-client']],
    ['etcd/ca', ['apiserver-etcd-client', 'etcd/server', 'etcd/peer', 'etcd/healthcheck-client']],
    ['front-proxy-ca', ['front-proxy-client']],
  ] as const) {
    expect(of(ca).ca).toBe(true);
    for (const name of names) expect([name, of(name).checkIssued(of(ca)), of(name).ca]).toEqual([name, true, false]);
  }
  for (const name of ['localhost', 'kubernetes.default.svc', 'sandbox'])
    expect([name, of('apiserver').checkHost(name)]).toEqual([name, name]);
  expect(of('apiserver').checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(of('apiserver-kubelet-client').subject).toBe('O=kubeadm:cluster-admins\nCN=kube-apiserver-kubelet-client');
});

test('start again: it runs already, and nothing new is started', async () => {
  const before = await sandboxes.status(dir);
  const { was, state } = await start();
  expect([was, state.kubelet, state.containers]).toEqual(['running', before.kubelet, before.containers]);
});

test('another --like than it was made with is refused', async () => {
  await expect(start(dir, 'fast-1.20')).rejects.toMatchObject({ code: 'sandbox-like' });
  await expect(start(dir, '1.19')).rejects.toMatchObject({ code: 'usage' });
});

test('the kubelet alone can be stopped and started; the server goes on', async () => {
  const before = await sandboxes.status(dir);
  await sandboxes.kubelet(dir, 'stop');
  const without = await sandboxes.status(dir);
  expect(without).toMatchObject({ state: 'running', kubelet: null, containers: before.containers, ready: true });
  expect(alive(before.kubelet!.pid)).toBe(false);
  await start();
  expect((await sandboxes.status(dir)).kubelet?.pid).not.toBe(before.kubelet!.pid);
  expect((await sandboxes.status(dir)).containers).toEqual(before.containers);
});

test('stop ends what is its own and nothing else, and keeps the data', async () => {
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    // What a pid of ours may have become: the entry's start does not fit the process.
    writeFileSync(
      join(dir, 'run/processes', `${stranger.pid}.json`),
      JSON.stringify({ pid: stranger.pid, startTicks: '1', startedAt: 1, argv: ['etcd'] }),
    );
    const before = await sandboxes.status(dir);
    const { was, ended } = await sandboxes.stop(dir, { remove: false });
    expect(was).toBe('running');
    expect([...ended].sort()).toEqual([before.kubelet!.pid, before.containers[0]!.pid].sort());
    expect(ended.filter(alive)).toEqual([]);
    expect(alive(stranger.pid!)).toBe(true);
  } finally {
    stranger.kill('SIGKILL');
  }
  expect(await sandboxes.status(dir)).toMatchObject({ state: 'stopped', ready: false });
  expect(() => enterSandbox(dir, { programs, isDefault: true })).toThrow(
    expect.objectContaining({ code: 'sandbox-stopped', hints: ['kube-auditctl sandbox start'] }),
  );
  expect(await sandboxes.stop(dir, { remove: false })).toEqual({ was: 'stopped', ended: [] });
});

test('a stopped one starts with its data and its ports', async () => {
  const mine = join(dir, 'node/var/lib/etcd/mine');
  writeFileSync(mine, 'data');
  const file = readFileSync(join(dir, 'sandbox.json'), 'utf8');
  const { was, state } = await start();
  expect([was, state.state, readFileSync(mine, 'utf8')]).toEqual(['stopped', 'running', 'data']);
  expect(readFileSync(join(dir, 'sandbox.json'), 'utf8')).toBe(file);
});

test('a second sandbox beside it gets ports of its own', async () => {
  const other = join(tempFolder(), 'other');
  const { state } = await start(other);
  expect(state.port).not.toBe((await sandboxes.status(dir)).port);
  await sandboxes.stop(other, { remove: true });
  expect(existsSync(other)).toBe(false);
});

test('a kubelet that ends at once is told with its last words, and nothing is left of a new sandbox but its files', async () => {
  const broken = tempFolder();
  writeFileSync(join(broken, 'kubelet.cjs'), 'console.error("no kubelet today"); process.exitCode = 7;');
  const other = join(tempFolder(), 'other');
  const begun = createSandboxes(broken).start(other, {
    port: 0,
    report: () => undefined,
    signal: new AbortController().signal,
  });
  await expect(begun).rejects.toMatchObject({
    code: 'sandbox-not-ready',
    message: expect.stringMatching(/exit code 7.*no kubelet today/) as string,
  });
  expect(await sandboxes.status(other)).toMatchObject({ state: 'stopped' });
});

test('two starts at once: the second says who is at it', async () => {
  const other = join(tempFolder(), 'other');
  const both = await Promise.allSettled([start(other), start(other)]);
  try {
    const refused = both.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(['sandbox-busy']);
    expect(readdirSync(join(other, 'run/processes'))).toHaveLength(2);
  } finally {
    await sandboxes.stop(other, { remove: true });
  }
});

test('a folder that holds other things is refused, and left as it is', async () => {
  const home = tempFolder();
  writeFileSync(join(home, 'thesis.tex'), 'x');
  await expect(start(home)).rejects.toMatchObject({ code: 'sandbox-folder-in-use' });
  await expect(sandboxes.stop(home, { remove: true })).rejects.toMatchObject({ code: 'sandbox-folder-in-use' });
  expect(readdirSync(home)).toEqual(['thesis.tex']);
  const half = join(tempFolder(), 'half');
  mkdirSync(half);
  writeFileSync(join(half, 'sandbox.json'), '{"format":1');
  await expect(start(half)).rejects.toMatchObject({ code: 'sandbox-unreadable' });
});

test('an empty folder is filled where it stands, also by a link; removed, nothing of it is left', async () => {
  const home = tempFolder();
  const [folder, link] = [join(home, 'real'), join(home, 'link')];
  mkdirSync(folder);
  symlinkSync(folder, link);
  const { ino } = statSync(folder);
  expect((await start(link)).state).toMatchObject({ state: 'running', ready: true });
  expect([statSync(folder).ino, readdirSync(folder).sort()]).toEqual([ino, ['node', 'run', 'sandbox.json', 'users']]);
  await sandboxes.stop(link, { remove: true });
  expect(readdirSync(home)).toEqual([]);
});

test('another port than it was made with is refused, running or not', async () => {
  const { port } = await sandboxes.status(dir);
  const options = { port: port! + 1, report: () => undefined, signal: new AbortController().signal };
  await expect(sandboxes.start(dir, options)).rejects.toMatchObject({ code: 'sandbox-port' });
  expect((await sandboxes.start(dir, { ...options, port: port! })).was).toBe('running');
});

test('another user’s is refused, whatever is asked of it', async () => {
  const other = jest.spyOn(process, 'geteuid').mockReturnValue(statSync(join(dir, 'sandbox.json')).uid + 4711);
  try {
    const refused = { code: 'sandbox-not-yours' };
    for (const ask of [
      () => start(),
      () => sandboxes.stop(dir, { remove: false }),
      () => sandboxes.status(dir),
      () => sandboxes.kubeconfig(dir),
      () => sandboxes.journal(dir),
      () => sandboxes.kubelet(dir, 'stop'),
      () => sandboxes.request(dir, { method: 'GET', path: '/readyz' }),
    ])
      await expect(ask()).rejects.toMatchObject(refused);
    expect(() => enterSandbox(dir, { programs, isDefault: false })).toThrow(expect.objectContaining(refused));
  } finally {
    other.mockRestore();
  }
});

test('a journal that cannot be read is no empty one', async () => {
  const journal = join(dir, 'run/journal.jsonl');
  expect(await sandboxes.journal(dir)).toBe('');
  mkdirSync(journal);
  await expect(sandboxes.journal(dir)).rejects.toThrow(/EISDIR/);
  rmSync(journal, { recursive: true });
});

test('an unknown user of a request is told as that', async () => {
  const asked = sandboxes.request(dir, { user: 'nobody', method: 'GET', path: '/readyz' });
  await expect(asked).rejects.toMatchObject({ code: 'sandbox-no-user' });
});

test('a start whose kubelet starts no server ends before its patience does', async () => {
  const other = join(tempFolder(), 'other');
  await start(other);
  await sandboxes.stop(other, { remove: false });
  appendFileSync(join(other, 'node/etc/kubernetes/manifests/kube-apiserver.yaml'), '# broken\n');
  const at = Date.now();
  try {
    await expect(start(other)).rejects.toMatchObject({
      message: expect.stringMatching(/its kubelet starts no server.*no server with this manifest/) as string,
    });
    expect(Date.now() - at).toBeLessThan(30_000);
  } finally {
    await sandboxes.stop(other, { remove: true });
  }
});

test('an unknown user is told who there is', async () => {
  await expect(sandboxes.kubeconfig(dir, 'nobody')).rejects.toMatchObject({ code: 'sandbox-no-user' });
  const { path, text } = await sandboxes.kubeconfig(dir, 'jane');
  expect([path, text]).toEqual([join(dir, 'users/jane.conf'), expect.stringContaining('namespace: staging')]);
});
