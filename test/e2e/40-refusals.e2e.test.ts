/** What must not be done is not done: a clear error, exit 1 or 2, and every byte as before. */
import { edit } from './edit';
import { install, leave, MANIFEST, observe, on, pristine, reset, sh, tool, toolCommand } from './node';

afterAll(leave);

beforeAll(async () => {
  await install();
  await reset();
});

/** Names, modes and bytes of everything that could have been touched. */
async function fingerprint(): Promise<string> {
  return sh(
    'cd / && for f in $(find etc/kubernetes var/lib/kube-auditctl var/log/kubernetes -xdev 2>/dev/null | sort); do stat -c "%n %F %a %u %g" $f; if [ -f $f ] && [ ! -L $f ]; then sha256sum $f; fi; done',
  );
}

interface Case {
  name: string;
  before?: string;
  after?: string;
  args?: string[];
  /** Runs the tool in another way. */
  wrap?: (command: string[]) => string[];
  code: number;
  says: string | RegExp;
}

const cases: Case[] = [
  {
    name: 'missing manifest',
    args: ['enable', '--manifest', '/etc/kubernetes/manifests/none.yaml'],
    code: 2,
    says: 'no-manifest',
  },
  {
    name: 'a symlink in place of the manifest',
    before:
      'mkdir -p /root/e2e && cp -a /etc/kubernetes/manifests/kube-apiserver.yaml /root/e2e/real.yaml && ln -sf /root/e2e/real.yaml /root/e2e/link.yaml',
    after: 'rm -rf /root/e2e',
    args: ['enable', '--manifest', '/root/e2e/link.yaml'],
    code: 2,
    says: 'manifest-is-symlink',
  },
  {
    name: '20 MB of garbage as manifest',
    before: 'mkdir -p /root/e2e && head -c 20000000 /dev/urandom > /root/e2e/m.yaml',
    after: 'rm -rf /root/e2e',
    args: ['enable', '--manifest', '/root/e2e/m.yaml'],
    code: 2,
    says: 'too-large',
  },
  {
    name: 'binary garbage as manifest',
    before: 'mkdir -p /root/e2e && head -c 20000 /dev/urandom > /root/e2e/m.yaml',
    after: 'rm -rf /root/e2e',
    args: ['enable', '--manifest', '/root/e2e/m.yaml'],
    code: 2,
    says: 'not-text',
  },
  {
    name: '20 MB as policy',
    before: 'head -c 20000000 /dev/zero > /root/e2e-policy',
    after: 'rm -f /root/e2e-policy',
    args: ['enable', '--policy', '/root/e2e-policy'],
    code: 2,
    says: 'too-large',
  },
  {
    name: 'binary garbage as policy',
    before: 'head -c 20000 /dev/urandom > /root/e2e-policy',
    after: 'rm -f /root/e2e-policy',
    args: ['enable', '--policy', '/root/e2e-policy'],
    code: 2,
    says: 'not-text',
  },
  {
    name: 'a misspelt field in the policy',
    before:
      'printf "apiVersion: audit.k8s.io/v1\\nkind: Policy\\nrules:\\n- level: None\\n  resource: [pods]\\n- level: Metadata\\n" > /root/e2e-policy',
    after: 'rm -f /root/e2e-policy',
    args: ['enable', '--policy', '/root/e2e-policy'],
    code: 1,
    says: 'unknown-field',
  },
  {
    name: 'garbage for apply',
    before: 'head -c 20000 /dev/urandom > /root/e2e-m.yaml',
    after: 'rm -f /root/e2e-m.yaml',
    args: ['apply', '-f', '/root/e2e-m.yaml'],
    code: 2,
    says: 'not-text',
  },
  {
    name: 'a second file that defines the pod',
    before:
      'cp /etc/kubernetes/manifests/etcd.yaml /root/e2e-etcd && sed "s/name: etcd$/name: kube-apiserver/" /root/e2e-etcd > /etc/kubernetes/manifests/.e2e && mkdir -p /root/e2e && cp -a /etc/kubernetes/manifests/kube-apiserver.yaml /root/e2e/ && cp -a /root/e2e/kube-apiserver.yaml /root/e2e/kube-apiserver.yaml.bak',
    after: 'rm -rf /root/e2e /root/e2e-etcd /etc/kubernetes/manifests/.e2e',
    args: ['enable', '--manifest', '/root/e2e/kube-apiserver.yaml'],
    code: 1,
    says: 'second-manifest',
  },
  {
    name: 'not root',
    wrap: (command) => ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...command],
    code: 2,
    // In a sandbox it is somebody else's folder.
    says: /"(?:not-root|sandbox-not-yours)"/,
  },
  {
    name: 'no kubelet',
    before: 'systemctl stop kubelet',
    // Until it has seen the API again, nothing else would be tried on this node.
    after: `s=$(date +%s); systemctl start kubelet; for i in $(seq 120); do t=$(kubectl --kubeconfig /etc/kubernetes/admin.conf get leases -n kube-node-lease -o 'jsonpath={.items[0].spec.renewTime}' 2>/dev/null || true); if [ -n "$t" ] && [ "$(date -d "$t" +%s)" -gt "$s" ]; then break; fi; sleep 0.5; done`,
    code: 1,
    says: 'kubelet-not-running',
  },
  {
    name: 'the API is down before the start',
    before: 'pkill -STOP -x kube-apiserver',
    after: 'pkill -CONT -x kube-apiserver',
    code: 1,
    says: 'api-not-ready',
  },
  {
    name: 'disk full',
    before: 'mkdir -p /var/lib/kube-auditctl && mount -t tmpfs -o size=64k tmpfs /var/lib/kube-auditctl',
    after: 'umount /var/lib/kube-auditctl',
    code: 1,
    says: 'disk-full',
  },
  {
    name: 'disk full, found out by writing',
    before:
      'mkdir -p /var/lib/kube-auditctl && mount -t tmpfs -o size=64k tmpfs /var/lib/kube-auditctl && head -c 60000 /dev/zero > /var/lib/kube-auditctl/fill || true',
    after: 'umount /var/lib/kube-auditctl',
    args: ['enable', '--ignore', 'disk-full'],
    code: 2,
    says: 'disk-full',
  },
  {
    name: 'manifests on a read-only file system',
    before:
      'mount --bind /etc/kubernetes/manifests /etc/kubernetes/manifests && mount -o remount,ro,bind /etc/kubernetes/manifests',
    after: 'umount /etc/kubernetes/manifests',
    code: 1,
    says: 'read-only-file-system',
  },
  {
    name: 'chattr +i on the manifest',
    before: 'chattr +i /etc/kubernetes/manifests/kube-apiserver.yaml',
    after: 'chattr -i /etc/kubernetes/manifests/kube-apiserver.yaml',
    code: 2,
    says: 'immutable-file',
  },
];

test.each(cases)('$name', async ({ before, after, args = ['enable'], wrap, code, says }) => {
  await sh('mkdir -p /var/lib/kube-auditctl');
  if (before) await sh(before);
  try {
    const bytes = await fingerprint();
    const command = toolCommand(...args, '-o', 'json');
    const ran = await on(wrap ? wrap(command) : command);
    expect([ran.code, ran.stderr, JSON.parse(ran.stdout)]).toEqual([code, expect.any(String), expect.anything()]);
    expect(ran.stdout).toMatch(typeof says === 'string' ? new RegExp(`"${says}"`) : says);
    expect(await fingerprint()).toBe(bytes);
  } finally {
    if (after) await sh(after);
  }
});

test('two at once: the second does not wait', async () => {
  await reset();
  const first = observe(toolCommand('enable', '-o', 'json'));
  await sh(
    'for i in $(seq 200); do grep -q enable /run/kube-auditctl/lock 2>/dev/null && pgrep -f "kube-auditctl enable" >/dev/null && exit 0; sleep 0.05; done; exit 1',
  );
  const started = Date.now();
  const second = await tool('enable', '-o', 'json');
  expect(Date.now() - started).toBeLessThan(2000);
  expect([second.code, JSON.parse(second.stdout)]).toMatchObject([
    2,
    {
      error: { code: 'locked', message: expect.stringMatching(/^locked by pid \d+ \(kube-auditctl enable/) as string },
    },
  ]);
  expect((await first).code).toBe(0);
});

test('somebody else edits the manifest during the wait: their bytes stay, exit 4', async () => {
  await reset();
  const theirs = edit(await pristine(), { annotations: { theirs: 'yes' } });
  await sh('cat > /root/e2e-theirs.yaml && chmod 600 /root/e2e-theirs.yaml', theirs);
  const running = observe(toolCommand('enable', '-o', 'json'));
  await sh(
    `for i in $(seq 400); do grep -q audit-policy-file ${MANIFEST} && break; sleep 0.05; done; cp /root/e2e-theirs.yaml /etc/kubernetes/manifests/.theirs; mv /etc/kubernetes/manifests/.theirs ${MANIFEST}`,
  );
  const seen = await running;
  expect([seen.code, JSON.parse(seen.stdout)]).toMatchObject([
    4,
    { outcome: 'needs-a-person', cause: { code: 'manifest-overtaken' } },
  ]);
  expect(await sh(`cat ${MANIFEST}`)).toBe(theirs);
});
