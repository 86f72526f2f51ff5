/** What the rules before a rule leave to it, found by asking them about the requests that stand for all it matches. */
import { compileRule } from '../match';
import { findResource } from '../resources';
import type { AuditRequest, GroupResources, Rule } from '../types';
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
  let left: Reach['left'] = 'none';
  let count = 0;
  for (const { request, taker } of tried(context, rule, index)) {
    if (taker !== undefined) takers.add(taker);
    else if (request.user === null || request.user === 'system:anonymous') left = 'no-login';
    else return { takers, left: 'some', any: true };
    if (++count > BUDGET) return { takers, left: 'some', any: true };
  }
  return { takers, left, any: count > 0 };
}

/** A request with a user that reaches the rule, or the part of it; one of somebody who logged in where there is one. */
export function reachedBy(context: LintContext, rule: Rule, index: number): AuditRequest | undefined {
  let anonymous: AuditRequest | undefined;
  let count = 0;
  for (const { request, taker } of tried(context, rule, index)) {
    if (++count > BUDGET) break;
    if (taker !== undefined || request.user === null) continue;
    if (request.user !== 'system:anonymous') return request;
    anonymous ??= request;
  }
  return anonymous;
}

/** Whether an entry of `resources` is about a resource, names aside. */
export function isAbout(
  entry: GroupResources,
  target: { group: string; resource: string; subresource: string },
): boolean {
  const { group: apiGroup, resource, subresource } = target;
  const request = { user: null, groups: [], verb: '', apiGroup, apiVersion: '', resource, subresource };
  return entryMatcher(entry)({ ...request, name: '', namespace: '' });
}

/** The requests that stand for a rule, each with the index of the earlier rule that takes it. */
function* tried(
  context: LintContext,
  rule: Rule,
  index: number,
): Generator<{ request: AuditRequest; taker: number | undefined }> {
  const earlier = matchersOf(context).slice(0, index);
  // Thinning has a price of its own, which a handful of requests does not pay back.
  const thin = sizeOf(rule) > SMALL ? thinningFor(context.policy.rules.slice(0, index)) : undefined;
  for (const request of representatives(rule, thin)) {
    const taker = earlier.findIndex((matches) => matches(request) === undefined);
    yield { request, taker: taker === -1 ? undefined : taker };
  }
}

const SMALL = 2000;

/** At most so many requests stand for a rule. */
function sizeOf(rule: Rule): number {
  const some = (values: readonly unknown[], free: number): number => (values.length === 0 ? free : values.length);
  const targets = rule.resources.map(({ resources, resourceNames }) => 2 * some(resources, 1) * some(resourceNames, 1));
  const objects = targets.reduce((sum, count) => sum + count, rule.resources.length === 0 ? 2 : 0);
  const whos = some(rule.users, 1) * some(rule.userGroups, 1);
  return 3 * whos * some(rule.verbs, 8) * (some(rule.namespaces, 2) * objects + 2 * rule.nonResourceURLs.length);
}

/** Values that every one of these rules treats alike are the same for our purpose: one of them will do. */
export function thinningFor(rules: readonly Rule[]): Thinning {
  const bits = (tests: readonly boolean[]): string => tests.map(Number).join('');
  const entries = rules.flatMap((rule) => rule.resources);
  const asksFor = (rule: Rule, { user, groups }: Who): boolean =>
    (rule.users.length === 0 || (user !== null && rule.users.includes(user))) &&
    (rule.userGroups.length === 0 || (user !== null && groups.some((group) => rule.userGroups.includes(group))));
  const resourceBits = (target: Target): string => bits(entries.map((entry) => isAbout(entry, target)));
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

const entryMatchers = new WeakMap<GroupResources, (request: AuditRequest) => boolean>();

function entryMatcher(entry: GroupResources): (request: AuditRequest) => boolean {
  const known = entryMatchers.get(entry);
  if (known !== undefined) return known;
  const matcher = compileRule({ ...ANY_RULE, resources: [{ ...entry, resourceNames: [] }] });
  const matches = (request: AuditRequest): boolean => matcher(request) === undefined;
  entryMatchers.set(entry, matches);
  return matches;
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
