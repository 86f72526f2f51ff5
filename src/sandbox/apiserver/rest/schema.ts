/**
 * The fields of what the sandbox's server stores, as the attribute maps of @kubernetes/client-node (Kubernetes 1.34)
 * name them: made by scripts/pod-schema.mjs. Not to be edited.
 */

/** Group and kind -> type. */
export const ROOTS: Readonly<Record<string, string>> = {
  '/Event': 'CoreV1Event',
  'events.k8s.io/Event': 'EventsV1Event',
  '/ConfigMap': 'V1ConfigMap',
  '/Endpoints': 'V1Endpoints',
  '/LimitRange': 'V1LimitRange',
  '/Namespace': 'V1Namespace',
  '/Node': 'V1Node',
  '/PersistentVolume': 'V1PersistentVolume',
  '/PersistentVolumeClaim': 'V1PersistentVolumeClaim',
  '/Pod': 'V1Pod',
  '/ReplicationController': 'V1ReplicationController',
  '/ResourceQuota': 'V1ResourceQuota',
  '/Secret': 'V1Secret',
  '/Service': 'V1Service',
  '/ServiceAccount': 'V1ServiceAccount',
  'apps/ControllerRevision': 'V1ControllerRevision',
  'apps/DaemonSet': 'V1DaemonSet',
  'apps/Deployment': 'V1Deployment',
  'apps/ReplicaSet': 'V1ReplicaSet',
  'apps/StatefulSet': 'V1StatefulSet',
  'batch/CronJob': 'V1CronJob',
  'batch/Job': 'V1Job',
  'coordination.k8s.io/Lease': 'V1Lease',
  'networking.k8s.io/Ingress': 'V1Ingress',
  'networking.k8s.io/IngressClass': 'V1IngressClass',
  'networking.k8s.io/NetworkPolicy': 'V1NetworkPolicy',
  'rbac.authorization.k8s.io/ClusterRole': 'V1ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding': 'V1ClusterRoleBinding',
  'rbac.authorization.k8s.io/Role': 'V1Role',
  'rbac.authorization.k8s.io/RoleBinding': 'V1RoleBinding',
};

/** Type -> `field:type`, blank between them. `[]` is a list of, `{}` a mapping to, `*` anything. */
export const SCHEMA: Readonly<Record<string, string>> = {
  CoreV1EndpointPort: 'appProtocol:string name:string port:int32 protocol:string',
  CoreV1Event:
    'action:string apiVersion:string count:int32 eventTime:string firstTimestamp:string involvedObject:V1ObjectReference kind:string lastTimestamp:string message:string metadata:V1ObjectMeta reason:string related:V1ObjectReference reportingComponent:string reportingInstance:string series:CoreV1EventSeries source:V1EventSource type:string',
  CoreV1EventSeries: 'count:int32 lastObservedTime:string',
  CoreV1ResourceClaim: 'name:string request:string',
  EventsV1Event:
    'action:string apiVersion:string deprecatedCount:int32 deprecatedFirstTimestamp:string deprecatedLastTimestamp:string deprecatedSource:V1EventSource eventTime:string kind:string metadata:V1ObjectMeta note:string reason:string regarding:V1ObjectReference related:V1ObjectReference reportingController:string reportingInstance:string series:EventsV1EventSeries type:string',
  EventsV1EventSeries: 'count:int32 lastObservedTime:string',
  RbacV1Subject: 'apiGroup:string kind:string name:string namespace:string',
  V1AWSElasticBlockStoreVolumeSource: 'fsType:string partition:int32 readOnly:boolean volumeID:string',
  V1Affinity: 'nodeAffinity:V1NodeAffinity podAffinity:V1PodAffinity podAntiAffinity:V1PodAntiAffinity',
  V1AggregationRule: 'clusterRoleSelectors:[]V1LabelSelector',
  V1AppArmorProfile: 'localhostProfile:string type:string',
  V1AttachedVolume: 'devicePath:string name:string',
  V1AzureDiskVolumeSource:
    'cachingMode:string diskName:string diskURI:string fsType:string kind:string readOnly:boolean',
  V1AzureFilePersistentVolumeSource: 'readOnly:boolean secretName:string secretNamespace:string shareName:string',
  V1AzureFileVolumeSource: 'readOnly:boolean secretName:string shareName:string',
  V1CSIPersistentVolumeSource:
    'controllerExpandSecretRef:V1SecretReference controllerPublishSecretRef:V1SecretReference driver:string fsType:string nodeExpandSecretRef:V1SecretReference nodePublishSecretRef:V1SecretReference nodeStageSecretRef:V1SecretReference readOnly:boolean volumeAttributes:{}string volumeHandle:string',
  V1CSIVolumeSource:
    'driver:string fsType:string nodePublishSecretRef:V1LocalObjectReference readOnly:boolean volumeAttributes:{}string',
  V1Capabilities: 'add:[]string drop:[]string',
  V1CephFSPersistentVolumeSource:
    'monitors:[]string path:string readOnly:boolean secretFile:string secretRef:V1SecretReference user:string',
  V1CephFSVolumeSource:
    'monitors:[]string path:string readOnly:boolean secretFile:string secretRef:V1LocalObjectReference user:string',
  V1CinderPersistentVolumeSource: 'fsType:string readOnly:boolean secretRef:V1SecretReference volumeID:string',
  V1CinderVolumeSource: 'fsType:string readOnly:boolean secretRef:V1LocalObjectReference volumeID:string',
  V1ClientIPConfig: 'timeoutSeconds:int32',
  V1ClusterRole:
    'aggregationRule:V1AggregationRule apiVersion:string kind:string metadata:V1ObjectMeta rules:[]V1PolicyRule',
  V1ClusterRoleBinding:
    'apiVersion:string kind:string metadata:V1ObjectMeta roleRef:V1RoleRef subjects:[]RbacV1Subject',
  V1ClusterTrustBundleProjection:
    'labelSelector:V1LabelSelector name:string optional:boolean path:string signerName:string',
  V1Condition:
    'lastTransitionTime:string message:string observedGeneration:int64 reason:string status:string type:string',
  V1ConfigMap:
    'apiVersion:string binaryData:{}string data:{}string immutable:boolean kind:string metadata:V1ObjectMeta',
  V1ConfigMapEnvSource: 'name:string optional:boolean',
  V1ConfigMapKeySelector: 'key:string name:string optional:boolean',
  V1ConfigMapNodeConfigSource: 'kubeletConfigKey:string name:string namespace:string resourceVersion:string uid:string',
  V1ConfigMapProjection: 'items:[]V1KeyToPath name:string optional:boolean',
  V1ConfigMapVolumeSource: 'defaultMode:int32 items:[]V1KeyToPath name:string optional:boolean',
  V1Container:
    'args:[]string command:[]string env:[]V1EnvVar envFrom:[]V1EnvFromSource image:string imagePullPolicy:string lifecycle:V1Lifecycle livenessProbe:V1Probe name:string ports:[]V1ContainerPort readinessProbe:V1Probe resizePolicy:[]V1ContainerResizePolicy resources:V1ResourceRequirements restartPolicy:string restartPolicyRules:[]V1ContainerRestartRule securityContext:V1SecurityContext startupProbe:V1Probe stdin:boolean stdinOnce:boolean terminationMessagePath:string terminationMessagePolicy:string tty:boolean volumeDevices:[]V1VolumeDevice volumeMounts:[]V1VolumeMount workingDir:string',
  V1ContainerExtendedResourceRequest: 'containerName:string requestName:string resourceName:string',
  V1ContainerImage: 'names:[]string sizeBytes:int64',
  V1ContainerPort: 'containerPort:int32 hostIP:string hostPort:int32 name:string protocol:string',
  V1ContainerResizePolicy: 'resourceName:string restartPolicy:string',
  V1ContainerRestartRule: 'action:string exitCodes:V1ContainerRestartRuleOnExitCodes',
  V1ContainerRestartRuleOnExitCodes: 'operator:string values:[]int32',
  V1ContainerState:
    'running:V1ContainerStateRunning terminated:V1ContainerStateTerminated waiting:V1ContainerStateWaiting',
  V1ContainerStateRunning: 'startedAt:string',
  V1ContainerStateTerminated:
    'containerID:string exitCode:int32 finishedAt:string message:string reason:string signal:int32 startedAt:string',
  V1ContainerStateWaiting: 'message:string reason:string',
  V1ContainerStatus:
    'allocatedResources:{}quantity allocatedResourcesStatus:[]V1ResourceStatus containerID:string image:string imageID:string lastState:V1ContainerState name:string ready:boolean resources:V1ResourceRequirements restartCount:int32 started:boolean state:V1ContainerState stopSignal:string user:V1ContainerUser volumeMounts:[]V1VolumeMountStatus',
  V1ContainerUser: 'linux:V1LinuxContainerUser',
  V1ControllerRevision: 'apiVersion:string data:* kind:string metadata:V1ObjectMeta revision:int64',
  V1CronJob: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1CronJobSpec status:V1CronJobStatus',
  V1CronJobSpec:
    'concurrencyPolicy:string failedJobsHistoryLimit:int32 jobTemplate:V1JobTemplateSpec schedule:string startingDeadlineSeconds:int64 successfulJobsHistoryLimit:int32 suspend:boolean timeZone:string',
  V1CronJobStatus: 'active:[]V1ObjectReference lastScheduleTime:string lastSuccessfulTime:string',
  V1DaemonEndpoint: 'Port:int32',
  V1DaemonSet: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1DaemonSetSpec status:V1DaemonSetStatus',
  V1DaemonSetCondition: 'lastTransitionTime:string message:string reason:string status:string type:string',
  V1DaemonSetSpec:
    'minReadySeconds:int32 revisionHistoryLimit:int32 selector:V1LabelSelector template:V1PodTemplateSpec updateStrategy:V1DaemonSetUpdateStrategy',
  V1DaemonSetStatus:
    'collisionCount:int32 conditions:[]V1DaemonSetCondition currentNumberScheduled:int32 desiredNumberScheduled:int32 numberAvailable:int32 numberMisscheduled:int32 numberReady:int32 numberUnavailable:int32 observedGeneration:int64 updatedNumberScheduled:int32',
  V1DaemonSetUpdateStrategy: 'rollingUpdate:V1RollingUpdateDaemonSet type:string',
  V1Deployment: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1DeploymentSpec status:V1DeploymentStatus',
  V1DeploymentCondition:
    'lastTransitionTime:string lastUpdateTime:string message:string reason:string status:string type:string',
  V1DeploymentSpec:
    'minReadySeconds:int32 paused:boolean progressDeadlineSeconds:int32 replicas:int32 revisionHistoryLimit:int32 selector:V1LabelSelector strategy:V1DeploymentStrategy template:V1PodTemplateSpec',
  V1DeploymentStatus:
    'availableReplicas:int32 collisionCount:int32 conditions:[]V1DeploymentCondition observedGeneration:int64 readyReplicas:int32 replicas:int32 terminatingReplicas:int32 unavailableReplicas:int32 updatedReplicas:int32',
  V1DeploymentStrategy: 'rollingUpdate:V1RollingUpdateDeployment type:string',
  V1DownwardAPIProjection: 'items:[]V1DownwardAPIVolumeFile',
  V1DownwardAPIVolumeFile:
    'fieldRef:V1ObjectFieldSelector mode:int32 path:string resourceFieldRef:V1ResourceFieldSelector',
  V1DownwardAPIVolumeSource: 'defaultMode:int32 items:[]V1DownwardAPIVolumeFile',
  V1EmptyDirVolumeSource: 'medium:string sizeLimit:quantity',
  V1EndpointAddress: 'hostname:string ip:string nodeName:string targetRef:V1ObjectReference',
  V1EndpointSubset: 'addresses:[]V1EndpointAddress notReadyAddresses:[]V1EndpointAddress ports:[]CoreV1EndpointPort',
  V1Endpoints: 'apiVersion:string kind:string metadata:V1ObjectMeta subsets:[]V1EndpointSubset',
  V1EnvFromSource: 'configMapRef:V1ConfigMapEnvSource prefix:string secretRef:V1SecretEnvSource',
  V1EnvVar: 'name:string value:string valueFrom:V1EnvVarSource',
  V1EnvVarSource:
    'configMapKeyRef:V1ConfigMapKeySelector fieldRef:V1ObjectFieldSelector fileKeyRef:V1FileKeySelector resourceFieldRef:V1ResourceFieldSelector secretKeyRef:V1SecretKeySelector',
  V1EphemeralContainer:
    'args:[]string command:[]string env:[]V1EnvVar envFrom:[]V1EnvFromSource image:string imagePullPolicy:string lifecycle:V1Lifecycle livenessProbe:V1Probe name:string ports:[]V1ContainerPort readinessProbe:V1Probe resizePolicy:[]V1ContainerResizePolicy resources:V1ResourceRequirements restartPolicy:string restartPolicyRules:[]V1ContainerRestartRule securityContext:V1SecurityContext startupProbe:V1Probe stdin:boolean stdinOnce:boolean targetContainerName:string terminationMessagePath:string terminationMessagePolicy:string tty:boolean volumeDevices:[]V1VolumeDevice volumeMounts:[]V1VolumeMount workingDir:string',
  V1EphemeralVolumeSource: 'volumeClaimTemplate:V1PersistentVolumeClaimTemplate',
  V1EventSource: 'component:string host:string',
  V1ExecAction: 'command:[]string',
  V1FCVolumeSource: 'fsType:string lun:int32 readOnly:boolean targetWWNs:[]string wwids:[]string',
  V1FileKeySelector: 'key:string optional:boolean path:string volumeName:string',
  V1FlexPersistentVolumeSource:
    'driver:string fsType:string options:{}string readOnly:boolean secretRef:V1SecretReference',
  V1FlexVolumeSource: 'driver:string fsType:string options:{}string readOnly:boolean secretRef:V1LocalObjectReference',
  V1FlockerVolumeSource: 'datasetName:string datasetUUID:string',
  V1GCEPersistentDiskVolumeSource: 'fsType:string partition:int32 pdName:string readOnly:boolean',
  V1GRPCAction: 'port:int32 service:string',
  V1GitRepoVolumeSource: 'directory:string repository:string revision:string',
  V1GlusterfsPersistentVolumeSource: 'endpoints:string endpointsNamespace:string path:string readOnly:boolean',
  V1GlusterfsVolumeSource: 'endpoints:string path:string readOnly:boolean',
  V1HTTPGetAction: 'host:string httpHeaders:[]V1HTTPHeader path:string port:int-or-string scheme:string',
  V1HTTPHeader: 'name:string value:string',
  V1HTTPIngressPath: 'backend:V1IngressBackend path:string pathType:string',
  V1HTTPIngressRuleValue: 'paths:[]V1HTTPIngressPath',
  V1HostAlias: 'hostnames:[]string ip:string',
  V1HostIP: 'ip:string',
  V1HostPathVolumeSource: 'path:string type:string',
  V1IPBlock: 'cidr:string except:[]string',
  V1ISCSIPersistentVolumeSource:
    'chapAuthDiscovery:boolean chapAuthSession:boolean fsType:string initiatorName:string iqn:string iscsiInterface:string lun:int32 portals:[]string readOnly:boolean secretRef:V1SecretReference targetPortal:string',
  V1ISCSIVolumeSource:
    'chapAuthDiscovery:boolean chapAuthSession:boolean fsType:string initiatorName:string iqn:string iscsiInterface:string lun:int32 portals:[]string readOnly:boolean secretRef:V1LocalObjectReference targetPortal:string',
  V1ImageVolumeSource: 'pullPolicy:string reference:string',
  V1Ingress: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1IngressSpec status:V1IngressStatus',
  V1IngressBackend: 'resource:V1TypedLocalObjectReference service:V1IngressServiceBackend',
  V1IngressClass: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1IngressClassSpec',
  V1IngressClassParametersReference: 'apiGroup:string kind:string name:string namespace:string scope:string',
  V1IngressClassSpec: 'controller:string parameters:V1IngressClassParametersReference',
  V1IngressLoadBalancerIngress: 'hostname:string ip:string ports:[]V1IngressPortStatus',
  V1IngressLoadBalancerStatus: 'ingress:[]V1IngressLoadBalancerIngress',
  V1IngressPortStatus: 'error:string port:int32 protocol:string',
  V1IngressRule: 'host:string http:V1HTTPIngressRuleValue',
  V1IngressServiceBackend: 'name:string port:V1ServiceBackendPort',
  V1IngressSpec: 'defaultBackend:V1IngressBackend ingressClassName:string rules:[]V1IngressRule tls:[]V1IngressTLS',
  V1IngressStatus: 'loadBalancer:V1IngressLoadBalancerStatus',
  V1IngressTLS: 'hosts:[]string secretName:string',
  V1Job: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1JobSpec status:V1JobStatus',
  V1JobCondition:
    'lastProbeTime:string lastTransitionTime:string message:string reason:string status:string type:string',
  V1JobSpec:
    'activeDeadlineSeconds:int64 backoffLimit:int32 backoffLimitPerIndex:int32 completionMode:string completions:int32 managedBy:string manualSelector:boolean maxFailedIndexes:int32 parallelism:int32 podFailurePolicy:V1PodFailurePolicy podReplacementPolicy:string selector:V1LabelSelector successPolicy:V1SuccessPolicy suspend:boolean template:V1PodTemplateSpec ttlSecondsAfterFinished:int32',
  V1JobStatus:
    'active:int32 completedIndexes:string completionTime:string conditions:[]V1JobCondition failed:int32 failedIndexes:string ready:int32 startTime:string succeeded:int32 terminating:int32 uncountedTerminatedPods:V1UncountedTerminatedPods',
  V1JobTemplateSpec: 'metadata:V1ObjectMeta spec:V1JobSpec',
  V1KeyToPath: 'key:string mode:int32 path:string',
  V1LabelSelector: 'matchExpressions:[]V1LabelSelectorRequirement matchLabels:{}string',
  V1LabelSelectorRequirement: 'key:string operator:string values:[]string',
  V1Lease: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1LeaseSpec',
  V1LeaseSpec:
    'acquireTime:string holderIdentity:string leaseDurationSeconds:int32 leaseTransitions:int32 preferredHolder:string renewTime:string strategy:string',
  V1Lifecycle: 'postStart:V1LifecycleHandler preStop:V1LifecycleHandler stopSignal:string',
  V1LifecycleHandler: 'exec:V1ExecAction httpGet:V1HTTPGetAction sleep:V1SleepAction tcpSocket:V1TCPSocketAction',
  V1LimitRange: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1LimitRangeSpec',
  V1LimitRangeItem:
    'default:{}quantity defaultRequest:{}quantity max:{}quantity maxLimitRequestRatio:{}quantity min:{}quantity type:string',
  V1LimitRangeSpec: 'limits:[]V1LimitRangeItem',
  V1LinuxContainerUser: 'gid:int64 supplementalGroups:[]int64 uid:int64',
  V1LoadBalancerIngress: 'hostname:string ip:string ipMode:string ports:[]V1PortStatus',
  V1LoadBalancerStatus: 'ingress:[]V1LoadBalancerIngress',
  V1LocalObjectReference: 'name:string',
  V1LocalVolumeSource: 'fsType:string path:string',
  V1ManagedFieldsEntry:
    'apiVersion:string fieldsType:string fieldsV1:* manager:string operation:string subresource:string time:string',
  V1ModifyVolumeStatus: 'status:string targetVolumeAttributesClassName:string',
  V1NFSVolumeSource: 'path:string readOnly:boolean server:string',
  V1Namespace: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1NamespaceSpec status:V1NamespaceStatus',
  V1NamespaceCondition: 'lastTransitionTime:string message:string reason:string status:string type:string',
  V1NamespaceSpec: 'finalizers:[]string',
  V1NamespaceStatus: 'conditions:[]V1NamespaceCondition phase:string',
  V1NetworkPolicy: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1NetworkPolicySpec',
  V1NetworkPolicyEgressRule: 'ports:[]V1NetworkPolicyPort to:[]V1NetworkPolicyPeer',
  V1NetworkPolicyIngressRule: 'from:[]V1NetworkPolicyPeer ports:[]V1NetworkPolicyPort',
  V1NetworkPolicyPeer: 'ipBlock:V1IPBlock namespaceSelector:V1LabelSelector podSelector:V1LabelSelector',
  V1NetworkPolicyPort: 'endPort:int32 port:int-or-string protocol:string',
  V1NetworkPolicySpec:
    'egress:[]V1NetworkPolicyEgressRule ingress:[]V1NetworkPolicyIngressRule podSelector:V1LabelSelector policyTypes:[]string',
  V1Node: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1NodeSpec status:V1NodeStatus',
  V1NodeAddress: 'address:string type:string',
  V1NodeAffinity:
    'preferredDuringSchedulingIgnoredDuringExecution:[]V1PreferredSchedulingTerm requiredDuringSchedulingIgnoredDuringExecution:V1NodeSelector',
  V1NodeCondition:
    'lastHeartbeatTime:string lastTransitionTime:string message:string reason:string status:string type:string',
  V1NodeConfigSource: 'configMap:V1ConfigMapNodeConfigSource',
  V1NodeConfigStatus:
    'active:V1NodeConfigSource assigned:V1NodeConfigSource error:string lastKnownGood:V1NodeConfigSource',
  V1NodeDaemonEndpoints: 'kubeletEndpoint:V1DaemonEndpoint',
  V1NodeFeatures: 'supplementalGroupsPolicy:boolean',
  V1NodeRuntimeHandler: 'features:V1NodeRuntimeHandlerFeatures name:string',
  V1NodeRuntimeHandlerFeatures: 'recursiveReadOnlyMounts:boolean userNamespaces:boolean',
  V1NodeSelector: 'nodeSelectorTerms:[]V1NodeSelectorTerm',
  V1NodeSelectorRequirement: 'key:string operator:string values:[]string',
  V1NodeSelectorTerm: 'matchExpressions:[]V1NodeSelectorRequirement matchFields:[]V1NodeSelectorRequirement',
  V1NodeSpec:
    'configSource:V1NodeConfigSource externalID:string podCIDR:string podCIDRs:[]string providerID:string taints:[]V1Taint unschedulable:boolean',
  V1NodeStatus:
    'addresses:[]V1NodeAddress allocatable:{}quantity capacity:{}quantity conditions:[]V1NodeCondition config:V1NodeConfigStatus daemonEndpoints:V1NodeDaemonEndpoints features:V1NodeFeatures images:[]V1ContainerImage nodeInfo:V1NodeSystemInfo phase:string runtimeHandlers:[]V1NodeRuntimeHandler volumesAttached:[]V1AttachedVolume volumesInUse:[]string',
  V1NodeSwapStatus: 'capacity:int64',
  V1NodeSystemInfo:
    'architecture:string bootID:string containerRuntimeVersion:string kernelVersion:string kubeProxyVersion:string kubeletVersion:string machineID:string operatingSystem:string osImage:string swap:V1NodeSwapStatus systemUUID:string',
  V1ObjectFieldSelector: 'apiVersion:string fieldPath:string',
  V1ObjectMeta:
    'annotations:{}string creationTimestamp:string deletionGracePeriodSeconds:int64 deletionTimestamp:string finalizers:[]string generateName:string generation:int64 labels:{}string managedFields:[]V1ManagedFieldsEntry name:string namespace:string ownerReferences:[]V1OwnerReference resourceVersion:string selfLink:string uid:string',
  V1ObjectReference:
    'apiVersion:string fieldPath:string kind:string name:string namespace:string resourceVersion:string uid:string',
  V1OwnerReference:
    'apiVersion:string blockOwnerDeletion:boolean controller:boolean kind:string name:string uid:string',
  V1PersistentVolume:
    'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1PersistentVolumeSpec status:V1PersistentVolumeStatus',
  V1PersistentVolumeClaim:
    'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1PersistentVolumeClaimSpec status:V1PersistentVolumeClaimStatus',
  V1PersistentVolumeClaimCondition:
    'lastProbeTime:string lastTransitionTime:string message:string reason:string status:string type:string',
  V1PersistentVolumeClaimSpec:
    'accessModes:[]string dataSource:V1TypedLocalObjectReference dataSourceRef:V1TypedObjectReference resources:V1VolumeResourceRequirements selector:V1LabelSelector storageClassName:string volumeAttributesClassName:string volumeMode:string volumeName:string',
  V1PersistentVolumeClaimStatus:
    'accessModes:[]string allocatedResourceStatuses:{}string allocatedResources:{}quantity capacity:{}quantity conditions:[]V1PersistentVolumeClaimCondition currentVolumeAttributesClassName:string modifyVolumeStatus:V1ModifyVolumeStatus phase:string',
  V1PersistentVolumeClaimTemplate: 'metadata:V1ObjectMeta spec:V1PersistentVolumeClaimSpec',
  V1PersistentVolumeClaimVolumeSource: 'claimName:string readOnly:boolean',
  V1PersistentVolumeSpec:
    'accessModes:[]string awsElasticBlockStore:V1AWSElasticBlockStoreVolumeSource azureDisk:V1AzureDiskVolumeSource azureFile:V1AzureFilePersistentVolumeSource capacity:{}quantity cephfs:V1CephFSPersistentVolumeSource cinder:V1CinderPersistentVolumeSource claimRef:V1ObjectReference csi:V1CSIPersistentVolumeSource fc:V1FCVolumeSource flexVolume:V1FlexPersistentVolumeSource flocker:V1FlockerVolumeSource gcePersistentDisk:V1GCEPersistentDiskVolumeSource glusterfs:V1GlusterfsPersistentVolumeSource hostPath:V1HostPathVolumeSource iscsi:V1ISCSIPersistentVolumeSource local:V1LocalVolumeSource mountOptions:[]string nfs:V1NFSVolumeSource nodeAffinity:V1VolumeNodeAffinity persistentVolumeReclaimPolicy:string photonPersistentDisk:V1PhotonPersistentDiskVolumeSource portworxVolume:V1PortworxVolumeSource quobyte:V1QuobyteVolumeSource rbd:V1RBDPersistentVolumeSource scaleIO:V1ScaleIOPersistentVolumeSource storageClassName:string storageos:V1StorageOSPersistentVolumeSource volumeAttributesClassName:string volumeMode:string vsphereVolume:V1VsphereVirtualDiskVolumeSource',
  V1PersistentVolumeStatus: 'lastPhaseTransitionTime:string message:string phase:string reason:string',
  V1PhotonPersistentDiskVolumeSource: 'fsType:string pdID:string',
  V1Pod: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1PodSpec status:V1PodStatus',
  V1PodAffinity:
    'preferredDuringSchedulingIgnoredDuringExecution:[]V1WeightedPodAffinityTerm requiredDuringSchedulingIgnoredDuringExecution:[]V1PodAffinityTerm',
  V1PodAffinityTerm:
    'labelSelector:V1LabelSelector matchLabelKeys:[]string mismatchLabelKeys:[]string namespaceSelector:V1LabelSelector namespaces:[]string topologyKey:string',
  V1PodAntiAffinity:
    'preferredDuringSchedulingIgnoredDuringExecution:[]V1WeightedPodAffinityTerm requiredDuringSchedulingIgnoredDuringExecution:[]V1PodAffinityTerm',
  V1PodCertificateProjection:
    'certificateChainPath:string credentialBundlePath:string keyPath:string keyType:string maxExpirationSeconds:int32 signerName:string',
  V1PodCondition:
    'lastProbeTime:string lastTransitionTime:string message:string observedGeneration:int64 reason:string status:string type:string',
  V1PodDNSConfig: 'nameservers:[]string options:[]V1PodDNSConfigOption searches:[]string',
  V1PodDNSConfigOption: 'name:string value:string',
  V1PodExtendedResourceClaimStatus: 'requestMappings:[]V1ContainerExtendedResourceRequest resourceClaimName:string',
  V1PodFailurePolicy: 'rules:[]V1PodFailurePolicyRule',
  V1PodFailurePolicyOnExitCodesRequirement: 'containerName:string operator:string values:[]int32',
  V1PodFailurePolicyOnPodConditionsPattern: 'status:string type:string',
  V1PodFailurePolicyRule:
    'action:string onExitCodes:V1PodFailurePolicyOnExitCodesRequirement onPodConditions:[]V1PodFailurePolicyOnPodConditionsPattern',
  V1PodIP: 'ip:string',
  V1PodOS: 'name:string',
  V1PodReadinessGate: 'conditionType:string',
  V1PodResourceClaim: 'name:string resourceClaimName:string resourceClaimTemplateName:string',
  V1PodResourceClaimStatus: 'name:string resourceClaimName:string',
  V1PodSchedulingGate: 'name:string',
  V1PodSecurityContext:
    'appArmorProfile:V1AppArmorProfile fsGroup:int64 fsGroupChangePolicy:string runAsGroup:int64 runAsNonRoot:boolean runAsUser:int64 seLinuxChangePolicy:string seLinuxOptions:V1SELinuxOptions seccompProfile:V1SeccompProfile supplementalGroups:[]int64 supplementalGroupsPolicy:string sysctls:[]V1Sysctl windowsOptions:V1WindowsSecurityContextOptions',
  V1PodSpec:
    'activeDeadlineSeconds:int64 affinity:V1Affinity automountServiceAccountToken:boolean containers:[]V1Container dnsConfig:V1PodDNSConfig dnsPolicy:string enableServiceLinks:boolean ephemeralContainers:[]V1EphemeralContainer hostAliases:[]V1HostAlias hostIPC:boolean hostNetwork:boolean hostPID:boolean hostUsers:boolean hostname:string hostnameOverride:string imagePullSecrets:[]V1LocalObjectReference initContainers:[]V1Container nodeName:string nodeSelector:{}string os:V1PodOS overhead:{}quantity preemptionPolicy:string priority:int32 priorityClassName:string readinessGates:[]V1PodReadinessGate resourceClaims:[]V1PodResourceClaim resources:V1ResourceRequirements restartPolicy:string runtimeClassName:string schedulerName:string schedulingGates:[]V1PodSchedulingGate securityContext:V1PodSecurityContext serviceAccount:string serviceAccountName:string setHostnameAsFQDN:boolean shareProcessNamespace:boolean subdomain:string terminationGracePeriodSeconds:int64 tolerations:[]V1Toleration topologySpreadConstraints:[]V1TopologySpreadConstraint volumes:[]V1Volume',
  V1PodStatus:
    'conditions:[]V1PodCondition containerStatuses:[]V1ContainerStatus ephemeralContainerStatuses:[]V1ContainerStatus extendedResourceClaimStatus:V1PodExtendedResourceClaimStatus hostIP:string hostIPs:[]V1HostIP initContainerStatuses:[]V1ContainerStatus message:string nominatedNodeName:string observedGeneration:int64 phase:string podIP:string podIPs:[]V1PodIP qosClass:string reason:string resize:string resourceClaimStatuses:[]V1PodResourceClaimStatus startTime:string',
  V1PodTemplateSpec: 'metadata:V1ObjectMeta spec:V1PodSpec',
  V1PolicyRule: 'apiGroups:[]string nonResourceURLs:[]string resourceNames:[]string resources:[]string verbs:[]string',
  V1PortStatus: 'error:string port:int32 protocol:string',
  V1PortworxVolumeSource: 'fsType:string readOnly:boolean volumeID:string',
  V1PreferredSchedulingTerm: 'preference:V1NodeSelectorTerm weight:int32',
  V1Probe:
    'exec:V1ExecAction failureThreshold:int32 grpc:V1GRPCAction httpGet:V1HTTPGetAction initialDelaySeconds:int32 periodSeconds:int32 successThreshold:int32 tcpSocket:V1TCPSocketAction terminationGracePeriodSeconds:int64 timeoutSeconds:int32',
  V1ProjectedVolumeSource: 'defaultMode:int32 sources:[]V1VolumeProjection',
  V1QuobyteVolumeSource: 'group:string readOnly:boolean registry:string tenant:string user:string volume:string',
  V1RBDPersistentVolumeSource:
    'fsType:string image:string keyring:string monitors:[]string pool:string readOnly:boolean secretRef:V1SecretReference user:string',
  V1RBDVolumeSource:
    'fsType:string image:string keyring:string monitors:[]string pool:string readOnly:boolean secretRef:V1LocalObjectReference user:string',
  V1ReplicaSet: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1ReplicaSetSpec status:V1ReplicaSetStatus',
  V1ReplicaSetCondition: 'lastTransitionTime:string message:string reason:string status:string type:string',
  V1ReplicaSetSpec: 'minReadySeconds:int32 replicas:int32 selector:V1LabelSelector template:V1PodTemplateSpec',
  V1ReplicaSetStatus:
    'availableReplicas:int32 conditions:[]V1ReplicaSetCondition fullyLabeledReplicas:int32 observedGeneration:int64 readyReplicas:int32 replicas:int32 terminatingReplicas:int32',
  V1ReplicationController:
    'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1ReplicationControllerSpec status:V1ReplicationControllerStatus',
  V1ReplicationControllerCondition: 'lastTransitionTime:string message:string reason:string status:string type:string',
  V1ReplicationControllerSpec: 'minReadySeconds:int32 replicas:int32 selector:{}string template:V1PodTemplateSpec',
  V1ReplicationControllerStatus:
    'availableReplicas:int32 conditions:[]V1ReplicationControllerCondition fullyLabeledReplicas:int32 observedGeneration:int64 readyReplicas:int32 replicas:int32',
  V1ResourceFieldSelector: 'containerName:string divisor:quantity resource:string',
  V1ResourceHealth: 'health:string resourceID:string',
  V1ResourceQuota:
    'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1ResourceQuotaSpec status:V1ResourceQuotaStatus',
  V1ResourceQuotaSpec: 'hard:{}quantity scopeSelector:V1ScopeSelector scopes:[]string',
  V1ResourceQuotaStatus: 'hard:{}quantity used:{}quantity',
  V1ResourceRequirements: 'claims:[]CoreV1ResourceClaim limits:{}quantity requests:{}quantity',
  V1ResourceStatus: 'name:string resources:[]V1ResourceHealth',
  V1Role: 'apiVersion:string kind:string metadata:V1ObjectMeta rules:[]V1PolicyRule',
  V1RoleBinding: 'apiVersion:string kind:string metadata:V1ObjectMeta roleRef:V1RoleRef subjects:[]RbacV1Subject',
  V1RoleRef: 'apiGroup:string kind:string name:string',
  V1RollingUpdateDaemonSet: 'maxSurge:int-or-string maxUnavailable:int-or-string',
  V1RollingUpdateDeployment: 'maxSurge:int-or-string maxUnavailable:int-or-string',
  V1RollingUpdateStatefulSetStrategy: 'maxUnavailable:int-or-string partition:int32',
  V1SELinuxOptions: 'level:string role:string type:string user:string',
  V1ScaleIOPersistentVolumeSource:
    'fsType:string gateway:string protectionDomain:string readOnly:boolean secretRef:V1SecretReference sslEnabled:boolean storageMode:string storagePool:string system:string volumeName:string',
  V1ScaleIOVolumeSource:
    'fsType:string gateway:string protectionDomain:string readOnly:boolean secretRef:V1LocalObjectReference sslEnabled:boolean storageMode:string storagePool:string system:string volumeName:string',
  V1ScopeSelector: 'matchExpressions:[]V1ScopedResourceSelectorRequirement',
  V1ScopedResourceSelectorRequirement: 'operator:string scopeName:string values:[]string',
  V1SeccompProfile: 'localhostProfile:string type:string',
  V1Secret:
    'apiVersion:string data:{}string immutable:boolean kind:string metadata:V1ObjectMeta stringData:{}string type:string',
  V1SecretEnvSource: 'name:string optional:boolean',
  V1SecretKeySelector: 'key:string name:string optional:boolean',
  V1SecretProjection: 'items:[]V1KeyToPath name:string optional:boolean',
  V1SecretReference: 'name:string namespace:string',
  V1SecretVolumeSource: 'defaultMode:int32 items:[]V1KeyToPath optional:boolean secretName:string',
  V1SecurityContext:
    'allowPrivilegeEscalation:boolean appArmorProfile:V1AppArmorProfile capabilities:V1Capabilities privileged:boolean procMount:string readOnlyRootFilesystem:boolean runAsGroup:int64 runAsNonRoot:boolean runAsUser:int64 seLinuxOptions:V1SELinuxOptions seccompProfile:V1SeccompProfile windowsOptions:V1WindowsSecurityContextOptions',
  V1Service: 'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1ServiceSpec status:V1ServiceStatus',
  V1ServiceAccount:
    'apiVersion:string automountServiceAccountToken:boolean imagePullSecrets:[]V1LocalObjectReference kind:string metadata:V1ObjectMeta secrets:[]V1ObjectReference',
  V1ServiceAccountTokenProjection: 'audience:string expirationSeconds:int64 path:string',
  V1ServiceBackendPort: 'name:string number:int32',
  V1ServicePort: 'appProtocol:string name:string nodePort:int32 port:int32 protocol:string targetPort:int-or-string',
  V1ServiceSpec:
    'allocateLoadBalancerNodePorts:boolean clusterIP:string clusterIPs:[]string externalIPs:[]string externalName:string externalTrafficPolicy:string healthCheckNodePort:int32 internalTrafficPolicy:string ipFamilies:[]string ipFamilyPolicy:string loadBalancerClass:string loadBalancerIP:string loadBalancerSourceRanges:[]string ports:[]V1ServicePort publishNotReadyAddresses:boolean selector:{}string sessionAffinity:string sessionAffinityConfig:V1SessionAffinityConfig trafficDistribution:string type:string',
  V1ServiceStatus: 'conditions:[]V1Condition loadBalancer:V1LoadBalancerStatus',
  V1SessionAffinityConfig: 'clientIP:V1ClientIPConfig',
  V1SleepAction: 'seconds:int64',
  V1StatefulSet:
    'apiVersion:string kind:string metadata:V1ObjectMeta spec:V1StatefulSetSpec status:V1StatefulSetStatus',
  V1StatefulSetCondition: 'lastTransitionTime:string message:string reason:string status:string type:string',
  V1StatefulSetOrdinals: 'start:int32',
  V1StatefulSetPersistentVolumeClaimRetentionPolicy: 'whenDeleted:string whenScaled:string',
  V1StatefulSetSpec:
    'minReadySeconds:int32 ordinals:V1StatefulSetOrdinals persistentVolumeClaimRetentionPolicy:V1StatefulSetPersistentVolumeClaimRetentionPolicy podManagementPolicy:string replicas:int32 revisionHistoryLimit:int32 selector:V1LabelSelector serviceName:string template:V1PodTemplateSpec updateStrategy:V1StatefulSetUpdateStrategy volumeClaimTemplates:[]V1PersistentVolumeClaim',
  V1StatefulSetStatus:
    'availableReplicas:int32 collisionCount:int32 conditions:[]V1StatefulSetCondition currentReplicas:int32 currentRevision:string observedGeneration:int64 readyReplicas:int32 replicas:int32 updateRevision:string updatedReplicas:int32',
  V1StatefulSetUpdateStrategy: 'rollingUpdate:V1RollingUpdateStatefulSetStrategy type:string',
  V1StorageOSPersistentVolumeSource:
    'fsType:string readOnly:boolean secretRef:V1ObjectReference volumeName:string volumeNamespace:string',
  V1StorageOSVolumeSource:
    'fsType:string readOnly:boolean secretRef:V1LocalObjectReference volumeName:string volumeNamespace:string',
  V1SuccessPolicy: 'rules:[]V1SuccessPolicyRule',
  V1SuccessPolicyRule: 'succeededCount:int32 succeededIndexes:string',
  V1Sysctl: 'name:string value:string',
  V1TCPSocketAction: 'host:string port:int-or-string',
  V1Taint: 'effect:string key:string timeAdded:string value:string',
  V1Toleration: 'effect:string key:string operator:string tolerationSeconds:int64 value:string',
  V1TopologySpreadConstraint:
    'labelSelector:V1LabelSelector matchLabelKeys:[]string maxSkew:int32 minDomains:int32 nodeAffinityPolicy:string nodeTaintsPolicy:string topologyKey:string whenUnsatisfiable:string',
  V1TypedLocalObjectReference: 'apiGroup:string kind:string name:string',
  V1TypedObjectReference: 'apiGroup:string kind:string name:string namespace:string',
  V1UncountedTerminatedPods: 'failed:[]string succeeded:[]string',
  V1Volume:
    'awsElasticBlockStore:V1AWSElasticBlockStoreVolumeSource azureDisk:V1AzureDiskVolumeSource azureFile:V1AzureFileVolumeSource cephfs:V1CephFSVolumeSource cinder:V1CinderVolumeSource configMap:V1ConfigMapVolumeSource csi:V1CSIVolumeSource downwardAPI:V1DownwardAPIVolumeSource emptyDir:V1EmptyDirVolumeSource ephemeral:V1EphemeralVolumeSource fc:V1FCVolumeSource flexVolume:V1FlexVolumeSource flocker:V1FlockerVolumeSource gcePersistentDisk:V1GCEPersistentDiskVolumeSource gitRepo:V1GitRepoVolumeSource glusterfs:V1GlusterfsVolumeSource hostPath:V1HostPathVolumeSource image:V1ImageVolumeSource iscsi:V1ISCSIVolumeSource name:string nfs:V1NFSVolumeSource persistentVolumeClaim:V1PersistentVolumeClaimVolumeSource photonPersistentDisk:V1PhotonPersistentDiskVolumeSource portworxVolume:V1PortworxVolumeSource projected:V1ProjectedVolumeSource quobyte:V1QuobyteVolumeSource rbd:V1RBDVolumeSource scaleIO:V1ScaleIOVolumeSource secret:V1SecretVolumeSource storageos:V1StorageOSVolumeSource vsphereVolume:V1VsphereVirtualDiskVolumeSource',
  V1VolumeDevice: 'devicePath:string name:string',
  V1VolumeMount:
    'mountPath:string mountPropagation:string name:string readOnly:boolean recursiveReadOnly:string subPath:string subPathExpr:string',
  V1VolumeMountStatus: 'mountPath:string name:string readOnly:boolean recursiveReadOnly:string',
  V1VolumeNodeAffinity: 'required:V1NodeSelector',
  V1VolumeProjection:
    'clusterTrustBundle:V1ClusterTrustBundleProjection configMap:V1ConfigMapProjection downwardAPI:V1DownwardAPIProjection podCertificate:V1PodCertificateProjection secret:V1SecretProjection serviceAccountToken:V1ServiceAccountTokenProjection',
  V1VolumeResourceRequirements: 'limits:{}quantity requests:{}quantity',
  V1VsphereVirtualDiskVolumeSource: 'fsType:string storagePolicyID:string storagePolicyName:string volumePath:string',
  V1WeightedPodAffinityTerm: 'podAffinityTerm:V1PodAffinityTerm weight:int32',
  V1WindowsSecurityContextOptions:
    'gmsaCredentialSpec:string gmsaCredentialSpecName:string hostProcess:boolean runAsUserName:string',
};
