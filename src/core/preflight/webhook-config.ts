/**
 * The kubeconfig of the audit webhook, as far as it tells where events go. One that cannot be loaded keeps the API server
 * from starting. Source: staging/src/k8s.io/apiserver/pkg/util/webhook/webhook.go.
 */
import { parse } from 'yaml';
import { isMap } from '../manifest/value';
import { messageOf } from '../errors';

export interface Receiver {
  url: string;
  /** PEM. */
  ca?: string;
  /** In the container. */
  caFile?: string;
  insecure: boolean;
  serverName?: string;
}

/** The receiver, or why the server would not load the file. */
export function readReceiver(text: string): { receiver: Receiver } | { problem: string } {
  let config: unknown;
  try {
    config = parse(text);
  } catch (error) {
    return { problem: messageOf(error).split('\n')[0] ?? '' };
  }
  if (!isMap(config)) return { problem: 'it is no kubeconfig' };
  const context = named(config.contexts, config['current-context'])?.context;
  if (!isMap(context)) return { problem: 'its current-context names no context' };
  const cluster = named(config.clusters, context.cluster)?.cluster;
  if (!isMap(cluster)) return { problem: 'its context names no cluster' };
  if (typeof cluster.server !== 'string' || !URL.canParse(cluster.server))
    return { problem: 'its cluster has no server that is a URL' };
  const text64 = cluster['certificate-authority-data'];
  const file = cluster['certificate-authority'];
  const name = cluster['tls-server-name'];
  return {
    receiver: {
      url: cluster.server,
      ...(typeof text64 === 'string' && text64 !== '' ? { ca: decoded(text64) } : {}),
      ...(typeof file === 'string' && file !== '' ? { caFile: file } : {}),
      insecure: cluster['insecure-skip-tls-verify'] === true,
      ...(typeof name === 'string' && name !== '' ? { serverName: name } : {}),
    },
  };
}

/** Whether only the cluster's own DNS knows such a name: the API server asks the node's resolver. */
export function isClusterName(url: string): boolean {
  return /\.svc(?:\.[a-z0-9.-]+)?$/i.test(new URL(url).hostname);
}

function named(list: unknown, name: unknown) {
  return Array.isArray(list) ? list.filter(isMap).find((each) => each.name === name) : undefined;
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return '';
  }
}
