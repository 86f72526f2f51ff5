/** Whether events would reach the webhook's receiver. That they do not never stops the server, so it is only warned of. */
import type { Finding } from '../../core/finding';
import { resolveMount } from '../../core/manifest/mounts';
import { isClusterName, readReceiver, type Receiver } from '../../core/preflight/webhook-config';
import { unreachable } from '../../core/errors';
import type { Files, Node } from '../ports';
import type { Check, Subject } from './preflight';

const LIMIT = 1 << 20;
const PATIENCE_MS = 3000;

export const webhook: Check = async ({ files, node }, subject) => {
  const { next, live, changed } = subject;
  const path = next.audit.webhook?.hostPath;
  if (path === undefined) return [];
  const planned = changed.find((file) => file.path === path);
  const text = planned ? decode(planned.after?.bytes) : await read(files, path);
  // That it is missing is said by the checks of the files.
  if (text === undefined) return [];
  const told = readReceiver(text);
  const flag = next.server.effective('audit-webhook-config-file');
  const place = flag && { place: flag.valueAt?.place ?? flag.place };
  if ('problem' in told) {
    const known = !planned && live.audit.webhook?.hostPath === path;
    return [
      {
        code: 'webhook-config-invalid',
        severity: known ? 'warning' : 'error',
        title: `${path} is no kubeconfig that the API server could load: ${told.problem}`,
        detail: 'It would not start: initializing audit webhook',
        ...place,
        remedy: ['kube-auditctl enable --webhook-url URL writes one'],
      },
    ];
  }
  const { receiver } = told;
  return (await findings(files, node, subject, receiver)).map((finding) => ({ ...finding, ...place }));
};

async function findings(files: Files, node: Node, subject: Subject, receiver: Receiver): Promise<Finding[]> {
  const { url, serverName, insecure } = receiver;
  const { host, hostname } = new URL(url);
  if (isClusterName(url))
    return [
      {
        code: 'webhook-cluster-dns',
        severity: 'warning',
        title: `${hostname} is a name of the cluster's own DNS, which the API server does not ask`,
        detail: 'It runs in the network of the node, and asks the resolver of the node.',
        remedy: [
          `kubectl get service ${hostname.split('.')[0] ?? ''} -n ${hostname.split('.')[1] ?? 'default'} -o jsonpath={.spec.clusterIP}`,
          'name that address, or a name that the node knows; tls-server-name keeps the certificate’s name',
        ],
      },
    ];
  const ca = receiver.ca ?? (await readCa(files, subject, receiver.caFile));
  const reached = await node.reach(url, {
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { serverName }),
    insecure,
    timeoutMs: PATIENCE_MS,
  });
  const detail = 'detail' in reached ? { detail: reached.detail } : {};
  switch (reached.state) {
    case 'ok':
      return [];
    case 'unknown-host':
      return [
        {
          code: 'webhook-unknown-host',
          severity: 'warning',
          title: `this node knows no address for ${hostname}`,
          ...detail,
          remedy: [`getent hosts ${hostname}`],
        },
      ];
    case 'unreachable':
      return [
        {
          code: 'webhook-unreachable',
          severity: 'warning',
          title: `nobody answers at ${host}`,
          ...detail,
          remedy: [`curl -vk --max-time 5 ${url}`],
        },
      ];
    case 'untrusted':
      return [
        {
          code: 'webhook-untrusted',
          severity: 'warning',
          title: `the certificate at ${host} is not vouched for by the kubeconfig\u2019s authority`,
          ...detail,
          remedy: ['name the authority that signed it: --webhook-ca FILE'],
        },
      ];
    default:
      return unreachable(reached);
  }
}

async function readCa(files: Files, { next }: Subject, caFile: string | undefined): Promise<string | undefined> {
  const path = caFile === undefined ? undefined : resolveMount(next.server, caFile)?.hostPath;
  return path === undefined ? undefined : read(files, path);
}

async function read(files: Files, path: string): Promise<string | undefined> {
  return files.read(path, LIMIT).then(
    ({ bytes }) => decode(bytes),
    () => undefined,
  );
}

function decode(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}
