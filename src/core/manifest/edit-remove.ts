/** How list items and keys are taken out of the text, and what stands for a collection that has nothing left. */
import { describePath } from './document';
import { entriesOf, indentBefore, isFlow, isListNode } from './layout';
import type { Collection, Entry } from './layout';
import type { Spot } from './locate';
import type { TextChanges } from './text-changes';
import type { Path } from './value';

/** @param spot where the collection at `path` is written. */
export function writeRemoval(
  text: string,
  out: TextChanges,
  spot: Spot,
  path: Path,
  indices: ReadonlySet<number>,
): void {
  const holder = spot.node as Collection;
  const entries = entriesOf(text, holder);
  if (entries.every((_, index) => indices.has(index))) {
    // An empty value would be read as null.
    writeBlank(text, out, spot, path, isListNode(holder) ? '[]' : '{}');
    return;
  }
  for (let first = 0; first < entries.length; first++) {
    if (!indices.has(first)) continue;
    let last = first;
    while (indices.has(last + 1)) last++;
    if (isFlow(holder)) cutFlow(out, entries, first, last);
    else cutBlock(text, out, entries, first, last);
    first = last;
  }
}

/** Puts `[]`, `null` or nothing in place of a whole collection. */
export function writeBlank(text: string, out: TextChanges, { node, pair }: Spot, path: Path, blank: string): void {
  const holder = node as Collection;
  if (isFlow(holder)) {
    out.replace(holder.range?.[0] ?? 0, holder.range?.[1] ?? 0, blank);
    return;
  }
  if (pair?.key.range == null) throw new Error(`cannot empty ${describePath(path)}`);
  const colon = text.indexOf(':', pair.key.range[1]);
  // An anchor or a tag stands between the colon and the value.
  const lead = /^:(?:[ \t]+[&!]\S*)*/.exec(text.slice(colon))?.[0] ?? ':';
  if (blank !== '') out.insert(colon + lead.length, ` ${blank}`);
  out.cutLines(entriesOf(text, holder));
}

function cutFlow(out: TextChanges, entries: readonly Entry[], first: number, last: number): void {
  const [from, to] = [entries[first], entries[last]];
  const [before, after] = [entries[first - 1], entries[last + 1]];
  if (from === undefined || to === undefined) return;
  if (before !== undefined) out.replace(before.end, to.end, '');
  else out.replace(from.start, after?.start ?? to.end, '');
}

function cutBlock(text: string, out: TextChanges, entries: readonly Entry[], first: number, last: number): void {
  const [from, after] = [entries[first], entries[last + 1]];
  // The first key of a list item shares its line with the dash: the next key moves up to it.
  if (from !== undefined && after !== undefined && indentBefore(text, from.start) === undefined)
    out.replace(from.start, after.start, '');
  else out.cutLines(entries.slice(first, last + 1));
}
