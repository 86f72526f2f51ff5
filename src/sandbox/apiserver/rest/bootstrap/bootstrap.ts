/** What a new cluster has: written when missing, by whichever server comes first; what a user has changed stays. */
import { stringify } from 'yaml';
import type { Server } from '../context';
import { ensure, prepareNamespace } from '../namespaces';
import type { Obj } from '../value';
import { clusterRoleBindings, clusterRoles } from './roles';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const SERVER = 'kube-apiserver';
const KUBEADM = 'kubeadm';
const RBAC = 'rbac.authorization.k8s.io';

export async function bootstrap(server: Server, minor: number): Promise<void> {
  await Promise.all([
    ...NAMESPACES.map((name) => ensure(server, 'namespaces', '', { metadata: { name } }, SERVER)),
    ...clusterRoles().map((role) => ensure(server, 'clusterroles', '', role, SERVER, RBAC)),
    ...clusterRoleBindings(minor >= 29).map((binding) =>
      ensure(server, 'clusterrolebindings', '', binding, SERVER, RBAC),
    ),
  ]);
  await Promise.all([
    ...NAMESPACES.map((name) => prepareNamespace(server, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ensure(server, 'services', 'default', KUBERNETES_SERVICE, SERVER),
    ensure(server, 'configmaps', 'kube-system', kubeadmConfig(server.gitVersion, minor), KUBEADM),
    ensure(server, 'configmaps', 'kube-system', kubeletConfig(), KUBEADM),
    ensure(server, 'roles', 'kube-system', NODES_KUBEADM_CONFIG, KUBEADM, RBAC),
    ensure(server, 'rolebindings', 'kube-system', NODES_KUBEADM_CONFIG_BINDING, KUBEADM, RBAC),
  ]);
}

const KUBERNETES_SERVICE = {
  metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    clusterIP: '10.96.0.1',
    ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
  },
};

const NODES_KUBEADM_CONFIG = {
  metadata: { name: 'kubeadm:nodes-kubeadm-config' },
  rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['kubeadm-config'], verbs: ['get'] }],
};

const NODES_KUBEADM_CONFIG_BINDING = {
  metadata: { name: 'kubeadm:nodes-kubeadm-config' },
  roleRef: { apiGroup: RBAC, kind: 'Role', name: 'kubeadm:nodes-kubeadm-config' },
  subjects: [
    { kind: 'Group', name: 'system:bootstrappers:kubeadm:default-node-token' },
    { kind: 'Group', name: 'system:nodes' },
  ],
};

/** As `kubeadm init` leaves it: v1beta4 since 1.31, v1beta3 since 1.22, v1beta2 before. */
function kubeadmConfig(gitVersion: string, minor: number): Obj {
  const version = minor >= 31 ? 'v1beta4' : minor >= 22 ? 'v1beta3' : 'v1beta2';
  const configuration = {
    apiServer: minor >= 31 ? {} : { extraArgs: { 'authorization-mode': 'Node,RBAC' }, timeoutForControlPlane: '4m0s' },
    apiVersion: `kubeadm.k8s.io/${version}`,
    ...(minor >= 31 ? { caCertificateValidityPeriod: '87600h0m0s', certificateValidityPeriod: '8760h0m0s' } : {}),
    certificatesDir: '/etc/kubernetes/pki',
    clusterName: 'kubernetes',
    controllerManager: {},
    dns: minor >= 22 ? {} : { type: 'CoreDNS' },
    ...(minor >= 31 ? { encryptionAlgorithm: 'RSA-2048' } : {}),
    etcd: { local: { dataDir: '/var/lib/etcd' } },
    imageRepository: minor >= 25 ? 'registry.k8s.io' : 'k8s.gcr.io',
    kind: 'ClusterConfiguration',
    kubernetesVersion: gitVersion,
    networking: { dnsDomain: 'cluster.local', serviceSubnet: '10.96.0.0/12' },
    ...(minor >= 31 ? { proxy: {} } : {}),
    scheduler: {},
  };
  return { metadata: { name: 'kubeadm-config' }, data: { ClusterConfiguration: stringify(configuration) } };
}

function kubeletConfig(): Obj {
  const kubelet = stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    staticPodPath: '/etc/kubernetes/manifests',
  });
  return { metadata: { name: 'kubelet-config' }, data: { kubelet } };
}
