/**
 * The resources that a kube-apiserver serves itself, by API group: for rules that name a resource in the wrong group, and
 * for kubectl's names. Resources of other groups (CustomResourceDefinitions, aggregated APIs) are unknown here, and
 * nothing is claimed about them.
 */

export interface ApiResource {
  group: string;
  /** The newest stable version, as kubectl would use it. */
  version: string;
  /** Plural, as in URLs and policies. */
  name: string;
  kind: string;
  shortNames: readonly string[];
  namespaced: boolean;
  subresources: readonly string[];
}

/** Per group: version, then a line a resource: name, Kind, `ns` or `cluster`, short names, `/` and subresources. */
const TABLE: Readonly<Record<string, string>> = {
  '': `v1
    bindings Binding ns
    componentstatuses ComponentStatus cluster cs
    configmaps ConfigMap ns cm
    endpoints Endpoints ns ep
    events Event ns ev
    limitranges LimitRange ns limits
    namespaces Namespace cluster ns / finalize status
    nodes Node cluster no / proxy status
    persistentvolumeclaims PersistentVolumeClaim ns pvc / status
    persistentvolumes PersistentVolume cluster pv / status
    pods Pod ns po / attach binding ephemeralcontainers eviction exec log portforward proxy resize status
    podtemplates PodTemplate ns
    replicationcontrollers ReplicationController ns rc / scale status
    resourcequotas ResourceQuota ns quota / status
    secrets Secret ns
    serviceaccounts ServiceAccount ns sa / token
    services Service ns svc / proxy status`,
  'admissionregistration.k8s.io': `v1
    mutatingadmissionpolicies MutatingAdmissionPolicy cluster
    mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding cluster
    mutatingwebhookconfigurations MutatingWebhookConfiguration cluster
    validatingadmissionpolicies ValidatingAdmissionPolicy cluster / status
    validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding cluster
    validatingwebhookconfigurations ValidatingWebhookConfiguration cluster`,
  'apiextensions.k8s.io': `v1
    customresourcedefinitions CustomResourceDefinition cluster crd crds / status`,
  'apiregistration.k8s.io': `v1
    apiservices APIService cluster / status`,
  apps: `v1
    controllerrevisions ControllerRevision ns
    daemonsets DaemonSet ns ds / status
    deployments Deployment ns deploy / scale status
    replicasets ReplicaSet ns rs / scale status
    statefulsets StatefulSet ns sts / scale status`,
  'authentication.k8s.io': `v1
    selfsubjectreviews SelfSubjectReview cluster
    tokenreviews TokenReview cluster`,
  'authorization.k8s.io': `v1
    localsubjectaccessreviews LocalSubjectAccessReview ns
    selfsubjectaccessreviews SelfSubjectAccessReview cluster
    selfsubjectrulesreviews SelfSubjectRulesReview cluster
    subjectaccessreviews SubjectAccessReview cluster`,
  autoscaling: `v2
    horizontalpodautoscalers HorizontalPodAutoscaler ns hpa / status`,
  batch: `v1
    cronjobs CronJob ns cj / status
    jobs Job ns / status`,
  'certificates.k8s.io': `v1
    certificatesigningrequests CertificateSigningRequest cluster csr / approval status
    clustertrustbundles ClusterTrustBundle cluster
    podcertificaterequests PodCertificateRequest ns / status`,
  'coordination.k8s.io': `v1
    leasecandidates LeaseCandidate ns
    leases Lease ns`,
  'discovery.k8s.io': `v1
    endpointslices EndpointSlice ns`,
  'events.k8s.io': `v1
    events Event ns ev`,
  'flowcontrol.apiserver.k8s.io': `v1
    flowschemas FlowSchema cluster / status
    prioritylevelconfigurations PriorityLevelConfiguration cluster / status`,
  'internal.apiserver.k8s.io': `v1alpha1
    storageversions StorageVersion cluster / status`,
  'metrics.k8s.io': `v1beta1
    nodes NodeMetrics cluster
    pods PodMetrics ns`,
  'networking.k8s.io': `v1
    ingressclasses IngressClass cluster
    ingresses Ingress ns ing / status
    ipaddresses IPAddress cluster ip
    networkpolicies NetworkPolicy ns netpol / status
    servicecidrs ServiceCIDR cluster / status`,
  'node.k8s.io': `v1
    runtimeclasses RuntimeClass cluster`,
  policy: `v1
    poddisruptionbudgets PodDisruptionBudget ns pdb / status`,
  'rbac.authorization.k8s.io': `v1
    clusterrolebindings ClusterRoleBinding cluster
    clusterroles ClusterRole cluster
    rolebindings RoleBinding ns
    roles Role ns`,
  'resource.k8s.io': `v1
    deviceclasses DeviceClass cluster
    devicetaintrules DeviceTaintRule cluster / status
    resourceclaims ResourceClaim ns / binding driver status
    resourceclaimtemplates ResourceClaimTemplate ns
    resourceslices ResourceSlice cluster`,
  'scheduling.k8s.io': `v1
    podgroups PodGroup ns / status
    priorityclasses PriorityClass cluster pc
    workloads Workload ns`,
  'storage.k8s.io': `v1
    csidrivers CSIDriver cluster
    csinodes CSINode cluster
    csistoragecapacities CSIStorageCapacity ns
    storageclasses StorageClass cluster sc
    volumeattachments VolumeAttachment cluster / status
    volumeattributesclasses VolumeAttributesClass cluster vac`,
  'storagemigration.k8s.io': `v1beta1
    storageversionmigrations StorageVersionMigration cluster / status`,
};

/**
 * Served by older releases. A policy that still names them is not wrong, only late: groups that are gone, and resources
 * that stood in a group once.
 */
const FORMER: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    extensions: ['daemonsets', 'deployments', 'ingresses', 'networkpolicies', 'podsecuritypolicies', 'replicasets'],
    policy: ['podsecuritypolicies'],
    'auditregistration.k8s.io': ['auditsinks'],
    'settings.k8s.io': ['podpresets'],
    'resource.k8s.io': [
      'podschedulingcontexts',
      'resourceclasses',
      'resourceclaimparameters',
      'resourceclassparameters',
    ],
    'networking.k8s.io': ['clustercidrs'],
  }),
);

export const RESOURCES: readonly ApiResource[] = Object.entries(TABLE).flatMap(([group, table]) => {
  const [version = '', ...lines] = table.split('\n').map((line) => line.trim());
  return lines.map((line): ApiResource => {
    const [left = '', right = ''] = line.split(' / ');
    const [name = '', kind = '', scope, ...shortNames] = left.split(' ');
    const subresources = right === '' ? [] : right.split(' ');
    return { group, version, name, kind, shortNames, namespaced: scope === 'ns', subresources };
  });
});

const GROUPS = new Set([...Object.keys(TABLE), ...FORMER.keys()]);
const BY_NAME = new Map<string, ApiResource[]>();
for (const resource of RESOURCES) BY_NAME.set(resource.name, [...(BY_NAME.get(resource.name) ?? []), resource]);

/** Whether the group is one of the API server's own, now or formerly. */
export function isKnownGroup(group: string): boolean {
  return GROUPS.has(group);
}

export function findResource(group: string, name: string): ApiResource | undefined {
  return BY_NAME.get(name)?.find((resource) => resource.group === group);
}

/** In every group, the core group first. */
export function findResources(name: string): readonly ApiResource[] {
  return BY_NAME.get(name) ?? [];
}

export function wasInGroup(group: string, name: string): boolean {
  return FORMER.get(group)?.includes(name) ?? false;
}

/** All names that may stand for resources of a group. */
export function namesInGroup(group: string): readonly string[] {
  return RESOURCES.filter((resource) => resource.group === group).map((resource) => resource.name);
}

/** A resource by any name that kubectl takes: plural, singular, short, Kind, each with an optional `.group`. */
export function findByAnyName(text: string): ApiResource | undefined {
  const lower = text.toLowerCase();
  const dot = lower.indexOf('.');
  const word = dot === -1 ? lower : lower.slice(0, dot);
  const suffix = dot === -1 ? undefined : lower.slice(dot + 1);
  return RESOURCES.find(
    ({ group, version, name, kind, shortNames }) =>
      (name === word || kind.toLowerCase() === word || shortNames.includes(word)) &&
      (suffix === undefined
        ? group !== 'metrics.k8s.io'
        : suffix === group || suffix === `${version}.${group}` || (suffix === version && group === '')),
  );
}
