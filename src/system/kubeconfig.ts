/**
 * A kubeconfig, as far as a node's own files need it: client certificate or token, and the CA to trust. Rule: nothing of
 * a key, a token or a certificate's bytes ever gets into an error.
 */
import { posix } from 'node:path';
import { parse } from 'yaml';
import { UserError } from '../core/errors';

export interface Access {
  /** PEM. */
  ca: Buffer;
  cert?: Buffer;
  key?: Buffer;
  token?: string;
}

interface Named {
  name?: unknown;
  [kind: string]: unknown;
}

type Fields = Record<string, unknown>;

/**
 * The current context's access. `read` gets the files a kubeconfig names; its errors pass.
 * @param path where the kubeconfig stands: relative names in it are relative to that.
 */
export async function readKubeconfig(
  text: string,
  path: string,
  read: (path: string) => Promise<Uint8Array>,
): Promise<Access> {
  const config = parseYaml(text, path);
  const context = pick(config, 'contexts', 'context', config['current-context'], path);
  const cluster = pick(config, 'clusters', 'cluster', context['cluster'], path);
  const user = pick(config, 'users', 'user', context['user'], path);

  const bytes = async (fields: Fields, field: string): Promise<Buffer | undefined> => {
    const data = fields[`${field}-data`];
    if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64');
    const file = fields[field];
    if (typeof file !== 'string' || file === '') return undefined;
    return Buffer.from(await read(posix.resolve(posix.dirname(path), file)));
  };

  const ca = await bytes(cluster, 'certificate-authority');
  if (!ca) throw invalid(path, 'names no certificate authority, so the server could not be trusted');
  const cert = await bytes(user, 'client-certificate');
  const key = await bytes(user, 'client-key');
  const token = typeof user['token'] === 'string' ? user['token'] : undefined;
  if (cert && key) return { ca, cert, key };
  if (token !== undefined) return { ca, token };
  throw invalid(path, 'has neither a client certificate with its key nor a token');
}

function parseYaml(text: string, path: string): Fields {
  try {
    const config: unknown = parse(text);
    if (isFields(config)) return config;
  } catch {
    // The parser's own message shows the line it stumbled over, and that line may be a key.
  }
  throw invalid(path, 'is not a YAML mapping');
}

function pick(config: Fields, list: string, kind: string, name: unknown, path: string): Fields {
  const all: unknown = config[list];
  const found = Array.isArray(all) ? (all as Named[]).find((each) => isFields(each) && each.name === name) : undefined;
  const fields = found?.[kind];
  if (typeof name === 'string' && isFields(fields)) return fields;
  throw invalid(path, typeof name === 'string' ? `has no ${kind} named ${name}` : `does not say which ${kind} to use`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, what: string): UserError {
  return new UserError('kubeconfig-invalid', `${path} ${what}`, {
    hints: [`kubectl --kubeconfig ${path} config view`],
  });
}
