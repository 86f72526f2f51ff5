/**
 * Who asks: front proxy's headers, client certificate, bearer token, in this order; the first that knows wins. Somebody
 * with credentials that nobody knows is refused, somebody without is anonymous (pkg/kubeapiserver/authenticator).
 */
import { X509Certificate, createHash } from 'node:crypto';
import type { User } from '../contract';
import { unescaped } from './impersonation';

export interface Credentials {
  /** The client's certificate, DER; absent when it showed none. */
  certificate?: Buffer;
  /** Lower-case names. */
  headers: Readonly<Record<string, readonly string[] | undefined>>;
}

export type Identity = { kind: 'user'; user: User } | { kind: 'failed'; reason: string };

export interface AuthenticatorOptions {
  clientCa: readonly X509Certificate[];
  proxy?: ProxyOptions;
  anonymous: boolean;
  /** Static tokens (--token-auth-file). */
  tokens: ReadonlyMap<string, User>;
  /** Anything else a token may be. */
  reviewToken: (token: string) => User | undefined;
  minor: number;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export interface ProxyOptions {
  ca: readonly X509Certificate[];
  allowedNames: readonly string[];
  /** Lower case. */
  usernameHeaders: readonly string[];
  groupHeaders: readonly string[];
  extraPrefixes: readonly string[];
}

export type Authenticate = (credentials: Credentials) => Identity;

const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export function authenticator(options: AuthenticatorOptions): Authenticate {
  // A connection shows the same buffer with every request: looked into once.
  const seen = new WeakMap<Buffer, Identity>();
  const fromCertificate = (certificate: Buffer): Identity => {
    const identity = seen.get(certificate) ?? identified(certificate, options);
    seen.set(certificate, identity);
    return identity;
  };
  return ({ certificate, headers }) => {
    const problems: string[] = [];
    const proxied = certificate && options.proxy && byProxy(certificate, headers, options.proxy, options.now());
    if (proxied) return known(proxied);
    if (certificate && options.clientCa.length > 0) {
      const identity = fromCertificate(certificate);
      // A certificate without a name says nothing about who it is.
      if (identity.kind === 'user' && identity.user.name !== '') return identity;
      if (identity.kind === 'failed') problems.push(identity.reason);
    }
    const token = bearer(headers['authorization']?.[0] ?? '');
    if (token !== undefined) {
      const user = options.tokens.get(token) ?? options.reviewToken(token);
      if (user !== undefined) return known(user);
      problems.push('invalid bearer token');
    }
    if (problems.length === 0 && options.anonymous) return { kind: 'user', user: ANONYMOUS };
    return { kind: 'failed', reason: problems.length > 1 ? `[${problems.join(', ')}]` : (problems[0] ?? '') };
  };
}

/** Lines of `token,user,uid,"group1,group2"`. @throws with the server's message. */
export function tokenFile(path: string, text: string): ReadonlyMap<string, User> {
  const tokens = new Map<string, User>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const columns = csv(line);
    const [token = '', name = '', uid = '', groups = ''] = columns;
    if (columns.length < 3) {
      const needs = 'must have at least 3 columns (token, user name, user uid)';
      throw new Error(`token file '${path}' ${needs}, found ${columns.length}`);
    }
    if (token === '') continue;
    tokens.set(token, { name, uid, groups: groups === '' ? [] : groups.split(',') });
  }
  return tokens;
}

function identified(bytes: Buffer, { clientCa, minor, now }: AuthenticatorOptions): Identity {
  const certificate = new X509Certificate(bytes);
  const problem = distrust(certificate, clientCa, now());
  return problem === undefined ? known(byCertificate(certificate, minor)) : { kind: 'failed', reason: problem };
}

function known(user: User): Identity {
  const common = user.groups.includes('system:authenticated') || user.groups.includes('system:unauthenticated');
  return { kind: 'user', user: common ? user : { ...user, groups: [...user.groups, 'system:authenticated'] } };
}

function byCertificate(certificate: X509Certificate, minor: number): User {
  const fields = subjectFields(certificate);
  const name = fields.find(([key]) => key === 'CN')?.[1] ?? '';
  const groups = fields.filter(([key]) => key === 'O').map(([, value]) => value);
  if (minor < 32) return { name, groups };
  const id = `X509SHA256=${createHash('sha256').update(certificate.raw).digest('hex')}`;
  return { name, groups, extra: { 'authentication.kubernetes.io/credential-id': [id] } };
}

/** Node.js prints the subject a line a field. */
function subjectFields(certificate: X509Certificate): [string, string][] {
  // Without any field there is none, whatever its type says.
  const subject = (certificate.subject as string | undefined) ?? '';
  return subject.split('\n').map((line): [string, string] => {
    const equals = line.indexOf('=');
    return [line.slice(0, equals), line.slice(equals + 1).replace(/\\(.)/g, '$1')];
  });
}

function byProxy(bytes: Buffer, headers: Credentials['headers'], proxy: ProxyOptions, now: number): User | undefined {
  const name = proxy.usernameHeaders.map((header) => headers[header]?.[0]).find(Boolean);
  if (name === undefined) return undefined;
  const certificate = new X509Certificate(bytes);
  if (distrust(certificate, proxy.ca, now) !== undefined) return undefined;
  const common = subjectFields(certificate).find(([key]) => key === 'CN')?.[1] ?? '';
  if (proxy.allowedNames.length > 0 && !proxy.allowedNames.includes(common)) return undefined;
  const extra = new Map<string, readonly string[]>();
  for (const prefix of proxy.extraPrefixes) {
    for (const [header, values = []] of Object.entries(headers)) {
      if (header.startsWith(prefix)) extra.set(unescaped(header.slice(prefix.length)), values);
    }
  }
  return {
    name,
    groups: proxy.groupHeaders.flatMap((header) => headers[header] ?? []),
    ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

/** Go's words for a certificate that is not believed; undefined when it is. Chains of more than one step are not followed. */
function distrust(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  now: number,
): string | undefined {
  const signer = authorities.find((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  if (signer === undefined) return 'x509: certificate signed by unknown authority';
  const at = new Date(now);
  if (at < new Date(certificate.validFrom) || at > new Date(certificate.validTo)) {
    return 'x509: certificate has expired or is not yet valid';
  }
  const usages = certificate.keyUsage as readonly string[] | undefined;
  return usages !== undefined && usages.length > 0 && !usages.includes('1.3.6.1.5.5.7.3.2')
    ? 'x509: certificate specifies an incompatible key usage'
    : undefined;
}

function bearer(header: string): string | undefined {
  const [scheme = '', token = ''] = header.trim().split(' ');
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : undefined;
}

function csv(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain = '']) =>
    (quoted === undefined ? plain : quoted.replaceAll('""', '"')).trim(),
  );
}
