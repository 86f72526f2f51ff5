/** RBAC, leases, events of the newer group, networking, and the kinds that are only asked: a row each. */
import type { FieldErrors } from '../status';
import { formatSelector } from '../selectors';
import { arr, at, num, obj, objs, same, str, type KubeObject, type Obj } from '../value';
import { AGE, NAME, NONE, textColumn } from './columns';
import { CREATE_ONLY, kindRow, type Column, type Kind } from './kind';

const RBAC = 'rbac.authorization.k8s.io';
const rbac = { group: RBAC, version: 'v1', names: 'path-segment' } as const;
const networking = { group: 'networking.k8s.io', version: 'v1' };
const authorization = { group: 'authorization.k8s.io', version: 'v1', verbs: CREATE_ONLY, columns: [] };
const authentication = { group: 'authentication.k8s.io', version: 'v1', verbs: CREATE_ONLY, columns: [] };
const CREATED_AT: Column = {
  name: 'Created At',
  description: 'When it was made.',
  cell: (object) => str(at(object, 'metadata', 'creationTimestamp')),
};

export const OTHER_KINDS: readonly Kind[] = [
  kindRow({
    ...rbac,
    resource: 'clusterrolebindings',
    kind: 'ClusterRoleBinding',
    namespaced: false,
    columns: bindingColumns(),
    defaults: defaultBinding,
    validate: validateBinding,
  }),
  kindRow({
    ...rbac,
    resource: 'clusterroles',
    kind: 'ClusterRole',
    namespaced: false,
    columns: [NAME, CREATED_AT],
    defaults: defaultRole,
    validate: validateRole,
  }),
  kindRow({
    ...rbac,
    resource: 'rolebindings',
    kind: 'RoleBinding',
    columns: bindingColumns(),
    defaults: defaultBinding,
    validate: validateBinding,
  }),
  kindRow({
    ...rbac,
    resource: 'roles',
    kind: 'Role',
    columns: [NAME, CREATED_AT],
    defaults: defaultRole,
    validate: validateRole,
  }),
  kindRow({
    group: 'coordination.k8s.io',
    version: 'v1',
    resource: 'leases',
    kind: 'Lease',
    columns: [
      NAME,
      { name: 'Holder', description: 'Who has it.', cell: (object) => str(at(object, 'spec', 'holderIdentity')) },
      AGE,
    ],
  }),
  kindRow({
    group: 'events.k8s.io',
    version: 'v1',
    resource: 'events',
    kind: 'Event',
    shortNames: ['ev'],
    columns: [
      NAME,
      textColumn('Type', 'Normal or Warning.', ['type']),
      textColumn('Reason', 'Why it happened, in a word.', ['reason']),
      {
        name: 'Object',
        description: 'What it is about.',
        cell: ({ regarding }) => `${str(at(regarding, 'kind')).toLowerCase()}/${str(at(regarding, 'name'))}`,
      },
      { name: 'Message', description: 'What happened.', cell: ({ note }) => str(note) },
      AGE,
    ],
    view: { group: '', resource: 'events', show: showEvent, store: storeEvent },
  }),
  kindRow({
    ...networking,
    resource: 'ingressclasses',
    kind: 'IngressClass',
    namespaced: false,
    columns: [
      NAME,
      textColumn('Controller', 'Who looks after it.', ['spec', 'controller']),
      textColumn('Parameters', 'What else it needs.', ['spec', 'parameters', 'name']),
      AGE,
    ],
  }),
  kindRow({
    ...networking,
    resource: 'ingresses',
    kind: 'Ingress',
    singular: 'ingress',
    shortNames: ['ing'],
    status: true,
    generation: true,
    columns: [
      NAME,
      textColumn('Class', 'Which controller looks after it.', ['spec', 'ingressClassName']),
      { name: 'Hosts', description: 'For which hosts.', cell: ingressHosts },
      {
        name: 'Address',
        description: 'Where it is reached.',
        cell: (object) =>
          objs(at(object, 'status', 'loadBalancer', 'ingress'))
            .map(({ ip, hostname }) => str(ip) || str(hostname))
            .join(','),
      },
      {
        name: 'Ports',
        description: 'On which ports.',
        cell: ({ spec }) => (arr(at(spec, 'tls')).length > 0 ? '80, 443' : '80'),
      },
      AGE,
    ],
    defaults(object) {
      object.status = { loadBalancer: {}, ...obj(object.status) };
    },
    validate({ spec }, errors) {
      if (arr(at(spec, 'rules')).length === 0 && at(spec, 'defaultBackend') === undefined) {
        errors.wrong('spec', '', 'either `defaultBackend` or `rules` must be specified');
      }
      for (const [index, rule] of objs(at(spec, 'rules')).entries()) {
        for (const [number, path] of objs(at(rule, 'http', 'paths')).entries()) {
          const field = `spec.rules[${index}].http.paths[${number}].pathType`;
          if (path.pathType === undefined) errors.required(field, 'pathType must be specified');
        }
      }
    },
  }),
  kindRow({
    ...networking,
    resource: 'networkpolicies',
    kind: 'NetworkPolicy',
    singular: 'networkpolicy',
    shortNames: ['netpol'],
    generation: true,
    columns: [
      NAME,
      {
        name: 'Pod-Selector',
        description: 'Which pods it is for.',
        cell: ({ spec }) => formatSelector(at(spec, 'podSelector')),
      },
      AGE,
    ],
    defaults(object) {
      const spec = (object.spec = obj(object.spec));
      for (const rule of [...objs(spec.ingress), ...objs(spec.egress)]) {
        for (const port of objs(rule.ports)) port.protocol ??= 'TCP';
      }
      spec.policyTypes ??= arr(spec.egress).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    },
  }),
  kindRow({ ...authentication, resource: 'selfsubjectreviews', kind: 'SelfSubjectReview', namespaced: false }),
  kindRow({ ...authentication, resource: 'tokenreviews', kind: 'TokenReview', namespaced: false }),
  kindRow({ ...authorization, resource: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview' }),
  kindRow({
    ...authorization,
    resource: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    namespaced: false,
  }),
  kindRow({ ...authorization, resource: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview', namespaced: false }),
  kindRow({ ...authorization, resource: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespaced: false }),
];

function bindingColumns(): Column[] {
  const subjects = (name: string, kind: string): Column => ({
    name,
    priority: 1,
    description: 'Who has the role.',
    cell: (binding) =>
      objs(binding.subjects)
        .filter((subject) => subject.kind === kind)
        .map((one) => (kind === 'ServiceAccount' ? `${str(one.namespace)}/${str(one.name)}` : str(one.name)))
        .join(', '),
  });
  return [
    NAME,
    {
      name: 'Role',
      description: 'Which role is given.',
      cell: ({ roleRef }) => `${str(at(roleRef, 'kind'))}/${str(at(roleRef, 'name'))}`,
    },
    AGE,
    subjects('Users', 'User'),
    subjects('Groups', 'Group'),
    subjects('ServiceAccounts', 'ServiceAccount'),
  ];
}

function defaultRole(role: Obj): void {
  role.rules ??= null;
}

function defaultBinding(binding: Obj): void {
  const role = obj(binding.roleRef);
  if (str(role.apiGroup) === '') role.apiGroup = RBAC;
  binding.roleRef = role;
  for (const subject of objs(binding.subjects)) {
    if (subject.kind !== 'ServiceAccount') subject.apiGroup ??= RBAC;
    else if (str(subject.namespace) === '' && at(binding, 'metadata', 'namespace') !== undefined) {
      subject.namespace = at(binding, 'metadata', 'namespace');
    }
  }
}

function validateRole(role: KubeObject, errors: FieldErrors): void {
  for (const [index, rule] of objs(role.rules).entries()) {
    const field = `rules[${index}]`;
    if (arr(rule.verbs).length === 0) errors.required(`${field}.verbs`, 'verbs must contain at least one value');
    if (arr(rule.nonResourceURLs).length > 0) {
      if (role.kind === 'Role') {
        errors.wrong(
          `${field}.nonResourceURLs`,
          rule.nonResourceURLs,
          'namespaced rules cannot apply to non-resource URLs',
        );
      }
      if (arr(rule.apiGroups).length + arr(rule.resources).length + arr(rule.resourceNames).length > 0) {
        errors.wrong(
          `${field}.nonResourceURLs`,
          rule.nonResourceURLs,
          'rules cannot apply to both regular resources and non-resource URLs',
        );
      }
      continue;
    }
    if (arr(rule.apiGroups).length === 0) {
      errors.required(`${field}.apiGroups`, 'resource rules must supply at least one api group');
    }
    if (arr(rule.resources).length === 0) {
      errors.required(`${field}.resources`, 'resource rules must supply at least one resource');
    }
  }
}

function validateBinding(binding: KubeObject, errors: FieldErrors, before: KubeObject | undefined): void {
  const role = obj(binding.roleRef);
  const roles = binding.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (role.apiGroup !== RBAC) errors.unsupported('roleRef.apiGroup', role.apiGroup, [RBAC]);
  if (!roles.includes(str(role.kind))) errors.unsupported('roleRef.kind', str(role.kind), roles);
  if (str(role.name) === '') errors.required('roleRef.name');
  for (const [index, subject] of objs(binding.subjects).entries()) {
    const field = `subjects[${index}]`;
    if (str(subject.name) === '') errors.required(`${field}.name`);
    if (!['User', 'Group', 'ServiceAccount'].includes(str(subject.kind))) {
      errors.unsupported(`${field}.kind`, str(subject.kind), ['ServiceAccount', 'User', 'Group']);
    } else if (subject.kind === 'ServiceAccount' && str(subject.namespace) === '')
      errors.required(`${field}.namespace`);
  }
  if (before !== undefined && !same(before.roleRef, binding.roleRef)) {
    const { apiGroup, kind, name } = role;
    const shown = { APIGroup: apiGroup, Kind: kind, Name: name };
    errors.wrong('roleRef', shown, 'cannot change roleRef');
  }
}

function ingressHosts(object: Obj): string {
  const hosts = objs(at(object, 'spec', 'rules')).map(({ host }) => str(host) || '*');
  if (hosts.length === 0) return '*';
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',') || NONE;
}

/** The same events, as the two groups name their fields. */
function showEvent(stored: KubeObject): KubeObject {
  const { involvedObject, message, source, firstTimestamp, lastTimestamp, count, reportingComponent, ...rest } = stored;
  return {
    ...rest,
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    regarding: involvedObject,
    note: message,
    reportingController: reportingComponent,
    ...(source === undefined ? {} : { deprecatedSource: source }),
    ...(firstTimestamp === undefined ? {} : { deprecatedFirstTimestamp: firstTimestamp }),
    ...(lastTimestamp === undefined ? {} : { deprecatedLastTimestamp: lastTimestamp }),
    ...(num(count) === 0 ? {} : { deprecatedCount: count }),
  };
}

function storeEvent(shown: Obj): Obj {
  const { regarding, note, reportingController, ...rest } = shown;
  const { deprecatedSource, deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedCount, ...event } = rest;
  return {
    ...event,
    apiVersion: 'v1',
    kind: 'Event',
    involvedObject: regarding ?? {},
    message: note,
    reportingComponent: reportingController,
    source: deprecatedSource ?? {},
    firstTimestamp: deprecatedFirstTimestamp ?? null,
    lastTimestamp: deprecatedLastTimestamp ?? null,
    ...(deprecatedCount === undefined ? {} : { count: deprecatedCount }),
  };
}
