/**
 * What the kubelet fills in before it looks at a pod any closer. Rule: saying a default out loud is the same pod as not
 * saying it, so it must not change the uid. Source: pkg/apis/core/v1/defaults.go.
 */
import type { ContainerSpec, Pod, ProbeSpec, VolumeSpec } from './types';
import { VOLUME_SOURCES } from './types';

/** Fills the pod in place. */
export function setDefaults(pod: Pod): void {
  const { metadata, spec } = pod;
  if (metadata.namespace === undefined || metadata.namespace === '') metadata.namespace = 'default';
  spec.restartPolicy ??= 'Always';
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.schedulerName ??= 'default-scheduler';
  spec.securityContext ??= {};
  spec.enableServiceLinks ??= true;
  spec.terminationGracePeriodSeconds ??= 30;
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  for (const list of [spec.containers, spec.initContainers, spec.ephemeralContainers])
    for (const container of list ?? []) setContainerDefaults(container, spec.hostNetwork === true);
}

function setVolumeDefaults(volume: VolumeSpec): void {
  if (!VOLUME_SOURCES.some((source) => volume[source] !== undefined)) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= '';
}

function setContainerDefaults(container: ContainerSpec, hostNetwork: boolean): void {
  container.imagePullPolicy ??= isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent';
  container['terminationMessagePath'] ??= '/dev/termination-log';
  container['terminationMessagePolicy'] ??= 'File';
  for (const port of container.ports ?? []) {
    port.protocol ??= 'TCP';
    if (hostNetwork && (port.hostPort === undefined || port.hostPort === 0)) port.hostPort = port.containerPort;
  }
  const { limits } = (container.resources ??= {});
  if (limits) container.resources.requests = { ...limits, ...container.resources.requests };
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
    if (probe) setProbeDefaults(probe);
}

function setProbeDefaults(probe: ProbeSpec): void {
  // Zero is "not said" for these: Go cannot tell them apart.
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) {
    probe.httpGet.path ||= '/';
    probe.httpGet.scheme ||= 'HTTP';
  }
}

function isLatest(image: string): boolean {
  if (image.includes('@')) return false;
  const tag = /:([^/]*)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}
