/** The core group's kinds but pods: a row each. */
import type { FieldErrors } from '../status';
import { formatLabels } from '../selectors';
import { arr, at, isObj, num, obj, objs, same, str, type KubeObject, type Obj } from '../value';
import { AGE, NAME, NONE, accessModes, numberColumn, since, templateColumns, textColumn } from './columns';
import { CREATE_ONLY, kindRow, type Kind } from './kind';
import { PODS } from './pods';
import { SERVICES } from './services';
import { validateData } from './validate';
import { defaultPodSpec } from './pod-defaults';

const core = { group: '', version: 'v1' };

export const CORE_KINDS: readonly Kind[] = [
  kindRow({
    ...core,
    resource: 'bindings',
    kind: 'Binding',
    verbs: CREATE_ONLY,
    columns: [NAME, AGE],
  }),
  kindRow({
    ...core,
    resource: 'configmaps',
    kind: 'ConfigMap',
    shortNames: ['cm'],
    columns: [
      NAME,
      {
        name: 'Data',
        description: 'How many keys it holds.',
        cell: ({ data, binaryData }) => String(Object.keys(obj(data)).length + Object.keys(obj(binaryData)).length),
      },
      AGE,
    ],
    validate(object, errors, before) {
      const { data, binaryData } = object;
      validateData(
        [
          { field: 'data', map: data, base64: false },
          { field: 'binaryData', map: binaryData, base64: true },
        ],
        '[]',
        errors,
      );
      validateImmutable(object, before, ['data', 'binaryData'], errors);
    },
  }),
  kindRow({
    ...core,
    resource: 'endpoints',
    kind: 'Endpoints',
    singular: 'endpoints',
    shortNames: ['ep'],
    columns: [
      NAME,
      { name: 'Endpoints', description: 'Addresses and ports.', cell: (object) => endpointsText(object) },
      AGE,
    ],
    defaults(object) {
      for (const subset of objs(object.subsets)) for (const port of objs(subset.ports)) port.protocol ??= 'TCP';
    },
  }),
  kindRow({
    ...core,
    resource: 'events',
    kind: 'Event',
    shortNames: ['ev'],
    fields: {
      ...Object.fromEntries(
        ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((field) => [
          `involvedObject.${field}`,
          (event: Obj) => str(at(event, 'involvedObject', field)),
        ]),
      ),
      reason: ({ reason }) => str(reason),
      reportingComponent: ({ reportingComponent }) => str(reportingComponent),
      source: (event) => str(at(event, 'source', 'component')) || str(event.reportingComponent),
      type: ({ type }) => str(type),
    },
    columns: [
      {
        name: 'Last Seen',
        description: 'How long ago it happened last.',
        cell: (event, now) => since(lastSeen(event), now),
      },
      textColumn('Type', 'Normal or Warning.', ['type']),
      textColumn('Reason', 'Why it happened, in a word.', ['reason']),
      {
        name: 'Object',
        description: 'What it is about.',
        cell: ({ involvedObject }) => {
          return `${str(at(involvedObject, 'kind')).toLowerCase()}/${str(at(involvedObject, 'name'))}`;
        },
      },
      {
        name: 'Subobject',
        priority: 1,
        description: 'The part of it.',
        cell: (event) => str(at(event, 'involvedObject', 'fieldPath')),
      },
      {
        name: 'Source',
        priority: 1,
        description: 'Who says so.',
        cell: ({ source, reportingComponent }) =>
          [str(at(source, 'component')) || str(reportingComponent), str(at(source, 'host'))].filter(Boolean).join(', '),
      },
      { name: 'Message', description: 'What happened.', cell: ({ message }) => str(message).trim() },
      {
        name: 'First Seen',
        priority: 1,
        description: 'How long ago it happened first.',
        cell: (event, now) => since(event.firstTimestamp ?? event.eventTime, now),
      },
      {
        name: 'Count',
        priority: 1,
        description: 'How often it happened.',
        cell: ({ series, count }) => String(num(at(series, 'count')) || num(count) || 1),
      },
      { ...NAME, priority: 1 },
    ],
    validate(event, errors) {
      const involved = str(at(event, 'involvedObject', 'namespace'));
      const { namespace } = event.metadata;
      if (involved === '' ? namespace !== 'default' && namespace !== 'kube-system' : involved !== namespace) {
        errors.invalid('involvedObject.namespace', involved, 'does not match event.namespace');
      }
    },
  }),
  kindRow({
    ...core,
    resource: 'limitranges',
    kind: 'LimitRange',
    shortNames: ['limits'],
    columns: [
      NAME,
      {
        name: 'Created At',
        description: 'When it was made.',
        cell: (object) => str(at(object, 'metadata', 'creationTimestamp')),
      },
    ],
  }),
  kindRow({
    ...core,
    resource: 'namespaces',
    kind: 'Namespace',
    shortNames: ['ns'],
    namespaced: false,
    names: 'label',
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    status: true,
    more: { finalize: { kind: 'Namespace', verbs: ['update'] } },
    fields: { 'status.phase': (object) => str(at(object, 'status', 'phase')) },
    columns: [NAME, textColumn('Status', 'Active or Terminating.', ['status', 'phase']), AGE],
    prepare(object, before) {
      object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
      object.spec = before === undefined ? { finalizers: ['kubernetes'] } : before.spec;
      if (before === undefined) object.status = { phase: 'Active' };
    },
  }),
  kindRow({
    ...core,
    resource: 'nodes',
    kind: 'Node',
    shortNames: ['no'],
    namespaced: false,
    status: true,
    more: { proxy: { kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] } },
    fields: { 'spec.unschedulable': (node) => String(at(node, 'spec', 'unschedulable') === true) },
    columns: nodeColumns(),
    defaults(node) {
      node.spec = obj(node.spec);
      node.status = obj(node.status);
    },
  }),
  kindRow({
    ...core,
    resource: 'persistentvolumeclaims',
    kind: 'PersistentVolumeClaim',
    shortNames: ['pvc'],
    status: true,
    columns: [
      NAME,
      { name: 'Status', description: 'Its phase.', cell: (object) => phase(object) },
      textOrEmpty('Volume', 'The volume it is bound to.', ['spec', 'volumeName']),
      textOrEmpty('Capacity', 'The size of the volume.', ['status', 'capacity', 'storage']),
      {
        name: 'Access Modes',
        description: 'How it may be mounted.',
        cell: (object) => accessModes(at(object, 'status', 'accessModes')),
      },
      textOrEmpty('StorageClass', 'The class it asks for.', ['spec', 'storageClassName']),
      AGE,
      textColumn('VolumeMode', 'File system or block device.', ['spec', 'volumeMode'], true),
    ],
    defaults(object) {
      object.spec = { volumeMode: 'Filesystem', ...obj(object.spec) };
    },
    prepare(object, before) {
      if (before === undefined) object.status = { phase: 'Pending' };
    },
    validate({ spec }, errors) {
      if (arr(at(spec, 'accessModes')).length === 0)
        errors.required('spec.accessModes', 'at least 1 access mode is required');
      if (at(spec, 'resources', 'requests', 'storage') === undefined) errors.required('spec.resources[storage]');
    },
  }),
  kindRow({
    ...core,
    resource: 'persistentvolumes',
    kind: 'PersistentVolume',
    shortNames: ['pv'],
    namespaced: false,
    status: true,
    columns: [
      NAME,
      textOrEmpty('Capacity', 'Its size.', ['spec', 'capacity', 'storage']),
      {
        name: 'Access Modes',
        description: 'How it may be mounted.',
        cell: (object) => accessModes(at(object, 'spec', 'accessModes')),
      },
      textOrEmpty('Reclaim Policy', 'What becomes of it.', ['spec', 'persistentVolumeReclaimPolicy']),
      { name: 'Status', description: 'Its phase.', cell: (object) => phase(object) },
      {
        name: 'Claim',
        description: 'Who has it.',
        cell: (object) => {
          const claim = at(object, 'spec', 'claimRef');
          return isObj(claim) ? `${str(claim.namespace)}/${str(claim.name)}` : '';
        },
      },
      textOrEmpty('StorageClass', 'Its class.', ['spec', 'storageClassName']),
      textOrEmpty('Reason', 'Why it is in its phase.', ['status', 'reason']),
      AGE,
      textColumn('VolumeMode', 'File system or block device.', ['spec', 'volumeMode'], true),
    ],
    defaults(object) {
      object.spec = { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', ...obj(object.spec) };
    },
    prepare(object, before) {
      if (before === undefined) object.status = { phase: 'Pending' };
    },
    validate({ spec }, errors) {
      if (arr(at(spec, 'accessModes')).length === 0) errors.required('spec.accessModes');
      if (Object.keys(obj(at(spec, 'capacity'))).length === 0) errors.required('spec.capacity');
    },
  }),
  PODS,
  kindRow({
    ...core,
    resource: 'replicationcontrollers',
    kind: 'ReplicationController',
    shortNames: ['rc'],
    categories: ['all'],
    status: true,
    scale: true,
    generation: true,
    columns: [
      NAME,
      numberColumn('Desired', 'How many pods are wanted.', ['spec', 'replicas']),
      numberColumn('Current', 'How many pods there are.', ['status', 'replicas']),
      numberColumn('Ready', 'How many pods are ready.', ['status', 'readyReplicas']),
      AGE,
      ...templateColumns(['spec', 'template']),
      {
        name: 'Selector',
        priority: 1,
        description: 'Which pods belong to it.',
        cell: (object) => formatLabels(at(object, 'spec', 'selector')),
      },
    ],
    defaults(object) {
      const spec = (object.spec = obj(object.spec));
      spec.replicas ??= 1;
      spec.selector ??= at(spec, 'template', 'metadata', 'labels');
      const template = at(spec, 'template', 'spec');
      if (isObj(template)) defaultPodSpec(template);
    },
  }),
  kindRow({
    ...core,
    resource: 'resourcequotas',
    kind: 'ResourceQuota',
    shortNames: ['quota'],
    status: true,
    columns: [NAME, quotaColumn('Request', /^(?!limits\.)/), quotaColumn('Limit', /^limits\./), AGE],
  }),
  kindRow({
    ...core,
    resource: 'secrets',
    kind: 'Secret',
    fields: { type: ({ type }) => str(type) },
    columns: [
      NAME,
      textColumn('Type', 'What kind of secret it is.', ['type']),
      {
        name: 'Data',
        description: 'How many keys it holds.',
        cell: ({ data }) => String(Object.keys(obj(data)).length),
      },
      AGE,
    ],
    defaults(secret) {
      secret.type ??= 'Opaque';
      if (!isObj(secret.stringData)) return;
      const data = Object.entries(secret.stringData).map(([key, value]) => [
        key,
        Buffer.from(str(value)).toString('base64'),
      ]);
      secret.data = { ...obj(secret.data), ...(Object.fromEntries(data) as Obj) };
      delete secret.stringData;
    },
    validate: validateSecret,
  }),
  kindRow({
    ...core,
    resource: 'serviceaccounts',
    kind: 'ServiceAccount',
    shortNames: ['sa'],
    more: {
      token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: CREATE_ONLY },
    },
    columns: [
      NAME,
      {
        name: 'Secrets',
        description: 'How many secrets it may use.',
        cell: ({ secrets }) => String(arr(secrets).length),
      },
      AGE,
    ],
  }),
  SERVICES,
];

function textOrEmpty(name: string, description: string, path: readonly string[]): Kind['columns'][number] {
  return { name, description, cell: (object) => str(at(object, ...path)) };
}

function phase(object: Obj): string {
  return at(object, 'metadata', 'deletionTimestamp') === undefined ? str(at(object, 'status', 'phase')) : 'Terminating';
}

function lastSeen(event: Obj): unknown {
  return at(event, 'series', 'lastObservedTime') ?? event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp;
}

function endpointsText(object: Obj): string {
  const all = objs(object.subsets).flatMap((subset) => {
    const ports = objs(subset.ports);
    return objs(subset.addresses).flatMap(({ ip }) =>
      ports.length === 0 ? [str(ip)] : ports.map(({ port }) => `${str(ip)}:${num(port)}`),
    );
  });
  if (all.length === 0) return NONE;
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

function quotaColumn(name: string, names: RegExp): Kind['columns'][number] {
  return {
    name,
    description: 'What is used of what may be.',
    cell: (object) => {
      const hard = Object.entries(obj(at(object, 'status', 'hard') ?? at(object, 'spec', 'hard')));
      const used = obj(at(object, 'status', 'used'));
      return hard
        .filter(([key]) => names.test(key))
        .map(([key, value]) => `${key}: ${text(used[key] ?? 0)}/${text(value)}`)
        .sort()
        .join(', ');
    },
  };
}

/** A quantity, which may be a number or a string. */
function text(value: unknown): string {
  return typeof value === 'number' ? String(value) : str(value);
}

function validateSecret(secret: KubeObject, errors: FieldErrors, before: KubeObject | undefined): void {
  validateData([{ field: 'data', map: secret.data, base64: true }], 'data', errors);
  const data = obj(secret.data);
  for (const key of REQUIRED_KEYS[str(secret.type)] ?? []) if (!(key in data)) errors.required(`data[${key}]`);
  if (secret.type === 'kubernetes.io/service-account-token') {
    const name = secret.metadata.annotations?.['kubernetes.io/service-account.name'] ?? '';
    if (name === '') errors.required('metadata.annotations[kubernetes.io/service-account.name]');
  }
  if (before !== undefined && secret.type !== before.type) errors.invalid('type', secret.type, 'field is immutable');
  validateImmutable(secret, before, ['data'], errors);
}

const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function validateImmutable(
  object: KubeObject,
  before: KubeObject | undefined,
  fields: readonly string[],
  errors: FieldErrors,
): void {
  if (before?.immutable !== true) return;
  const text = 'field is immutable when `immutable` is set';
  if (object.immutable !== true) errors.forbidden('immutable', text);
  for (const field of fields) if (!same(object[field] ?? {}, before[field] ?? {})) errors.forbidden(field, text);
}

function nodeColumns(): Kind['columns'] {
  const info = (name: string, description: string, field: string): Kind['columns'][number] => ({
    name,
    description,
    priority: 1,
    cell: (node) => str(at(node, 'status', 'nodeInfo', field)) || '<unknown>',
  });
  const address = (name: string, type: string): Kind['columns'][number] => ({
    name,
    description: 'An address of the node.',
    priority: 1,
    cell: (node) => str(objs(at(node, 'status', 'addresses')).find((one) => one.type === type)?.address) || NONE,
  });
  return [
    NAME,
    { name: 'Status', description: 'Whether pods can run there.', cell: nodeStatus },
    { name: 'Roles', description: 'What it is for.', cell: nodeRoles },
    AGE,
    {
      name: 'Version',
      description: "Its kubelet's version.",
      cell: (node) => str(at(node, 'status', 'nodeInfo', 'kubeletVersion')),
    },
    address('Internal-IP', 'InternalIP'),
    address('External-IP', 'ExternalIP'),
    info('OS-Image', 'Its operating system.', 'osImage'),
    info('Kernel-Version', 'Its kernel.', 'kernelVersion'),
    info('Container-Runtime', 'What runs its containers.', 'containerRuntimeVersion'),
  ];
}

function nodeStatus(node: Obj): string {
  const ready = objs(at(node, 'status', 'conditions')).find(({ type }) => type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (at(node, 'spec', 'unschedulable') === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function nodeRoles(node: Obj): string {
  const roles = Object.entries(obj(at(node, 'metadata', 'labels'))).flatMap(([key, value]) => {
    if (key.startsWith('node-role.kubernetes.io/')) return [key.slice('node-role.kubernetes.io/'.length)];
    return key === 'kubernetes.io/role' ? [str(value)] : [];
  });
  return roles.filter(Boolean).sort().join(',') || NONE;
}
