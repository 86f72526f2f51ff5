/** Services: their row, and the addresses they are given. */
import type { FieldErrors } from '../status';
import { formatLabels } from '../selectors';
import { arr, at, num, obj, objs, str, type KubeObject, type Obj } from '../value';
import { AGE, NAME, NONE, textColumn } from './columns';
import { kindRow, type Surroundings } from './kind';
import { PORT_TEXT, isPort } from './validate';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const NODE_PORTS = { first: 30_000, count: 2_768 };

export const SERVICES = kindRow({
  group: '',
  version: 'v1',
  resource: 'services',
  kind: 'Service',
  shortNames: ['svc'],
  categories: ['all'],
  names: 'label-1035',
  status: true,
  more: { proxy: { kind: 'ServiceProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] } },
  fields: {
    'spec.clusterIP': (service) => str(at(service, 'spec', 'clusterIP')),
    'spec.type': (service) => str(at(service, 'spec', 'type')),
  },
  columns: [
    NAME,
    textColumn('Type', 'How it is reached.', ['spec', 'type']),
    textColumn('Cluster-IP', 'Its address within the cluster.', ['spec', 'clusterIP']),
    { name: 'External-IP', description: 'Its addresses outside.', cell: externalAddresses },
    { name: 'Port(s)', description: 'Its ports.', cell: ({ spec }) => portsText(at(spec, 'ports')) },
    AGE,
    {
      name: 'Selector',
      priority: 1,
      description: 'Which pods answer.',
      cell: (service) => formatLabels(at(service, 'spec', 'selector')),
    },
  ],
  defaults(service) {
    const spec = (service.spec = obj(service.spec));
    spec.type ??= 'ClusterIP';
    spec.sessionAffinity ??= 'None';
    if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
    for (const port of objs(spec.ports)) {
      port.protocol ??= 'TCP';
      port.targetPort ??= port.port;
    }
    service.status = { loadBalancer: {}, ...obj(service.status) };
  },
  prepare: giveAddresses,
  validate: validateService,
});

function giveAddresses(service: KubeObject, before: KubeObject | undefined, around: Surroundings): void {
  const spec = obj(service.spec);
  const known = obj(before?.spec);
  if (spec.type === 'ExternalName') return;
  const others = around.objects('', 'services');
  if (str(spec.clusterIP) === '') {
    const taken = new Set(others.map((other) => str(at(other, 'spec', 'clusterIP'))));
    spec.clusterIP = str(known.clusterIP) || freeAddress(taken, around);
  }
  spec.clusterIPs = [spec.clusterIP];
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  if (spec.type === 'ClusterIP') {
    for (const port of objs(spec.ports)) delete port.nodePort;
    return;
  }
  const taken = new Set(others.flatMap((other) => objs(at(other, 'spec', 'ports')).map(({ nodePort }) => nodePort)));
  for (const port of objs(spec.ports)) {
    if (num(port.nodePort) !== 0) continue;
    const same = objs(known.ports).find((one) => one.port === port.port && one.protocol === port.protocol);
    let nodePort = num(same?.nodePort);
    while (nodePort === 0 || (same === undefined && taken.has(nodePort))) {
      nodePort = NODE_PORTS.first + around.random(NODE_PORTS.count);
    }
    taken.add(nodePort);
    port.nodePort = nodePort;
  }
}

/** Of 10.96.0.0/12, kubeadm's range; the first addresses are the API server's and the DNS server's. */
function freeAddress(taken: ReadonlySet<string>, { random }: Surroundings): string {
  for (;;) {
    const address = `10.${96 + random(16)}.${random(256)}.${16 + random(239)}`;
    if (!taken.has(address)) return address;
  }
}

function validateService(service: KubeObject, errors: FieldErrors, before: KubeObject | undefined): void {
  const spec = obj(service.spec);
  const ports = objs(spec.ports);
  if (!TYPES.includes(str(spec.type))) errors.unsupported('spec.type', spec.type, TYPES);
  if (spec.type === 'ExternalName') {
    if (str(spec.externalName) === '') errors.required('spec.externalName');
    return;
  }
  if (ports.length === 0 && spec.clusterIP !== 'None') errors.required('spec.ports');
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const field = `spec.ports[${index}]`;
    if (!isPort(port.port)) errors.wrong(`${field}.port`, port.port ?? 0, PORT_TEXT);
    const name = str(port.name);
    if (ports.length > 1 && name === '') errors.required(`${field}.name`);
    if (name !== '' && names.has(name)) errors.duplicate(`${field}.name`, name);
    names.add(name);
  }
  const old = str(at(before, 'spec', 'clusterIP'));
  if (before !== undefined && old !== '' && spec.clusterIP !== old && at(before, 'spec', 'type') !== 'ExternalName') {
    errors.wrong('spec.clusterIPs[0]', arr(spec.clusterIPs), 'may not change once set');
  }
}

function externalAddresses(service: Obj): string {
  const spec = obj(service.spec);
  const external = arr(spec.externalIPs).map(str);
  if (spec.type === 'ExternalName') return str(spec.externalName) || NONE;
  if (spec.type === 'LoadBalancer') {
    const given = objs(at(service, 'status', 'loadBalancer', 'ingress')).map(
      ({ ip, hostname }) => str(ip) || str(hostname),
    );
    return [...given, ...external].join(',') || '<pending>';
  }
  return external.join(',') || NONE;
}

function portsText(ports: unknown): string {
  const texts = objs(ports).map(({ port, nodePort, protocol }) => {
    const outside = num(nodePort) === 0 ? '' : `:${num(nodePort)}`;
    return `${num(port)}${outside}/${str(protocol)}`;
  });
  return texts.join(',') || NONE;
}
