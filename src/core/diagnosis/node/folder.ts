/** What stands beside the manifest: the kubelet takes every file without a leading dot for a pod. */
import { cause, type Cause } from '../cause';
import { journalEvidence, kubeletSaid, type Patient } from '../patient';
import { namedOtherwise } from './manifest-file';

export function folderRules(patient: Patient): Cause[] {
  const { sight } = patient;
  const pod = patient.pod ?? { name: 'kube-apiserver', namespace: 'kube-system' };
  const standsFor = namedOtherwise(patient);
  const own = standsFor ?? sight.manifestPath;
  return sight.strangers.flatMap((stranger): Cause[] => {
    const { path } = stranger;
    const ls = { source: 'file' as const, where: path, text: `${stranger.kind} beside ${own}` };
    if (stranger.kind === 'folder') {
      return [
        cause('folder-in-manifests', {
          title: `${path} is a folder: the kubelet does not look into it, and complains of it every 20 s`,
          when: 'later',
          remedy: [`mv ${path} /root/`],
          evidence: [ls],
        }),
      ];
    }
    // It is all that there is of the manifest.
    if (path === standsFor) return [];
    if (stranger.pod?.name === pod.name && stranger.pod.namespace === pod.namespace) {
      const wins = path > own;
      return [
        cause('second-manifest', {
          title: `${path} defines the pod ${pod.namespace}/${pod.name} too${wins ? ', and wins over the manifest' : ''}`,
          detail: wins
            ? `The kubelet reads every file that does not start with a dot, whatever its ending; of two with the same pod the last name counts: it runs ${path}, not ${own}.`
            : 'The kubelet reads every file that does not start with a dot; whichever was written last runs until its next look.',
          remedy: [`mv ${path} /root/`, 'backups never belong into this folder, whatever their ending'],
          evidence: [{ ...ls, text: `Pod ${pod.namespace}/${pod.name}` }],
          mend: { kind: 'move-out', what: `move ${path} out of the folder`, path },
          brings: ['not-as-configured', 'server-not-started'],
        }),
      ];
    }
    if (stranger.pod) return [];
    const said = kubeletSaid(
      patient,
      new RegExp(`process (?:watch event|manifest file|config file).*${escaped(path)}`, 'is'),
    );
    const what = stranger.documentKind ?? stranger.detail ?? 'no pod';
    return [
      cause(stranger.documentKind === 'Policy' ? 'policy-in-manifests' : 'stray-file', {
        title:
          stranger.documentKind === 'Policy'
            ? `the audit policy ${path} stands in the manifests folder: the kubelet takes it for a pod, and complains every 20 s`
            : `${path} is no pod (${what}): the kubelet complains of it every 20 s`,
        when: stranger.documentKind === 'Policy' || said ? 'now' : 'later',
        remedy:
          stranger.documentKind === 'Policy'
            ? [
                `mv ${path} /etc/kubernetes/audit-policy.yaml`,
                'kube-auditctl enable --policy /etc/kubernetes/audit-policy.yaml',
              ]
            : [`mv ${path} /root/`],
        evidence: [{ ...ls, text: what }, ...(said ? [journalEvidence('kubelet', said)] : [])],
        // A policy that the server reads from here must not be taken away from under it.
        ...(patient.text.includes(path)
          ? {}
          : { mend: { kind: 'move-out' as const, what: `move ${path} out of the folder`, path } }),
      }),
    ];
  });
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
