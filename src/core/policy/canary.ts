/**
 * Chooses a request which a policy provably logs for one identity, so that a running server can be asked for proof.
 * The rule it keeps: no request here can change anything. Writes carry dryRun=All and either no body or the name of an
 * object that does not exist; collections are only deleted in a namespace that does not exist; paths outside the API
 * are only read.
 */
import type { Decide } from './match';
import { compilePolicy } from './match';
import { auditRequest, isLongRunning, requestInfo } from './request';
import type { AuditRequest, Decision, GroupResources, Level, Policy, Rule, Stage } from './types';

export interface Identity {
  user: string;
  groups: readonly string[];
}

export interface Canary {
  method: string;
  /** With the query. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** As the policy is asked about it. */
  request: AuditRequest;
  level: Exclude<Level, 'None'>;
  /** The rule that logs it, from 1. */
  rule: number;
  /** The stage that is logged; the last one where there are several. */
  stage: Stage;
}

export type CanaryChoice = { canary: Canary } | { canary: undefined; whyNot: string };

/**
 * @param token lower-case letters and digits, unguessable: names of objects that must not exist contain it.
 */
export function chooseCanary(policy: Policy, identity: Identity, token: string): CanaryChoice {
  const decide = compilePolicy(policy);
  const name = `kube-auditctl-${token}`;
  for (const attempt of [
    ...harmlessReads(name),
    ...policy.rules.flatMap((rule) => attemptsFor(rule, identity, name)),
  ]) {
    const canary = tryOut(decide, identity, attempt);
    if (canary !== undefined) return { canary };
  }
  return { canary: undefined, whyNot: whyNot(policy, identity) };
}

/** What the policy does with the creation of a Secret in the namespace default by this identity. */
export function secretProbe(policy: Policy, identity: Identity): Decision {
  return compilePolicy(policy)(auditRequest('POST', '/api/v1/namespaces/default/secrets?dryRun=All', identity));
}

interface Attempt {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

function harmlessReads(name: string): Attempt[] {
  return [
    '/api/v1/namespaces/default',
    '/api/v1/namespaces/kube-system',
    `/api/v1/namespaces/default/configmaps/${name}`,
    `/api/v1/namespaces/default/pods/${name}`,
    '/version',
    '/apis',
    '/api',
    '/apis/apps/v1',
    '/readyz',
    '/livez',
    '/healthz',
  ].map((path) => ({ method: 'GET', path }));
}

function tryOut(decide: Decide, identity: Identity, attempt: Attempt): Canary | undefined {
  const info = requestInfo(attempt.method, attempt.path);
  const request = auditRequest(attempt.method, attempt.path, identity);
  const { level, rule, omitStages } = decide(request);
  if (level === 'None' || rule === null) return undefined;
  const stages: Stage[] = isLongRunning(info)
    ? ['ResponseComplete', 'ResponseStarted', 'RequestReceived']
    : ['ResponseComplete', 'RequestReceived'];
  const stage = stages.find((candidate) => !omitStages.includes(candidate));
  return stage === undefined ? undefined : { ...attempt, request, level, rule, stage };
}

/** Requests that could reach a rule; whether an earlier rule takes them is for the policy itself to say. */
function attemptsFor(rule: Rule, identity: Identity, name: string): Attempt[] {
  if (rule.level === 'None' || !meets(rule, identity)) return [];
  const paths = rule.nonResourceURLs.length > 0 ? urlAttempts(rule, name) : [];
  return paths.length > 0 ? paths : [...resourceAttempts(rule, name), ...urlAttempts(rule, name)];
}

function meets(rule: Rule, identity: Identity): boolean {
  return (
    (rule.users.length === 0 || rule.users.includes(identity.user)) &&
    (rule.userGroups.length === 0 || identity.groups.some((group) => rule.userGroups.includes(group)))
  );
}

function urlAttempts(rule: Rule, name: string): Attempt[] {
  if (rule.resources.length > 0 || rule.namespaces.length > 0) return [];
  const urls = rule.nonResourceURLs.length > 0 ? rule.nonResourceURLs : ['/*'];
  const paths = urls.flatMap((url) => {
    const prefix = url.replace(/\*+$/, '');
    if (prefix === url) return url === '' ? [] : [url];
    return prefix === '' ? [`/${name}`] : prefix.endsWith('/') ? [prefix + name] : [prefix, `${prefix}/${name}`];
  });
  // Profiles cost the server half a minute of CPU, a log folder may be large: neither is harmless.
  const harmless = paths.filter((path) => !/^\/(debug|logs)\/?(pprof\/(profile|trace)|$)/.test(path));
  const methods = (['get', 'head', 'options'] as const).filter((verb) => wants(rule, verb));
  return harmless.flatMap((path) => methods.map((verb) => ({ method: verb.toUpperCase(), path: encodePath(path) })));
}

function wants(rule: Rule, verb: string): boolean {
  return rule.verbs.length === 0 || rule.verbs.includes(verb);
}

interface Target {
  group: string;
  resource: string;
  subresource: string;
  /** The rule allows these names only; empty: any. */
  names: readonly string[];
}

function resourceAttempts(rule: Rule, name: string): Attempt[] {
  const targets = rule.resources.length === 0 ? ANY_TARGETS : rule.resources.flatMap(targetsOf);
  const places = rule.namespaces.length > 0 ? rule.namespaces : ['default', ''];
  return targets.flatMap((target) => places.flatMap((place) => objectAttempts(rule, target, place, name)));
}

const ANY_TARGETS: readonly Target[] = [
  { group: '', resource: 'configmaps', subresource: '', names: [] },
  { group: '', resource: 'nodes', subresource: '', names: [] },
  { group: '', resource: 'pods', subresource: 'log', names: [] },
  { group: 'apps', resource: 'deployments', subresource: '', names: [] },
];

function targetsOf(entry: GroupResources): Target[] {
  const names = entry.resourceNames;
  const group = entry.group === '*' ? '' : entry.group;
  const resources = entry.resources.length === 0 ? ['*'] : entry.resources;
  return resources.flatMap((text): Target[] => {
    const slash = text.indexOf('/');
    const resource = slash === -1 ? text : text.slice(0, slash);
    const subresource = slash === -1 ? '' : text.slice(slash + 1);
    const plain = resource === '*' ? 'configmaps' : resource;
    if (subresource === '*' || text === '*') {
      return [
        { group, resource: plain, subresource: '', names },
        { group, resource: plain, subresource: 'status', names },
      ];
    }
    return [{ group, resource: plain, subresource, names }];
  });
}

function objectAttempts(rule: Rule, target: Target, place: string, name: string): Attempt[] {
  // A namespace is its own namespace: where the rule names namespaces, those may be real ones.
  const own = isNamespaces(target);
  const real = own && rule.namespaces.length > 0 ? [place] : target.names;
  const verbs = rule.verbs.length > 0 ? rule.verbs : ['get', 'list', 'watch', 'create'];
  if (real.length > 0) {
    return real.flatMap((object) => verbs.flatMap((verb) => readAttempts(verb, target, place, object, true)));
  }
  return verbs.flatMap((verb) => [
    ...readAttempts(verb, target, place, name, false),
    ...writeAttempts(verb, target, place, name),
    // Only where there is nothing to delete: a namespace that does not exist, and only if the rule leaves that free.
    ...(verb === 'deletecollection' && !own && rule.namespaces.length === 0
      ? [{ method: 'DELETE', path: `${collection(target, name)}?dryRun=All&labelSelector=${name}%3D${name}` }]
      : []),
  ]);
}

/** Looking at an object is harmless, but talking through one that exists to what is behind it is not. */
function readAttempts(verb: string, target: Target, place: string, object: string, exists: boolean): Attempt[] {
  const only = `fieldSelector=${encodeURIComponent(`metadata.name=${object}`)}`;
  if (verb === 'list') return [{ method: 'GET', path: `${collection(target, place)}?limit=1&${only}` }];
  if (verb === 'watch') {
    return [{ method: 'GET', path: `${collection(target, place)}?watch=true&timeoutSeconds=1&${only}` }];
  }
  if (verb !== 'get' || (exists && /^(proxy|exec|attach|portforward)$/.test(target.subresource))) return [];
  const query = target.subresource === 'log' ? '?tailLines=1' : '';
  return [{ method: 'GET', path: single(target, place, object) + query }];
}

/** `object` must not exist. */
function writeAttempts(verb: string, target: Target, place: string, object: string): Attempt[] {
  const one = `${single(target, place, object)}?dryRun=All`;
  switch (verb) {
    case 'create':
      return [{ method: 'POST', path: target.subresource === '' ? `${collection(target, place)}?dryRun=All` : one }];
    case 'update':
      return [{ method: 'PUT', path: one }];
    case 'patch':
      return [{ method: 'PATCH', path: one, headers: { 'Content-Type': 'application/merge-patch+json' }, body: '{}' }];
    case 'delete':
      return [{ method: 'DELETE', path: one }];
    default:
      return [];
  }
}

function collection(target: Target, namespace: string): string {
  const within = namespace === '' || isNamespaces(target) ? [] : ['namespaces', namespace];
  return encodePath([prefixOf(target), ...within, target.resource].join('/'));
}

function single(target: Target, namespace: string, object: string): string {
  const within = namespace === '' || isNamespaces(target) ? [] : ['namespaces', namespace];
  const below = target.subresource === '' ? [] : [target.subresource];
  return encodePath([prefixOf(target), ...within, target.resource, object, ...below].join('/'));
}

function isNamespaces(target: Target): boolean {
  return target.group === '' && target.resource === 'namespaces';
}

function prefixOf({ group }: Target): string {
  return group === '' ? '/api/v1' : `/apis/${group}/${VERSIONS.get(group) ?? 'v1'}`;
}

/** Groups whose newest stable version is not v1; for any other path the version is free, as the policy never looks at it. */
const VERSIONS: ReadonlyMap<string, string> = new Map(Object.entries({ autoscaling: 'v2' }));

function encodePath(path: string): string {
  return encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23');
}

function whyNot(policy: Policy, identity: Identity): string {
  const logging = policy.rules.filter((rule) => rule.level !== 'None');
  if (logging.length === 0) return 'no rule of the policy logs anything: every rule has level None';
  const ours = logging.filter((rule) => meets(rule, identity));
  if (ours.length === 0) {
    return `every rule that logs is for other users or groups than ${identity.user} (${identity.groups.join(', ')})`;
  }
  const omitted = new Set([...policy.omitStages, ...ours.flatMap((rule) => rule.omitStages)]);
  if (omitted.has('RequestReceived') && omitted.has('ResponseComplete')) {
    return 'the policy omits the stages RequestReceived and ResponseComplete, and no harmless request has another one';
  }
  return `no harmless request by ${identity.user} reaches a rule that logs`;
}
