/** Preflight on a node: each mistake is found before anything is written, under its name, with its place and its remedy. */
import type { Finding } from '../../src/core/finding';
import type { Reached } from '../../src/change/ports';
import { webhookKubeconfig } from '../../src/core/webhook-kubeconfig';
import { FakeNode, MANIFEST, type TestPorts } from '../support/fake-node';
import { apply, disable, enable, METADATA_POLICY, policyFile, rollback, writesOf } from '../support/flows';
import { fixture } from '../support/manifests';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const POLICY = '/etc/kubernetes/audit-policy.yaml';
const NONE = new Set<string>();

/** Text edits, each of which must find its place. */
function edited(text: string, ...edits: [from: string, to: string][]): string {
  return edits.reduce((now, [from, to]) => {
    expect(now).toContain(from);
    return now.replace(from, to);
  }, text);
}

const flag = (...flags: string[]): [string, string] => [
  '    - --secure-port=6443\n',
  `    - --secure-port=6443\n${flags.map((each) => `    - ${each}\n`).join('')}`,
];
const mount = (path: string, more = ''): [string, string] => [
  '    volumeMounts:\n',
  `    volumeMounts:\n    - {name: x, mountPath: ${path}${more}}\n`,
];
const volume = (path: string, type: string): [string, string] => [
  '  volumes:\n',
  `  volumes:\n  - {name: x, hostPath: {path: ${path}, type: ${type}}}\n`,
];

/** Applies a manifest with nothing ignored: it must be refused, or planned, without one write. */
async function judge(
  node: FakeNode,
  text: string,
  more: (ports: TestPorts) => void = () => undefined,
): Promise<readonly Finding[]> {
  const ports = node.ports();
  more(ports);
  let findings: readonly Finding[] = [];
  const writes = await writesOf(node, async () => {
    const outcome = await apply(ports, text, { ignore: NONE, dryRun: true });
    const errors = outcome.findings.some(({ severity }) => severity === 'error');
    expect(outcome.outcome).toBe(errors ? 'refused' : 'planned');
    findings = outcome.findings;
  });
  expect(writes).toEqual([]);
  for (const { remedy } of findings) expect(remedy.join('')).not.toBe('');
  return findings;
}

const codes = (findings: readonly Finding[]): string[] => findings.map(({ code, severity }) => `${code} ${severity}`);
const on = async (text: string, prepare: (node: FakeNode) => void = () => undefined): Promise<string[]> => {
  const node = new FakeNode(PRISTINE);
  prepare(node);
  return codes(await judge(node, text));
};

describe('what the manifest says', () => {
  test('several mistakes: all of them at once, each at its line, and with what was meant', async () => {
    const text = edited(
      PRISTINE,
      flag('--audit-log-maxbackups=3', '--audit-policy-file=/etc/kubernetes/audit-policy.yaml'),
      ['name: k8s-certs\n      readOnly', 'name: k8s-certs\n      readOlny'],
      ['hostNetwork: true', 'hostNetwork: "true"'],
    );
    const findings = await judge(new FakeNode(PRISTINE), text);
    expect(codes(findings).sort()).toEqual([
      'audit-incomplete warning',
      'manifest-unknown-field error',
      'manifest-wrong-type error',
      'path-not-mounted error',
      'unknown-flag error',
    ]);
    for (const { code, place } of findings)
      expect([code, place?.file, text.split('\n')[(place?.line ?? 0) - 1]]).toEqual([
        code,
        'new.yaml',
        place?.lineText,
      ]);
  });

  test('duplicate keys and a second document do not hide the rest', async () => {
    const text = `${edited(PRISTINE, ['  hostNetwork: true', '  hostNetwork: true\n  hostNetwrk: true\n  hostNetwork: true'])}---\na: 1\n`;
    expect((await on(text)).sort()).toEqual([
      'manifest-duplicate-key error',
      'manifest-multiple-documents error',
      'manifest-unknown-field error',
    ]);
  });

  test('an argument that is no string does not hide a misspelt field', async () => {
    const text = edited(PRISTINE, ['- --allow-privileged=true', '- allow: 1'], ['hostNetwork', 'hostNetwrk']);
    expect((await on(text)).sort()).toEqual(['manifest-argument-not-string error', 'manifest-unknown-field error']);
  });

  test('API server disappears, no logs: a tab is told with its line', async () => {
    const text = edited(PRISTINE, ['  hostNetwork: true', '\thostNetwork: true']);
    await expect(apply(new FakeNode(PRISTINE).ports(), text)).rejects.toMatchObject({
      code: 'manifest-syntax',
      place: { lineText: '\thostNetwork: true' },
    });
  });

  test('enable over a misspelt field of today’s manifest: refused, at its line; --ignore lowers it', async () => {
    const node = new FakeNode(edited(PRISTINE, ['name: k8s-certs\n      readOnly', 'name: k8s-certs\n      readOlny']));
    const refused = await enable(node.ports(), {}, { dryRun: true });
    expect(refused).toMatchObject({
      outcome: 'refused',
      findings: [{ code: 'manifest-unknown-field', place: { lineText: '      readOlny: true' } }],
    });
    const ignore = new Set(['manifest-unknown-field']);
    expect((await enable(node.ports(), {}, { dryRun: true, ignore })).outcome).toBe('planned');
  });

  test('the way back is not stopped by what today’s manifest shares', async () => {
    const ignore = new Set(['manifest-unknown-field']);
    for (const back of [disable, rollback]) {
      const node = new FakeNode(edited(PRISTINE, ['  hostNetwork:', '  flurb: 1\n  hostNetwork:']));
      expect((await enable(node.ports(), {}, { ignore })).outcome).toBe('kept');
      node.pass(40_000);
      expect(await back(node.ports())).toMatchObject({
        outcome: 'kept',
        findings: [{ code: 'manifest-unknown-field', severity: 'warning' }],
      });
    }
  });

  test('probes that would never succeed: an error of the plan, a warning where today’s manifest has them too', async () => {
    const text = edited(PRISTINE, flag('--anonymous-auth=false'));
    expect(await on(text)).toEqual(['probe-not-authorized error']);
    const changed = edited(text, ['cpu: 250m', 'cpu: 251m']);
    expect(codes(await judge(new FakeNode(text), changed))).toEqual(['probe-not-authorized warning']);
  });

  test('who may ask without credentials is read from the file that says so', async () => {
    const config = '/etc/kubernetes/pki/authn.yaml';
    const text = edited(PRISTINE, flag(`--authentication-config=${config}`));
    const put = (anonymous: string) => (node: FakeNode) => {
      node.fs.put(config, `kind: AuthenticationConfiguration\nanonymous: ${anonymous}\n`);
    };
    expect(await on(text, put('{enabled: false}'))).toEqual(['probe-not-authorized error']);
    expect(await on(text, put('{enabled: true, conditions: [{path: /livez}, {path: /readyz}]}'))).toEqual([]);
  });

  test('--ignore with a word that is none: told, with what was meant', async () => {
    const text = edited(PRISTINE, flag('--audit-log-flurb=1'));
    const ignore = new Set(['unknwon-flag', 'nonsense']);
    const { notes } = await apply(new FakeNode(PRISTINE).ports(), text, { ignore, dryRun: true });
    expect(notes).toEqual([
      '--ignore unknwon-flag: nothing of that name was found; did you mean unknown-flag?',
      '--ignore nonsense: nothing of that name was found',
    ]);
  });

  test('a flag that today’s server runs with is a warning, a new one an error', async () => {
    const text = edited(PRISTINE, flag('--audit-log-flurb=1'));
    const node = new FakeNode(text);
    expect(codes(await judge(node, edited(text, ['cpu: 250m', 'cpu: 251m'])))).toEqual(['unknown-flag warning']);
    expect(await on(text)).toEqual(['unknown-flag error']);
  });
});

describe('files and folders', () => {
  const policy = flag(`--audit-policy-file=${POLICY}`, '--audit-log-path=-');
  test.each<[string, string, string[], ((node: FakeNode) => void)?]>([
    ['API refused after adding flags: the policy is not mounted', edited(PRISTINE, policy), ['path-not-mounted error']],
    [
      'no container at all: hostPath type File, and the file is missing',
      edited(PRISTINE, policy, mount(POLICY), volume(POLICY, 'File')),
      ['host-path-missing error'],
    ],
    [
      'no container at all: hostPath type File, and there is a folder',
      edited(PRISTINE, policy, mount(POLICY), volume(POLICY, 'File')),
      ['host-path-wrong-type error'],
      (node) => {
        node.fs.putFolder(POLICY);
      },
    ],
    [
      'the policy became a folder: a volume of another type points at nothing',
      edited(PRISTINE, policy, mount(POLICY), volume(POLICY, '""')),
      ['flag-file-missing error'],
    ],
    [
      'is a directory: the policy is one',
      edited(PRISTINE, policy, mount(POLICY), volume(POLICY, '""')),
      ['flag-file-is-folder error'],
      (node) => {
        node.fs.putFolder(POLICY);
      },
    ],
    [
      'DirectoryOrCreate with the path of a file',
      edited(PRISTINE, policy, mount(POLICY), volume(POLICY, 'DirectoryOrCreate')),
      ['host-path-wrong-type error'],
      (node) => {
        node.fs.put(POLICY, METADATA_POLICY);
      },
    ],
    [
      'a folder that FileOrCreate cannot make',
      edited(PRISTINE, mount('/x'), volume('/nowhere/file', 'FileOrCreate')),
      ['host-path-missing error'],
    ],
    [
      'type Directory, and nothing there',
      edited(PRISTINE, mount('/x'), volume('/nowhere', 'Directory')),
      ['host-path-missing error'],
    ],
    [
      'a link to a file is a file',
      edited(PRISTINE, policy, mount(POLICY), volume(POLICY, 'File')),
      [],
      (node) => {
        node.fs.put('/etc/kubernetes/audit/p.yaml', METADATA_POLICY);
        node.fs.putLink(POLICY, 'audit/../audit/p.yaml');
      },
    ],
    [
      'a volume that no container mounts is not set up, so it may be wrong',
      edited(PRISTINE, volume('/nowhere', 'Directory')),
      [],
    ],
    [
      'other files of flags: an encryption configuration that is nowhere',
      edited(PRISTINE, flag('--encryption-provider-config=/etc/kubernetes/pki/enc.yaml')),
      ['flag-file-missing error'],
    ],
    [
      'a certificate that is gone: the server that runs would not come back',
      edited(PRISTINE, ['cpu: 250m', 'cpu: 251m']),
      ['flag-file-missing error'],
      (node) => void node.fs.unlink('/etc/kubernetes/pki/apiserver.crt'),
    ],
    [
      'no server runs, and its files are elsewhere: a warning',
      edited(PRISTINE, ['cpu: 250m', 'cpu: 251m']),
      ['flag-file-missing warning', 'api-not-ready error'],
      (node) => {
        node.processes = [];
        void node.fs.unlink('/etc/kubernetes/pki/apiserver.crt');
        void node.fs.unlink('/etc/kubernetes/pki/sa.pub');
      },
    ],
  ])('%s', async (...[, text, expected, prepare]) => {
    expect(await on(text, prepare)).toEqual(expected);
  });

  test('a key that does not fit: the server that runs would not come back, not even with the old manifest', async () => {
    const node = new FakeNode(PRISTINE);
    const file = { role: 'key' as const, state: 'read' as const, certificates: [] };
    const part = { subject: 'CN=a', issuer: 'CN=ca', notBefore: 0, notAfter: 8e15, publicKey: 'a', signedBy: [] };
    const [crt, key] = ['/etc/kubernetes/pki/apiserver.crt', '/etc/kubernetes/pki/apiserver.key'];
    node.certificates = [
      { ...file, usedBy: '--tls-cert-file', path: crt, role: 'certificate', certificates: [part] },
      { ...file, usedBy: '--tls-private-key-file', path: key, publicKey: 'b' },
    ];
    const refused = await enable(node.ports(), {}, { ignore: NONE });
    expect(refused).toMatchObject({ outcome: 'refused', findings: [{ code: 'certificate-key-mismatch' }] });
    const ignore = new Set(['certificate-key-mismatch']);
    expect((await enable(node.ports(), {}, { dryRun: true, ignore })).outcome).toBe('planned');
  });

  const log = (path: string, hostPath: string): string =>
    edited(
      PRISTINE,
      flag('--audit-policy-file=/etc/kubernetes/pki/p', `--audit-log-path=${path}`, '--audit-log-maxage=1'),
      mount('/l'),
      volume(hostPath, 'DirectoryOrCreate'),
    );
  const withPolicy = (node: FakeNode): void => node.fs.put('/etc/kubernetes/pki/p', METADATA_POLICY);
  test.each<[string, string, string[], ((node: FakeNode) => void)?]>([
    ['a log well placed', log('/l/a.log', '/var/log/k8s'), []],
    [
      'ensureLogFile: is a directory',
      log('/l/a.log', '/var/log/k8s'),
      ['log-path-not-a-file error'],
      (node) => {
        node.fs.putFolder('/var/log/k8s/a.log');
      },
    ],
    [
      'permission denied as root: the folder of auditd',
      log('/l/a.log', '/var/log/audit'),
      ['log-in-auditd-folder warning'],
    ],
    [
      'the very log of auditd',
      log('/l/audit.log', '/var/log/audit'),
      ['log-in-auditd-folder error'],
      (node) => {
        node.fs.put('/etc/audit/auditd.conf', '');
      },
    ],
    [
      'ensureLogFile: no such file, where the server makes no folders yet',
      edited(log('/l/sub/a.log', '/var/log/k8s'), ['v1.36.1', 'v1.24.0']),
      ['audit-log-folder-missing error'],
    ],
    ['from 1.25 on it makes them', log('/l/sub/a.log', '/var/log/k8s'), []],
  ])('%s', async (...[, text, expected, prepare]) => {
    const found = await on(text, (node) => {
      withPolicy(node);
      prepare?.(node);
    });
    expect(found).toEqual(expected);
  });

  test('SELinux enforcing is said', async () => {
    const node = new FakeNode(PRISTINE);
    withPolicy(node);
    node.fs.put('/sys/fs/selinux/enforce', '1');
    const [finding] = await judge(node, log('/l/a.log', '/var/log/audit'));
    expect(finding?.detail).toContain('SELinux is enforcing here');
  });

  test('disk full, cluster dies: limits that the log’s disk cannot hold; what is there already counts', async () => {
    const text = edited(log('/l/a.log', '/var/log/k8s'), [
      '--audit-log-maxage=1',
      '--audit-log-maxbackup=99\n    - --audit-log-maxsize=200',
    ]);
    expect(await on(text, withPolicy)).toEqual(['log-disk-small warning']);
    const fits = edited(text, ['maxbackup=99', 'maxbackup=9']);
    expect(await on(fits, withPolicy)).toEqual([]);
  });

  test('the policy that a flag names is read as the server reads it: a removed version, at its line', async () => {
    const text = edited(PRISTINE, policy, mount(POLICY), volume(POLICY, 'File'));
    const old = METADATA_POLICY.replace('/v1', '/v1beta1');
    const node = new FakeNode(PRISTINE);
    node.fs.put(POLICY, old);
    expect(await judge(node, text)).toMatchObject([
      { code: 'wrong-api-version', severity: 'error', place: { file: POLICY, line: 1 } },
    ]);
  });

  test('group "*" before 1.36 keeps the server from starting', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(POLICY, `${METADATA_POLICY}  resources: [{group: "*"}]\n`);
    const text = edited(PRISTINE, policy, mount(POLICY), volume(POLICY, 'File'), ['v1.36.1', 'v1.35.0']);
    expect(codes(await judge(node, text))).toContain('invalid-group error');
  });
});

describe('the manifests folder', () => {
  const CHANGE = edited(PRISTINE, ['cpu: 250m', 'cpu: 251m']);
  test.each<[string, string, string, string[]]>([
    [
      'server keeps its old config: a backup of any ending',
      'kube-apiserver.yaml.bak',
      PRISTINE,
      ['second-manifest error'],
    ],
    ['a dated backup', 'kube-apiserver.yaml.20260101', PRISTINE, ['second-manifest error']],
    ['the backup of an editor', 'kube-apiserver.yaml~', PRISTINE, ['second-manifest error']],
    ['vi’s trial file 4913', '4913', '', ['stray-file warning']],
    ['the temporary file of sed -i', 'sedAb12Cd', '', ['stray-file warning']],
    ['couldn’t parse as pod: the policy lies there', 'audit-policy.yaml', METADATA_POLICY, ['stray-file warning']],
    ['an open editor', '.kube-apiserver.yaml.swp', 'b0VIM', ['being-edited warning']],
    ['another pod', 'etcd.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: etcd, namespace: kube-system}\n', []],
    ['a hidden backup, which the kubelet does not read', '.kube-apiserver.yaml.bak', PRISTINE, []],
  ])('%s', async (_name, name, text, expected) => {
    const found = await on(CHANGE, (node) => {
      node.fs.put(`/etc/kubernetes/manifests/${name}`, text);
    });
    expect(found).toEqual(expected);
  });

  test('a link to a backup elsewhere is read by the kubelet all the same', async () => {
    const found = await on(CHANGE, (node) => {
      node.fs.put('/root/old.yaml', PRISTINE);
      node.fs.putLink('/etc/kubernetes/manifests/old.yaml', '/root/old.yaml');
    });
    expect(found).toEqual(['second-manifest error']);
  });

  test('a policy is sent where policies belong', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put('/etc/kubernetes/manifests/policy.yaml', METADATA_POLICY);
    const [finding] = await judge(node, CHANGE);
    expect(finding).toMatchObject({
      title: expect.stringContaining('audit policy'),
      remedy: ['mv /etc/kubernetes/manifests/policy.yaml /etc/kubernetes/'],
    });
  });

  test.each([
    [
      'by its configuration',
      '/var/lib/kubelet/config.yaml',
      'kind: KubeletConfiguration\nstaticPodPath: /etc/other\n',
      ['/usr/bin/kubelet'],
    ],
    ['by another configuration', '/etc/k.yaml', 'staticPodPath: "/etc/other"\n', ['kubelet', '--config=/etc/k.yaml']],
    ['by a drop-in', '/etc/k.d/10.conf', 'staticPodPath: /etc/other\n', ['kubelet', '--config-dir', '/etc/k.d']],
    [
      'by a flag, which overrides',
      '/var/lib/kubelet/config.yaml',
      'staticPodPath: /etc/kubernetes/manifests\n',
      ['kubelet', '--pod-manifest-path=/etc/other'],
    ],
  ])('the kubelet looks elsewhere, %s', async (_name, path, text, argv) => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(path, text);
    const findings = await judge(node, CHANGE, (ports) => {
      ports.node.kubelet = () => Promise.resolve({ pid: 1, startedAt: 0, argv });
    });
    expect(findings).toMatchObject([
      { code: 'other-static-pod-path', remedy: ['name the manifest there: --manifest /etc/other/kube-apiserver.yaml'] },
    ]);
  });

  test.each([
    ['kind: KubeletConfiguration\n', ['other-static-pod-path error']],
    ['kind: KubeletConfiguration\nstaticPodPath: ""\n', ['other-static-pod-path error']],
    ['kind: KubeletConfiguration\nstaticPodPath: /etc/kubernetes/manifests\n', []],
    ['kind: Other\n', []],
  ])('the kubelet reads no static pods at all: %j', async (config, expected) => {
    const node = new FakeNode(PRISTINE);
    node.fs.put('/var/lib/kubelet/config.yaml', config);
    expect(codes(await judge(node, edited(PRISTINE, ['cpu: 250m', 'cpu: 251m'])))).toEqual(expected);
  });

  test('a link to the folder is the folder', async () => {
    const found = await on(CHANGE, (node) => {
      node.fs.put('/var/lib/kubelet/config.yaml', 'staticPodPath: /etc/static\n');
      node.fs.putLink('/etc/static', 'kubernetes/manifests');
    });
    expect(found).toEqual([]);
  });
});

describe('the node', () => {
  const CHANGE = edited(PRISTINE, ['cpu: 250m', 'cpu: 251m']);
  /** A real change up to its write: what a dry run does not ask. */
  const real = async (prepare: (ports: TestPorts) => void): Promise<readonly Finding[]> => {
    const ports = new FakeNode(PRISTINE).ports();
    prepare(ports);
    return (await enable(ports, {}, {})).findings;
  };

  test('a kubelet that was restarted while the API was down, and has not reached it since: refused', async () => {
    const found = await real((ports) => {
      const started = ports.clock.now() - 30_000;
      ports.node.kubelet = () => Promise.resolve({ pid: 9, startedAt: started, argv: ['kubelet'] });
      ports.node.kubeletRenewed = () => Promise.resolve(started - 1000);
    });
    expect(found).toMatchObject([
      { code: 'kubelet-out-of-contact', severity: 'error', title: expect.stringContaining('30 s ago') },
    ]);
  });

  test.each([
    ['one that has renewed its lease since', 1000],
    ['one of which the API does not tell', undefined],
  ])('%s is left alone', async (_name, after) => {
    const found = await real((ports) => {
      ports.node.kubelet = () => Promise.resolve({ pid: 9, startedAt: 5000, argv: ['kubelet'] });
      ports.node.kubeletRenewed = () => Promise.resolve(after === undefined ? undefined : 5000 + after);
    });
    expect(found).toEqual([]);
  });

  test('second control plane fails to join, or logs nothing: other nodes are mentioned, once there are some', async () => {
    const found = await real((ports) => {
      ports.cluster.controlPlaneNodes = () => Promise.resolve(3);
    });
    expect(found).toMatchObject([
      { code: 'other-control-planes', severity: 'warning', title: expect.stringMatching(/^3 nodes/) },
    ]);
  });

  test('health is green though the local server is dead: an address that is none of this machine', async () => {
    const findings = await judge(new FakeNode(PRISTINE), CHANGE, (ports) => {
      ports.node.addresses = () => ['127.0.0.1', '10.0.0.5'];
    });
    expect(findings).toMatchObject([
      {
        code: 'address-not-of-this-node',
        severity: 'warning',
        place: { lineText: '    - --advertise-address=192.168.56.10' },
      },
    ]);
  });

  test('to listen on an address that the node does not have is an error of the plan', async () => {
    const text = edited(PRISTINE.replaceAll('host: 192.168.56.10', 'host: 10.0.0.9'), flag('--bind-address=10.0.0.9'));
    expect(await on(text)).toEqual(['address-not-of-this-node error']);
    const changed = edited(text, ['cpu: 250m', 'cpu: 251m']);
    expect(codes(await judge(new FakeNode(text), changed))).toEqual(['address-not-of-this-node warning']);
  });

  test.each([
    'hhttps://127.0.0.1:2379',
    'https:/127.0.0.1:2379',
    'https://',
    '',
    'https://127.0.0.1:2379,',
    'https://127.0.0.1:2379 https://10.0.0.2:2379',
  ])('etcd at "%s": refused, for a rehearsal replaces it', async (etcd) => {
    const text = edited(PRISTINE, ['--etcd-servers=https://127.0.0.1:2379', `--etcd-servers=${etcd}`]);
    expect(await on(text)).toEqual(['etcd-servers-invalid error']);
  });

  test.each(['http://etcd.example:2379', 'https://[fd00::1]:2379', '127.0.0.1:2379', 'https://a:2379,https://b:2379/'])(
    'etcd at "%s" can be meant',
    async (etcd) => {
      const text = edited(PRISTINE, ['--etcd-servers=https://127.0.0.1:2379', `--etcd-servers=${etcd}`]);
      expect(await on(text)).toEqual([]);
    },
  );

  test('no etcd at all', async () => {
    expect(await on(edited(PRISTINE, ['    - --etcd-servers=https://127.0.0.1:2379\n', '']))).toEqual([
      'etcd-servers-invalid error',
    ]);
  });

  test.each([
    ['somebody listens on all addresses', '0.0.0.0:6444', '', ['port-in-use error']],
    ['on the loopback alone, and the server wants all', '127.0.0.1:6444', '', ['port-in-use error']],
    ['on another address than the server’s', '127.0.0.1:6444', '192.168.56.10', []],
    ['on another port', '0.0.0.0:6445', '', []],
  ])('another port: %s', async (_name, address, bind, expected) => {
    const text = edited(PRISTINE.replace('containerPort: 6443', 'containerPort: 6444'), [
      '--secure-port=6443',
      `--secure-port=6444${bind === '' ? '' : `\n    - --bind-address=${bind}`}`,
    ]);
    const listen = (node: FakeNode): void => {
      node.listeners = [{ pid: 9, argv: ['nginx'], address }];
    };
    expect(await on(text, listen)).toEqual(expected);
  });

  test('IPv6 in another spelling of the same family is this machine', async () => {
    const text = PRISTINE.replaceAll('192.168.56.10', 'FD00:0::0:1');
    const findings = await judge(new FakeNode(PRISTINE), text, (ports) => {
      ports.node.addresses = () => ['fd00::1'];
    });
    expect(codes(findings)).toEqual([]);
  });

  test.each([
    ['RKE2', (node: FakeNode) => node.fs.putFolder('/etc/rancher/rke2'), '/etc/rancher/rke2/config.yaml'],
    ['k3s', (node: FakeNode) => node.fs.putFolder('/etc/rancher/k3s'), '/etc/rancher/k3s/config.yaml'],
    ['MicroK8s', (node: FakeNode) => node.fs.putFolder('/var/snap/microk8s'), 'args/kube-apiserver'],
    ['Talos', (node: FakeNode) => node.fs.put('/usr/lib/os-release', 'NAME="Talos"\nID=talos\n'), 'auditPolicy'],
    ['OpenShift', (node: FakeNode) => node.fs.put('/etc/os-release', 'ID="rhcos"\n'), 'oc edit apiserver'],
    ['kops', (node: FakeNode) => node.fs.putFolder('/opt/kops'), 'kops edit cluster'],
  ])('%s writes the manifest itself: told where its settings belong', async (name, prepare, instead) => {
    const own = edited(PRISTINE, [
      '    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 192.168.56.10:6443\n',
      '    a: b\n',
    ]);
    const node = new FakeNode(own);
    prepare(node);
    const findings = await judge(node, edited(own, ['cpu: 250m', 'cpu: 251m']));
    expect(findings).toMatchObject([{ code: 'not-kubeadm', severity: 'error', title: expect.stringContaining(name) }]);
    expect(findings[0]?.remedy.join()).toContain(instead);
    await node.fs.unlink(MANIFEST);
    await expect(enable(node.ports())).rejects.toMatchObject({
      code: 'no-manifest',
      hints: expect.arrayContaining([`this node is run by ${name}`, expect.stringContaining(instead)]),
    });
  });

  test('a manifest with kubeadm’s mark is kubeadm’s, whatever else was installed once', async () => {
    expect(await on(CHANGE, (node) => node.fs.putFolder('/etc/rancher/k3s'))).toEqual([]);
  });
});

describe('the webhook', () => {
  const hook = async (url: string, reached: Reached, more = ''): Promise<{ found: string[]; asked: unknown[] }> => {
    const asked: unknown[] = [];
    const ports = new FakeNode(PRISTINE).ports();
    ports.node.reach = (...args) => {
      asked.push(args);
      return Promise.resolve(reached);
    };
    const config = {
      bytes: new TextEncoder().encode(webhookKubeconfig(url, new TextEncoder().encode('PEM')) + more),
      from: 'w',
    };
    const outcome = await enable(ports, { webhook: { config } }, { dryRun: true });
    return { found: codes(outcome.findings), asked };
  };

  test('well reached, with the kubeconfig’s authority', async () => {
    const { found, asked } = await hook('https://collector:8443/e', { state: 'ok' });
    expect(found).toEqual([]);
    expect(asked).toEqual([['https://collector:8443/e', { ca: 'PEM', insecure: false, timeoutMs: 3000 }]]);
  });

  test.each<[Exclude<Reached['state'], 'ok'>, string]>([
    ['unknown-host', 'webhook-unknown-host warning'],
    ['unreachable', 'webhook-unreachable warning'],
    ['untrusted', 'webhook-untrusted warning'],
  ])('%s stops nothing', async (state, expected) => {
    expect((await hook('https://collector/', { state, detail: 'x' })).found).toEqual([expected]);
  });

  test('a *.svc name never works: said without asking', async () => {
    const { found, asked } = await hook('https://audit.logging.svc:8443/', { state: 'ok' });
    expect({ found, asked }).toEqual({ found: ['webhook-cluster-dns warning'], asked: [] });
  });

  test.each([
    ['no kubeconfig', 'hello\n'],
    ['no YAML', 'a: [\n'],
    ['no current context', 'apiVersion: v1\nkind: Config\n'],
    ['no cluster', 'contexts: [{name: a, context: {cluster: b}}]\ncurrent-context: a\n'],
    [
      'no URL',
      'clusters: [{name: b, cluster: {server: there}}]\ncontexts: [{name: a, context: {cluster: b}}]\ncurrent-context: a\n',
    ],
  ])('%s: the server would not start', async (_name, text) => {
    const outcome = await enable(
      new FakeNode(PRISTINE).ports(),
      { webhook: { config: { bytes: new TextEncoder().encode(text), from: 'w' } } },
      { dryRun: true },
    );
    expect(codes(outcome.findings)).toEqual(['webhook-config-invalid error']);
  });
});

test('enable’s own plan on a pristine node has nothing to find, whichever policy', async () => {
  const node = new FakeNode(PRISTINE);
  expect(
    (
      await enable(
        node.ports(),
        { policy: policyFile(METADATA_POLICY) },
        { dryRun: true, ignore: new Set(['sensitive-bodies']) },
      )
    ).findings.filter(({ severity }) => severity === 'error'),
  ).toEqual([]);
  expect((await enable(node.ports(), {}, { dryRun: true })).findings).toEqual([]);
});

describe('today’s manifest cannot be read', () => {
  const broken = (): FakeNode => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(MANIFEST, PRISTINE.replace('  hostNetwork: true', '\thostNetwork: true'), { mode: 0o600 });
    return node;
  };

  test('apply puts the right one in its place, with a record and the old bytes', async () => {
    const node = broken();
    const outcome = await apply(node.ports(), PRISTINE, { ignore: NONE });
    expect(outcome).toMatchObject({ outcome: 'kept', notes: [expect.stringContaining('could not be read')] });
    expect(node.manifest()).toBe(PRISTINE);
  });

  test('what is wrong with the new one is an error, for nothing of it runs today', async () => {
    const outcome = await apply(
      broken().ports(),
      edited(PRISTINE, flag('--anonymous-auth=false', '--audit-log-flurb=1')),
      {
        ignore: NONE,
      },
    );
    expect(outcome.outcome).toBe('refused');
    expect(codes(outcome.findings).sort()).toEqual(['probe-not-authorized error', 'unknown-flag error']);
  });

  test('that the API does not answer does not stop it', async () => {
    const node = broken();
    node.processes = [];
    expect((await apply(node.ports(), PRISTINE, { ignore: NONE, dryRun: true })).outcome).toBe('planned');
  });

  test('enable has nothing to go by', async () => {
    await expect(enable(broken().ports())).rejects.toMatchObject({ code: 'manifest-syntax' });
  });
});
