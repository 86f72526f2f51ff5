/**
 * Which rule decides over a request, exactly as the API server has it (apiserver/pkg/audit/policy/checker.go):
 * the first rule that matches wins, and no rule at all means level None. The surprises of the server are kept:
 * `pods/*` also matches plain pods, `*` is no wildcard in verbs, users or namespaces.
 */
import type { AuditRequest, Decision, GroupResources, Policy, ResourceRequest, Rule, Stage } from './types';
import { isNonResource } from './types';

/** Answers what the policy says of one request. Compile once, ask often: see {@link compilePolicy}. */
export type Decide = (request: AuditRequest) => Decision;

/** What a rule asks of a request, in the order in which the server looks. */
export type Dimension =
  'user' | 'group' | 'verb' | 'not-resource' | 'namespace' | 'resource' | 'name' | 'not-url' | 'url';

/** Prepares a policy for many decisions (some million a second). The answers' lists are shared: do not change them. */
export function compilePolicy(policy: Policy): Decide {
  const rules = policy.rules.map(compileRule);
  const decisions = policy.rules.map((rule, index) => decisionOf(policy, rule, index));
  const nothing = unmatched(policy);
  return (request) => {
    for (let index = 0; index < rules.length; index++) {
      if (rules[index]?.(request) === undefined) return decisions[index] ?? nothing;
    }
    return nothing;
  };
}

/** One decision; {@link compilePolicy} is for more. */
export function decide(policy: Policy, request: AuditRequest): Decision {
  return compilePolicy(policy)(request);
}

/** A matcher of one rule: undefined when it matches, otherwise the first thing that did not. */
export function compileRule(rule: Rule): (request: AuditRequest) => Dimension | undefined {
  const users = new Set(rule.users);
  const groups = new Set(rule.userGroups);
  const verbs = new Set(rule.verbs);
  const namespaces = new Set(rule.namespaces);
  const resources = rule.resources.map(compileResources);
  const urls = rule.nonResourceURLs.map(compileUrl);

  return (request) => {
    const { user } = request;
    if (users.size > 0 && (user === null || !users.has(user))) return 'user';
    if (groups.size > 0 && (user === null || !request.groups.some((group) => groups.has(group)))) return 'group';
    if (verbs.size > 0 && !verbs.has(request.verb)) return 'verb';
    if (namespaces.size > 0 || resources.length > 0) {
      if (isNonResource(request)) return 'not-resource';
      if (namespaces.size > 0 && !namespaces.has(request.namespace)) return 'namespace';
      return resources.length === 0 ? undefined : firstMiss(resources, request);
    }
    if (urls.length > 0) {
      if (!isNonResource(request)) return 'not-url';
      if (!urls.some((matches) => matches(request.path))) return 'url';
    }
    return undefined;
  };
}

type ResourceMatcher = (request: ResourceRequest) => 'resource' | 'name' | undefined;

/** A name that does not fit is the better explanation than a resource that does not. */
function firstMiss(matchers: readonly ResourceMatcher[], request: ResourceRequest): 'resource' | 'name' | undefined {
  let miss: 'resource' | 'name' = 'resource';
  for (const matcher of matchers) {
    const answer = matcher(request);
    if (answer === undefined) return undefined;
    if (answer === 'name') miss = 'name';
  }
  return miss;
}

function compileResources(entry: GroupResources): ResourceMatcher {
  const anyGroup = entry.group === '*';
  const exact = new Set(entry.resources);
  const everything = exact.has('*');
  const bySubresource = new Set(entry.resources.filter((r) => r.startsWith('*/')).map((r) => r.slice(2)));
  const byResource = new Set(entry.resources.filter((r) => r.endsWith('/*')).map((r) => r.slice(0, -2)));
  const names = new Set(entry.resourceNames);

  return (request) => {
    if (!anyGroup && entry.group !== request.apiGroup) return 'resource';
    if (exact.size === 0) return undefined;
    const { resource, subresource } = request;
    const fits =
      everything ||
      exact.has(subresource === '' ? resource : `${resource}/${subresource}`) ||
      (subresource !== '' && bySubresource.has(subresource)) ||
      byResource.has(resource);
    if (!fits) return 'resource';
    return names.size === 0 || names.has(request.name) ? undefined : 'name';
  };
}

function compileUrl(spec: string): (path: string) => boolean {
  if (spec === '*') return () => true;
  if (!spec.endsWith('*')) return (path) => path === spec;
  const prefix = spec.replace(/\*+$/, '');
  return (path) => path.startsWith(prefix) || path === spec;
}

function decisionOf(policy: Policy, rule: Rule, index: number): Decision {
  return {
    level: rule.level,
    rule: index + 1,
    omitStages: union(policy.omitStages, rule.omitStages),
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields,
  };
}

function unmatched(policy: Policy): Decision {
  return {
    level: 'None',
    rule: null,
    // As the file has them: only rules have their stages made unique.
    omitStages: [...policy.omitStages].sort(),
    omitManagedFields: policy.omitManagedFields,
  };
}

function union(a: readonly Stage[], b: readonly Stage[]): Stage[] {
  return [...new Set([...a, ...b])].sort();
}
