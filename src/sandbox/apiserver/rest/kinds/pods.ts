/** Pods: their row, what is shown of them, what the server sets and what it forbids. */
import { at, num, obj, objs, same, str, type KubeObject, type Obj } from '../value';
import { AGE, NAME, NONE } from './columns';
import { CREATE_ONLY, kindRow, type Column, type Surroundings } from './kind';
import { defaultPodSpec, qosClass } from './pod-defaults';
import { validatePodSpec } from './validate';

const GET_AND_CREATE = ['create', 'get'];

export const PODS = kindRow({
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  shortNames: ['po'],
  categories: ['all'],
  status: true,
  more: {
    attach: { kind: 'PodAttachOptions', verbs: GET_AND_CREATE },
    binding: { kind: 'Binding', verbs: CREATE_ONLY },
    eviction: { kind: 'Eviction', group: 'policy', version: 'v1', verbs: CREATE_ONLY },
    exec: { kind: 'PodExecOptions', verbs: GET_AND_CREATE },
    log: { kind: 'Pod', verbs: ['get'] },
    portforward: { kind: 'PodPortForwardOptions', verbs: GET_AND_CREATE },
    proxy: { kind: 'PodProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
  },
  fields: {
    'spec.nodeName': (pod) => str(at(pod, 'spec', 'nodeName')),
    'spec.restartPolicy': (pod) => str(at(pod, 'spec', 'restartPolicy')),
    'spec.schedulerName': (pod) => str(at(pod, 'spec', 'schedulerName')),
    'spec.serviceAccountName': (pod) => str(at(pod, 'spec', 'serviceAccountName')),
    'spec.hostNetwork': (pod) => String(at(pod, 'spec', 'hostNetwork') === true),
    'status.phase': (pod) => str(at(pod, 'status', 'phase')),
    'status.podIP': (pod) => str(at(pod, 'status', 'podIP')),
    'status.nominatedNodeName': (pod) => str(at(pod, 'status', 'nominatedNodeName')),
  },
  columns: podColumns(),
  defaults(pod) {
    pod.spec = obj(pod.spec);
    defaultPodSpec(pod.spec as Obj);
    pod.status = obj(pod.status);
  },
  prepare(pod, before, around) {
    if (before === undefined) admit(pod, around);
  },
  validate(pod, errors, before) {
    validatePodSpec(obj(pod.spec), 'spec', errors);
    if (before === undefined) return;
    if (!same(fixedPart(pod), fixedPart(before))) {
      errors.forbidden(
        'spec',
        'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
      );
    }
  },
});

/** What the admission plugins and the strategy of a kubeadm cluster add to a new pod. */
function admit(pod: KubeObject, around: Surroundings): void {
  const spec = obj(pod.spec);
  pod.status = { phase: 'Pending', qosClass: qosClass(spec) };
  spec.priority ??= 0;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  spec.enableServiceLinks ??= true;
  spec.tolerations ??= [];
  const tolerations = spec.tolerations as Obj[];
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerated = tolerations.some(
      (one) => one.key === key || (one.key === undefined && one.operator === 'Exists'),
    );
    if (!tolerated) tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
  if (isMirror(pod)) return;
  spec.serviceAccountName ??= 'default';
  spec.serviceAccount ??= spec.serviceAccountName;
  if (spec.automountServiceAccountToken !== false) mountToken(spec, around);
}

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';

function mountToken(spec: Obj, { random }: Surroundings): void {
  const volumes = (spec.volumes ??= []) as Obj[];
  const suffix = Array.from({ length: 5 }, () => SUFFIX.charAt(random(SUFFIX.length))).join('');
  const name = `kube-api-access-${suffix}`;
  let used = false;
  for (const container of [...objs(spec.containers), ...objs(spec.initContainers)]) {
    const mounts = (container.volumeMounts ??= []) as Obj[];
    if (mounts.some(({ mountPath }) => mountPath === TOKEN_PATH)) continue;
    mounts.push({ name, readOnly: true, mountPath: TOKEN_PATH });
    used = true;
  }
  if (!used) return;
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: {
        items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
      },
    },
  ];
  volumes.push({ name, projected: { sources, defaultMode: 420 } });
}

export function isMirror(pod: Obj): boolean {
  return at(pod, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined;
}

/** The spec without what an update may change. */
function fixedPart(pod: Obj): Obj {
  const images = (list: unknown): Obj[] => objs(list).map((container) => ({ ...container, image: '' }));
  const spec = obj(pod.spec);
  const containers = images(spec.containers);
  const initContainers = images(spec.initContainers);
  return {
    ...spec,
    containers,
    initContainers,
    ephemeralContainers: undefined,
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    terminationGracePeriodSeconds: undefined,
  };
}

function podColumns(): Column[] {
  const wide = (name: string, description: string, cell: Column['cell']): Column => ({
    name,
    description,
    priority: 1,
    cell,
  });
  return [
    NAME,
    { name: 'Ready', description: 'How many of its containers are ready.', cell: (pod) => shown(pod).ready },
    { name: 'Status', description: 'What its containers are doing, in a word.', cell: (pod) => shown(pod).reason },
    { name: 'Restarts', description: 'How often its containers were restarted.', cell: (pod) => shown(pod).restarts },
    AGE,
    wide('IP', 'The address of the pod.', (pod) => {
      return str(objs(at(pod, 'status', 'podIPs'))[0]?.ip) || str(at(pod, 'status', 'podIP')) || NONE;
    }),
    wide('Node', 'The node it runs on.', (pod) => str(at(pod, 'spec', 'nodeName')) || NONE),
    wide('Nominated Node', 'The node it waits for.', (pod) => str(at(pod, 'status', 'nominatedNodeName')) || NONE),
    wide('Readiness Gates', 'Further conditions of its readiness.', (pod) => {
      const gates = objs(at(pod, 'spec', 'readinessGates'));
      const met = gates.filter(({ conditionType }) => hasCondition(pod, str(conditionType)));
      return gates.length === 0 ? NONE : `${met.length}/${gates.length}`;
    }),
  ];
}

function hasCondition(pod: Obj, type: string): boolean {
  return objs(at(pod, 'status', 'conditions')).some((one) => one.type === type && one.status === 'True');
}

/** The columns READY, STATUS and RESTARTS (kubernetes/pkg/printers/internalversion/printers.go, printPod). */
function shown(pod: Obj): { ready: string; reason: string; restarts: number } {
  const status = obj(pod.status);
  let reason = str(status.reason) || str(status.phase);
  const total = objs(at(pod, 'spec', 'containers')).length;
  const initial = initReason(pod);
  let { restarts } = initial;
  let ready = 0;
  if (initial.reason !== undefined) ({ reason } = initial as { reason: string });
  else {
    restarts = 0;
    let running = false;
    for (const container of [...objs(status.containerStatuses)].reverse()) {
      restarts += num(container.restartCount);
      const waiting = str(at(container, 'state', 'waiting', 'reason'));
      const terminated = at(container, 'state', 'terminated');
      if (waiting !== '') reason = waiting;
      else if (terminated !== undefined) reason = terminatedReason(obj(terminated), '');
      else if (container.ready === true && at(container, 'state', 'running') !== undefined) {
        running = true;
        ready++;
      }
    }
    if (reason === 'Completed' && running) reason = hasCondition(pod, 'Ready') ? 'Running' : 'NotReady';
  }
  if (at(pod, 'metadata', 'deletionTimestamp') !== undefined) {
    reason = status.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
  }
  return { ready: `${ready}/${total}`, reason, restarts };
}

function initReason(pod: Obj): { reason?: string; restarts: number } {
  const statuses = objs(at(pod, 'status', 'initContainerStatuses'));
  const total = objs(at(pod, 'spec', 'initContainers')).length;
  let restarts = 0;
  for (const [index, container] of statuses.entries()) {
    restarts += num(container.restartCount);
    const terminated = at(container, 'state', 'terminated');
    if (terminated !== undefined && num(at(terminated, 'exitCode')) === 0) continue;
    if (terminated !== undefined) return { reason: terminatedReason(obj(terminated), 'Init:'), restarts };
    const waiting = str(at(container, 'state', 'waiting', 'reason'));
    if (waiting !== '' && waiting !== 'PodInitializing') return { reason: `Init:${waiting}`, restarts };
    return { reason: `Init:${index}/${total}`, restarts };
  }
  return { restarts };
}

function terminatedReason(terminated: Obj, prefix: string): string {
  const reason = str(terminated.reason);
  if (reason !== '') return prefix + reason;
  const signal = num(terminated.signal);
  return signal === 0 ? `${prefix}ExitCode:${num(terminated.exitCode)}` : `${prefix}Signal:${signal}`;
}
