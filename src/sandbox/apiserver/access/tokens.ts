/**
 * Service accounts' tokens: signed with the key of --service-account-signing-key-file, believed when a key of
 * --service-account-key-file has signed them and the account they name is still the same (pkg/serviceaccount).
 */
import { createHash, createPrivateKey, createPublicKey, randomUUID, sign, verify, type KeyObject } from 'node:crypto';
import type { IssuedToken, RestApi, TokenOwner, TokenWish, User } from '../contract';

export interface TokenKeys {
  signing?: KeyObject;
  verifying: readonly KeyObject[];
  issuers: readonly string[];
  /** Of the API server itself. */
  audiences: readonly string[];
}

const PEM = /-----BEGIN [A-Z0-9 ]+-----[\s\S]+?-----END [A-Z0-9 ]+-----/g;
const ACCOUNT = 'system:serviceaccount:';

/** Keys of a PEM file, public ones or the public halves of private ones; empty when there is none. */
export function publicKeys(pem: string): KeyObject[] {
  return [...pem.matchAll(PEM)].flatMap(([block]) => {
    try {
      return [createPublicKey(block)];
    } catch {
      return [];
    }
  });
}

export function privateKey(pem: string): KeyObject | undefined {
  for (const [block] of pem.matchAll(PEM)) {
    try {
      return createPrivateKey(block);
    } catch {
      continue;
    }
  }
  return undefined;
}

/** @param now milliseconds since the epoch. @param minor of the server's version 1.N. */
export function issueToken(keys: TokenKeys, wish: TokenWish, now: number, minor: number): IssuedToken {
  if (keys.signing === undefined) throw new Error('this API server has no key to sign service account tokens with');
  const seconds = Math.floor(now / 1000);
  const audiences = wish.audiences.length === 0 ? keys.audiences : wish.audiences;
  const { namespace, name, uid } = wish.serviceAccount;
  const { boundObject } = wish;
  const claims = {
    aud: audiences,
    exp: seconds + wish.expirationSeconds,
    iat: seconds,
    iss: keys.issuers[0] ?? '',
    ...(minor >= 30 ? { jti: randomUUID() } : {}),
    'kubernetes.io': {
      namespace,
      ...(boundObject ? { [boundObject.kind.toLowerCase()]: { name: boundObject.name, uid: boundObject.uid } } : {}),
      serviceaccount: { name, uid },
    },
    nbf: seconds,
    sub: `${ACCOUNT}${namespace}:${name}`,
  };
  return {
    token: signed(keys.signing, claims),
    expirationTimestamp: new Date(claims.exp * 1000).toISOString().replace('.000', ''),
    audiences,
  };
}

/** undefined: not one of ours, or no longer good. */
export function tokenOwner(
  keys: TokenKeys,
  token: string,
  audiences: readonly string[],
  objects: RestApi['objects'],
  now: number,
): TokenOwner | undefined {
  const claims = verified(keys, token);
  if (claims === undefined) return undefined;
  const { aud, exp, nbf, iss, jti, sub } = claims;
  const seconds = now / 1000;
  if (typeof exp !== 'number' || seconds >= exp || (typeof nbf === 'number' && seconds < nbf - 60)) return undefined;
  if (typeof iss !== 'string' || !keys.issuers.includes(iss)) return undefined;
  const wanted = audiences.length === 0 ? keys.audiences : audiences;
  const good = (Array.isArray(aud) ? aud : [aud]).filter((name) => wanted.includes(String(name))).map(String);
  const bound = claims['kubernetes.io'] as Bound | undefined;
  if (good.length === 0 || bound === undefined) return undefined;
  const { namespace, serviceaccount } = bound;
  if (sub !== `${ACCOUNT}${namespace}:${serviceaccount.name}` || !stillThere(objects, bound)) return undefined;
  const extra = {
    ...(bound.pod
      ? {
          'authentication.kubernetes.io/pod-name': [bound.pod.name],
          'authentication.kubernetes.io/pod-uid': [bound.pod.uid],
        }
      : {}),
    ...(typeof jti === 'string' ? { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] } : {}),
  };
  const user: User = {
    name: sub,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
  return { user, audiences: good };
}

interface Named {
  name: string;
  uid: string;
}

interface Bound {
  namespace: string;
  serviceaccount: Named;
  pod?: Named;
  secret?: Named;
}

/** A token dies with its account, and with the object it is bound to. */
function stillThere(objects: RestApi['objects'], bound: Bound): boolean {
  const exists = (resource: string, named: Named | undefined) =>
    named === undefined ||
    objects('', resource).some((object) => {
      const { name, namespace, uid } = object['metadata'] as { name?: string; namespace?: string; uid?: string };
      return name === named.name && namespace === bound.namespace && uid === named.uid;
    });
  return (
    exists('serviceaccounts', bound.serviceaccount) && exists('pods', bound.pod) && exists('secrets', bound.secret)
  );
}

function signed(key: KeyObject, claims: object): string {
  const ec = key.asymmetricKeyType === 'ec';
  const header = { alg: ec ? 'ES256' : 'RS256', kid: keyId(key) };
  const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  const signature = sign('sha256', Buffer.from(input), ec ? { key, dsaEncoding: 'ieee-p1363' } : key);
  return `${input}.${signature.toString('base64url')}`;
}

function verified(keys: TokenKeys, token: string): Record<string, unknown> | undefined {
  const [header = '', body = '', signature = '', more] = token.split('.');
  if (more !== undefined || signature === '') return undefined;
  const input = Buffer.from(`${header}.${body}`);
  const bytes = Buffer.from(signature, 'base64url');
  const algorithm = decoded(header)?.['alg'];
  const good = keys.verifying.some((key) => {
    const ec = key.asymmetricKeyType === 'ec';
    // The key says which algorithm it is for; a token must not choose it.
    if (algorithm !== (ec ? 'ES256' : 'RS256')) return false;
    return verify('sha256', input, ec ? { key, dsaEncoding: 'ieee-p1363' } : key, bytes);
  });
  return good ? decoded(body) : undefined;
}

function decoded(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function keyId(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64url');
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
