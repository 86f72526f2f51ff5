/** `apply -f FILE`: any kube-apiserver manifest, through the same safe flow. */
import { UserError } from '../../core/errors';
import { diffStat } from '../../core/manifest/diff';
import { decodeText, describe, type LiveManifest } from '../manifest';
import type { Plan } from '../plan';

export function planApplyChange(live: LiveManifest, file: { bytes: Uint8Array; from: string }): Plan {
  const text = decodeText(file.bytes, file.from);
  const next = describe(text, file.from);
  if (next.pod.name !== live.pod.name || next.pod.namespace !== live.pod.namespace) {
    throw new UserError(
      'other-pod',
      `${file.from} defines the pod ${next.pod.namespace}/${next.pod.name}, not ${live.pod.namespace}/${live.pod.name}`,
      { place: next.doc.place(['metadata', 'name']), hints: [`keep the name and the namespace of ${live.path}`] },
    );
  }
  const { added, removed } = diffStat(live.text, text);
  return {
    manifestText: text,
    others: [],
    folders: [],
    changes: text === live.text ? [] : [`replace ${live.path} by ${file.from} (+${added} -${removed} lines)`],
    findings: [],
    notes: [],
  };
}
