/** What the user edited between our changes is theirs: going back over several changes takes those edits along. */
import { mergeText } from '../../core/manifest/diff';

/**
 * @param versions what each change found and left, oldest first.
 * @param target what there was before the first of them.
 * @returns target with every edit that was made between two of them; edits that overlap ours cannot be told apart from
 *   what is taken back, and are left out.
 */
export function carryEdits(versions: readonly { before: string; after: string }[], target: string): string {
  let carried = target;
  versions.slice(1).forEach(({ before }, index) => {
    const left = versions[index]?.after;
    if (left === undefined || left === before) return;
    const merged = mergeText({ base: left, current: before, target: carried });
    if (merged.ok) carried = merged.text;
  });
  return carried;
}
