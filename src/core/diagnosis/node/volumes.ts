/** Volumes and mounts: what the kubelet refuses, and what it makes of a path that is not there. */
import { cause, type Cause } from '../cause';
import { at, journalEvidence, kubeletSaid, type Patient } from '../patient';
import { listMounts, listVolumes, type Volume } from '../../manifest/mounts';
import { isMap } from '../../manifest/value';

export function volumeRules(patient: Patient): Cause[] {
  const { server } = patient;
  if (!server) return [];
  return [...mountsWithoutVolume(patient), ...doubled(patient), ...hostPaths(patient, listVolumes(server))];
}

/** A host path that could not be looked at is no finding. */
export function kindOf({ sight }: Patient, path: string): string | undefined {
  const kind = sight.paths.find((each) => each.path === path)?.kind;
  return kind === 'unknown' ? undefined : kind;
}

function mountsWithoutVolume(patient: Patient): Cause[] {
  const { server, sight } = patient;
  if (!server) return [];
  const names = listVolumes(server).map(({ name }) => name);
  return listMounts(server)
    .filter(({ volumeType }) => volumeType === 'missing')
    .map(({ index, volumeName }) => {
      const said = kubeletSaid(patient, /volumeMounts\[\d+\]\.name: Not found/, patient.changedAt);
      const place = at(patient, [...server.path, 'volumeMounts', index, 'name']);
      return cause('mount-without-volume', {
        title: `volumeMount ${volumeName} names no volume: the kubelet rejects the manifest`,
        ...place,
        evidence: [...place.evidence, ...(said ? [journalEvidence('kubelet', said)] : [])],
        remedy: [
          `add a volume named ${volumeName} under spec.volumes (there are: ${names.join(', ') || 'none'})`,
          `or remove spec.containers[0].volumeMounts[${index}] from ${sight.manifestPath}`,
        ],
        brings: ['manifest-rejected', 'server-not-started'],
        mend: { kind: 'restore-manifest', what: 'put the last good manifest back' },
      });
    });
}

function doubled(patient: Patient): Cause[] {
  const { server } = patient;
  if (!server) return [];
  const volumes = listVolumes(server);
  const mounts = listMounts(server);
  return [
    ...volumes
      .filter(({ name }, index) => volumes.findIndex((other) => other.name === name) < index)
      .map(({ name, index }) =>
        cause('volume-twice', {
          title: `two volumes are named ${name}: the kubelet rejects the manifest`,
          ...at(patient, ['spec', 'volumes', index, 'name']),
          remedy: ['give one of them another name, also in its volumeMount'],
          brings: ['manifest-rejected', 'server-not-started'],
        }),
      ),
    ...mounts
      .filter(({ mountPath }, index) => mounts.findIndex((other) => other.mountPath === mountPath) < index)
      .map(({ mountPath, index }) =>
        cause('mount-path-twice', {
          title: `two volumeMounts have the mountPath ${mountPath}: the kubelet rejects the manifest`,
          ...at(patient, [...server.path, 'volumeMounts', index, 'mountPath']),
          remedy: ['remove one of them'],
          brings: ['manifest-rejected', 'server-not-started'],
        }),
      ),
  ];
}

function hostPaths(patient: Patient, volumes: readonly Volume[]): Cause[] {
  const { audit } = patient;
  return volumes.flatMap((volume): Cause[] => {
    const { hostPath, hostPathType: type = '', name, index } = volume;
    if (hostPath === undefined) return [];
    const kind = kindOf(patient, hostPath);
    if (kind === undefined) return [];
    const place = at(patient, ['spec', 'volumes', index, 'hostPath', 'path']);
    const said = kubeletSaid(
      patient,
      new RegExp(`MountVolume\\.SetUp failed for volume \\\\*"${name}`),
      patient.changedAt,
    );
    const evidence = [
      ...place.evidence,
      { source: 'file' as const, where: hostPath, text: kind === 'missing' ? 'no such file' : `is a ${kind}` },
      ...(said ? [journalEvidence('kubelet', said)] : []),
    ];
    const wrong = (title: string, remedy: string[], mend?: Cause['mend']): Cause =>
      cause('volume-path-wrong', {
        title: `volume ${name} cannot be mounted: ${title}`,
        ...place,
        evidence,
        remedy,
        // A container that runs has had its mounts made; the next one will not.
        when: patient.healthy ? 'later' : 'now',
        ...(mend ? { mend } : {}),
        brings: ['volume-not-mountable', 'server-not-started'],
      });
    const forFile =
      hostPath === audit?.policy?.hostPath
        ? 'kube-auditctl enable --policy FILE   puts it there'
        : `ls -ld ${hostPath}`;
    if (type === 'File' && kind === 'missing') return [wrong(`${hostPath} does not exist`, [forFile])];
    if (type === 'File' && kind === 'folder')
      return [wrong(`${hostPath} is a folder, not a file`, [`rmdir ${hostPath}`, forFile])];
    if (type === 'Directory' && kind === 'missing')
      return [
        wrong(
          `the folder ${hostPath} does not exist`,
          [`mkdir -p ${hostPath}`, 'or set its type to DirectoryOrCreate'],
          {
            kind: 'make-folder',
            what: `make the folder ${hostPath}`,
            path: hostPath,
          },
        ),
      ];
    if (type.startsWith('Directory') && kind === 'file')
      return [wrong(`${hostPath} is a file, not a folder`, ['set its type to File, or let it name the folder'])];
    const known = ['', 'File', 'FileOrCreate', 'Directory', 'DirectoryOrCreate', 'Socket', 'CharDevice', 'BlockDevice'];
    if (!known.includes(type)) {
      return [
        cause('volume-type-unknown', {
          title: `volume ${name} has the type ${type}, which hostPath does not know: the kubelet rejects the manifest`,
          ...at(patient, ['spec', 'volumes', index, 'hostPath', 'type']),
          remedy: [`write one of ${known.slice(1).join(', ')}`],
          brings: ['manifest-rejected', 'server-not-started'],
        }),
      ];
    }
    return [];
  });
}

/** The index of a volume by its name. */
export function volumeIndex({ doc }: Patient, name: string): number | undefined {
  const index = doc?.list(['spec', 'volumes']).findIndex((volume) => isMap(volume) && volume.name === name);
  return index === undefined || index === -1 ? undefined : index;
}
