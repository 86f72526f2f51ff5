/** The kubelet merges files that define the same pod, and the last one in sort order wins: a backup there is a trap. */
import { messageOf } from '../../core/errors';
import { podOfFile } from '../../core/pod-file';
import { decodeText, MANIFEST_LIMIT } from '../manifest';
import type { Check } from './preflight';

export const onlyManifest: Check = async ({ files }, { live }) => {
  const own = live.path.slice(live.folder.length + 1);
  const findings = [];
  for (const name of await files.list(live.folder)) {
    const path = `${live.folder}/${name}`;
    if (name === own || name.startsWith('.')) continue;
    const entry = await files.look(path);
    if (entry?.kind !== 'file') continue;
    let text: string;
    try {
      text = decodeText((await files.read(path, MANIFEST_LIMIT)).bytes, path);
    } catch (error) {
      findings.push(unreadable(path, messageOf(error)));
      continue;
    }
    const pod = podOfFile(text);
    if (!pod) findings.push(unreadable(path, 'the kubelet takes every file there for a pod, and this is none'));
    if (pod?.name !== live.pod.name || pod.namespace !== live.pod.namespace) continue;
    findings.push({
      code: 'second-manifest',
      severity: 'error' as const,
      title: `${path} defines the pod ${live.pod.namespace}/${live.pod.name} too`,
      detail:
        name > own
          ? 'The kubelet reads every file without a leading dot, and the last name wins: it would run that file, not yours.'
          : 'The kubelet reads every file without a leading dot: whichever changed last runs until its next poll.',
      remedy: [`mv ${path} /root/`, 'backups never belong into the manifests folder, whatever their ending'],
    });
  }
  return findings;
};

function unreadable(path: string, why: string) {
  return {
    code: 'stray-file',
    severity: 'warning' as const,
    title: `${path} cannot be read as a manifest: ${why}`,
    remedy: [`mv ${path} /root/`],
  };
}
