/** The manner a manifest is written in, read off the text, so that what is added looks like what was there. */
import { isCollection, isMap, isScalar } from 'yaml';
import type { Node } from 'yaml';
import type { ManifestDocument } from './document';
import type { BlockStyle, FlowStyle, Quote } from './emit';
import { columnOf, entriesOf, indentBefore, isFlow, isListNode, lineBreakAt, lineStart } from './layout';
import type { Collection } from './layout';
import { isMap as isPlainMap } from './value';

/** @param near the collection that is added to; its own manner counts before the document's. */
export function blockStyle(doc: ManifestDocument, near?: Node | null): BlockStyle {
  const { text } = doc;
  let step: number | undefined;
  let listIndent: number | undefined;
  let dashGap: string | undefined;
  for (const node of collections([near, doc.yaml.contents])) {
    if (isFlow(node)) continue;
    for (const entry of entriesOf(text, node)) {
      if (isListNode(node) && dashGap === undefined && entry.valueStart !== undefined) {
        const gap = text.slice(entry.start + 1, entry.valueStart);
        if (/^ +$/.test(gap)) dashGap = gap;
      }
      const child = entry.value;
      if (!isMap(node) || !isCollection(child) || isFlow(child as Collection)) continue;
      const first = entriesOf(text, child as Collection)[0];
      if (first === undefined) continue;
      const deeper = columnOf(text, first.start) - columnOf(text, entry.start);
      if (isListNode(child)) listIndent ??= deeper;
      else step ??= deeper;
    }
    if (step !== undefined && listIndent !== undefined && dashGap !== undefined) break;
  }
  return { step: ' '.repeat(step ?? 2), listIndent: ' '.repeat(listIndent ?? 0), dashGap: dashGap ?? ' ' };
}

/** @param near the flow collection that is added to, which may be empty. */
export function flowStyle(doc: ManifestDocument, near?: Collection): FlowStyle {
  const { text } = doc;
  const json = isJson(text);
  let quote: Quote | undefined;
  let colonGap: string | undefined;
  let commaGap: string | undefined;
  let bracePad: string | undefined;
  for (const node of collections([near, doc.yaml.contents])) {
    const flow = isFlow(node);
    if (!flow && node !== near) continue;
    const entries = entriesOf(text, node);
    if (isMap(node) && entries[0] !== undefined) {
      const start = node.range?.[0] ?? 0;
      bracePad ??= /^ *$/.exec(text.slice(start + 1, entries[0].start))?.[0];
    }
    for (const [index, entry] of entries.entries()) {
      const before = entries[index - 1];
      if (before !== undefined) commaGap ??= /^,( *)$/.exec(text.slice(before.end, entry.start))?.[1];
      if (isMap(node) && entry.valueStart !== undefined)
        colonGap ??= /:( *)$/.exec(text.slice(entry.start, entry.valueStart))?.[1];
      if (isScalar(entry.value) && typeof entry.value.value === 'string') quote ??= quoteOf(entry.value.type);
    }
  }
  return {
    json,
    quote: json ? 'double' : (quote ?? 'plain'),
    colonGap: colonGap ?? ' ',
    commaGap: commaGap ?? (json && colonGap === '' ? '' : ' '),
    bracePad: bracePad ?? '',
    broken: undefined,
  };
}

/** How entries on lines of their own are indented against the line their collection opens on; else undefined. */
export function brokenStyle(doc: ManifestDocument, node: Collection): FlowStyle['broken'] {
  const { text } = doc;
  const last = entriesOf(text, node).at(-1);
  const indent = last && indentBefore(text, last.start);
  if (indent === undefined || node.range == null) return undefined;
  const outer = lineIndent(text, node.range[0]);
  const step = indent.startsWith(outer) ? indent.slice(outer.length) : '';
  return { lineBreak: lineBreakAt(text, node.range[0]), step: step === '' ? '  ' : step };
}

/** The white space that the line of an offset starts with. */
export function lineIndent(text: string, offset: number): string {
  return /^\uFEFF?([ \t]*)/.exec(text.slice(lineStart(text, offset)))?.[1] ?? '';
}

export function quoteOf(type: string | null | undefined): Quote {
  return type === 'QUOTE_DOUBLE' ? 'double' : type === 'QUOTE_SINGLE' ? 'single' : 'plain';
}

/** The item with its keys, at every level, in the order in which a sibling has them. */
export function inOrderOf(sibling: unknown, item: unknown): unknown {
  if (!isPlainMap(item) || !isPlainMap(sibling)) return item;
  const order = Object.keys(sibling);
  const rank = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  const entries = Object.entries(item).map(([key, value]) => [key, inOrderOf(sibling[key], value)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => rank(a) - rank(b)));
}

function* collections(roots: readonly (Node | null | undefined)[]): Generator<Collection> {
  for (const root of roots) {
    if (!isCollection(root)) continue;
    const node = root as Collection;
    yield node;
    yield* collections(isMap<Node, Node | null>(node) ? node.items.map((pair) => pair.value) : node.items);
  }
}

function isJson(text: string): boolean {
  const body = text.replace(/^\uFEFF/, '').trimStart();
  if (!body.startsWith('{')) return false;
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}
