/**
 * Which container paths the audit flags name, and the mounts that make these the host's: a policy as a single read-only
 * file, a log by its folder, writable, as rotation renames within it. A mount that does already is used.
 */
import { UserError } from '../errors';
import type { AuditFile } from './audit';
import { containerPathsOf, isVolumeUsed, listMounts, listVolumes, resolveMount } from './mounts';
import type { ResolvedMount } from './mounts';
import { baseName, folderOf, normalPath } from './paths';
import type { Draft } from './plan';

export interface ChosenPath {
  containerPath: string;
  /** Undefined when the manifest's own path is kept, wherever on the host that leads. */
  hostPath: string | undefined;
}

/** The container path for a file that the server only reads. */
export function chooseReadPath(
  draft: Draft,
  flag: string,
  current: AuditFile | undefined,
  wished: string | undefined,
  otherwise: string,
): ChosenPath {
  if (wished === undefined && current !== undefined) return keptPath(draft, flag, current);
  const hostPath = checkedPath(wished ?? otherwise);
  if (current?.hostPath === hostPath) return { containerPath: current.containerPath, hostPath };
  if (resolveMount(draft.server, hostPath)?.hostPath === hostPath) return { containerPath: hostPath, hostPath };
  const seen = containerPathsOf(draft.server, hostPath)[0];
  return { containerPath: seen?.path ?? hostPath, hostPath };
}

/** The container path of the log. `-` and devices need no mount. */
export function chooseLogPath(
  draft: Draft,
  current: AuditFile | undefined,
  wished: string | undefined,
  otherwise: string,
): ChosenPath & { kind: 'file' | 'stream' } {
  if (wished === '-' || (wished === undefined && current?.containerPath === '-'))
    return { kind: 'stream', containerPath: '-', hostPath: undefined };
  if (wished === undefined && current !== undefined) {
    if (!current.containerPath.startsWith('/dev/'))
      return { kind: 'file', ...keptPath(draft, 'audit-log-path', current) };
    draft.findings.push({
      code: 'log-path-is-device',
      severity: 'warning',
      title: `the audit log goes to ${current.containerPath}, which the server rotates as if it were a file`,
      remedy: ['For the standard output: --log-path -', 'For a file: --log-path /var/log/kubernetes/audit/audit.log'],
    });
    return { kind: 'stream', containerPath: current.containerPath, hostPath: undefined };
  }
  const written = wished ?? otherwise;
  const hostPath = checkedPath(written);
  if (hostPath.startsWith('/dev/'))
    throw new UserError(
      'log-path-is-device',
      `the audit log cannot be the device ${hostPath}: the server would rotate it`,
      {
        hints: ['For the standard output: --log-path -'],
      },
    );
  if (written.endsWith('/') || folderOf(hostPath) === '/')
    throw new UserError('path-invalid', `${written} cannot be the audit log: name a file in a folder of its own`, {
      hints: ['For example: --log-path /var/log/kubernetes/audit/audit.log'],
    });
  if (current?.hostPath === hostPath) return { kind: 'file', containerPath: current.containerPath, hostPath };
  if (resolveMount(draft.server, hostPath)?.hostPath === hostPath)
    return { kind: 'file', containerPath: hostPath, hostPath };
  const seen = containerPathsOf(draft.server, hostPath).find(({ mount }) => !mount.readOnly);
  return { kind: 'file', containerPath: seen?.path ?? hostPath, hostPath };
}

/** Sees to it that a file of the host is at a container path. */
export function provideReadOnlyFile(draft: Draft, { containerPath, hostPath }: ChosenPath, name: string): void {
  const mount = resolveMount(draft.server, containerPath);
  if (mount === undefined) {
    addMount(draft, { name, hostPath: hostPath ?? containerPath, mountPath: containerPath, kind: 'File' });
    return;
  }
  refuseForeign(draft, mount, containerPath, hostPath);
  const isFolderType = mount.hostPathType === 'DirectoryOrCreate' || mount.hostPathType === 'Directory';
  // With such a type the kubelet would refuse the file, or make a folder of that name where there is none.
  if (mount.exact && !mount.hasSubPath && isFolderType) changeVolumeType(draft, mount, 'File');
}

/** Sees to it that the folder of the log is the host's, and writable. */
export function provideLogFolder(draft: Draft, { containerPath, hostPath }: ChosenPath): void {
  const { server } = draft;
  const path = normalPath(containerPath);
  const folder = folderOf(path);
  const own = resolveMount(server, path);
  if (own?.exact === true) {
    refuseForeign(draft, own, path, hostPath);
    mountFolderInstead(draft, own);
    return;
  }
  const mount = resolveMount(server, folder);
  if (folder === '/')
    throw new UserError(
      'path-invalid',
      `the audit log ${containerPath} lies in the root folder, which cannot be mounted`,
      {
        place: server.effective('audit-log-path')?.place,
        hints: ['Choose another: --log-path /var/log/kubernetes/audit/audit.log'],
      },
    );
  if (mount === undefined) {
    addMount(draft, {
      name: 'audit-log',
      hostPath: folderOf(hostPath ?? path),
      mountPath: folder,
      kind: 'DirectoryOrCreate',
    });
    return;
  }
  refuseForeign(draft, mount, folder, hostPath === undefined ? undefined : folderOf(hostPath));
  if (!mount.readOnly) return;
  if (!mount.exact) {
    addMount(draft, {
      name: 'audit-log',
      hostPath: mount.hostPath ?? folder,
      mountPath: folder,
      kind: 'DirectoryOrCreate',
    });
    return;
  }
  makeWritable(draft, mount);
}

function keptPath(draft: Draft, flag: string, current: AuditFile): ChosenPath {
  const { containerPath } = current;
  const place = draft.server.effective(flag)?.place;
  if (draft.server.effectiveValue(flag) === undefined)
    throw new UserError(
      'flag-value-unknown',
      `--${flag}=${containerPath} depends on a variable set outside the manifest`,
      {
        place,
        hints: ['Write the path out in the manifest, or name one by an option.'],
      },
    );
  if (containerPath.startsWith('/') && !containerPath.split('/').includes('..'))
    return { containerPath, hostPath: undefined };
  throw new UserError('path-invalid', `--${flag}=${containerPath} is not an absolute path without \`..\``, {
    place,
    hints: ['Write the whole path in the manifest, or name one by an option.'],
  });
}

function checkedPath(path: string): string {
  if (path.startsWith('/') && !path.split('/').includes('..') && !path.includes(':') && normalPath(path) !== '/')
    return normalPath(path);
  throw new UserError('path-invalid', `${JSON.stringify(path)} is not an absolute path without \`..\` and \`:\``, {
    hints: ['Kubernetes mounts only such paths. Name the whole path, starting with /.'],
  });
}

function addMount(
  draft: Draft,
  wanted: { name: string; hostPath: string; mountPath: string; kind: 'File' | 'DirectoryOrCreate' },
): void {
  const { server } = draft;
  const path = normalPath(wanted.hostPath);
  const mountPath = normalPath(wanted.mountPath);
  const fitting = wanted.kind === 'File' ? ['File', 'FileOrCreate'] : ['Directory', 'DirectoryOrCreate'];
  const volumes = listVolumes(server);
  const known = volumes.find(
    ({ hostPath, hostPathType }) => hostPath === path && (hostPathType === undefined || fitting.includes(hostPathType)),
  );
  const name = known?.name ?? freeName(wanted.name, new Set(volumes.map((volume) => volume.name)));
  if (known === undefined) {
    draft.edit.append(['spec', 'volumes'], { hostPath: { path, type: wanted.kind }, name });
  }
  const readOnly = wanted.kind === 'File';
  draft.edit.append([...server.path, 'volumeMounts'], { mountPath, name, ...(readOnly ? { readOnly } : {}) });
}

/** The path must be the host's, and where the wish names a path of the host, that one. */
function refuseForeign(draft: Draft, mount: ResolvedMount, path: string, hostPath: string | undefined): void {
  const place = draft.doc.place([...draft.server.path, 'volumeMounts', mount.index, 'mountPath']);
  if (mount.volumeType !== 'hostPath' || mount.hostPath === undefined)
    throw new UserError(
      'path-not-on-host',
      `${path} is not on the host: the container has ${describeVolume(mount)} mounted at ${mount.mountPath}`,
      { place, hints: ['Choose a path outside it, or replace the volume by a hostPath volume.'] },
    );
  if (hostPath === undefined || mount.hostPath === hostPath) return;
  throw new UserError(
    'mount-path-taken',
    `${path} in the container is ${mount.hostPath} of the host already, not ${hostPath}`,
    { place, hints: [`Choose the path ${mount.hostPath}, or one outside ${mount.mountPath}.`] },
  );
}

function describeVolume(mount: ResolvedMount): string {
  if (mount.volumeType === 'missing') return `a volume that is not defined (${mount.volumeName})`;
  if (mount.volumeType === 'hostPath') return `a part of the volume ${mount.volumeName} that only the kubelet knows`;
  return `the ${mount.volumeType} volume ${mount.volumeName}`;
}

/** Rotation renames the log: on a file that is a mount of its own this fails, and every event after it is lost. */
function mountFolderInstead(draft: Draft, mount: ResolvedMount): void {
  const { server, edit } = draft;
  const [folder, hostFolder] = [folderOf(mount.mountPath), folderOf(mount.hostSource ?? '/')];
  const taken = listMounts(server).some((other) => other.mountPath === folder);
  const fixable =
    baseName(mount.mountPath) === baseName(mount.hostSource ?? '') &&
    !mount.hasSubPath &&
    !taken &&
    folder !== '/' &&
    hostFolder !== '/' &&
    !isVolumeUsed(server, mount.volumeName, [mount.index]);
  if (!fixable || mount.volumeIndex === undefined)
    throw new UserError('log-mounted-as-file', `the audit log ${mount.mountPath} is mounted as a single file`, {
      place: draft.doc.place([...server.path, 'volumeMounts', mount.index, 'mountPath']),
      hints: [
        'The server rotates its log by renaming it, which fails on such a mount: from then on no event is written.',
        `Mount the folder ${folder} instead, or choose another file by --log-path.`,
      ],
    });
  edit.replace([...server.path, 'volumeMounts', mount.index, 'mountPath'], folder);
  edit.replace(['spec', 'volumes', mount.volumeIndex, 'hostPath', 'path'], hostFolder);
  if (mount.hostPathType !== 'DirectoryOrCreate') changeVolumeType(draft, mount, 'DirectoryOrCreate');
  if (mount.readOnly) makeWritable(draft, mount);
}

function changeVolumeType(draft: Draft, mount: ResolvedMount, type: string): void {
  draft.put(['spec', 'volumes', mount.volumeIndex ?? 0, 'hostPath', 'type'], type);
}

function makeWritable(draft: Draft, mount: ResolvedMount): void {
  draft.edit.replace([...draft.server.path, 'volumeMounts', mount.index, 'readOnly'], false);
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`;
  return name;
}
