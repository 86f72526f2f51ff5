/**
 * What the kubelet tells the API: its node, its lease, its pods. Values in, objects out. Source:
 * pkg/kubelet/{kubelet_node_status,kubelet_pods}.go, pkg/kubelet/pod/mirror_client.go.
 */
import type { PodWorker } from '../workers/pod-worker';
import type { ContainerStatus } from '../workers/container-worker';
import type { StaticPod } from '../pod/read';

export interface NodeFacts {
  name: string;
  ip: string;
  /** `v1.36.0`. */
  version: string;
  cpus: number;
  memoryKib: number;
  kernel: string;
  architecture: string;
}

type Fields = Record<string, unknown>;

export function nodeObject(node: NodeFacts, now: number): Fields {
  const labels = {
    'kubernetes.io/arch': node.architecture,
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    'node-role.kubernetes.io/control-plane': '',
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.name, labels },
    spec: {},
    status: nodeStatus(node, now),
  };
}

export function nodeStatus(node: NodeFacts, now: number): Fields {
  const amounts = { cpu: String(node.cpus), memory: `${node.memoryKib}Ki`, pods: '110' };
  const at = time(now);
  const condition = (type: string, status: string, reason: string, message: string): Fields => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  });
  return {
    capacity: amounts,
    allocatable: amounts,
    addresses: [
      { type: 'InternalIP', address: node.ip },
      { type: 'Hostname', address: node.name },
    ],
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ],
    nodeInfo: {
      architecture: node.architecture,
      bootID: '',
      containerRuntimeVersion: 'sandbox://0',
      kernelVersion: node.kernel,
      kubeProxyVersion: '',
      kubeletVersion: node.version,
      machineID: '',
      operatingSystem: 'linux',
      osImage: 'kube-auditctl sandbox',
      systemUUID: '',
    },
  };
}

export function leaseObject(node: string, nodeUid: string, now: number): Fields {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: node, namespace: 'kube-node-lease', ownerReferences: [owner(node, nodeUid)] },
    spec: {
      holderIdentity: node,
      leaseDurationSeconds: 40,
      renewTime: new Date(now).toISOString().replace('Z', '000Z'),
    },
  };
}

export const HASH = 'kubernetes.io/config.hash';
export const MIRROR = 'kubernetes.io/config.mirror';

/** The API's copy of a static pod. */
export function mirrorPod(pod: StaticPod, node: string, nodeUid: string): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels: pod.labels,
      annotations: { ...pod.annotations, [MIRROR]: pod.annotations[HASH] ?? pod.uid },
      ownerReferences: [{ ...owner(node, nodeUid), controller: true }],
    },
    spec: pod.spec,
  };
}

function owner(node: string, uid: string): Fields {
  return { apiVersion: 'v1', kind: 'Node', name: node, uid };
}

export function podStatus(worker: PodWorker, ip: string): Fields {
  const containers = worker.statuses();
  const all = (test: (status: ContainerStatus) => boolean): string => (containers.every(test) ? 'True' : 'False');
  const ready = all((status) => status.ready);
  const begun = containers.some(({ state, restarts }) => 'running' in state || restarts > 0);
  const at = time(worker.startedAt);
  const condition = (type: string, status: string): Fields => ({
    type,
    status,
    lastProbeTime: null,
    lastTransitionTime: at,
    // Said also when there is none: the patch merges conditions, and the old reason would stay.
    ...(type.endsWith('Ready') ? { reason: status === 'True' ? null : 'ContainersNotReady' } : {}),
  });
  return {
    phase: begun ? 'Running' : 'Pending',
    conditions: [
      condition('Initialized', 'True'),
      condition('Ready', ready),
      condition('ContainersReady', ready),
      condition('PodScheduled', 'True'),
    ],
    hostIP: ip,
    podIP: ip,
    podIPs: [{ ip }],
    startTime: at,
    qosClass: qosOf(worker.pod),
    containerStatuses: containers.map(containerStatus),
  };
}

function containerStatus(status: ContainerStatus): Fields {
  const { state, last } = status;
  const terminated = (dead: NonNullable<ContainerStatus['last']>): Fields => ({
    containerID: idOf(dead.id),
    exitCode: dead.exitCode,
    reason: dead.exitCode === 0 ? 'Completed' : 'Error',
    startedAt: time(dead.startedAt),
    finishedAt: time(dead.endedAt),
  });
  const shown: Fields =
    'running' in state
      ? { running: { startedAt: time(state.running.startedAt) } }
      : 'waiting' in state
        ? { waiting: state.waiting }
        : { terminated: terminated(state.terminated) };
  return {
    name: status.name,
    image: status.image,
    imageID: status.image,
    containerID: idOf(status.id),
    ready: status.ready,
    started: status.started,
    restartCount: status.restarts,
    state: shown,
    lastState: last === undefined || 'terminated' in state ? {} : { terminated: terminated(last) },
  };
}

/** Source: pkg/apis/core/v1/helper/qos/qos.go, as far as cpu and memory go. */
function qosOf({ spec }: StaticPod): string {
  const resources = (spec.containers ?? []).map((each) => each.resources ?? {});
  if (resources.every(({ limits = {}, requests = {} }) => isEmpty(limits) && isEmpty(requests))) return 'BestEffort';
  const guaranteed = resources.every(({ limits = {}, requests = {} }) =>
    ['cpu', 'memory'].every((name) => limits[name] !== undefined && limits[name] === requests[name]),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function isEmpty(amounts: object): boolean {
  return !('cpu' in amounts) && !('memory' in amounts);
}

function idOf(id: string | undefined): string {
  return id === undefined ? '' : `sandbox://${id}`;
}

/** To the second, as the API has times. */
function time(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
