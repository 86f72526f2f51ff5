/** The kubelet merges files that define the same pod, and the last one in sort order wins: a backup there is a trap. */
import { messageOf } from '../../core/errors';
import { parseManifest } from '../../core/manifest/document';
import { podIdentity } from '../../core/manifest/server';
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
    if (!definesPod(text, live.pod)) continue;
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

function definesPod(text: string, pod: { name: string; namespace: string }): boolean {
  try {
    const other = podIdentity(parseManifest(text));
    return other.name === pod.name && other.namespace === pod.namespace;
  } catch {
    // What is no pod, or no YAML, the kubelet cannot run in place of ours.
    return false;
  }
}

function unreadable(path: string, why: string) {
  return {
    code: 'stray-file',
    severity: 'warning' as const,
    title: `${path} cannot be read as a manifest: ${why}`,
    remedy: [`mv ${path} /root/`],
  };
}
