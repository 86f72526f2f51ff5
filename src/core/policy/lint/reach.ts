/** What the rules before a rule leave to it, found by asking them about the requests that stand for all it matches. */
import { compileRule } from '../match';
import { findResource } from '../resources';
import type { AuditRequest, Rule } from '../types';
import type { LintContext } from './context';
import type { Target, Thinning, Who } from './world';
import { representatives, verbClass } from './world';

export interface Reach {
  /** Indexes of the rules that take its requests. */
  takers: ReadonlySet<number>;
  /** What is left for it: anything, only requests without a login, or nothing. */
  left: 'some' | 'no-login' | 'none';
  /** Whether it matches any real request at all, leaving the other rules aside. */
  any: boolean;
}

/** More requests than this are not tried: then the rule counts as reachable. */
const BUDGET = 50_000;

/** @param rule the rule at `index`, or a part of it. */
export function reachOf(context: LintContext, rule: Rule, index: number): Reach {
  const takers = new Set<number>();
  const earlier = matchersOf(context).slice(0, index);
  let left: Reach['left'] = 'none';
  let count = 0;
  for (const request of representatives(rule, thinningFor(context.policy.rules.slice(0, index)))) {
    const taker = earlier.findIndex((matches) => matches(request) === undefined);
    if (taker !== -1) takers.add(taker);
    else if (request.user === null || request.user === 'system:anonymous') left = 'no-login';
    else return { takers, left: 'some', any: true };
    if (++count > BUDGET) return { takers, left: 'some', any: true };
  }
  return { takers, left, any: count > 0 };
}

/** Values that every one of these rules treats alike are the same for our purpose: one of them will do. */
export function thinningFor(rules: readonly Rule[]): Thinning {
  const bits = (tests: readonly boolean[]): string => tests.map(Number).join('');
  const entries = rules.flatMap((rule) => rule.resources);
  const asksFor = (rule: Rule, { user, groups }: Who): boolean =>
    (rule.users.length === 0 || (user !== null && rule.users.includes(user))) &&
    (rule.userGroups.length === 0 || (user !== null && groups.some((group) => rule.userGroups.includes(group))));
  const resourceBits = (target: Target): string => {
    const request = {
      user: null,
      groups: [],
      verb: '',
      apiGroup: target.group,
      apiVersion: '',
      name: '',
      namespace: '',
    };
    const { resource, subresource } = target;
    return bits(entryMatchers(entries).map((matches) => matches({ ...request, resource, subresource })));
  };
  return {
    whos: (values) =>
      unique(
        values,
        (who) =>
          `${String(who.user === null)} ${String(who.user === 'system:anonymous')} ${bits(rules.map((rule) => asksFor(rule, who)))}`,
      ),
    verbs: (values) =>
      unique(values, (verb) => `${verbClass(verb)} ${bits(rules.map((rule) => rule.verbs.includes(verb)))}`),
    namespaces: (values) =>
      unique(values, (name) => `${String(name === '')} ${bits(rules.map((rule) => rule.namespaces.includes(name)))}`),
    names: (values) => unique(values, (name) => bits(entries.map((entry) => entry.resourceNames.includes(name)))),
    targets: (values) =>
      unique(values, (target) => {
        const own = target.resource === 'namespaces' && target.group === '';
        const scope = findResource(target.group, target.resource)?.namespaced;
        return [own, scope, target.subresource === '', resourceBits(target), ...target.names].join(' ');
      }),
  };
}

const entryMatcherCache = new WeakMap<object, (request: AuditRequest) => boolean>();

/** Whether an entry of `resources` is about a resource, names aside. */
function entryMatchers(entries: readonly Rule['resources'][number][]): ((request: AuditRequest) => boolean)[] {
  return entries.map((entry) => {
    const known = entryMatcherCache.get(entry);
    if (known !== undefined) return known;
    const matcher = compileRule({ ...ANY_RULE, resources: [{ ...entry, resourceNames: [] }] });
    const matches = (request: AuditRequest): boolean => matcher(request) === undefined;
    entryMatcherCache.set(entry, matches);
    return matches;
  });
}

const ANY_RULE: Rule = {
  level: 'None',
  users: [],
  userGroups: [],
  verbs: [],
  resources: [],
  namespaces: [],
  nonResourceURLs: [],
  omitStages: [],
};

/** The first value of each key, in order. */
function unique<T>(values: readonly T[], keyOf: (value: T) => string): T[] {
  const seen = new Map<string, T>();
  for (const value of values) {
    const key = keyOf(value);
    if (!seen.has(key)) seen.set(key, value);
  }
  return [...seen.values()];
}

type Matcher = (request: AuditRequest) => unknown;
const compiled = new WeakMap<LintContext, readonly Matcher[]>();

function matchersOf(context: LintContext): readonly Matcher[] {
  const known = compiled.get(context) ?? context.policy.rules.map(compileRule);
  compiled.set(context, known);
  return known;
}
