/** Nodes: their row. */
import { at, obj, objs, str, type Obj } from '../value';
import { AGE, NAME, NONE } from './columns';
import { kindRow, type Kind } from './kind';

const core = { group: '', version: 'v1' };

export const NODES = kindRow({
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
});

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
