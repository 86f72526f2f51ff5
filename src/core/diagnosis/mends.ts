/** Texts that a mend would write. Rule: only what can be read in one way; undefined when there is a choice. */
import { parseManifest, type ManifestDocument } from '../manifest/document';
import { ManifestEdit } from '../manifest/edit';
import { Locator } from '../manifest/locate';
import { deepEqual } from '../manifest/value';
import type { ManifestFix } from './cause';

/** The text with its indenting tabs as spaces, if all widths that make a pod of it make the same pod. */
export function untabbed(text: string, path: string): string | undefined {
  if (!/^[ ]*\t/m.test(text)) return undefined;
  let found: ManifestDocument | undefined;
  for (const width of [2, 4, 8]) {
    const spaced = text.replace(/^[ \t]+/gm, (indent) => indent.replaceAll('\t', ' '.repeat(width)));
    let doc: ManifestDocument;
    try {
      doc = parseManifest(spaced, path);
    } catch {
      continue;
    }
    if (found && !deepEqual(found.value, doc.value)) return undefined;
    found ??= doc;
  }
  return found?.text;
}

/** The manifest with these changes made; throws what ManifestEdit throws. */
export function withFixes(doc: ManifestDocument, fixes: readonly ManifestFix[]): string {
  const edit = new ManifestEdit(doc);
  for (const fix of fixes) {
    if (fix.do === 'remove') edit.remove(fix.path);
    else if (fix.do === 'replace') edit.replace(fix.path, fix.value);
  }
  let text = edit.commit().text;
  // Keys last and from the end: the text before them stays where the places say it is.
  const renamed = fixes.filter((fix) => fix.do === 'rename-key');
  for (const fix of renamed) {
    const again = parseManifest(text, doc.file);
    const { pair } = new Locator(again).spot(fix.path);
    const range = pair?.key.range;
    if (!range) throw new Error(`no key to rename at ${fix.path.join('.')}`);
    text = text.slice(0, range[0]) + fix.to + text.slice(range[1]);
    parseManifest(text, doc.file);
  }
  return text;
}
