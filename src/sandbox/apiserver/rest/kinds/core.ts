/** The core group's kinds, as far as they have no file of their own: a row each. */
import { formatLabels } from '../selectors';
import { arr, at, isObj, num, obj, objs, str, type Obj } from '../value';
import { AGE, NAME, NONE, numberColumn, since, templateColumns, textColumn } from './columns';
import { CREATE_ONLY, kindRow, type Kind } from './kind';
import { CONFIGMAPS, SECRETS } from './data';
import { NODES } from './nodes';
import { VOLUME_KINDS } from './volumes';
import { PODS } from './pods';
import { SERVICES } from './services';
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
  CONFIGMAPS,
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
        errors.wrong('involvedObject.namespace', involved, 'does not match event.namespace');
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
  NODES,
  ...VOLUME_KINDS,
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
  SECRETS,
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
