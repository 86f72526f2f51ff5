/** Kubernetes that is not laid out by kubeadm: how it shows on a node, and where its audit settings belong. */
import type { Files } from './ports';

export interface Distribution {
  name: string;
  /** What to do there instead, a line each. */
  instead: readonly string[];
}

interface Known extends Distribution {
  /** Files or folders that only it has. */
  signs: readonly string[];
  /** ID of its operating system in /etc/os-release. */
  osId?: string;
}

/** In this order: RKE2 has folders of k3s too. */
const KNOWN: readonly Known[] = [
  {
    name: 'RKE2',
    signs: ['/etc/rancher/rke2', '/var/lib/rancher/rke2/server'],
    instead: [
      'it writes its manifests anew at every start: set kube-apiserver-arg in /etc/rancher/rke2/config.yaml',
      'the policy goes to /etc/rancher/rke2/audit-policy.yaml (audit-policy-file), then: systemctl restart rke2-server',
    ],
  },
  {
    name: 'k3s',
    signs: ['/etc/rancher/k3s', '/var/lib/rancher/k3s/server'],
    instead: [
      'its API server is no pod: set kube-apiserver-arg in /etc/rancher/k3s/config.yaml, then: systemctl restart k3s',
    ],
  },
  {
    name: 'MicroK8s',
    signs: ['/var/snap/microk8s'],
    instead: [
      'its API server is no pod: add the flags to /var/snap/microk8s/current/args/kube-apiserver',
      'then: snap restart microk8s.daemon-kubelite',
    ],
  },
  {
    name: 'k0s',
    signs: ['/etc/k0s', '/var/lib/k0s'],
    instead: ['its API server is no pod: set spec.api.extraArgs in /etc/k0s/k0s.yaml, then: k0s stop && k0s start'],
  },
  {
    name: 'Talos',
    signs: ['/system/state', '/usr/local/etc/talos'],
    osId: 'talos',
    instead: [
      'it logs audit events by itself: set cluster.apiServer.auditPolicy in the machine config (talosctl edit mc)',
    ],
  },
  {
    name: 'OpenShift',
    signs: ['/etc/kubernetes/static-pod-resources'],
    osId: 'rhcos',
    instead: ['an operator owns its manifests: oc edit apiserver cluster (spec.audit.profile)'],
  },
  {
    name: 'kops',
    signs: ['/opt/kops', '/etc/kubernetes/kops-controller'],
    instead: ['nodeup writes its manifests: set spec.kubeAPIServer.audit* (kops edit cluster), then roll the nodes'],
  },
];

/** Which one a node is run by; undefined where nothing says so. Never rejects. */
export async function recognise(files: Pick<Files, 'look' | 'read'>): Promise<Distribution | undefined> {
  const is = (path: string): Promise<boolean> => files.look(path).then(Boolean, () => false);
  const [os, ...seen] = await Promise.all([
    osId(files),
    ...KNOWN.map(async ({ signs }) => (await Promise.all(signs.map(is))).includes(true)),
  ]);
  return KNOWN.find((each, at) => seen[at] === true || (each.osId !== undefined && each.osId === os));
}

async function osId(files: Pick<Files, 'read'>): Promise<string | undefined> {
  // /etc/os-release is a link; this is what it points at everywhere.
  for (const path of ['/usr/lib/os-release', '/etc/os-release']) {
    try {
      const { bytes } = await files.read(path, 64 << 10);
      return /^ID="?([^"\n]*)"?$/m.exec(new TextDecoder().decode(bytes))?.[1];
    } catch {
      continue;
    }
  }
  return undefined;
}
