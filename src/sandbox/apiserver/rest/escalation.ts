/**
 * Nobody grants what they do not hold (pkg/registry/rbac: policybased, escalation_check.go; pkg/registry/rbac/validation).
 * Let through are system:masters, and who may `escalate` the role or `bind` the role that a binding names.
 */
import { goQuote } from '../../../core/policy/go-text';
import { referredRules, rulesOf, type Rule } from '../access/rbac';
import type { Call } from './context';
import { forbidden, notFound } from './status';
import { arr, obj, same, str, type Obj } from './value';

const GROUP = 'rbac.authorization.k8s.io';
const EVERYTHING: readonly Rule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/** @param before undefined when it is made. @throws {StatusError} 403, or 404 for a role that is not there. */
export function checkEscalation(call: Call, object: Obj, before: Obj | undefined): void {
  const { kind, namespace, request } = call;
  if (kind.group !== GROUP || request.user.groups.includes('system:masters')) return;
  const rules = kind.resource.endsWith('bindings') ? granted(call, object, before) : written(call, object, before);
  if (rules === undefined) return;
  const held = rulesOf(call.server.around.objects, request.user, namespace);
  const lacking = rules.flatMap(breakdown).filter((rule) => !held.rules.some((own) => covers(own, rule)));
  if (lacking.length === 0) return;
  const { name, groups } = request.user;
  const errors = held.missing.length === 0 ? '' : `; resolution errors: [${[...new Set(held.missing)].join(', ')}]`;
  throw forbidden(
    kind,
    str(obj(object.metadata).name),
    `user ${goQuote(name)} (groups=${quoted(groups)}) is attempting to grant RBAC permissions not currently held:\n${described(lacking)}${errors}`,
  );
}

/** Undefined when there is nothing to check. */
function written(call: Call, role: Obj, before: Obj | undefined): readonly Rule[] | undefined {
  if (before && same(role.rules, before.rules) && same(role.aggregationRule, before.aggregationRule)) return undefined;
  if (may(call, 'escalate', call.kind.resource, str(obj(role.metadata).name))) return undefined;
  // What it will add up to, nobody knows.
  const aggregates = arr(obj(role.aggregationRule).clusterRoleSelectors).length > 0;
  return [...(arr(role.rules) as Rule[]), ...(aggregates ? EVERYTHING : [])];
}

function granted(call: Call, binding: Obj, before: Obj | undefined): readonly Rule[] | undefined {
  if (before && same(binding.roleRef, before.roleRef) && same(binding.subjects, before.subjects)) return undefined;
  const { kind, name } = obj(binding.roleRef);
  const role = { kind: str(kind), name: str(name) };
  const resource = role.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (may(call, 'bind', resource, role.name)) return undefined;
  const rules = referredRules(call.server.around.objects, role, call.namespace);
  if (rules === undefined) throw notFound({ group: GROUP, resource }, role.name);
  return rules;
}

function may({ server, request, namespace }: Call, verb: string, resource: string, name: string): boolean {
  const about = { apiGroup: GROUP, apiVersion: '*', namespace, resource, subresource: '', name };
  return server.front.authorize(request.user, { isResourceRequest: true, verb, path: '', ...about }).allowed;
}

/** One verb of one resource, or of one path, each. */
function breakdown(rule: Rule): Rule[] {
  const { apiGroups = [], resources = [], verbs = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [undefined] : resourceNames;
  return [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) =>
          names.map((name) => ({
            apiGroups: [group],
            resources: [resource],
            verbs: [verb],
            ...(name === undefined ? {} : { resourceNames: [name] }),
          })),
        ),
      ),
    ),
    ...nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] }))),
  ];
}

function covers(own: Rule, part: Rule): boolean {
  const all = (has: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean =>
    (wanted ?? []).every((each) => has?.includes('*') === true || has?.includes(each) === true);
  const resource = (each: string): boolean => {
    const slash = each.indexOf('/');
    return all(own.resources, [each]) || (slash !== -1 && own.resources?.includes(`*${each.slice(slash)}`) === true);
  };
  const url = (each: string): boolean =>
    (own.nonResourceURLs ?? []).some(
      (known) => known === '*' || known === each || (known.endsWith('*') && each.startsWith(known.slice(0, -1))),
    );
  const names = own.resourceNames ?? [];
  return (
    all(own.verbs, part.verbs) &&
    all(own.apiGroups, part.apiGroups) &&
    (part.resources ?? []).every(resource) &&
    (part.nonResourceURLs ?? []).every(url) &&
    (names.length === 0 || (part.resourceNames?.every((each) => names.includes(each)) ?? false))
  );
}

/** Verbs of one resource stand together, the lines in order. */
function described(parts: readonly Rule[]): string {
  const together = new Map<string, Rule>();
  for (const { verbs = [], ...rest } of parts) {
    // A path is a line for each of its verbs.
    const key = JSON.stringify(rest.nonResourceURLs === undefined ? rest : { ...rest, verbs });
    together.set(key, { ...rest, verbs: [...(together.get(key)?.verbs ?? []), ...verbs] });
  }
  const lines = [...together.values()].map(({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }) => {
    const fields = { APIGroups: apiGroups, Resources: resources, NonResourceURLs: nonResourceURLs };
    const named = Object.entries({ ...fields, ResourceNames: resourceNames, Verbs: verbs });
    return `{${named.flatMap(([name, values]) => (values?.length ? [`${name}:${quoted(values)}`] : [])).join(', ')}}`;
  });
  return [...new Set(lines)].sort().join('\n');
}

function quoted(values: readonly string[]): string {
  return `[${values.map(goQuote).join(' ')}]`;
}
