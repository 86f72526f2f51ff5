/**
 * A pod's volumes on this machine: host paths below the sandbox's root, and empty folders of the pod's own. Rule: a host
 * path is checked by its type in the kubelet's words, and only the types that say so make anything.
 * Source: pkg/volume/hostpath/host_path.go.
 */
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import type { ContainerMount } from '../../container';
import type { StaticPod } from '../pod/read';
import type { ContainerSpec, VolumeSpec } from '../pod/types';
import { VOLUME_SOURCES } from '../pod/types';
import type { Volumes } from '../world';
import { nodePath, statOfNode } from './node-path';

/** @param root the sandbox's DIR/node. */
export function createVolumes(root: string): Volumes {
  return {
    plugin: (volume) => `kubernetes.io/${PLUGINS[sourceOf(volume)] ?? sourceOf(volume).toLowerCase()}`,
    setUp(pod, volume) {
      if (volume.hostPath) return setUpHostPath(root, volume.hostPath.path ?? '', volume.hostPath.type ?? '');
      if (volume.emptyDir === undefined)
        return `the sandbox has no ${sourceOf(volume)} volumes, only hostPath and emptyDir`;
      mkdirSync(nodePath(root, emptyDirOf(pod.uid, volume)), { recursive: true, mode: 0o755 });
      return undefined;
    },
    tearDown(uid) {
      rmSync(nodePath(root, `${PODS}/${uid}`), { recursive: true, force: true });
    },
  };
}

/** What the runtime mounts into a container. Makes an empty folder where an unchecked host path is missing, as runtimes do. */
export function mountsOf(root: string, pod: StaticPod, { volumeMounts = [] }: ContainerSpec): ContainerMount[] {
  return volumeMounts.map(({ name, mountPath = '', subPath = '', readOnly = false }) => {
    const volume = pod.spec.volumes?.find((each) => each.name === name) ?? {};
    const source = volume.hostPath ? (volume.hostPath.path ?? '') : emptyDirOf(pod.uid, volume);
    const path = subPath === '' ? source : posix.join(source, subPath);
    const found = statOfNode(root, path);
    const hostPath = nodePath(root, path);
    if (found === undefined) mkdirSync(hostPath, { recursive: true, mode: 0o755 });
    return {
      containerPath: posix.resolve('/', mountPath),
      hostPath,
      readOnly,
      kind: found === undefined || found.isDirectory() ? ('folder' as const) : ('file' as const),
    };
  });
}

const PODS = '/var/lib/kubelet/pods';
const PLUGINS: Readonly<Record<string, string>> = { hostPath: 'host-path', emptyDir: 'empty-dir' };

function sourceOf(volume: VolumeSpec): string {
  return VOLUME_SOURCES.find((source) => volume[source] !== undefined) ?? 'emptyDir';
}

function emptyDirOf(uid: string, { name = '' }: VolumeSpec): string {
  return `${PODS}/${uid}/volumes/kubernetes.io~empty-dir/${name}`;
}

function setUpHostPath(root: string, path: string, type: string): string | undefined {
  if (type === '') return undefined;
  try {
    if (type === 'DirectoryOrCreate' && statOfNode(root, path) === undefined) {
      mkdirSync(nodePath(root, path), { recursive: true, mode: 0o755 });
    }
    if (type === 'FileOrCreate' && statOfNode(root, path) === undefined) makeFile(root, path);
    const found = statOfNode(root, path);
    const check = CHECKS[type];
    if (check === undefined) return `hostPath type check failed: ${type} is an invalid volume type`;
    return found !== undefined && check.holds(found)
      ? undefined
      : `hostPath type check failed: ${path} is not a ${check.what}`;
  } catch (error) {
    const { code = '', syscall = 'stat' } = error as NodeJS.ErrnoException;
    return `hostPath type check failed: ${syscall} ${path}: ${ERRNO[code] ?? code}`;
  }
}

function makeFile(root: string, path: string): void {
  // The parent must be there: the kubelet makes no folders for a file.
  const parent = nodePath(root, posix.dirname(path));
  const target = nodePath(root, path);
  closeSync(openSync(dirname(target) === parent ? join(parent, posix.basename(path)) : target, 'a', 0o644));
}

interface Found {
  isFile(): boolean;
  isDirectory(): boolean;
  isSocket(): boolean;
  isCharacterDevice(): boolean;
  isBlockDevice(): boolean;
}

const CHECKS: Readonly<Record<string, { what: string; holds(found: Found): boolean }>> = {
  File: { what: 'file', holds: (found) => found.isFile() },
  FileOrCreate: { what: 'file', holds: (found) => found.isFile() },
  Directory: { what: 'directory', holds: (found) => found.isDirectory() },
  DirectoryOrCreate: { what: 'directory', holds: (found) => found.isDirectory() },
  Socket: { what: 'socket file', holds: (found) => found.isSocket() },
  CharDevice: { what: 'character device', holds: (found) => found.isCharacterDevice() },
  BlockDevice: { what: 'block device', holds: (found) => found.isBlockDevice() },
};

const ERRNO: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EEXIST: 'file exists',
  EACCES: 'permission denied',
  EROFS: 'read-only file system',
  ELOOP: 'too many levels of symbolic links',
};
