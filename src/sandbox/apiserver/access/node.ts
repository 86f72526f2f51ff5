/**
 * What a kubelet may do (plugin/pkg/auth/authorizer/node), made simple: instead of the graph of what refers to what, a
 * node reads secrets and config maps by name in the namespaces in which it runs pods.
 */
import type { RequestInfo } from '../../../core/policy/request';
import type { Decision, RestApi, User } from '../contract';
import { ruleAllows, type Rule } from './rbac';

const PREFIX = 'system:node:';

/** undefined: not a node. */
export function authorizeNode(objects: RestApi['objects'], user: User, info: RequestInfo): Decision | undefined {
  if (!user.name.startsWith(PREFIX) || !user.groups.includes('system:nodes')) return undefined;
  const node = user.name.slice(PREFIX.length);
  const special = info.isResourceRequest ? subdivided(objects, node, info) : undefined;
  if (special !== undefined) return special;
  return { allowed: RULES.some((rule) => ruleAllows(rule, info)), reason: '' };
}

type ResourceInfo = Extract<RequestInfo, { isResourceRequest: true }>;

function subdivided(objects: RestApi['objects'], node: string, info: ResourceInfo): Decision | undefined {
  const { apiGroup, resource, verb, name, namespace, subresource } = info;
  const no = (reason: string): Decision => ({ allowed: false, reason });
  const key = apiGroup === '' ? resource : `${resource}.${apiGroup}`;
  switch (key) {
    case 'secrets':
    case 'configmaps':
      if (!['get', 'list', 'watch'].includes(verb)) return no('can only read resources of this type');
      if (name === '') return no('No Object name found');
      return related(objects, node, namespace);
    case 'serviceaccounts':
      if (verb !== 'create' || subresource !== 'token')
        return no('can only create tokens for individual service accounts');
      return related(objects, node, namespace);
    case 'leases.coordination.k8s.io':
      if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
        return no('can only get, create, update, patch, or delete a node lease');
      }
      if (namespace !== 'kube-node-lease') {
        return no('can only access leases in the "kube-node-lease" system namespace');
      }
      if (verb !== 'create' && name !== node)
        return no('can only access node lease with the same name as the requesting node');
      return { allowed: true, reason: '' };
    default:
      return undefined;
  }
}

function related(objects: RestApi['objects'], node: string, namespace: string): Decision {
  const pods = objects('', 'pods') as unknown as readonly {
    metadata: { namespace?: string };
    spec?: { nodeName?: string };
  }[];
  const allowed = pods.some(({ metadata, spec }) => metadata.namespace === namespace && spec?.nodeName === node);
  return { allowed, reason: allowed ? '' : `no relationship found between node '${node}' and this object` };
}

const READ = ['get', 'list', 'watch'];
const core = (verbs: readonly string[], ...resources: string[]): Rule => ({ verbs, apiGroups: [''], resources });
const group = (apiGroup: string, verbs: readonly string[], ...resources: string[]): Rule => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
});

const RULES: readonly Rule[] = [
  group('authentication.k8s.io', ['create'], 'tokenreviews'),
  group('authorization.k8s.io', ['create'], 'subjectaccessreviews', 'localsubjectaccessreviews'),
  core(READ, 'services', 'pods'),
  core(['create', 'update', 'patch', ...READ], 'nodes'),
  core(['update', 'patch'], 'nodes/status', 'pods/status'),
  core(['create', 'update', 'patch'], 'events'),
  group('events.k8s.io', ['create', 'update', 'patch'], 'events'),
  core(['create', 'delete'], 'pods'),
  core(['create'], 'pods/eviction'),
  core(['get'], 'persistentvolumeclaims', 'persistentvolumes', 'endpoints'),
  group('certificates.k8s.io', ['create', ...READ], 'certificatesigningrequests'),
  group('storage.k8s.io', ['get', 'create', 'update', 'patch', 'delete'], 'csinodes'),
  group('storage.k8s.io', READ, 'csidrivers'),
  group('storage.k8s.io', ['get'], 'volumeattachments'),
  group('node.k8s.io', READ, 'runtimeclasses'),
];
