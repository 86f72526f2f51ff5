/**
 * The kubelet's own kubeconfig, as far as it needs it: where the API is, and who the kubelet is to it. Rule: nothing of a
 * key's bytes ever gets into an error.
 */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parse } from 'yaml';
import { nodePath } from '../runtime/node-path';

export interface ApiAccess {
  host: string;
  port: number;
  /** Whose certificate it must hold, when not the host's. */
  serverName: string | undefined;
  ca: Buffer | undefined;
  cert: Buffer | undefined;
  key: Buffer | undefined;
}

type Fields = Record<string, unknown>;

/** @param path as the node names it. Throws when it is not there, or names no server. */
export function readKubeconfig(root: string, path: string): ApiAccess {
  const config = parseConfig(readFileSync(nodePath(root, path), 'utf8'), path);
  const context = pick(config, 'contexts', 'context', config['current-context']);
  const cluster = pick(config, 'clusters', 'cluster', context['cluster']);
  const user = pick(config, 'users', 'user', context['user']);
  const bytes = (fields: Fields, field: string): Buffer | undefined => {
    const data = fields[`${field}-data`];
    if (typeof data === 'string') return Buffer.from(data, 'base64');
    const file = fields[field];
    if (typeof file !== 'string') return undefined;
    return readFileSync(nodePath(root, posix.resolve(posix.dirname(path), file)));
  };
  const { server, 'tls-server-name': serverName } = cluster;
  if (typeof server !== 'string' || !URL.canParse(server)) throw new Error(`${path} names no server`);
  const { hostname, port } = new URL(server);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 443 : Number(port),
    serverName: typeof serverName === 'string' ? serverName : undefined,
    ca: bytes(cluster, 'certificate-authority'),
    cert: bytes(user, 'client-certificate'),
    key: bytes(user, 'client-key'),
  };
}

function parseConfig(text: string, path: string): Fields {
  try {
    const config: unknown = parse(text);
    if (typeof config === 'object' && config !== null) return config as Fields;
  } catch {
    // The parser's own message shows the line it stumbled over, and that line may be a key.
  }
  throw new Error(`${path} is not a YAML mapping`);
}

function pick(config: Fields, list: string, kind: string, name: unknown): Fields {
  const all = config[list];
  const found = (Array.isArray(all) ? (all as Fields[]) : []).find((each) => each['name'] === name);
  return (found?.[kind] ?? {}) as Fields;
}
