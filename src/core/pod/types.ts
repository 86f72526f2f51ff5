/**
 * A Pod's fields, as the kubelet decodes them. Rule: every field of a Pod stands here, or a change of it would leave the
 * pod's uid as it was; what the sandbox never looks into is kept as it stands. Source: staging/src/k8s.io/api/core/v1/types.go.
 */
import type { GoType } from './decode';

export interface KeyToValue {
  [key: string]: string;
}

export interface PodMeta {
  name?: string;
  namespace?: string;
  uid?: string;
  labels?: KeyToValue;
  annotations?: KeyToValue;
  deletionTimestamp?: unknown;
  [field: string]: unknown;
}

export interface HttpGet {
  path?: string;
  port?: number | string;
  host?: string;
  scheme?: string;
  httpHeaders?: { name?: string; value?: string }[];
}

export interface ProbeSpec {
  httpGet?: HttpGet;
  tcpSocket?: { port?: number | string; host?: string };
  exec?: unknown;
  grpc?: unknown;
  initialDelaySeconds?: number;
  timeoutSeconds?: number;
  periodSeconds?: number;
  successThreshold?: number;
  failureThreshold?: number;
  terminationGracePeriodSeconds?: number;
}

export interface EnvVar {
  name?: string;
  value?: string;
  valueFrom?: { fieldRef?: { fieldPath?: string }; configMapKeyRef?: unknown; secretKeyRef?: unknown };
}

export interface VolumeMountSpec {
  name?: string;
  mountPath?: string;
  subPath?: string;
  subPathExpr?: string;
  readOnly?: boolean;
}

export interface ContainerSpec {
  name?: string;
  image?: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  env?: EnvVar[];
  envFrom?: { configMapRef?: unknown; secretRef?: unknown }[];
  ports?: { name?: string; containerPort?: number; hostPort?: number; protocol?: string }[];
  volumeMounts?: VolumeMountSpec[];
  startupProbe?: ProbeSpec;
  livenessProbe?: ProbeSpec;
  readinessProbe?: ProbeSpec;
  resources?: { limits?: KeyToValue; requests?: KeyToValue };
  [field: string]: unknown;
}

export interface VolumeSpec {
  name?: string;
  hostPath?: { path?: string; type?: string };
  emptyDir?: Record<string, unknown>;
  [source: string]: unknown;
}

export interface PodSpec {
  containers?: ContainerSpec[];
  initContainers?: ContainerSpec[];
  ephemeralContainers?: ContainerSpec[];
  volumes?: VolumeSpec[];
  restartPolicy?: string;
  terminationGracePeriodSeconds?: number;
  dnsPolicy?: string;
  hostNetwork?: boolean;
  serviceAccountName?: string;
  imagePullSecrets?: { name?: string }[];
  resourceClaims?: unknown[];
  [field: string]: unknown;
}

export interface Pod {
  metadata: PodMeta;
  spec: PodSpec;
  status?: unknown;
}

const string: GoType = { kind: 'string' };
const bool: GoType = { kind: 'bool' };
const int32: GoType = { kind: 'int32' };
const int64: GoType = { kind: 'int64' };
const any: GoType = { kind: 'any' };
const port: GoType = { kind: 'int-or-string' };
const list = (of: GoType): GoType => ({ kind: 'list', of });
const map = (of: GoType): GoType => ({ kind: 'map', of });
const struct = (name: string, fields: Record<string, GoType>): GoType => ({
  kind: 'struct',
  name,
  fields: new Map(Object.entries(fields)),
});
/** The same type for many names. */
const all = (type: GoType, names: string): Record<string, GoType> =>
  Object.fromEntries(names.split(' ').map((name) => [name, type]));

const keyRef = (name: string) => struct(name, { name: string, key: string, optional: bool });
const envVar = struct('EnvVar', {
  ...all(string, 'name value'),
  valueFrom: struct('EnvVarSource', {
    fieldRef: struct('ObjectFieldSelector', all(string, 'apiVersion fieldPath')),
    resourceFieldRef: any,
    configMapKeyRef: keyRef('ConfigMapKeySelector'),
    secretKeyRef: keyRef('SecretKeySelector'),
    fileKeyRef: any,
  }),
});
const envFrom = struct('EnvFromSource', {
  prefix: string,
  configMapRef: struct('ConfigMapEnvSource', { name: string, optional: bool }),
  secretRef: struct('SecretEnvSource', { name: string, optional: bool }),
});
const httpGet = struct('HTTPGetAction', {
  ...all(string, 'path host scheme'),
  port,
  httpHeaders: list(struct('HTTPHeader', all(string, 'name value'))),
});
const handler = {
  exec: struct('ExecAction', { command: list(string) }),
  httpGet,
  tcpSocket: struct('TCPSocketAction', { port, host: string }),
};
const probe = struct('Probe', {
  ...handler,
  grpc: struct('GRPCAction', { port: int32, service: string }),
  ...all(int32, 'initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold'),
  terminationGracePeriodSeconds: int64,
});
const lifecycle = struct('LifecycleHandler', { ...handler, sleep: any });
const quantities = map({ kind: 'quantity' });
const container = struct('Container', {
  ...all(string, 'name image workingDir terminationMessagePath terminationMessagePolicy imagePullPolicy restartPolicy'),
  ...all(list(string), 'command args'),
  ...all(bool, 'stdin stdinOnce tty'),
  ...all(probe, 'startupProbe livenessProbe readinessProbe'),
  ports: list(
    struct('ContainerPort', { ...all(string, 'name protocol hostIP'), ...all(int32, 'hostPort containerPort') }),
  ),
  envFrom: list(envFrom),
  env: list(envVar),
  resources: struct('ResourceRequirements', { limits: quantities, requests: quantities, claims: list(any) }),
  resizePolicy: list(any),
  restartPolicyRules: list(any),
  volumeMounts: list(
    struct('VolumeMount', {
      ...all(string, 'name mountPath subPath subPathExpr mountPropagation recursiveReadOnly'),
      readOnly: bool,
    }),
  ),
  volumeDevices: list(struct('VolumeDevice', all(string, 'name devicePath'))),
  lifecycle: struct('Lifecycle', { ...all(lifecycle, 'postStart preStop'), stopSignal: string }),
  securityContext: struct('SecurityContext', {
    ...all(bool, 'privileged runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation'),
    ...all(int64, 'runAsUser runAsGroup'),
    ...all(any, 'capabilities seLinuxOptions windowsOptions seccompProfile appArmorProfile'),
    procMount: string,
  }),
});
const volume = struct('Volume', {
  name: string,
  hostPath: struct('HostPathVolumeSource', all(string, 'path type')),
  emptyDir: struct('EmptyDirVolumeSource', { medium: string, sizeLimit: { kind: 'quantity' } }),
  configMap: struct('ConfigMapVolumeSource', { name: string, items: list(any), defaultMode: int32, optional: bool }),
  secret: struct('SecretVolumeSource', { secretName: string, items: list(any), defaultMode: int32, optional: bool }),
  projected: struct('ProjectedVolumeSource', { sources: list(any), defaultMode: int32 }),
  ...all(
    any,
    'awsElasticBlockStore azureDisk azureFile cephfs cinder csi downwardAPI ephemeral fc flexVolume flocker ' +
      'gcePersistentDisk gitRepo glusterfs image iscsi nfs persistentVolumeClaim photonPersistentDisk portworxVolume ' +
      'quobyte rbd scaleIO storageos vsphereVolume',
  ),
});

export const POD: GoType = struct('Pod', {
  metadata: struct('ObjectMeta', {
    ...all(string, 'name generateName namespace selfLink uid resourceVersion'),
    ...all(int64, 'generation deletionGracePeriodSeconds'),
    ...all(map(string), 'labels annotations'),
    ...all(string, 'creationTimestamp deletionTimestamp'),
    ownerReferences: list(any),
    finalizers: list(string),
    managedFields: list(any),
  }),
  spec: struct('PodSpec', {
    volumes: list(volume),
    ...all(list(container), 'initContainers containers ephemeralContainers'),
    ...all(
      string,
      'restartPolicy dnsPolicy serviceAccountName serviceAccount nodeName hostname subdomain schedulerName ' +
        'priorityClassName runtimeClassName preemptionPolicy hostnameOverride',
    ),
    ...all(int64, 'terminationGracePeriodSeconds activeDeadlineSeconds'),
    ...all(
      bool,
      'automountServiceAccountToken hostNetwork hostPID hostIPC shareProcessNamespace enableServiceLinks ' +
        'setHostnameAsFQDN hostUsers',
    ),
    nodeSelector: map(string),
    priority: int32,
    imagePullSecrets: list(struct('LocalObjectReference', { name: string })),
    hostAliases: list(struct('HostAlias', { ip: string, hostnames: list(string) })),
    overhead: quantities,
    ...all(list(any), 'tolerations readinessGates topologySpreadConstraints schedulingGates resourceClaims'),
    ...all(any, 'securityContext affinity dnsConfig os resources workloadRef'),
  }),
  status: any,
});

/** The names of a volume's sources, of which it may have one. */
export const VOLUME_SOURCES: readonly string[] =
  volume.kind === 'struct' ? [...volume.fields.keys()].filter((name) => name !== 'name') : [];
