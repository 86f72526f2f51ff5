/** From the flags to who may ask: the files that they name, read in the order of the server's start. */
import { messageOf } from '../../../core/errors';
import type { User } from '../contract';
import type { ContainerFiles } from '../files';
import type { Flags } from '../flags/parse';
import { readBundle } from '../serving';
import { tokenFile, type AuthenticatorOptions, type ProxyOptions } from './authenticator';
import { privateKey, publicKeys, type TokenKeys } from './tokens';

export interface AccessSetup {
  options: Pick<AuthenticatorOptions, 'clientCa' | 'proxy' | 'tokens'>;
  /** PEM: whose certificates clients are asked for. */
  bundles: readonly Buffer[];
  keys: TokenKeys;
  /** PEM of --client-ca-file: on kubeadm's nodes, of the cluster. */
  clusterCa?: string;
}

/** @throws with the server's message. */
export function setUpAccess(flags: Flags, files: ContainerFiles): AccessSetup {
  const bundle = (flag: string, purpose: string) =>
    flags.string(flag) === '' ? undefined : readBundle(flags.string(flag), purpose, files);
  const client = bundle('client-ca-file', 'client-ca-bundle');
  const proxy = bundle('requestheader-client-ca-file', 'request-header');
  const tokens = flags.string('token-auth-file');
  return {
    options: {
      clientCa: client?.list ?? [],
      tokens: tokens === '' ? new Map<string, User>() : tokenFile(tokens, files.read(tokens).toString()),
      ...(proxy ? { proxy: proxyOptions(flags, proxy.list) } : {}),
    },
    bundles: [client, proxy].flatMap((read) => (read ? [read.pem] : [])),
    keys: tokenKeys(flags, files),
    ...(client ? { clusterCa: client.pem.toString() } : {}),
  };
}

function proxyOptions(flags: Flags, ca: ProxyOptions['ca']): ProxyOptions {
  const lower = (flag: string) => flags.list(flag).map((name) => name.toLowerCase());
  return {
    ca,
    allowedNames: flags.list('requestheader-allowed-names'),
    usernameHeaders: lower('requestheader-username-headers'),
    groupHeaders: lower('requestheader-group-headers'),
    extraPrefixes: lower('requestheader-extra-headers-prefix'),
  };
}

function tokenKeys(flags: Flags, files: ContainerFiles): TokenKeys {
  const verifying = flags.array('service-account-key-file').flatMap((path) => {
    const keys = publicKeys(files.read(path).toString());
    if (keys.length > 0) return keys;
    throw new Error(`error reading public key file ${path}: data does not contain any valid RSA or ECDSA public keys`);
  });
  const issuers = flags.list('service-account-issuer');
  const audiences = flags.list('api-audiences', issuers.slice(0, 1));
  const signing = signingKey(flags.string('service-account-signing-key-file'), files);
  return { verifying, issuers, audiences, ...(signing ? { signing } : {}) };
}

function signingKey(path: string, files: ContainerFiles): TokenKeys['signing'] {
  if (path === '') return undefined;
  const failed = (words: string) => new Error(`failed to parse service-account-issuer-key-file: ${words}`);
  let pem: Buffer;
  try {
    pem = files.read(path);
  } catch (error) {
    throw failed(messageOf(error));
  }
  const key = privateKey(pem.toString());
  if (key !== undefined) return key;
  throw failed(`error reading private key file ${path}: data does not contain a valid RSA or ECDSA private key`);
}
