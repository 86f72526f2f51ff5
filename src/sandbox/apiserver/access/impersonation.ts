/**
 * Acting as somebody else (apiserver/pkg/endpoints/filters/impersonation): every part of the wanted identity needs the
 * verb impersonate; the groups that follow from a name are added.
 */
import type { RequestInfo } from '../../../core/policy/request';
import type { User } from '../contract';
import type { Authorize } from './authorizer';

export type Impersonation =
  | { kind: 'none' }
  | { kind: 'as'; user: User }
  | { kind: 'forbidden'; info: RequestInfo; reason: string }
  /** The headers make no sense; a 500 with these words. */
  | { kind: 'malformed'; reason: string };

/** Header values in lower-case names, each in the order sent. */
export type Headers = Readonly<Record<string, readonly string[] | undefined>>;

const EXTRA = 'impersonate-extra-';
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

export function impersonation(headers: Headers, user: User, authorize: Authorize): Impersonation {
  const wishes = wanted(headers);
  if (wishes.length === 0) return { kind: 'none' };
  if (!wishes.some(({ resource }) => resource === 'users' || resource === 'serviceaccounts')) {
    const shown = `[${wishes.map(({ shown }) => shown).join(' ')}]`;
    return { kind: 'malformed', reason: `requested ${shown} without impersonating a user` };
  }
  for (const wish of wishes) {
    const info = impersonateInfo(wish);
    const decision = authorize(user, info);
    if (!decision.allowed) return { kind: 'forbidden', info, reason: decision.reason };
  }
  return { kind: 'as', user: become(wishes) };
}

interface Wish {
  resource: 'users' | 'serviceaccounts' | 'groups' | 'uids' | 'userextras';
  name: string;
  namespace: string;
  /** The extra's key. */
  subresource: string;
  /** As Go prints the ObjectReference that the server makes of it. */
  shown: string;
}

function wanted(headers: Headers): Wish[] {
  const wishes: Wish[] = [];
  const add = (resource: Wish['resource'], name: string, shown: string, more: Partial<Wish> = {}) =>
    wishes.push({ resource, name, namespace: '', subresource: '', shown, ...more });
  const name = headers['impersonate-user']?.[0] ?? '';
  const account = SERVICE_ACCOUNT.exec(name);
  if (account) {
    const [, namespace = '', accountName = ''] = account;
    add('serviceaccounts', accountName, `{ServiceAccount ${namespace} ${accountName}    }`, { namespace });
  } else if (name !== '') add('users', name, `{User  ${name}    }`);
  const version = 'authentication.k8s.io/v1';
  const uid = headers['impersonate-uid']?.[0] ?? '';
  for (const group of headers['impersonate-group'] ?? []) add('groups', group, `{Group  ${group}    }`);
  for (const [header, values = []] of Object.entries(headers)) {
    if (!header.startsWith(EXTRA)) continue;
    const key = unescaped(header.slice(EXTRA.length));
    for (const value of values) {
      add('userextras', value, `{UserExtra  ${value}  ${version}  ${key}}`, { subresource: key });
    }
  }
  if (uid !== '') add('uids', uid, `{UID  ${uid}  ${version}  }`);
  return wishes;
}

function impersonateInfo({ resource, name, namespace, subresource }: Wish): RequestInfo {
  const ofAuthentication = resource === 'userextras' || resource === 'uids';
  return {
    isResourceRequest: true,
    verb: 'impersonate',
    path: '',
    apiGroup: ofAuthentication ? 'authentication.k8s.io' : '',
    apiVersion: ofAuthentication ? 'v1' : '',
    namespace,
    resource,
    subresource,
    name,
  };
}

function become(wishes: readonly Wish[]): User {
  const who = wishes.find(({ resource }) => resource === 'users' || resource === 'serviceaccounts');
  const named = wishes.filter(({ resource }) => resource === 'groups').map(({ name }) => name);
  const isAccount = who?.resource === 'serviceaccounts';
  const name = isAccount ? `system:serviceaccount:${who.namespace}:${who.name}` : (who?.name ?? '');
  const groups =
    isAccount && named.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${who.namespace}`] : named;
  const uid = wishes.find(({ resource }) => resource === 'uids')?.name;
  const extra = new Map<string, string[]>();
  for (const { resource, subresource, name: value } of wishes) {
    if (resource === 'userextras') extra.set(subresource, [...(extra.get(subresource) ?? []), value]);
  }
  return {
    name,
    groups: withCommonGroup(name, groups),
    ...(uid === undefined ? {} : { uid }),
    ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

function withCommonGroup(name: string, groups: readonly string[]): readonly string[] {
  const [yes, no] = ['system:authenticated', 'system:unauthenticated'];
  if (name === 'system:anonymous') return groups.includes(no) ? groups : [...groups, no];
  return groups.includes(yes) || groups.includes(no) ? groups : [...groups, yes];
}

/** The key of an extra, as it stands in a header's name. */
export function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
