/**
 * The static pods and the files beside them, as kubeadm of the version writes them: keys sorted, lists not indented, no
 * comments. Rule: the only thing that kubeadm would not write is that the servers stay on the loopback address.
 * Source: cmd/kubeadm/app/phases/controlplane/manifests.go, cmd/kubeadm/app/phases/etcd/local.go.
 */
import { stringify } from 'yaml';
import type { Like } from './layout';

const HOST = '127.0.0.1';
const PKI = '/etc/kubernetes/pki';

export interface Version {
  kubernetes: string;
  apiServerImage: string;
  etcdImage: string;
  /** As kubeadm before 1.34: numeric probe ports, `creationTimestamp: null`. */
  old: boolean;
}

const NEW: Version = {
  kubernetes: 'v1.36.0',
  apiServerImage: 'registry.k8s.io/kube-apiserver:v1.36.0',
  etcdImage: 'registry.k8s.io/etcd:3.6.6-0',
  old: false,
};

const OLD: Version = {
  kubernetes: 'v1.20.2',
  apiServerImage: 'k8s.gcr.io/kube-apiserver:v1.20.2',
  etcdImage: 'k8s.gcr.io/etcd:3.4.13-0',
  old: true,
};

export const VERSIONS: Readonly<Record<Like, Version>> = { fast: NEW, 'fast-1.20': OLD, '1.20': OLD, '1.36': NEW };

export interface Ports {
  port: number;
  etcdPort: number;
  etcdMetricsPort: number;
}

export function apiServerManifest(version: Version, { port, etcdPort }: Ports): string {
  const mounts = [
    ['ca-certs', '/etc/ssl/certs'],
    ['etc-ca-certificates', '/etc/ca-certificates'],
    ['k8s-certs', PKI],
    ['usr-local-share-ca-certificates', '/usr/local/share/ca-certificates'],
    ['usr-share-ca-certificates', '/usr/share/ca-certificates'],
  ] as const;
  const probe = probes(version, HOST, port, 'HTTPS');
  return pod(version, {
    name: 'kube-apiserver',
    annotations: { 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': `${HOST}:${port}` },
    container: {
      command: [
        'kube-apiserver',
        `--advertise-address=${HOST}`,
        '--allow-privileged=true',
        '--authorization-mode=Node,RBAC',
        `--bind-address=${HOST}`,
        `--client-ca-file=${PKI}/ca.crt`,
        '--enable-admission-plugins=NodeRestriction',
        '--enable-bootstrap-token-auth=true',
        `--etcd-cafile=${PKI}/etcd/ca.crt`,
        `--etcd-certfile=${PKI}/apiserver-etcd-client.crt`,
        `--etcd-keyfile=${PKI}/apiserver-etcd-client.key`,
        `--etcd-servers=https://${HOST}:${etcdPort}`,
        ...(version.old ? ['--insecure-port=0'] : []),
        `--kubelet-client-certificate=${PKI}/apiserver-kubelet-client.crt`,
        `--kubelet-client-key=${PKI}/apiserver-kubelet-client.key`,
        '--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname',
        `--proxy-client-cert-file=${PKI}/front-proxy-client.crt`,
        `--proxy-client-key-file=${PKI}/front-proxy-client.key`,
        '--requestheader-allowed-names=front-proxy-client',
        `--requestheader-client-ca-file=${PKI}/front-proxy-ca.crt`,
        '--requestheader-extra-headers-prefix=X-Remote-Extra-',
        '--requestheader-group-headers=X-Remote-Group',
        '--requestheader-username-headers=X-Remote-User',
        `--secure-port=${port}`,
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        `--service-account-key-file=${PKI}/sa.pub`,
        `--service-account-signing-key-file=${PKI}/sa.key`,
        '--service-cluster-ip-range=10.96.0.0/12',
        `--tls-cert-file=${PKI}/apiserver.crt`,
        `--tls-private-key-file=${PKI}/apiserver.key`,
      ],
      image: version.apiServerImage,
      imagePullPolicy: 'IfNotPresent',
      livenessProbe: probe('/livez', { failureThreshold: 8, initialDelaySeconds: 10, periodSeconds: 10 }),
      name: 'kube-apiserver',
      ...(version.old ? {} : { ports: [{ containerPort: port, name: 'probe-port', protocol: 'TCP' }] }),
      readinessProbe: probe('/readyz', { failureThreshold: 3, periodSeconds: 1 }),
      resources: { requests: { cpu: '250m' } },
      startupProbe: probe('/livez', { failureThreshold: 24, initialDelaySeconds: 10, periodSeconds: 10 }),
      volumeMounts: mounts.map(([name, mountPath]) => ({ mountPath, name, readOnly: true })),
    },
    volumes: mounts.map(([name, path]) => ({ hostPath: { path, type: 'DirectoryOrCreate' }, name })),
  });
}

export function etcdManifest(version: Version, { etcdPort, etcdMetricsPort }: Ports, nodeName: string): string {
  const client = `https://${HOST}:${etcdPort}`;
  // Nobody listens there: a single member has no peers. Port 0 would not be a URL that etcd takes.
  const peer = `https://${HOST}:2380`;
  const probe = probes(version, HOST, etcdMetricsPort, 'HTTP');
  const often = { failureThreshold: 24, initialDelaySeconds: 10, periodSeconds: 10 };
  return pod(version, {
    name: 'etcd',
    annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': client },
    container: {
      command: [
        'etcd',
        `--advertise-client-urls=${client}`,
        `--cert-file=${PKI}/etcd/server.crt`,
        '--client-cert-auth=true',
        '--data-dir=/var/lib/etcd',
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=${nodeName}=${peer}`,
        `--key-file=${PKI}/etcd/server.key`,
        `--listen-client-urls=${client}`,
        `--listen-metrics-urls=http://${HOST}:${etcdMetricsPort}`,
        `--listen-peer-urls=${peer}`,
        `--name=${nodeName}`,
        `--peer-cert-file=${PKI}/etcd/peer.crt`,
        '--peer-client-cert-auth=true',
        `--peer-key-file=${PKI}/etcd/peer.key`,
        `--peer-trusted-ca-file=${PKI}/etcd/ca.crt`,
        '--snapshot-count=10000',
        `--trusted-ca-file=${PKI}/etcd/ca.crt`,
      ],
      image: version.etcdImage,
      imagePullPolicy: 'IfNotPresent',
      livenessProbe: probe('/health', { ...often, failureThreshold: 8 }),
      name: 'etcd',
      ...(version.old ? {} : { ports: [{ containerPort: etcdMetricsPort, name: 'probe-port', protocol: 'TCP' }] }),
      resources: { requests: { cpu: '100m', memory: '100Mi' } },
      startupProbe: probe('/health', often),
      volumeMounts: [
        { mountPath: '/var/lib/etcd', name: 'etcd-data' },
        { mountPath: `${PKI}/etcd`, name: 'etcd-certs' },
      ],
    },
    volumes: [
      { hostPath: { path: `${PKI}/etcd`, type: 'DirectoryOrCreate' }, name: 'etcd-certs' },
      { hostPath: { path: '/var/lib/etcd', type: 'DirectoryOrCreate' }, name: 'etcd-data' },
    ],
  });
}

export function kubeletConfig(): string {
  return print({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    authentication: {
      anonymous: { enabled: false },
      webhook: { cacheTTL: '0s', enabled: true },
      x509: { clientCAFile: `${PKI}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    fileCheckFrequency: '0s',
    kind: 'KubeletConfiguration',
    rotateCertificates: true,
    staticPodPath: '/etc/kubernetes/manifests',
  });
}

/** A kubeconfig with everything inside it, as kubeadm writes them. Certificates and keys are PEM. */
export function kubeconfig(who: {
  port: number;
  user: string;
  ca: string;
  crt: string;
  key: string;
  namespace?: string;
}): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const context = `${who.user}@kubernetes`;
  return print({
    apiVersion: 'v1',
    clusters: [
      {
        cluster: { 'certificate-authority-data': base64(who.ca), server: `https://${HOST}:${who.port}` },
        name: 'kubernetes',
      },
    ],
    contexts: [
      {
        context: {
          cluster: 'kubernetes',
          ...(who.namespace === undefined ? {} : { namespace: who.namespace }),
          user: who.user,
        },
        name: context,
      },
    ],
    'current-context': context,
    kind: 'Config',
    preferences: {},
    users: [
      {
        name: who.user,
        user: { 'client-certificate-data': base64(who.crt), 'client-key-data': base64(who.key) },
      },
    ],
  });
}

function pod(
  version: Version,
  what: { name: string; annotations: Record<string, string>; container: object; volumes: object[] },
): string {
  return print({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      annotations: what.annotations,
      ...(version.old ? { creationTimestamp: null } : {}),
      labels: { component: what.name, tier: 'control-plane' },
      name: what.name,
      namespace: 'kube-system',
    },
    spec: {
      containers: [what.container],
      hostNetwork: true,
      ...(version.old ? {} : { priority: 2000001000 }),
      priorityClassName: 'system-node-critical',
      ...(version.old ? {} : { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }),
      volumes: what.volumes,
    },
    status: {},
  });
}

interface Pace {
  failureThreshold: number;
  initialDelaySeconds?: number;
  periodSeconds: number;
}

function probes(version: Version, host: string, port: number, scheme: string): (path: string, pace: Pace) => object {
  return (path, { failureThreshold, ...pace }) => ({
    failureThreshold,
    httpGet: { host, path, port: version.old ? port : 'probe-port', scheme },
    ...pace,
    timeoutSeconds: 15,
  });
}

function print(value: object): string {
  return stringify(value, { indentSeq: false, lineWidth: 0 });
}
