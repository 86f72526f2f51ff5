/**
 * What the cluster itself says, through @kubernetes/client-node. Rule: the only importer of it, and loaded only through
 * lazy-cluster.ts. The import is static because a bundler can leave out what a static import does not name: 1.6 MB
 * instead of 3.6. Nothing rejects: what the API does not tell is undefined.
 */
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import type { Cluster } from '../change/ports';
import { findCredentials } from './credentials';

export function connectCluster({ root = '/', timeoutMs = 10_000 } = {}): Cluster {
  /** A client for this node's own API server: a load balancer would answer for another one. */
  const connect = async (host: string, port: number) => {
    const credentials = await findCredentials({ root });
    if (!credentials) return undefined;
    const { ca, cert, key, token } = credentials;
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [
        {
          name: 'node',
          server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
          caData: ca.toString('base64'),
          // Stands in every certificate that kubeadm makes, which a loopback address does not.
          tlsServerName: 'kubernetes',
        },
      ],
      users: [{ name: 'admin', certData: cert?.toString('base64'), keyData: key?.toString('base64'), token }],
      contexts: [{ name: 'node', cluster: 'node', user: 'admin' }],
      currentContext: 'node',
    });
    return config.makeApiClient(CoreV1Api);
  };
  type Client = NonNullable<Awaited<ReturnType<typeof connect>>>;

  const ask = async <T>(
    { host, port }: { host: string; port: number },
    question: (client: Client) => Promise<T>,
  ): Promise<T | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, undefined);
    });
    const answer = connect(host, port)
      .then((client) => client && question(client))
      .catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    mirrorPod: (endpoint, { namespace, podName, nodeName }) =>
      ask(endpoint, async (client) => {
        const pod = await client.readNamespacedPod({ namespace, name: `${podName}-${nodeName.toLowerCase()}` });
        const annotations = pod.metadata?.annotations ?? {};
        return {
          uid: annotations['kubernetes.io/config.hash'],
          mirrorHash: annotations['kubernetes.io/config.mirror'],
          phase: pod.status?.phase,
          ready: isReady(pod),
        };
      }),
    nodeReady: (endpoint, nodeName) =>
      ask(endpoint, async (client) => {
        const node = await client.readNode({ name: nodeName });
        return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
      }),
    controlPlane: (endpoint) =>
      ask(endpoint, async (client) => {
        const [pods, nodes] = await Promise.all([
          client.listNamespacedPod({ namespace: 'kube-system', labelSelector: 'component=kube-apiserver' }),
          client.listNode(),
        ]);
        const ready = new Map<string, boolean>();
        for (const { metadata } of nodes.items) {
          const labels = metadata?.labels ?? {};
          if (metadata?.name !== undefined && LABELS.some((label) => label in labels)) ready.set(metadata.name, false);
        }
        for (const pod of pods.items) ready.set(pod.spec?.nodeName ?? pod.metadata?.name ?? '', isReady(pod));
        return [...ready].map(([node, isReady]) => ({ node, ready: isReady }));
      }),
    controlPlaneNodes: (endpoint) =>
      ask(endpoint, async (client) => {
        const pods = await client.listNamespacedPod({
          namespace: 'kube-system',
          labelSelector: 'component=kube-apiserver',
        });
        return new Set(pods.items.map((pod) => pod.spec?.nodeName ?? pod.metadata?.name)).size;
      }),
  };
}

/** What kubeadm labels its nodes with, before 1.24 and since. */
const LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

function isReady(pod: V1Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
