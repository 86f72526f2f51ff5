/**
 * Everything the kubelet says at its default verbosity, in the words of its version: structured since 1.21, plain before.
 * Rule: what stands here a real kubelet's journal has too, and what a real one keeps to itself (volumes that mount,
 * containers that start, probes that fail) is not said.
 */
import type { KlogRecord } from './klog';
import { goDuration, goTime, structured } from './klog';
import { goQuote } from '../../core/policy/go-text';

export interface PodName {
  uid: string;
  name: string;
  namespace: string;
}

export interface Volume {
  name: string;
  /** `kubernetes.io/host-path`. */
  plugin: string;
}

export type KubeletLog = ReturnType<typeof kubeletLog>;

type Values = Record<string, string | number | boolean>;

/**
 * @param structuredText whether this kubelet writes keys and values (1.21 and newer).
 * @param now milliseconds since the epoch. @param startedAt when this kubelet did.
 */
export function kubeletLog(
  write: (record: KlogRecord) => void,
  { structuredText, now, startedAt }: { structuredText: boolean; now: () => number; startedAt: number },
) {
  const say = (severity: KlogRecord['severity'], place: string, text: string): void => {
    write({ severity, place, text });
  };
  /** New form and old form of one line; the old one with its own place. */
  const either = (
    severity: KlogRecord['severity'],
    [place, message, values]: [place: string, message: string, values: Values],
    [oldPlace, oldText]: [oldPlace: string, oldText: string],
  ): void => {
    if (structuredText) say(severity, place, structured(message, values));
    else say(severity, oldPlace, oldText);
  };
  const ref = ({ namespace, name }: PodName): string => `${namespace}/${name}`;
  const full = ({ namespace, name }: PodName): string => `${name}_${namespace}`;
  const withUid = (pod: PodName): string => `${full(pod)}(${pod.uid})`;
  const unique = (pod: PodName, volume: Volume): string => `${volume.plugin}/${pod.uid}-${volume.name}`;

  const skipping = (pod: PodName, err: string): void => {
    either(
      'E',
      ['pod_workers.go:1324', 'Error syncing pod, skipping', { err, pod: ref(pod), podUID: pod.uid }],
      ['pod_workers.go:191', `Error syncing pod ${pod.uid} (${goQuote(withUid(pod))}), skipping: ${err}`],
    );
  };

  return {
    started(version: string, path: string): void {
      either(
        'I',
        ['server.go:525', 'Kubelet version', { kubeletVersion: version }],
        ['server.go:416', `Version: ${version}`],
      );
      either(
        'I',
        ['kubelet.go:398', 'Adding static pod path', { path }],
        ['kubelet.go:261', `Adding pod path: ${path}`],
      );
      either(
        'I',
        ['kubelet.go:2469', 'Starting kubelet main sync loop', {}],
        ['kubelet.go:1847', 'Starting kubelet main sync loop.'],
      );
    },
    apiSeen(): void {
      either('I', ['apiserver.go:51', 'Watching apiserver', {}], ['kubelet.go:276', 'Watching apiserver']);
    },

    folderProblem(path: string, err: string): void {
      either(
        'E',
        ['file.go:96', 'Unable to read config path', { err, path }],
        ['file.go:98', `Unable to read config path "${path}": ${err}`],
      );
    },
    manifestIsFolder(path: string): void {
      either(
        'E',
        ['file.go:182', 'Provided manifest path is a directory, not recursing into manifest path', { path }],
        ['file.go:182', `Not recursing into manifest path "${path}"`],
      );
    },
    manifestIsOther(path: string): void {
      either(
        'E',
        ['file.go:193', 'Manifest path is not a directory or file', { path, mode: 0 }],
        ['file.go:193', `Manifest path "${path}" is not a directory or file: 0`],
      );
    },
    manifestProblem(path: string, err: string): void {
      either(
        'E',
        ['file.go:187', 'Could not process manifest file', { err, path }],
        ['file.go:187', `Can't process manifest file "${path}": ${err}`],
      );
    },
    eventProblem(path: string, problem: string): void {
      const err = `can't process config file "${path}": ${problem}`;
      either(
        'E',
        ['file.go:108', 'Unable to process watch event', { err }],
        ['file.go:108', `Unable to process watch event: ${err}`],
      );
    },

    /** Newer kubelets do it without a word. */
    podAdmitted(): void {
      if (!structuredText) say('I', 'topology_manager.go:187', '[topologymanager] Topology Admit Handler');
    },
    volumeAttached(pod: PodName, volume: Volume): void {
      const text = `operationExecutor.VerifyControllerAttachedVolume started for volume "${volume.name}" (UniqueName: "${unique(pod, volume)}") pod "${pod.name}" (UID: "${pod.uid}") `;
      either('I', ['reconciler_common.go:251', text, { pod: ref(pod) }], ['reconciler.go:224', text]);
    },
    volumeUnmounted(pod: PodName, volume: Volume, nodeName: string): void {
      const id = unique(pod, volume);
      const start = `operationExecutor.UnmountVolume started for volume "${volume.name}" (UniqueName: "${id}") pod "${pod.uid}" (UID: "${pod.uid}") `;
      if (structuredText) say('I', 'reconciler_common.go:163', structured(start, {}));
      else say('I', 'reconciler.go:196', start);
      say(
        'I',
        structuredText ? 'operation_generator.go:781' : 'operation_generator.go:797',
        `UnmountVolume.TearDown succeeded for volume "${id}" (OuterVolumeSpecName: "${volume.name}") pod "${pod.uid}" (UID: "${pod.uid}"). InnerVolumeSpecName "${volume.name}". PluginName "${volume.plugin}", VolumeGidValue ""`,
      );
      const detached = `Volume detached for volume "${volume.name}" (UniqueName: "${id}") on node "${nodeName}" DevicePath ""`;
      if (structuredText) say('I', 'reconciler_common.go:299', structured(detached, {}));
      else say('I', 'reconciler.go:319', detached);
    },
    mountFailed(pod: PodName, volume: Volume, problem: string, retryMs: number): void {
      const id = unique(pod, volume);
      const error = `MountVolume.SetUp failed for volume "${volume.name}" (UniqueName: "${id}") pod "${pod.name}" (UID: "${pod.uid}") : ${problem}`;
      const at = goTime(now() + retryMs, now() - startedAt + retryMs);
      const text = `Operation for "{volumeName:${id} podName:${pod.uid} nodeName:}" failed. No retries permitted until ${at} (durationBeforeRetry ${goDuration(retryMs)}). Error: `;
      if (structuredText) say('E', 'nestedpendingoperations.go:348', text + error);
      else say('E', 'nestedpendingoperations.go:301', text + goQuote(error));
    },
    mountsTimedOut(pod: PodName, volumes: readonly string[]): void {
      skipping(
        pod,
        structuredText
          ? `unmounted volumes=[${volumes.join(' ')}], unattached volumes=[], failed to process volumes=[]: context deadline exceeded`
          : `unmounted volumes=[${volumes.join(' ')}], unattached volumes=[${volumes.join(' ')}]: timed out waiting for the condition`,
      );
    },

    /** Why a container was not started; `reason` is `CrashLoopBackOff`, `ErrImagePull`, … */
    startFailed(pod: PodName, container: string, reason: string, message: string): void {
      const err = `failed to "StartContainer" for ${goQuote(container)} with ${reason}: ${goQuote(message)}`;
      skipping(pod, err);
    },
    pullFailed(image: string, err: string): void {
      if (structuredText) {
        say('E', 'log.go:32', structured('PullImage from image service failed', { err, image }));
        say('E', 'kuberuntime_image.go:55', structured('Failed to pull image', { err, image }));
      } else {
        say('E', 'remote_image.go:113', `PullImage "${image}" from image service failed: ${err}`);
        say('E', 'kuberuntime_image.go:51', `Pull image "${image}" failed: ${err}`);
      }
    },
    containerFailed(pod: PodName, container: string, reason: string, message: string): void {
      const err = `container ${container} start failed in pod ${withUid(pod)}: ${reason}: ${message}`;
      if (structuredText) {
        say('E', 'kuberuntime_manager.go:1727', structured('Unhandled Error', { err, logger: 'UnhandledError' }));
      } else say('E', 'kuberuntime_manager.go:818', err);
    },
    runtimeFailed(call: 'CreateContainer in sandbox' | 'StartContainer', containerId: string, err: string): void {
      if (structuredText) {
        say('E', 'log.go:32', structured(`${call} from runtime service failed`, { err, containerID: containerId }));
      } else say('E', 'remote_runtime.go:251', `${call} "${containerId}" from runtime service failed: ${err}`);
    },

    mirrorDeleting(pod: PodName, mirrorUid: string): void {
      either(
        'I',
        ['kubelet.go:3498', 'Trying to delete pod', { pod: ref(pod), podUID: mirrorUid }],
        ['kubelet.go:1621', `Trying to delete pod ${full(pod)} ${mirrorUid}`],
      );
    },
    mirrorDeleted(pod: PodName, mirrorUid: string): void {
      if (structuredText) {
        const text = structured("Deleted mirror pod as it didn't match the static Pod", { pod: ref(pod) });
        say('I', 'kubelet.go:3505', text);
      } else {
        say('W', 'kubelet.go:1625', `Deleted mirror pod "${full(pod)}(${mirrorUid})" because it is outdated`);
      }
    },
    mirrorDeleteFailed(pod: PodName, err: string): void {
      either(
        'E',
        ['mirror_client.go:139', 'Failed deleting a mirror pod', { err, pod: ref(pod) }],
        ['mirror_client.go:132', `Failed deleting a mirror pod "${full(pod)}": ${err}`],
      );
    },
    /** 1.20 does it without a word. */
    mirrorCreating(pod: PodName): void {
      if (!structuredText) return;
      say('I', 'kubelet.go:3515', structured('Creating a mirror pod for static pod', { pod: ref(pod) }));
    },
    mirrorCreateFailed(pod: PodName, err: string): void {
      either(
        'E',
        ['kubelet.go:3517', 'Failed creating a mirror pod', { err, pod: ref(pod) }],
        ['kubelet.go:1638', `Failed creating a mirror pod for "${withUid(pod)}": ${err}`],
      );
    },

    nodeRegistered(node: string): void {
      either(
        'I',
        ['kubelet_node_status.go:78', 'Successfully registered node', { node }],
        ['kubelet_node_status.go:74', `Successfully registered node ${node}`],
      );
    },
    nodeRegisterFailed(node: string, err: string): void {
      either(
        'E',
        ['kubelet_node_status.go:107', 'Unable to register node with API server', { err, node }],
        ['kubelet_node_status.go:93', `Unable to register node "${node}" with API server: ${err}`],
      );
    },
    nodeStatusFailed(node: string, problem: string): void {
      const err = `error getting node "${node}": ${problem}`;
      either(
        'E',
        ['kubelet_node_status.go:487', 'Error updating node status, will retry', { err }],
        ['kubelet_node_status.go:447', `Error updating node status, will retry: ${err}`],
      );
    },
    leaseFailed(err: string): void {
      either(
        'E',
        ['controller.go:195', 'Failed to update lease', { err }],
        ['controller.go:187', `failed to update lease, error: ${err}`],
      );
    },
  };
}
