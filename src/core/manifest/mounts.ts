/** Container paths and host paths of the API server's pod, joined through its volumes. */
import { expand, known } from './expand';
import { covers, joinPath, normalPath, rebase } from './paths';
import type { Server } from './server';
import { isMap } from './value';
import type { PlainMap } from './value';

export interface Mount {
  /** Index in the container's volumeMounts. */
  index: number;
  /** Normal: no slash at the end. */
  mountPath: string;
  readOnly: boolean;
  volumeName: string;
  /** `hostPath`, `emptyDir`, …; `missing` when the pod has no volume of that name. */
  volumeType: string;
  /** Index in the pod's volumes. */
  volumeIndex: number | undefined;
  /** hostPath.type; undefined when absent or empty: the kubelet then checks nothing. */
  hostPathType: string | undefined;
  /** What of the host is mounted, subPath included; undefined when it is not of the host, or not known. */
  hostSource: string | undefined;
  /** Only a part of the volume is mounted. */
  hasSubPath: boolean;
}

export interface ResolvedMount extends Mount {
  /** The path asked for, as the host knows it. */
  hostPath: string | undefined;
  /** The mount is of this very path. */
  exact: boolean;
}

export interface Volume {
  index: number;
  name: string;
  type: string;
  hostPath: string | undefined;
  hostPathType: string | undefined;
}

export function listVolumes(server: Server): Volume[] {
  return server.doc.list(['spec', 'volumes']).map((volume, index) => {
    const map = isMap(volume) ? volume : {};
    const type = Object.keys(map).find((key) => key !== 'name' && map[key] !== undefined) ?? 'emptyDir';
    const source: PlainMap = isMap(map.hostPath) ? map.hostPath : {};
    return {
      index,
      name: String(map.name),
      type,
      hostPath: type === 'hostPath' && typeof source.path === 'string' ? normalPath(source.path) : undefined,
      hostPathType: typeof source.type === 'string' && source.type !== '' ? source.type : undefined,
    };
  });
}

/** The mounts of the API server's container, in the manifest's order. */
export function listMounts(server: Server): Mount[] {
  const volumes = listVolumes(server);
  return server.doc.list([...server.path, 'volumeMounts']).map((mount, index) => {
    const map = isMap(mount) ? mount : {};
    const volume = volumes.find(({ name }) => name === map.name);
    const below = subPathOf(server, map);
    return {
      index,
      mountPath: normalPath(typeof map.mountPath === 'string' ? map.mountPath : ''),
      readOnly: map.readOnly === true,
      volumeName: String(map.name),
      volumeType: volume?.type ?? 'missing',
      volumeIndex: volume?.index,
      hostPathType: volume?.hostPathType,
      hostSource: volume?.hostPath === undefined || below === undefined ? undefined : joinPath(volume.hostPath, below),
      hasSubPath: below !== '',
    };
  });
}

/** The mount through which the container sees a path: the one with the longest mountPath that covers it. */
export function resolveMount(server: Server, containerPath: string): ResolvedMount | undefined {
  const path = normalPath(containerPath);
  let best: Mount | undefined;
  for (const mount of listMounts(server))
    if (mount.mountPath !== '' && covers(mount.mountPath, path))
      if (best === undefined || mount.mountPath.length > best.mountPath.length) best = mount;
  if (best === undefined) return undefined;
  const { hostSource, mountPath } = best;
  return {
    ...best,
    hostPath: hostSource === undefined ? undefined : rebase(path, mountPath === '/' ? '' : mountPath, hostSource),
    exact: path === mountPath,
  };
}

/** Container paths at which a path of the host is seen, those through the most specific mounts first. */
export function containerPathsOf(server: Server, hostPath: string): { path: string; mount: ResolvedMount }[] {
  const wanted = normalPath(hostPath);
  const found: { path: string; mount: ResolvedMount }[] = [];
  for (const { index, hostSource, mountPath } of listMounts(server)) {
    if (hostSource === undefined || !covers(hostSource, wanted)) continue;
    const path = rebase(wanted, hostSource === '/' ? '' : hostSource, mountPath);
    const mount = resolveMount(server, path);
    // Another mount may lie over this one at that path.
    if (mount?.index === index) found.push({ path, mount });
  }
  return found.sort((a, b) => (b.mount.hostSource?.length ?? 0) - (a.mount.hostSource?.length ?? 0));
}

/** Whether any container mounts a volume, the given mounts of the server's container left aside. */
export function isVolumeUsed({ doc, path }: Server, volumeName: unknown, aside: readonly number[]): boolean {
  const spec = doc.map(['spec']);
  return ['initContainers', 'containers', 'ephemeralContainers'].some((kind) => {
    const containers = Array.isArray(spec[kind]) ? (spec[kind] as unknown[]) : [];
    return containers.some((container, at) => {
      const mounts: unknown[] = isMap(container) && Array.isArray(container.volumeMounts) ? container.volumeMounts : [];
      const own = kind === path[1] && at === path[2];
      return mounts.some(
        (mount, index) => isMap(mount) && mount.name === volumeName && !(own && aside.includes(index)),
      );
    });
  });
}

/** '' without a sub-path; undefined when it is not known from the manifest. */
function subPathOf(server: Server, mount: PlainMap): string | undefined {
  if (typeof mount.subPathExpr === 'string') return known(expand(mount.subPathExpr, server.environment));
  return typeof mount.subPath === 'string' ? mount.subPath : '';
}
