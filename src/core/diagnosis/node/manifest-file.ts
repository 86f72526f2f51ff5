/** The manifest as a file: there at all, readable, one YAML document, a kube-apiserver pod. */
import { cause, type Cause } from '../cause';
import { kubeletSaid, journalEvidence, manifestEvidence, type Patient } from '../patient';
import { untabbed } from '../mends';

const RESTORE = { kind: 'restore-manifest', what: 'put the last good manifest back' } as const;

/** What the kubelet takes all the same, in its own way: a server that runs is not to be replaced for it. */
const TAKEN = new Set([
  'manifest-duplicate-key',
  'manifest-multiple-documents',
  'manifest-alias',
  'manifest-shell-command',
]);

export function manifestFileRules(patient: Patient): Cause[] {
  const { sight, problem } = patient;
  const { manifest, manifestPath: path, backups } = sight;
  const back = backups.map(
    (backup) => `cp ${backup.path} ${path}   (${backup.kind} of ${new Date(backup.at).toISOString()})`,
  );
  const { aside } = sight.record;
  if (manifest.state === 'absent' && aside !== undefined) {
    return [
      cause('manifest-aside', {
        title: `there is no ${path}: a hand-over was interrupted, and it waits as ${aside}`,
        remedy: ['kube-auditctl recover', `by hand: mv ${aside} ${path}`],
        evidence: [{ source: 'file', where: aside, text: 'the old manifest' }],
      }),
    ];
  }
  if (manifest.state === 'absent') {
    const other = namedOtherwise(patient);
    if (other !== undefined) return [underAnotherName(patient, other)];
    return [
      cause('manifest-missing', {
        title: `there is no ${path}: the kubelet has no API server to start`,
        remedy: [
          ...(back.length > 0 && sight.health.state !== 'ok' ? ['kube-auditctl doctor --fix'] : []),
          ...back.slice(0, 3),
          'kubeadm init phase control-plane apiserver   writes kubeadm’s own',
        ],
        evidence: [{ source: 'file', where: path, text: 'no such file' }],
        // Who serves without it is run from elsewhere: an old manifest here would be put over what runs.
        ...(sight.health.state === 'ok' ? {} : { mend: RESTORE }),
      }),
    ];
  }
  if (manifest.state === 'link') {
    return [
      cause('manifest-is-a-link', {
        title: `${path} is a symbolic link to ${manifest.target}`,
        when: 'later',
        remedy: [`cp --remove-destination "$(readlink -f ${path})" ${path}`],
        evidence: [{ source: 'file', where: path, text: `-> ${manifest.target}` }],
      }),
    ];
  }
  if (manifest.state === 'unreadable') {
    return [
      cause('manifest-not-readable', {
        title: `${path} cannot be read: ${manifest.detail}`,
        remedy: [`ls -la ${path}`, 'dmesg --level=err,warn | tail'],
        evidence: [{ source: 'file', where: path, text: manifest.detail }],
      }),
    ];
  }
  if (!problem) return [];
  const said = kubeletSaid(patient, /process (?:watch event|manifest file|config file)/i, manifest.changedAt - 1000);
  const clean = problem.code === 'manifest-syntax' ? untabbed(patient.text, path) : undefined;
  return [
    cause(problem.code, {
      title: `${path}: ${problem.message}`,
      ...(problem.place ? { place: problem.place } : {}),
      remedy: [
        ...(problem.hints.length > 0
          ? problem.hints
          : [`correct ${path}${problem.place ? `, line ${problem.place.line}` : ''}`]),
        ...(clean !== undefined || back.length > 0 ? ['kube-auditctl doctor --fix'] : []),
        ...back.slice(0, 1),
      ],
      evidence: [
        ...(problem.place
          ? [manifestEvidence(patient, problem.place)]
          : [{ source: 'file' as const, where: path, text: problem.message }]),
        ...(said ? [journalEvidence('kubelet', said)] : []),
      ],
      brings: ['manifest-rejected', 'server-not-started'],
      ...(clean !== undefined
        ? { mend: { kind: 'replace-manifest', what: 'replace the tabs by spaces', text: clean } as const }
        : sight.health.state === 'ok' && TAKEN.has(problem.code)
          ? {}
          : { mend: RESTORE }),
    }),
  ];
}

/** The file of the folder that the kubelet runs the API server from, when it has another name; the last one wins. */
export function namedOtherwise({ sight }: Patient): string | undefined {
  if (sight.manifest.state !== 'absent') return undefined;
  return sight.strangers
    .filter(({ pod }) => pod?.name === 'kube-apiserver' && pod.namespace === 'kube-system')
    .map(({ path }) => path)
    .sort()
    .at(-1);
}

/** No mend: the kubelet reads it under any name, and whatever were put beside it would restart the server. */
function underAnotherName({ sight }: Patient, other: string): Cause {
  return cause('manifest-under-another-name', {
    title: `there is no ${sight.manifestPath}: the API server's manifest stands in ${other}`,
    detail:
      'The kubelet reads every file of the folder, whatever its name; kubeadm and this tool look for that one name.',
    remedy: [
      `kube-auditctl doctor --manifest ${other}`,
      `to rename it: mv ${other} ${sight.manifestPath}   (the API server is restarted by it)`,
    ],
    evidence: [
      { source: 'file', where: sight.manifestPath, text: 'no such file' },
      { source: 'file', where: other, text: 'Pod kube-system/kube-apiserver' },
    ],
    brings: ['server-not-started', 'api-not-ready'],
  });
}
