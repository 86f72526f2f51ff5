/** A container for the sandbox's API server: its certificates, its mounts, and a port that was free a moment ago. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Container, ContainerMount, Timings } from '../../src/sandbox/container';
import { TIMINGS } from '../../src/sandbox/timings';
import { makeAuthority, type Authority, type Pem } from './pki';
import { tempFolder } from './temp-folder';

export interface ApiContainer {
  container: Container;
  /** The node's files. */
  node: string;
  port: number;
  ca: Authority;
  admin: Pem;
  /** As kubeadm writes them. */
  args: string[];
}

export async function makeApiContainer(
  image = 'registry.k8s.io/kube-apiserver:v1.36.0',
  timings: Partial<Timings> = {},
): Promise<ApiContainer> {
  const root = tempFolder();
  const node = join(root, 'node');
  const pki = join(node, 'etc/kubernetes/pki');
  const log = join(node, 'var/log/kubernetes/audit');
  for (const folder of [pki, log, join(root, 'rootfs')]) mkdirSync(folder, { recursive: true });
  const ca = await makeAuthority();
  const serving = await ca.issue('CN=kube-apiserver', { server: true });
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = {
    'ca.crt': ca.cert,
    'apiserver.crt': serving.cert,
    'apiserver.key': serving.key,
    'sa.key': accounts.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    'sa.pub': accounts.publicKey.export({ type: 'spki', format: 'pem' }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(pki, name), text);
  const port = await freePort();
  const args = [
    '--advertise-address=127.0.0.1',
    '--authorization-mode=Node,RBAC',
    '--bind-address=127.0.0.1',
    '--client-ca-file=/etc/kubernetes/pki/ca.crt',
    '--enable-admission-plugins=NodeRestriction',
    '--etcd-servers=http://127.0.0.1:1',
    `--secure-port=${port}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    '--service-account-key-file=/etc/kubernetes/pki/sa.pub',
    '--service-account-signing-key-file=/etc/kubernetes/pki/sa.key',
    '--service-cluster-ip-range=10.96.0.0/12',
    '--tls-cert-file=/etc/kubernetes/pki/apiserver.crt',
    '--tls-private-key-file=/etc/kubernetes/pki/apiserver.key',
  ];
  const mounts: ContainerMount[] = [
    { containerPath: '/etc/kubernetes/pki', hostPath: pki, readOnly: true, kind: 'folder' },
    { containerPath: '/var/log/kubernetes/audit', hostPath: log, readOnly: false, kind: 'folder' },
  ];
  const container: Container = {
    id: 'c1',
    podUid: '0123456789abcdef0123456789abcdef',
    podName: 'kube-apiserver-cp1',
    namespace: 'kube-system',
    name: 'kube-apiserver',
    image,
    argv: ['kube-apiserver', ...args],
    mounts,
    rootfs: join(root, 'rootfs'),
    runDir: join(root, 'run'),
    timings: { ...TIMINGS.fast, ...timings },
  };
  const admin = await ca.issue('CN=kubernetes-admin, O=system:masters');
  return { container, node, port, ca, admin, args };
}

/** Puts a policy on the node and mounts it alone, as enable does. */
export function withPolicy(api: ApiContainer, text: string): ApiContainer {
  const hostPath = join(api.node, 'etc/kubernetes/audit-policy.yaml');
  writeFileSync(hostPath, text);
  const mount: ContainerMount = {
    containerPath: '/etc/kubernetes/audit-policy.yaml',
    hostPath,
    readOnly: true,
    kind: 'file',
  };
  return {
    ...api,
    container: { ...api.container, mounts: [...api.container.mounts, mount] },
    args: [
      ...api.args,
      '--audit-policy-file=/etc/kubernetes/audit-policy.yaml',
      '--audit-log-path=/var/log/kubernetes/audit/audit.log',
    ],
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
