/** What the server fills into a pod's spec when it decodes it (kubernetes/pkg/apis/core/v1/defaults.go), and QoS. */
import { at, isObj, obj, objs, str, type Obj } from '../value';

/** The spec is changed. */
export function defaultPodSpec(spec: Obj): void {
  for (const container of objs(spec.containers)) defaultContainer(container);
  for (const container of objs(spec.initContainers)) defaultContainer(container);
  for (const container of objs(spec.ephemeralContainers)) defaultContainer(container);
  for (const volume of objs(spec.volumes)) defaultVolume(volume);
  spec.restartPolicy ??= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ??= 'ClusterFirst';
  if (typeof spec.serviceAccountName === 'string') spec.serviceAccount ??= spec.serviceAccountName;
  else if (typeof spec.serviceAccount === 'string') spec.serviceAccountName = spec.serviceAccount;
  spec.securityContext ??= {};
  spec.schedulerName ??= 'default-scheduler';
  if (spec.hostNetwork === true) {
    for (const container of objs(spec.containers)) {
      for (const port of objs(container.ports)) port.hostPort ??= port.containerPort;
    }
  }
}

export function qosClass(spec: Obj): string {
  const containers = [...objs(spec.containers), ...objs(spec.initContainers)];
  const resources = containers.map((container) => obj(container.resources));
  const named = (part: unknown): string[] =>
    Object.keys(obj(part)).filter((name) => name === 'cpu' || name === 'memory');
  if (resources.every(({ limits, requests }) => named(limits).length === 0 && named(requests).length === 0)) {
    return 'BestEffort';
  }
  const guaranteed = resources.every(({ limits, requests }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = at(limits, name);
      return limit !== undefined && (at(requests, name) ?? limit) === limit;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function defaultContainer(container: Obj): void {
  for (const port of objs(container.ports)) port.protocol ??= 'TCP';
  for (const variable of objs(container.env)) {
    const reference = at(variable, 'valueFrom', 'fieldRef');
    if (isObj(reference)) reference.apiVersion ??= 'v1';
  }
  const resources = obj(container.resources);
  if (isObj(resources.limits)) resources.requests = { ...resources.limits, ...obj(resources.requests) };
  container.resources = resources;
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (isObj(container[name])) defaultProbe(container[name]);
  }
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.imagePullPolicy ??= pullPolicy(str(container.image));
}

function pullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultProbe(probe: Obj): void {
  if (isObj(probe.httpGet)) {
    probe.httpGet.path ??= '/';
    probe.httpGet.scheme ??= 'HTTP';
  }
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
}

function defaultVolume(volume: Obj): void {
  for (const source of ['secret', 'configMap', 'projected', 'downwardAPI']) {
    if (isObj(volume[source])) volume[source].defaultMode ??= 420;
  }
  if (isObj(volume.hostPath)) volume.hostPath.type ??= '';
  for (const source of objs(at(volume, 'projected', 'sources'))) {
    if (isObj(source.serviceAccountToken)) source.serviceAccountToken.expirationSeconds ??= 3600;
  }
  if (Object.keys(volume).length === 1 && 'name' in volume) volume.emptyDir = {};
}
