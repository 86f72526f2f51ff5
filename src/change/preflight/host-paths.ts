/**
 * A volume whose type the host does not satisfy keeps the pod from ever starting, and only the kubelet's journal says so.
 * One without a type that points at nothing becomes an empty folder. Source: pkg/volume/hostpath/host_path.go.
 */
import type { Finding } from '../../core/finding';
import { isVolumeUsed, listVolumes, type Volume } from '../../core/manifest/mounts';
import { folderOf } from '../../core/manifest/paths';
import { kindAt, type Kind } from './look';
import type { Check, Subject } from './preflight';

export const hostPaths: Check = async ({ files }, subject) => {
  const { server } = subject.next;
  // The kubelet sets up only what a container mounts.
  const today = new Set(subject.live.broken ? [] : listVolumes(subject.live.server).map(identity));
  // What the kubelet makes where it is missing was seen to when today's server started.
  const settled = (volume: Volume): boolean =>
    volume.hostPathType?.endsWith('OrCreate') === true && today.has(identity(volume));
  const volumes = listVolumes(server).filter((each) => isVolumeUsed(server, each.name, []) && !settled(each));
  const found = await Promise.all(
    volumes.map(async (volume) => {
      if (volume.hostPath === undefined || volume.hostPathType === undefined) return [];
      const kind = await kindAt(files, volume.hostPath, subject);
      const parent =
        volume.hostPathType === 'FileOrCreate' && kind === 'absent'
          ? await kindAt(files, folderOf(volume.hostPath), subject)
          : 'folder';
      return judge(subject, volume, kind, parent);
    }),
  );
  return found.flat();
};

function identity({ hostPath, hostPathType }: Volume): string {
  return JSON.stringify([hostPath, hostPathType]);
}

function judge({ next }: Subject, volume: Volume, kind: Kind, parent: Kind): Finding[] {
  const path = volume.hostPath ?? '';
  const type = volume.hostPathType ?? '';
  const place = next.doc.place(['spec', 'volumes', volume.index, 'hostPath', 'path']);
  const wantsFile = type === 'File' || type === 'FileOrCreate';
  const wantsFolder = type === 'Directory' || type === 'DirectoryOrCreate';
  const detail = 'The kubelet would end the API server, and could not start the new one.';
  if (kind === 'absent' && ((!type.endsWith('OrCreate') && type !== '') || parent === 'absent')) {
    const missing = parent === 'absent' ? folderOf(path) : path;
    return [
      {
        code: 'host-path-missing',
        severity: 'error',
        title: `the volume ${volume.name} needs ${missing}, and it is not there`,
        detail,
        place,
        remedy: [
          parent === 'absent' || wantsFolder
            ? `mkdir -p ${missing}`
            : `put the file there first, or correct the path; ls -la ${folderOf(path)}`,
        ],
      },
    ];
  }
  if ((wantsFile && kind === 'folder') || (wantsFolder && (kind === 'file' || kind === 'other'))) {
    return [
      {
        code: 'host-path-wrong-type',
        severity: 'error',
        title: `the volume ${volume.name} wants ${wantsFile ? 'a file' : 'a folder'} at ${path}, and there is ${kind === 'folder' ? 'a folder' : 'a file'}`,
        detail,
        place,
        remedy: wantsFile
          ? [`rmdir ${path}   (a volume without type: File makes such folders), and put the file there`]
          : [`write \`type: File\` for a file, or name its folder: ${folderOf(path)}`],
      },
    ];
  }
  return [];
}
