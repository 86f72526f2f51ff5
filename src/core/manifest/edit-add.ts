/** How an addition to a list or mapping is written: behind its last entry, or in place of an empty value. */
import { isCollection } from 'yaml';
import { describePath } from './document';
import type { ManifestDocument } from './document';
import { blockLines, flowPair, flowText } from './emit';
import type { FlowStyle } from './emit';
import { columnOf, entriesOf, isFlow, isListNode } from './layout';
import type { Collection, Entry } from './layout';
import type { Spot } from './locate';
import { blockStyle, brokenStyle, flowStyle, inOrderOf, lineIndent } from './style';
import type { TextChanges } from './text-changes';
import { valueAt } from './value';
import type { Path } from './value';

export interface Addition {
  path: Path;
  /** Items for a list; undefined when keys and values are added to a mapping. */
  list: unknown[] | undefined;
  pairs: [string, unknown][];
}

/** @param spot where the list or mapping is written; it must be. */
export function writeAddition(doc: ManifestDocument, out: TextChanges, spot: Spot, addition: Addition): void {
  const { path, list, pairs } = addition;
  const value = list ?? Object.fromEntries(pairs);
  const { node } = spot;
  if (isCollection(node) && node.items.length > 0) {
    if (isListNode(node) !== (list !== undefined)) throw new Error(`another kind of value at ${describePath(path)}`);
    if (isFlow(node as Collection)) addToFlow(doc, out, node as Collection, addition);
    else addToBlock(doc, out, node as Collection, path, value);
  } else if (spot.holder === undefined || isFlow(spot.holder)) fillFlow(doc, out, spot, path, value);
  else fillBlock(doc, out, spot, path, value);
}

function addToBlock(doc: ManifestDocument, out: TextChanges, node: Collection, path: Path, value: unknown): void {
  const { text } = doc;
  const entries = entriesOf(text, node);
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) return;
  const indent = ' '.repeat(columnOf(text, first.start));
  const lines = blockLines(likeSiblings(doc, path, value), indent, blockStyle(doc, node));
  out.addLines(last.end, path.length, lines);
}

/** `volumes: []`, `volumes: {}`, `volumes: null` and `volumes:` become the key alone with lines under it. */
function fillBlock(doc: ManifestDocument, out: TextChanges, { node, pair }: Spot, path: Path, value: unknown): void {
  const { text } = doc;
  const key = pair?.key.range;
  if (key == null) throw new Error(`no key for ${describePath(path)}`);
  const [start, valueEnd] = node?.range ?? [key[1], key[1]];
  const end = valueEnd > start ? valueEnd : key[1];
  const gap = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
  if (valueEnd > start) out.replace(start - gap, end, '');
  const style = blockStyle(doc);
  const indent = ' '.repeat(columnOf(text, key[0])) + (Array.isArray(value) ? style.listIndent : style.step);
  out.addLines(end, path.length, blockLines(value, indent, style));
}

function fillFlow(doc: ManifestDocument, out: TextChanges, { node, pair }: Spot, path: Path, value: unknown): void {
  const { text, yaml } = doc;
  const key = pair?.key.range;
  if (key == null) throw new Error(`no key for ${describePath(path)}`);
  const style = flowStyle(doc);
  const root = yaml.contents as Collection;
  const broken = isFlow(root) ? brokenStyle(doc, root) : undefined;
  const written = flowText(value, lineIndent(text, key[0]), { ...style, broken });
  const [start, end] = node?.range ?? [key[1], key[1]];
  if (end > start) {
    out.replace(start, end, written);
    return;
  }
  const colon = /^[ \t]*:?[ \t]*/.exec(text.slice(key[1]))?.[0] ?? '';
  out.replace(key[1], key[1] + colon.length, `: ${written}`);
}

function addToFlow(doc: ManifestDocument, out: TextChanges, node: Collection, { path, list, pairs }: Addition): void {
  const { text } = doc;
  const last = entriesOf(text, node).at(-1);
  if (last === undefined) return;
  const style = flowStyle(doc, node);
  const ownLines = brokenStyle(doc, node);
  const indent = lineIndent(text, last.start);
  const inner: FlowStyle = { ...style, broken: ownLines && isSpread(text, last) ? ownLines : undefined };
  const texts = list
    ? list.map((item) => flowText(itemLikeSiblings(doc, path, item), indent, inner))
    : pairs.map(([key, value]) => flowPair(key, value, indent, inner));
  const comma = /^[ \t]*,/.exec(text.slice(last.end));
  const behind = last.end + (comma?.[0].length ?? 0);
  const comment = /^[ \t]+#[^\r\n]*/.exec(text.slice(behind));
  if (ownLines !== undefined && comment !== null) {
    if (comma === null) out.insert(last.end, ',');
    const closing = comma === null ? '' : ',';
    const lines = texts.map((item, index) => `${indent}${item}${index < texts.length - 1 ? ',' : closing}`);
    out.addLines(behind, path.length, lines);
    return;
  }
  const between = ownLines === undefined ? style.commaGap : ownLines.lineBreak + indent;
  out.insert(last.end, texts.map((item) => `,${between}${item}`).join(''));
}

/** Whether an entry that is a collection is written over several lines; a scalar says nothing against it. */
function isSpread(text: string, entry: Entry): boolean {
  return !isCollection(entry.value) || text.slice(entry.start, entry.end).includes('\n');
}

function likeSiblings(doc: ManifestDocument, path: Path, value: unknown): unknown {
  return Array.isArray(value) ? value.map((item) => itemLikeSiblings(doc, path, item)) : value;
}

function itemLikeSiblings(doc: ManifestDocument, path: Path, item: unknown): unknown {
  const siblings = valueAt(doc.value, path);
  return inOrderOf(Array.isArray(siblings) ? (siblings.at(-1) as unknown) : undefined, item);
}
