/**
 * Where the entries of a YAML collection stand in the text: what is an entry's own, and where a new one would go.
 * An entry owns its lines from its first character to its last, with a comment behind that; comments above it and blank
 * lines are not its own.
 */
import { isCollection, isMap, isScalar, isSeq } from 'yaml';
import type { Node, Pair, YAMLMap, YAMLSeq } from 'yaml';

export type Collection = (YAMLMap<Node, Node | null> | YAMLSeq<Node>) & { srcToken?: unknown };

export interface Entry {
  /** The first character: of a dash, a key, a value, or of an anchor or tag before it. */
  start: number;
  /** Just behind the last character that is the entry's own, without the line break. Found when asked for. */
  readonly end: number;
  /** The offset of the value; undefined when it is empty. */
  valueStart: number | undefined;
  value: Node | null;
}

interface Token {
  type: string;
  offset: number;
  source: string;
}
interface Item {
  start: readonly Token[];
  key?: Token | null;
  sep?: readonly Token[];
  value?: Token;
}

export function isFlow(node: Collection): boolean {
  return (node.srcToken as Token).type === 'flow-collection';
}

/** The entries of a collection as they stand in the text. */
export function entriesOf(text: string, node: Collection): Entry[] {
  if (isMap<Node, Node | null>(node)) return node.items.map((pair) => pairEntry(text, pair));
  const token = node.srcToken as unknown as { items: readonly Item[] };
  const flow = isFlow(node);
  const items = token.items.filter((item) =>
    flow ? item.value !== undefined || item.sep !== undefined : item.start.some((part) => part.type === 'seq-item-ind'),
  );
  return node.items.map((value, index) => {
    const item = items[index];
    if (item === undefined) throw new Error(`no source for list item ${index}`);
    const own = item.start.find((part) => (flow ? isProperty(part) : part.type === 'seq-item-ind'));
    const start = own?.offset ?? item.key?.offset ?? item.value?.offset ?? 0;
    const written = item.value !== undefined || item.sep !== undefined;
    return {
      start,
      get end() {
        return written ? contentEnd(text, value) : lastEnd(item.start, start);
      },
      valueStart: written ? (value.range?.[0] ?? start) : undefined,
      value,
    };
  });
}

/** Just behind the last character of a node's content; for block scalars the last line break is left out. */
export function contentEnd(text: string, node: Node): number {
  if (isCollection(node) && !isFlow(node as Collection)) {
    const last = entriesOf(text, node as Collection).at(-1);
    if (last !== undefined) return last.end;
  }
  if (node.range == null) throw new Error('a node without a place in the text');
  const end = node.range[1];
  if (!isScalar(node) || node.srcToken?.type !== 'block-scalar') return end;
  return text[end - 1] !== '\n' ? end : text[end - 2] === '\r' ? end - 2 : end - 1;
}

/** The start of the line that an offset is on. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** The start of the next line; the text's end when there is none. */
export function nextLine(text: string, offset: number): number {
  const at = text.indexOf('\n', offset);
  return at === -1 ? text.length : at + 1;
}

/** What stands on the line before an offset, when that is white space only; undefined otherwise. */
export function indentBefore(text: string, offset: number): string | undefined {
  const before = text.slice(lineStart(text, offset), offset).replace(/^\uFEFF/, '');
  return /^[ \t]*$/.test(before) ? before : undefined;
}

/** The column of an offset, from 0. */
export function columnOf(text: string, offset: number): number {
  return text.slice(lineStart(text, offset), offset).replace(/^\uFEFF/, '').length;
}

/** The line break in use around an offset. */
export function lineBreakAt(text: string, offset: number): '\n' | '\r\n' {
  let at = text.lastIndexOf('\n', offset - 1);
  if (at === -1) at = text.indexOf('\n');
  return at > 0 && text[at - 1] === '\r' ? '\r\n' : '\n';
}

function pairEntry(text: string, pair: Pair<Node, Node | null>): Entry {
  const item = pair.srcToken as unknown as Item;
  const own = item.start.find((part) => isProperty(part) || part.type === 'explicit-key-ind');
  const start = own?.offset ?? item.key?.offset ?? item.sep?.[0]?.offset ?? 0;
  const value = pair.value;
  const written = item.value !== undefined && value !== null;
  return {
    start,
    get end() {
      return written ? contentEnd(text, value) : lastEnd(item.sep ?? [], pair.key.range?.[1] ?? start);
    },
    valueStart: written ? (value.range?.[0] ?? start) : undefined,
    value,
  };
}

function lastEnd(tokens: readonly Token[], otherwise: number): number {
  const last = tokens.filter((token) => !/^(?:space|newline|comment|comma)$/.test(token.type)).at(-1);
  return last === undefined ? otherwise : last.offset + last.source.length;
}

function isProperty(token: Token): boolean {
  return token.type === 'anchor' || token.type === 'tag';
}

export function isListNode(node: Node): node is YAMLSeq<Node> {
  return isSeq(node);
}
