/** `apply -f FILE` and `edit`: any kube-apiserver manifest, through the same safe flow. */
import { UserError } from '../../core/errors';
import type { Finding } from '../../core/finding';
import { diffStat } from '../../core/manifest/diff';
import { parseManifest } from '../../core/manifest/document';
import { strictFindings } from '../../core/manifest/strict';
import { decodeText, describeDocument, type Described, type LiveManifest } from '../manifest';
import type { Plan } from '../plan';

/**
 * What is no pod at all throws; everything else that is wrong with the file is a finding, so that all of it is told at once.
 */
export function planApplyChange(live: LiveManifest, file: { bytes: Uint8Array; from: string }): Plan {
  const text = decodeText(file.bytes, file.from);
  const { next, findings } = readAll(text, file.from);
  const nothing = { manifestText: live.text, others: [], folders: [], changes: [], notes: [] };
  if (!next) return { ...nothing, findings };
  if (next.pod.name !== live.pod.name || next.pod.namespace !== live.pod.namespace) {
    throw new UserError(
      'other-pod',
      `${file.from} defines the pod ${next.pod.namespace}/${next.pod.name}, not ${live.pod.namespace}/${live.pod.name}`,
      { place: next.doc.place(['metadata', 'name']), hints: [`keep the name and the namespace of ${live.path}`] },
    );
  }
  const { added, removed } = diffStat(live.text, text);
  return {
    ...nothing,
    manifestText: text,
    next,
    changes: text === live.text ? [] : [`replace ${live.path} by ${file.from} (+${added} -${removed} lines)`],
    findings,
  };
}

function readAll(text: string, from: string): { next?: Described; findings: Finding[] } {
  const overlooked: Finding[] = [];
  const doc = parseManifest(text, from, (error) => overlooked.push(asFinding(error)));
  try {
    return { next: describeDocument(doc), findings: overlooked };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const first = asFinding(error);
    const strict = strictFindings(doc).filter(
      ({ place }) => place?.line !== first.place?.line || place?.column !== first.place?.column,
    );
    return { findings: [first, ...overlooked, ...strict] };
  }
}

export function asFinding({ code, message, place, hints }: UserError): Finding {
  return { code, severity: 'error', title: message, ...(place ? { place } : {}), remedy: hints };
}
