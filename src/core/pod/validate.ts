/**
 * What makes the kubelet refuse a pod that it could decode, in its words and order. Source:
 * pkg/apis/core/validation/validation.go (ValidatePodCreate), as far as a static pod's manifest is likely to get it wrong.
 */
import {
  duplicate,
  envNameProblem,
  forbidden,
  invalid,
  labelProblem,
  labelValueProblem,
  notFound,
  qualifiedNameProblem,
  required,
  subdomainProblem,
  unsupported,
} from './fields';
import type { Report } from './fields';
import { quantityValue } from './quantity';
import type { ContainerSpec, Pod, ProbeSpec, VolumeSpec } from './types';
import { VOLUME_SOURCES } from './types';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/**
 * Defaults must have been set. Empty when the pod is good.
 * @param minor the kubelet's minor version.
 */
export function validatePod({ metadata, spec }: Pod, minor = 36): string[] {
  const errors: string[] = [];
  const report: Report = (error) => errors.push(error);
  const name = subdomainProblem(metadata.name ?? '');
  if (name !== undefined) report(invalid('metadata.name', metadata.name ?? '', name));
  const namespace = labelProblem(metadata.namespace ?? '');
  if (namespace !== undefined) report(invalid('metadata.namespace', metadata.namespace ?? '', namespace));
  validateLabels(metadata, report);

  const volumes = validateVolumes(spec.volumes ?? [], report);
  const containers = spec.containers ?? [];
  if (containers.length === 0) report(required('spec.containers'));
  const names = new Set<string>();
  const hostNetwork = spec.hostNetwork === true;
  containers.forEach((container, index) => {
    validateContainer(container, `spec.containers[${index}]`, { names, volumes, hostNetwork, minor }, report);
  });
  (spec.initContainers ?? []).forEach((container, index) => {
    validateContainer(container, `spec.initContainers[${index}]`, { names, volumes, hostNetwork, minor }, report);
  });
  oneOf('spec.restartPolicy', spec.restartPolicy, ['Always', 'OnFailure', 'Never'], report);
  oneOf('spec.dnsPolicy', spec.dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'], report);
  notNegative('spec.terminationGracePeriodSeconds', spec.terminationGracePeriodSeconds, report);
  return errors;
}

/** The names that mounts may use. */
function validateVolumes(volumes: readonly VolumeSpec[], report: Report): ReadonlySet<string> {
  const names = new Set<string>();
  volumes.forEach((volume, index) => {
    const path = `spec.volumes[${index}]`;
    const sources = VOLUME_SOURCES.filter((source) => volume[source] !== undefined);
    for (const source of sources.slice(1))
      report(forbidden(`${path}.${source}`, 'may not specify more than 1 volume type'));
    if (volume.hostPath) validateHostPath(volume.hostPath, `${path}.hostPath`, report);
    const name = volume.name ?? '';
    const problem = labelProblem(name);
    if (name === '') report(required(`${path}.name`));
    else if (problem !== undefined) report(invalid(`${path}.name`, name, problem));
    else if (names.has(name)) report(duplicate(`${path}.name`, name));
    else names.add(name);
  });
  return names;
}

function validateHostPath(
  { path = '', type = '' }: NonNullable<VolumeSpec['hostPath']>,
  at: string,
  report: Report,
): void {
  if (path === '') report(required(`${at}.path`));
  else if (path.split('/').includes('..')) report(invalid(`${at}.path`, path, "must not contain '..'"));
  if (!HOST_PATH_TYPES.includes(type)) report(unsupported(`${at}.type`, type, HOST_PATH_TYPES));
}

interface Scope {
  /** Names of containers so far. */
  names: Set<string>;
  volumes: ReadonlySet<string>;
  hostNetwork: boolean;
  minor: number;
}

function validateLabels({ labels = {}, annotations = {} }: Pod['metadata'], report: Report): void {
  for (const [key, value] of Object.entries(labels)) {
    const name = qualifiedNameProblem(key);
    if (name !== undefined) report(invalid('metadata.labels', key, name));
    const problem = labelValueProblem(value);
    if (problem !== undefined) report(invalid('metadata.labels', value, problem));
  }
  for (const key of Object.keys(annotations)) {
    const problem = qualifiedNameProblem(key.toLowerCase());
    if (problem !== undefined) report(invalid('metadata.annotations', key, problem));
  }
}

function validateContainer(container: ContainerSpec, path: string, scope: Scope, report: Report): void {
  const name = container.name ?? '';
  const problem = labelProblem(name);
  if (name === '') report(required(`${path}.name`));
  else if (problem !== undefined) report(invalid(`${path}.name`, name, problem));
  else if (scope.names.has(name)) report(duplicate(`${path}.name`, name));
  else scope.names.add(name);

  const image = container.image ?? '';
  if (image === '') report(required(`${path}.image`));
  else if (image.trim() !== image) {
    report(invalid(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  }
  validatePorts(container, `${path}.ports`, scope.hostNetwork, report);
  validateEnv(container, `${path}.env`, scope.minor, report);
  validateResources(container, `${path}.resources`, report);
  validateMounts(container, `${path}.volumeMounts`, scope.volumes, report);
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[kind];
    if (probe) validateProbe(probe, `${path}.${kind}`, kind !== 'readinessProbe', report);
  }
  oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], report);
}

function validatePorts({ ports = [] }: ContainerSpec, at: string, hostNetwork: boolean, report: Report): void {
  const names = new Set<string>();
  ports.forEach(({ name = '', containerPort = 0, hostPort = 0, protocol = '' }, index) => {
    const path = `${at}[${index}]`;
    if (name !== '') {
      const problem = portNameProblem(name);
      if (problem !== undefined) report(invalid(`${path}.name`, name, problem));
      else if (names.has(name)) report(duplicate(`${path}.name`, name));
      names.add(name);
    }
    if (containerPort === 0) report(required(`${path}.containerPort`));
    else if (!isPort(containerPort)) report(invalid(`${path}.containerPort`, containerPort, PORT_RANGE));
    if (hostPort !== 0 && !isPort(hostPort)) report(invalid(`${path}.hostPort`, hostPort, PORT_RANGE));
    else if (hostNetwork && hostPort !== containerPort) {
      report(invalid(`${path}.hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }
    oneOf(`${path}.protocol`, protocol, ['SCTP', 'TCP', 'UDP'], report);
  });
}

/** Source: IsValidPortName. */
function portNameProblem(name: string): string | undefined {
  if (name.length > 15) return 'must be no more than 15 characters';
  if (!/^[-a-z0-9]+$/.test(name)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)';
  if (!/[a-z]/.test(name)) return 'must contain at least one letter (a-z)';
  if (name.includes('--')) return 'must not contain consecutive hyphens';
  return /^-|-$/.test(name) ? 'must not begin or end with a hyphen' : undefined;
}

const PORT_RANGE = 'must be between 1 and 65535, inclusive';

function validateEnv({ env = [] }: ContainerSpec, at: string, minor: number, report: Report): void {
  env.forEach(({ name = '', value = '', valueFrom }, index) => {
    const problem = envNameProblem(name, minor);
    if (name === '') report(required(`${at}[${index}].name`));
    else if (problem !== undefined) report(invalid(`${at}[${index}].name`, name, problem));
    if (valueFrom !== undefined && value !== '') {
      report(invalid(`${at}[${index}].valueFrom`, '', 'may not be specified when `value` is not empty'));
    }
  });
}

/** Source: ValidateResourceRequirements. */
function validateResources({ resources = {} }: ContainerSpec, at: string, report: Report): void {
  const { limits = {}, requests = {} } = resources;
  for (const [kind, list] of Object.entries({ limits, requests })) {
    for (const [name, quantity] of Object.entries(list)) {
      if (!/^(?:cpu|memory|ephemeral-storage|hugepages-.+|.+\/.+)$/.test(name))
        report(invalid(`${at}.${kind}[${name}]`, name, 'must be a standard resource for containers'));
      if ((quantityValue(quantity) ?? 0) < 0)
        report(invalid(`${at}.${kind}[${name}]`, quantity, 'must be greater than or equal to 0'));
    }
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit !== undefined && (quantityValue(quantity) ?? 0) > (quantityValue(limit) ?? Infinity))
      report(invalid(`${at}.requests`, quantity, `must be less than or equal to ${name} limit of ${limit}`));
  }
}

function validateMounts(
  { volumeMounts = [] }: ContainerSpec,
  at: string,
  volumes: ReadonlySet<string>,
  report: Report,
): void {
  const paths = new Set<string>();
  volumeMounts.forEach(({ name = '', mountPath = '', subPath = '' }, index) => {
    const path = `${at}[${index}]`;
    if (name === '') report(required(`${path}.name`));
    if (mountPath === '') report(required(`${path}.mountPath`));
    if (!volumes.has(name)) report(notFound(`${path}.name`, name));
    if (paths.has(mountPath)) report(invalid(`${path}.mountPath`, mountPath, 'must be unique'));
    paths.add(mountPath);
    if (subPath.startsWith('/')) report(invalid(`${path}.subPath`, subPath, 'must be a relative path'));
    if (subPath.split('/').includes('..')) report(invalid(`${path}.subPath`, subPath, "must not contain '..'"));
  });
}

function validateProbe(probe: ProbeSpec, path: string, once: boolean, report: Report): void {
  const handlers = (['exec', 'httpGet', 'tcpSocket', 'grpc'] as const).filter((kind) => probe[kind] !== undefined);
  if (handlers.length === 0) report(required(path, 'must specify a handler type'));
  for (const kind of handlers.slice(1))
    report(forbidden(`${path}.${kind}`, 'may not specify more than 1 handler type'));
  if (probe.httpGet) oneOf(`${path}.httpGet.scheme`, probe.httpGet.scheme, ['HTTP', 'HTTPS'], report);
  for (const kind of ['httpGet', 'tcpSocket'] as const) {
    const port = probe[kind] ? (probe[kind].port ?? 0) : 1;
    const at = `${path}.${kind}.port`;
    if (typeof port === 'number' && !isPort(port)) report(invalid(at, port, PORT_RANGE));
    else if (typeof port === 'string' && portNameProblem(port) !== undefined)
      report(invalid(at, port, portNameProblem(port) ?? ''));
  }
  for (const field of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const)
    notNegative(`${path}.${field}`, probe[field], report);
  if (once && probe.successThreshold !== 1)
    report(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
}

function oneOf(path: string, value: string | undefined, values: readonly string[], report: Report): void {
  if (value === undefined || value === '') report(required(path));
  else if (!values.includes(value)) report(unsupported(path, value, values));
}

function notNegative(path: string, value: number | undefined, report: Report): void {
  if (value !== undefined && value < 0) report(invalid(path, value, 'must be greater than or equal to 0'));
}

function isPort(value: number): boolean {
  return value >= 1 && value <= 65535;
}
