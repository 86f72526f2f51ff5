/** Texts that a mend would write. Rule: only what can be read in one way; undefined when there is a choice. */
import { parseManifest, type ManifestDocument } from '../manifest/document';
import { ManifestEdit } from '../manifest/edit';
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

/**
 * The manifest with these changes made. Words of the text first: their places are those of the text as it was read.
 * Throws what ManifestEdit throws, and UserError when the result cannot be read.
 */
export function withFixes(doc: ManifestDocument, fixes: readonly ManifestFix[]): string {
  const lines = doc.text.split('\n');
  for (const fix of fixes) {
    if (fix.do !== 'replace-text') continue;
    const line = lines[fix.line - 1] ?? '';
    const start = fix.column - 1;
    if (line.slice(start, start + fix.from.length) !== fix.from) throw new Error(`no ${fix.from} in line ${fix.line}`);
    lines[fix.line - 1] = line.slice(0, start) + fix.to + line.slice(start + fix.from.length);
  }
  const edit = new ManifestEdit(parseManifest(lines.join('\n'), doc.file));
  for (const fix of fixes) {
    if (fix.do === 'remove') edit.remove(fix.path);
    else if (fix.do === 'replace') edit.replace(fix.path, fix.value);
  }
  return edit.commit().text;
}
