/**
 * Objects of the API that a static pod may not name: the kubelet could not be sure to get at them. Refused since 1.34.
 * Source: pkg/api/pod/util.go (HasAPIObjectReference).
 */
import type { PodSpec, VolumeSpec } from './types';

/** What is referred to, as it stands in the refusal; undefined when nothing is. */
export function apiReference(spec: PodSpec): string | undefined {
  for (const volume of spec.volumes ?? []) {
    const found = volumeReference(volume);
    if (found !== undefined) return found;
  }
  if (spec.serviceAccountName !== undefined && spec.serviceAccountName !== '') return 'serviceaccounts';
  const containers = [spec.containers, spec.initContainers, spec.ephemeralContainers].flatMap((list) => list ?? []);
  const sources = containers.flatMap(({ env = [], envFrom = [] }) => [
    ...env.map(({ valueFrom }) => ({ secret: valueFrom?.secretKeyRef, configMap: valueFrom?.configMapKeyRef })),
    ...envFrom.map(({ secretRef, configMapRef }) => ({ secret: secretRef, configMap: configMapRef })),
  ]);
  if ((spec.imagePullSecrets ?? []).length > 0 || sources.some(({ secret }) => secret !== undefined)) return 'secrets';
  if (sources.some(({ configMap }) => configMap !== undefined)) return 'configmaps';
  return (spec.resourceClaims ?? []).length > 0 ? 'resourceclaims' : undefined;
}

const BY_SOURCE: readonly (readonly [source: string, what: string])[] = [
  ['configMap', 'configmaps (via configmap volumes)'],
  ['secret', 'secrets (via secret volumes)'],
  ['csi', 'csidrivers (via CSI volumes)'],
  ['glusterfs', 'endpoints (via glusterFS volumes)'],
  ['persistentVolumeClaim', 'persistentvolumeclaims'],
  ['ephemeral', 'persistentvolumeclaims (via ephemeral volumes)'],
  ['azureFile', 'secrets (via azureFile volumes)'],
];

const BY_PROJECTION: readonly (readonly [source: string, what: string])[] = [
  ['configMap', 'configmaps (via projected volumes)'],
  ['secret', 'secrets (via projected volumes)'],
  ['serviceAccountToken', 'serviceaccounts (via projected volumes)'],
  ['clusterTrustBundle', 'clustertrustbundles'],
  ['podCertificate', 'podcertificates'],
];

function volumeReference(volume: VolumeSpec): string | undefined {
  const direct = BY_SOURCE.find(([source]) => volume[source] !== undefined);
  if (direct) return direct[1];
  const { sources } = (volume['projected'] ?? {}) as { sources?: unknown };
  for (const source of Array.isArray(sources) ? sources : []) {
    const fields = (source ?? {}) as Record<string, unknown>;
    const found = BY_PROJECTION.find(([name]) => fields[name] != null);
    if (found) return found[1];
  }
  return undefined;
}
