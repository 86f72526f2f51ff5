/**
 * RBAC, as plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac/validation decide it: cluster role bindings first, then
 * those of the request's namespace; the first rule that allows wins and is named in the reason.
 */
import { goQuote } from '../../../core/policy/go-text';
import type { RequestInfo } from '../../../core/policy/request';
import type { Decision, RestApi, User } from '../contract';

const GROUP = 'rbac.authorization.k8s.io';
const SERVICE_ACCOUNT = 'system:serviceaccount:';

export interface Rule {
  verbs?: readonly string[];
  apiGroups?: readonly string[];
  resources?: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
}

interface Role {
  metadata: { name: string; namespace?: string; labels?: Readonly<Record<string, string>> };
  rules?: readonly Rule[] | null;
  aggregationRule?: { clusterRoleSelectors?: readonly { matchLabels?: Readonly<Record<string, string>> }[] };
}

interface Binding {
  metadata: { name: string; namespace?: string };
  subjects?: readonly Subject[];
  roleRef: { kind: string; name: string };
}

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

export function authorizeByRbac(objects: RestApi['objects'], user: User, info: RequestInfo): Decision {
  const missing: string[] = [];
  for (const { binding, subject, rules } of grants(objects, user, info, missing)) {
    if (rules.some((rule) => ruleAllows(rule, info))) {
      return { allowed: true, reason: `RBAC: allowed by ${describe(binding, subject)}` };
    }
  }
  const unique = [...new Set(missing)];
  const text = unique.length > 1 ? `[${unique.join(', ')}]` : (unique[0] ?? '');
  return { allowed: false, reason: text === '' ? '' : `RBAC: ${text}` };
}

export function ruleAllows(rule: Rule, info: RequestInfo): boolean {
  if (!has(rule.verbs, info.verb)) return false;
  if (!info.isResourceRequest) return (rule.nonResourceURLs ?? []).some((url) => urlMatches(url, info.path));
  const { resource, subresource, name, apiGroup } = info;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return (
    has(rule.apiGroups, apiGroup) &&
    (has(rule.resources, combined) || (subresource !== '' && has(rule.resources, `*/${subresource}`))) &&
    ((rule.resourceNames ?? []).length === 0 || (rule.resourceNames ?? []).includes(name))
  );
}

/** What a user holds in a namespace, or cluster-wide when it is empty; and what roles of theirs are not there. */
export function rulesOf(
  objects: RestApi['objects'],
  user: User,
  namespace: string,
): { rules: readonly Rule[]; missing: readonly string[] } {
  const missing: string[] = [];
  const where = { isResourceRequest: true, namespace } as const;
  return { rules: [...grants(objects, user, where, missing)].flatMap(({ rules }) => rules), missing };
}

/** What a binding's role allows; undefined when there is no such role. */
export function referredRules(
  objects: RestApi['objects'],
  { kind, name }: Binding['roleRef'],
  namespace: string,
): readonly Rule[] | undefined {
  const roles = (resource: string) => objects(GROUP, resource) as unknown as readonly Role[];
  if (kind === 'ClusterRole') return clusterRules(roles('clusterroles'), name);
  const role = roles('roles').find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  return role === undefined ? undefined : (role.rules ?? []);
}

interface Grant {
  binding: Binding;
  subject: Subject;
  rules: readonly Rule[];
}

function* grants(
  objects: RestApi['objects'],
  user: User,
  info: { isResourceRequest: false } | { isResourceRequest: true; namespace: string },
  missing: string[],
): Generator<Grant> {
  const roles = (resource: string) => objects(GROUP, resource) as unknown as readonly Role[];
  const bindings = (resource: string) => objects(GROUP, resource) as unknown as readonly Binding[];
  const clusterRoles = () => roles('clusterroles');
  for (const binding of bindings('clusterrolebindings')) {
    const subject = subjectOf(binding, user, '');
    if (subject === undefined) continue;
    const rules = clusterRules(clusterRoles(), binding.roleRef.name);
    if (rules === undefined) missing.push(notFound('clusterrole', binding.roleRef.name));
    else yield { binding, subject, rules };
  }
  const namespace = info.isResourceRequest ? info.namespace : '';
  if (namespace === '') return;
  for (const binding of bindings('rolebindings')) {
    if (binding.metadata.namespace !== namespace) continue;
    const subject = subjectOf(binding, user, namespace);
    if (subject === undefined) continue;
    const rules = referredRules(objects, binding.roleRef, namespace);
    if (rules === undefined) missing.push(notFound(binding.roleRef.kind.toLowerCase(), binding.roleRef.name));
    else yield { binding, subject, rules };
  }
}

/** A role that aggregates has its own rules and those of every role that its selectors choose. */
function clusterRules(roles: readonly Role[], name: string): readonly Rule[] | undefined {
  const role = roles.find(({ metadata }) => metadata.name === name);
  if (role === undefined) return undefined;
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  if (selectors.length === 0) return role.rules ?? [];
  const chosen = roles.filter((other) =>
    selectors.some(({ matchLabels = {} }) =>
      Object.entries(matchLabels).every(([label, value]) => other.metadata.labels?.[label] === value),
    ),
  );
  return [...(role.rules ?? []), ...chosen.flatMap((other) => (other === role ? [] : (other.rules ?? [])))];
}

function subjectOf(binding: Binding, user: User, namespace: string): Subject | undefined {
  return binding.subjects?.find((subject) => {
    switch (subject.kind) {
      case 'User':
        return subject.name === user.name;
      case 'Group':
        return user.groups.includes(subject.name);
      case 'ServiceAccount':
        return user.name === `${SERVICE_ACCOUNT}${subject.namespace ?? namespace}:${subject.name}`;
      default:
        return false;
    }
  });
}

function describe(binding: Binding, subject: Subject): string {
  const { namespace, name } = binding.metadata;
  const to =
    subject.kind === 'ServiceAccount'
      ? `ServiceAccount ${goQuote(`${subject.name}/${subject.namespace ?? ''}`)}`
      : `${subject.kind} ${goQuote(subject.name)}`;
  const of = `of ${binding.roleRef.kind} ${goQuote(binding.roleRef.name)} to ${to}`;
  if (namespace === undefined || namespace === '') return `ClusterRoleBinding ${goQuote(name)} ${of}`;
  return `RoleBinding ${goQuote(`${name}/${namespace}`)} ${of}`;
}

function notFound(kind: string, name: string): string {
  return `${kind}.${GROUP} ${goQuote(name)} not found`;
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(value));
}

function urlMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, ''));
}
