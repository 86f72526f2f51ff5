/**
 * What is known of the requests that really reach an API server: who sends them, with which verbs, and what a name can
 * be. From it come the few requests that stand for all that a rule matches. A fresh name stands for every name that no
 * rule mentions; as rules only ever ask for more, whatever takes the fresh one takes the others too.
 */
import { findResource } from '../resources';
import { requestInfo } from '../request';
import type { AuditRequest, GroupResources, Rule } from '../types';

/** Stands for any name that is not in the policy. Valid everywhere a name can stand. */
export const OTHER = 'any-other';
export const OTHER_GROUP = 'any-other.example';

export const RESOURCE_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
export const URL_VERBS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];
const SUBRESOURCE_VERBS = ['get', 'create', 'update', 'patch', 'delete'];
/** On objects these come without a name, unless a field selector gives one to list and watch. */
const NAMELESS = new Set(['list', 'watch', 'create', 'deletecollection']);

export interface Who {
  user: string | null;
  groups: readonly string[];
}

export const NOBODY: Who = { user: null, groups: [] };
export const ANONYMOUS: Who = { user: 'system:anonymous', groups: ['system:unauthenticated'] };
export const ANYBODY: Who = { user: OTHER, groups: ['system:authenticated'] };

/** The groups that the server gives to a user of that name, besides those that come with the credentials. */
export function groupsOf(user: string): string[] {
  if (user === 'system:anonymous') return ['system:unauthenticated'];
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user);
  if (account !== null)
    return ['system:serviceaccounts', `system:serviceaccounts:${account[1] ?? ''}`, 'system:authenticated'];
  return user.startsWith('system:node:') ? ['system:nodes', 'system:authenticated'] : ['system:authenticated'];
}

/** Who a rule matches, each with as few groups as they can have. */
export function whosOf(rule: Pick<Rule, 'users' | 'userGroups'>): Who[] {
  if (rule.users.length === 0 && rule.userGroups.length === 0) return [NOBODY, ANONYMOUS, ANYBODY];
  // Nobody has an empty name: when authentication fails there is no user at all.
  const users = rule.users.filter((user) => user !== '').map((user): Who => ({ user, groups: groupsOf(user) }));
  if (rule.userGroups.length === 0) return users;
  if (rule.users.length === 0) return rule.userGroups.map(memberOf);
  return users.flatMap((who) =>
    who.groups.some((group) => rule.userGroups.includes(group))
      ? [who]
      : rule.userGroups
          .filter((group) => (group === 'system:unauthenticated') === (who.user === 'system:anonymous'))
          .map((group) => ({ user: who.user, groups: [...who.groups, group] })),
  );
}

function memberOf(group: string): Who {
  if (group === 'system:unauthenticated') return ANONYMOUS;
  const more = group.startsWith('system:serviceaccounts:') ? ['system:serviceaccounts'] : [];
  return { user: OTHER, groups: [...new Set([group, ...more, 'system:authenticated'])] };
}

const ACCOUNT = `system:serviceaccount:${OTHER}:${OTHER}`;
export const ANY_ACCOUNT: Who = { user: ACCOUNT, groups: groupsOf(ACCOUNT) };

/** Anybody, and everybody whom the rules name; all of them logged in or anonymous. */
export function people(rules: readonly Rule[]): Who[] {
  const named = rules.flatMap((rule) => whosOf(rule)).filter((who) => who.user !== null);
  return [ANYBODY, ANY_ACCOUNT, ANONYMOUS, ...named];
}

export interface Target {
  group: string;
  resource: string;
  subresource: string;
  /** The names that the rule allows; empty: any. */
  names: readonly string[];
}

/** What an entry of `resources` stands for. */
export function targetsOf(entry: GroupResources): Target[] {
  const group = entry.group === '*' ? OTHER_GROUP : entry.group;
  const names = entry.resourceNames;
  return (entry.resources.length === 0 ? ['*'] : entry.resources).flatMap((text): Target[] => {
    if (text === '*') {
      const any = { group, resource: OTHER, names };
      return [
        { ...any, subresource: '' },
        { ...any, subresource: OTHER },
      ];
    }
    const slash = text.indexOf('/');
    const resource = slash === -1 ? text : text.slice(0, slash);
    const subresource = slash === -1 ? '' : text.slice(slash + 1);
    if (resource === '*') return subresource === '*' ? [] : [{ group, resource: OTHER, subresource, names }];
    if (subresource !== '*') return [{ group, resource, subresource, names }];
    return [
      { group, resource, subresource: '', names },
      { group, resource, subresource: OTHER, names },
    ];
  });
}

export const EVERYTHING: GroupResources = { group: '*', resources: [], resourceNames: [] };

/** Leaves out values of one dimension that some other rules cannot tell apart. */
export interface Thinning {
  whos(values: readonly Who[]): readonly Who[];
  verbs(values: readonly string[]): readonly string[];
  namespaces(values: readonly string[]): readonly string[];
  targets(values: readonly Target[]): readonly Target[];
  names(values: readonly string[]): readonly string[];
}

const WHOLE: Thinning = {
  whos: (values) => values,
  verbs: (values) => values,
  namespaces: (values) => values,
  targets: (values) => values,
  names: (values) => values,
};

/** The requests that stand for all that a rule matches; none when nothing real does. */
export function* representatives(rule: Rule, thin: Thinning = WHOLE): Generator<AuditRequest> {
  const whos = thin.whos(whosOf(rule));
  const isForResources = rule.resources.length > 0 || rule.namespaces.length > 0;
  if (isForResources || rule.nonResourceURLs.length === 0) {
    const entries = rule.resources.length > 0 ? rule.resources : [EVERYTHING];
    for (const target of thin.targets(entries.flatMap(targetsOf))) yield* objectRequests(rule, target, whos, thin);
  }
  if (isForResources) return;
  for (const path of pathsOf(rule.nonResourceURLs)) {
    for (const verb of thin.verbs(wanted(rule, URL_VERBS))) {
      for (const who of whos) yield { ...who, verb, path };
    }
  }
}

/** Paths that an address pattern matches and that are no paths of resources. */
export function pathsOf(urls: readonly string[]): string[] {
  if (urls.length === 0) return [`/${OTHER}`];
  return urls.flatMap((url) => {
    const prefix = url.replace(/\*+$/, '');
    if (prefix === '') return [`/${OTHER}`];
    return (prefix === url ? [url] : [prefix + OTHER, prefix]).filter((path) => !isResourcePath(path));
  });
}

export function isResourcePath(path: string): boolean {
  try {
    return requestInfo('GET', path).isResourceRequest;
  } catch {
    return true;
  }
}

function wanted(rule: Rule, verbs: readonly string[]): readonly string[] {
  return rule.verbs.length === 0 ? verbs : verbs.filter((verb) => rule.verbs.includes(verb));
}

function* objectRequests(rule: Rule, target: Target, whos: readonly Who[], thin: Thinning): Generator<AuditRequest> {
  const { group, resource, subresource } = target;
  const verbs = subresource === '' ? RESOURCE_VERBS : SUBRESOURCE_VERBS;
  for (const verb of thin.verbs(wanted(rule, verbs))) {
    for (const { namespace, name } of placesOf(rule, target, verb, thin)) {
      for (const who of whos) {
        yield { ...who, verb, apiGroup: group, apiVersion: 'v1', resource, subresource, name, namespace };
      }
    }
  }
}

/** Namespace and name, as far as they go together with the verb and the resource's scope. */
function placesOf(rule: Rule, target: Target, verb: string, thin: Thinning): { namespace: string; name: string }[] {
  const nameless = target.subresource === '' && NAMELESS.has(verb);
  const bySelector = target.subresource === '' && (verb === 'list' || verb === 'watch');
  const free = nameless ? [''] : [OTHER];
  const allowed = target.names.filter((name) => (name === '' ? nameless : !nameless || bySelector));
  const names = target.names.length === 0 ? free : allowed;
  const inNamespaces = (or: readonly string[]) => (rule.namespaces.length > 0 ? rule.namespaces : or);

  if (target.group === '' && target.resource === 'namespaces') {
    // A namespace is in itself; its list, and its creation, are in none.
    if (nameless) return inNamespaces(['']).includes('') ? names.map((name) => ({ namespace: '', name })) : [];
    const own = target.names.length > 0 ? names : inNamespaces(free);
    return own
      .filter((name) => name !== '' && inNamespaces([name]).includes(name))
      .map((name) => ({ namespace: name, name }));
  }
  const known = findResource(target.group, target.resource);
  const possible = (namespace: string): boolean =>
    known === undefined || (known.namespaced ? namespace !== '' || bySelector : namespace === '');
  return thin
    .namespaces(inNamespaces([OTHER, '']).filter(possible))
    .flatMap((namespace) => thin.names(names).map((name) => ({ namespace, name })));
}

/** Whether names and namespaces go with a verb in the same way as with another. */
export function verbClass(verb: string): string {
  return NAMELESS.has(verb) ? (verb === 'list' || verb === 'watch' ? 'selected' : 'nameless') : 'named';
}
