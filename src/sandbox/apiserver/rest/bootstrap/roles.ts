/**
 * The cluster roles and bindings that every cluster has
 * (kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go), as far as something in the sandbox uses them, and
 * those that kubeadm adds.
 */
import type { Obj } from '../value';

type Rule = Readonly<Record<string, readonly string[]>>;

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const APPS = [
  'daemonsets',
  'deployments',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
  'statefulsets/scale',
];
const RBAC = 'rbac.authorization.k8s.io';

const on = (verbs: readonly string[], group: string, ...resources: string[]): Rule => ({
  apiGroups: [group],
  resources,
  verbs,
});
const urls = (...nonResourceURLs: string[]): Rule => ({ nonResourceURLs, verbs: ['get'] });
const EVENTS: Rule = { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] };

const VIEW: readonly Rule[] = [
  on(
    READ,
    '',
    'configmaps',
    'endpoints',
    'persistentvolumeclaims',
    'persistentvolumeclaims/status',
    'pods',
    'replicationcontrollers',
    'replicationcontrollers/scale',
    'serviceaccounts',
    'services',
    'services/status',
  ),
  on(
    READ,
    '',
    'bindings',
    'events',
    'limitranges',
    'namespaces/status',
    'pods/log',
    'pods/status',
    'replicationcontrollers/status',
    'resourcequotas',
    'resourcequotas/status',
  ),
  on(READ, '', 'namespaces'),
  on(
    READ,
    'apps',
    'controllerrevisions',
    ...APPS,
    'daemonsets/status',
    'deployments/status',
    'replicasets/status',
    'statefulsets/status',
  ),
  on(READ, 'batch', 'cronjobs', 'cronjobs/status', 'jobs', 'jobs/status'),
  on(READ, 'networking.k8s.io', 'ingresses', 'ingresses/status', 'networkpolicies'),
];
const EDIT: readonly Rule[] = [
  on(READ, '', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'),
  on(['impersonate'], '', 'serviceaccounts'),
  on(WRITE, '', 'pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'),
  on(['create'], '', 'pods/eviction'),
  on(
    WRITE,
    '',
    'configmaps',
    'events',
    'persistentvolumeclaims',
    'replicationcontrollers',
    'replicationcontrollers/scale',
    'secrets',
    'serviceaccounts',
    'services',
    'services/proxy',
  ),
  on(['create'], '', 'serviceaccounts/token'),
  on(WRITE, 'apps', ...APPS),
  on(WRITE, 'batch', 'cronjobs', 'jobs'),
  on(WRITE, 'networking.k8s.io', 'ingresses', 'networkpolicies'),
];
const ADMIN: readonly Rule[] = [
  on(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews'),
  on([...WRITE, ...READ], RBAC, 'rolebindings', 'roles'),
];
const NODE: readonly Rule[] = [
  on(['create'], 'authentication.k8s.io', 'tokenreviews'),
  on(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews', 'subjectaccessreviews'),
  on(READ, '', 'services'),
  on(['create', ...READ], '', 'nodes'),
  on(['patch', 'update'], '', 'nodes/status'),
  on(['patch', 'update'], '', 'nodes'),
  on(['create', 'patch', 'update'], '', 'events'),
  on(READ, '', 'pods'),
  on(['create', 'delete'], '', 'pods'),
  on(['patch', 'update'], '', 'pods/status'),
  on(['create'], '', 'pods/eviction'),
  on(READ, '', 'configmaps', 'secrets'),
  on(['get'], '', 'persistentvolumeclaims', 'persistentvolumes'),
  on(['get'], '', 'endpoints'),
  on(['create', 'delete', 'get', 'patch', 'update'], 'coordination.k8s.io', 'leases'),
  on(['create'], '', 'serviceaccounts/token'),
];

interface Role {
  rules: readonly Rule[];
  labels?: Obj;
}

const aggregate = (to: string): Obj => ({ [`${RBAC}/aggregate-to-${to}`]: 'true' });

const ROLES: Readonly<Record<string, Role>> = {
  admin: { rules: [...ADMIN, ...EDIT, ...VIEW] },
  'cluster-admin': {
    rules: [on(['*'], '*', '*'), { nonResourceURLs: ['*'], verbs: ['*'] }],
  },
  edit: { rules: [...EDIT, ...VIEW], labels: aggregate('admin') },
  'system:aggregate-to-admin': { rules: ADMIN, labels: aggregate('admin') },
  'system:aggregate-to-edit': { rules: EDIT, labels: aggregate('edit') },
  'system:aggregate-to-view': { rules: VIEW, labels: aggregate('view') },
  'system:auth-delegator': {
    rules: [
      on(['create'], 'authentication.k8s.io', 'tokenreviews'),
      on(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
    ],
  },
  'system:basic-user': {
    rules: [
      on(['create'], 'authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
      on(['create'], 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  'system:discovery': {
    rules: [
      urls(
        '/api',
        '/api/*',
        '/apis',
        '/apis/*',
        '/healthz',
        '/livez',
        '/openapi',
        '/openapi/*',
        '/readyz',
        '/version',
        '/version/',
      ),
    ],
  },
  'system:kube-controller-manager': {
    rules: [
      EVENTS,
      on(['create', 'get', 'update'], 'coordination.k8s.io', 'leases'),
      on(['create', 'delete', 'get', 'update'], '', 'secrets', 'serviceaccounts'),
      on(['get'], '', 'configmaps', 'namespaces'),
      on(['create'], 'authentication.k8s.io', 'tokenreviews'),
      on(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
      on(['list', 'watch'], '*', '*'),
      on(['create'], '', 'serviceaccounts/token'),
    ],
  },
  'system:kube-dns': { rules: [on(['list', 'watch'], '', 'endpoints', 'services')] },
  'system:kube-scheduler': {
    rules: [
      EVENTS,
      on(['create', 'get', 'list', 'update', 'watch'], 'coordination.k8s.io', 'leases'),
      on(READ, '', 'nodes'),
      on(['delete', ...READ], '', 'pods'),
      on(['create'], '', 'bindings', 'pods/binding'),
      on(['patch', 'update'], '', 'pods/status'),
      on(READ, '', 'namespaces', 'persistentvolumeclaims', 'persistentvolumes', 'replicationcontrollers', 'services'),
      on(READ, 'apps', 'replicasets', 'statefulsets'),
      on(['create'], 'authentication.k8s.io', 'tokenreviews'),
      on(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
    ],
  },
  'system:kubelet-api-admin': {
    rules: [
      on(READ, '', 'nodes'),
      on(['proxy'], '', 'nodes'),
      on(['*'], '', 'nodes/log', 'nodes/metrics', 'nodes/proxy', 'nodes/spec', 'nodes/stats'),
    ],
  },
  'system:monitoring': {
    rules: [
      urls(
        '/healthz',
        '/healthz/*',
        '/livez',
        '/livez/*',
        '/metrics',
        '/metrics/slis',
        '/readyz',
        '/readyz/*',
        '/flagz',
        '/statusz',
      ),
    ],
  },
  'system:node': { rules: NODE },
  'system:node-proxier': {
    rules: [on(['list', 'watch'], '', 'endpoints', 'services'), on(READ, '', 'nodes'), EVENTS],
  },
  'system:public-info-viewer': { rules: [urls('/healthz', '/livez', '/readyz', '/version', '/version/')] },
  'system:service-account-issuer-discovery': {
    rules: [urls('/.well-known/openid-configuration', '/openid/v1/jwks')],
  },
  view: { rules: VIEW, labels: aggregate('edit') },
};

interface Subject {
  kind: 'Group' | 'User' | 'ServiceAccount';
  name: string;
  namespace?: string;
}

const group = (name: string): Subject => ({ kind: 'Group', name });
const user = (name: string): Subject => ({ kind: 'User', name });

const BINDINGS: Readonly<Record<string, readonly Subject[]>> = {
  'cluster-admin': [group('system:masters')],
  'system:basic-user': [group('system:authenticated')],
  'system:discovery': [group('system:authenticated')],
  'system:kube-controller-manager': [user('system:kube-controller-manager')],
  'system:kube-dns': [{ kind: 'ServiceAccount', name: 'kube-dns', namespace: 'kube-system' }],
  'system:kube-scheduler': [user('system:kube-scheduler')],
  'system:monitoring': [group('system:monitoring')],
  'system:node': [],
  'system:node-proxier': [user('system:kube-proxy')],
  'system:public-info-viewer': [group('system:authenticated'), group('system:unauthenticated')],
  'system:service-account-issuer-discovery': [group('system:serviceaccounts')],
};

const AUTOUPDATE = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };
const BOOTSTRAPPING = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

export function clusterRoles(): Obj[] {
  return Object.entries(ROLES).map(([name, { rules, labels }]) => ({
    metadata: { name, annotations: AUTOUPDATE, labels: { ...BOOTSTRAPPING, ...labels } },
    rules,
  }));
}

/** @param withAdmins kubeadm's group for admin.conf, which it has had since 1.29. */
export function clusterRoleBindings(withAdmins: boolean): Obj[] {
  const own = Object.entries(BINDINGS).map(([name, subjects]) => ({
    metadata: { name, annotations: AUTOUPDATE, labels: BOOTSTRAPPING },
    roleRef: roleRef(name),
    ...(subjects.length > 0 ? { subjects } : {}),
  }));
  if (!withAdmins) return own;
  const name = 'kubeadm:cluster-admins';
  return [...own, { metadata: { name }, roleRef: roleRef('cluster-admin'), subjects: [group(name)] }];
}

function roleRef(name: string): Obj {
  return { apiGroup: RBAC, kind: 'ClusterRole', name };
}
