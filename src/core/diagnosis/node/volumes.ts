/** The volumes' paths on the node: there, and of the kind that the volume's type asks for. */
import { cause, type Cause } from '../cause';
import { at, journalEvidence, kubeletSaid, type Patient } from '../patient';
import { listVolumes, type Volume } from '../../manifest/mounts';
import { isMap } from '../../manifest/value';

export function volumeRules(patient: Patient): Cause[] {
  const { server } = patient;
  if (!server) return [];
  return hostPaths(patient, listVolumes(server));
}

/** A host path that could not be looked at is no finding. */
export function kindOf({ sight }: Patient, path: string): string | undefined {
  const kind = sight.paths.find((each) => each.path === path)?.kind;
  return kind === 'unknown' ? undefined : kind;
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
    return [];
  });
}

/** The index of a volume by its name. */
export function volumeIndex({ doc }: Patient, name: string): number | undefined {
  const index = doc?.list(['spec', 'volumes']).findIndex((volume) => isMap(volume) && volume.name === name);
  return index === undefined || index === -1 ? undefined : index;
}
