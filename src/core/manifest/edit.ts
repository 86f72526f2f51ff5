/**
 * Changes a manifest by changing its text in places. The rule: no text leaves here unproven. `commit` reads the new
 * text again, and its value must equal the old value with the same changes made to it.
 */
import { isAlias, isCollection, isScalar, isSeq, visit } from 'yaml';
import type { Node, Pair } from 'yaml';
import { messageOf, UserError } from '../errors';
import { describePath, pairOf, parseManifest } from './document';
import type { ManifestDocument } from './document';
import { blockLines, flowPair, flowText, scalarText } from './emit';
import type { FlowStyle } from './emit';
import {
  columnOf,
  contentEnd,
  entriesOf,
  indentBefore,
  isFlow,
  isListNode,
  lineBreakAt,
  lineStart,
  nextLine,
} from './layout';
import type { Collection, Entry } from './layout';
import { blockStyle, brokenStyle, flowStyle, inOrderOf, lineIndent, quoteOf } from './style';
import { clone, deepEqual, isMap, valueAt } from './value';
import type { Path, PlainMap, Scalar } from './value';

interface Splice {
  start: number;
  end: number;
  text: string;
}
interface NewLines {
  /** Start of a line, or the text's end. */
  at: number;
  depth: number;
  lines: readonly string[];
}
interface Addition {
  path: Path;
  /** Items for a list, or key and value for a mapping. */
  list: unknown[] | undefined;
  pairs: [string, unknown][];
}
interface Spot {
  /** undefined: not written in the file. null: a key without a value. */
  node: Node | null | undefined;
  pair: Pair<Node, Node | null> | undefined;
  holder: Collection | undefined;
}

export class ManifestEdit {
  readonly #doc: ManifestDocument;
  readonly #replacements: { path: Path; value: Scalar }[] = [];
  readonly #additions = new Map<string, Addition>();
  readonly #removals: Path[] = [];
  readonly #splices: Splice[] = [];
  readonly #newLines: NewLines[] = [];
  readonly #lineCuts: Splice[] = [];
  #anchorsInUse: Set<string> | undefined;

  constructor(doc: ManifestDocument) {
    this.#doc = doc;
  }

  get isEmpty(): boolean {
    return this.#replacements.length + this.#additions.size + this.#removals.length === 0;
  }

  /** Gives the scalar at a path another value, in its own manner of quoting. */
  replace(path: Path, value: Scalar): void {
    this.#replacements.push({ path, value });
  }

  /** Puts an item at the end of a list, which is made when it is absent, null or empty. */
  append(path: Path, item: unknown): void {
    const addition = this.#additionTo(path);
    addition.list = [...(addition.list ?? []), item];
  }

  /** Puts a key that is not there yet at the end of a mapping, which is made likewise. */
  set(path: Path, key: string, value: unknown): void {
    this.#additionTo(path).pairs.push([key, value]);
  }

  /** Takes out a list item or a key, with its own lines. */
  remove(path: Path): void {
    this.#removals.push(path);
  }

  /**
   * Makes all changes at once. The document given to the constructor stays as it is.
   * @throws UserError `manifest-alias` when a change would be seen in two places at once.
   */
  commit(): ManifestDocument {
    if (this.isEmpty) return this.#doc;
    const wanted = this.#wantedValue();
    for (const { path, value } of this.#replacements) this.#replaceText(path, value);
    for (const addition of this.#placedAdditions()) this.#addText(addition);
    this.#removeText();
    const text = this.#applied();
    let after: ManifestDocument;
    try {
      after = parseManifest(text, this.#doc.file);
    } catch (thrown) {
      throw new Error(`the changed manifest cannot be read again: ${messageOf(thrown)}`, { cause: thrown });
    }
    if (!deepEqual(after.value, wanted)) throw new Error('the changed manifest does not say what it was made to say');
    return after;
  }

  #additionTo(path: Path): Addition {
    const key = JSON.stringify(path);
    const addition = this.#additions.get(key) ?? { path, list: undefined, pairs: [] };
    this.#additions.set(key, addition);
    return addition;
  }

  #wantedValue(): PlainMap {
    const value = clone(this.#doc.value);
    const put = (path: Path, item: unknown): void => {
      const parent = valueAt(value, path.slice(0, -1)) as PlainMap;
      parent[String(path.at(-1))] = item;
    };
    for (const { path, value: item } of this.#replacements) put(path, item);
    // Outer additions first: an inner one may be about a mapping that an outer one makes.
    for (const { path, list, pairs } of [...this.#additions.values()].sort((a, b) => a.path.length - b.path.length)) {
      const found = valueAt(value, path);
      if (list !== undefined) put(path, [...((found ?? []) as unknown[]), ...list]);
      else if (path.length === 0) Object.assign(value, Object.fromEntries(pairs));
      else makeMap(value, path, Object.fromEntries(pairs));
    }
    for (const path of sortedForRemoval(this.#removals)) {
      const parent = valueAt(value, path.slice(0, -1));
      const last = path.at(-1);
      if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else if (isMap(parent)) Reflect.deleteProperty(parent, String(last));
    }
    return value;
  }

  /** Finds what is written at a path, and refuses what is written once but read in several places. */
  #spot(path: Path): Spot {
    let node: Node | null | undefined = this.#doc.yaml.contents;
    let pair: Pair<Node, Node | null> | undefined;
    let holder: Collection | undefined;
    path.forEach((step, depth) => {
      if (node == null) {
        node = pair = undefined;
        return;
      }
      holder = node as Collection;
      pair = pairOf(node, step);
      node = pair !== undefined ? pair.value : isSeq(node) ? (node.items[Number(step)] as Node) : undefined;
      const here = path.slice(0, depth + 1);
      const merged = node === undefined && valueAt(this.#doc.value, here) !== undefined;
      if (merged || (node != null && this.#isShared(node))) throw this.#aliasError(here);
    });
    return { node, pair, holder };
  }

  #isShared(node: Node): boolean {
    if (isAlias(node)) return true;
    const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined;
    return anchor !== undefined && this.#anchors().has(anchor);
  }

  #anchors(): Set<string> {
    if (this.#anchorsInUse !== undefined) return this.#anchorsInUse;
    const names = new Set<string>();
    visit(this.#doc.yaml, {
      Alias: (_, alias) => {
        names.add(alias.source);
      },
    });
    this.#anchorsInUse = names;
    return names;
  }

  #aliasError(path: Path): UserError {
    return new UserError('manifest-alias', `${describePath(path)} is shared through a YAML anchor or alias`, {
      place: this.#doc.place(path),
      hints: ['A change here would be seen in several places: write the value out in full at each of them first.'],
    });
  }

  #replaceText(path: Path, value: Scalar): void {
    const { text } = this.#doc;
    const { node, pair, holder } = this.#spot(path);
    if (!isScalar(node) || node.range == null || holder === undefined)
      throw new Error(`no scalar at ${describePath(path)}`);
    const flow = isFlow(holder);
    const replacement = scalarText(value, quoteOf(node.type), flow);
    if (node.range[0] < node.range[1]) {
      this.#splices.push({ start: node.range[0], end: contentEnd(text, node), text: replacement });
      return;
    }
    // An empty value may be placed behind a comment: the new one goes right behind the key's colon or the dash.
    const at = pair?.key.range == null ? node.range[0] : text.indexOf(':', pair.key.range[1]) + 1;
    const gap = /^[ \t]*(?=\r?\n|$)/.exec(text.slice(at))?.[0].length ?? 0;
    this.#splices.push({ start: at, end: at + gap, text: ` ${replacement}` });
  }

  /** Additions to lists and mappings that are not there become additions of the whole to their parents. */
  #placedAdditions(): Addition[] {
    const placed: Addition[] = [];
    const waiting = [...this.#additions.values()];
    while (waiting.length > 0) {
      waiting.sort((a, b) => a.path.length - b.path.length);
      const addition = waiting.pop();
      if (addition === undefined) break;
      if (this.#spot(addition.path).node !== undefined || addition.path.length === 0) {
        placed.push(addition);
        continue;
      }
      const parentPath = addition.path.slice(0, -1);
      let parent = waiting.find((other) => deepEqual(other.path, parentPath));
      if (parent === undefined) waiting.push((parent = { path: parentPath, list: undefined, pairs: [] }));
      parent.pairs.push([String(addition.path.at(-1)), addition.list ?? Object.fromEntries(addition.pairs)]);
    }
    return placed;
  }

  #addText({ path, list, pairs }: Addition): void {
    const spot = this.#spot(path);
    const value = list ?? Object.fromEntries(pairs);
    const { node } = spot;
    if (isCollection(node) && node.items.length > 0) {
      if (isListNode(node) !== (list !== undefined)) throw new Error(`another kind of value at ${describePath(path)}`);
      if (isFlow(node as Collection)) this.#addToFlow(node as Collection, path, list, pairs);
      else this.#addToBlock(node as Collection, path, value);
    } else if (node !== undefined && (spot.holder === undefined || isFlow(spot.holder)))
      this.#fillFlow(spot, path, value);
    else this.#fillBlock(spot, path, value);
  }

  #addToBlock(node: Collection, path: Path, value: unknown): void {
    const { text } = this.#doc;
    const entries = entriesOf(text, node);
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) return;
    const indent = ' '.repeat(columnOf(text, first.start));
    const lines = blockLines(this.#likeSiblings(path, value), indent, blockStyle(this.#doc, node));
    this.#newLines.push({ at: nextLine(text, last.end), depth: path.length, lines });
  }

  /** `volumes: []`, `volumes: {}`, `volumes: null` and `volumes:` become the key alone with lines under it. */
  #fillBlock({ node, pair }: Spot, path: Path, value: unknown): void {
    const { text } = this.#doc;
    const key = pair?.key.range;
    if (key == null) throw new Error(`no key for ${describePath(path)}`);
    const [start, valueEnd] = node?.range ?? [key[1], key[1]];
    const end = valueEnd > start ? valueEnd : key[1];
    const gap = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
    if (valueEnd > start) this.#splices.push({ start: start - gap, end, text: '' });
    const style = blockStyle(this.#doc);
    const indent = ' '.repeat(columnOf(text, key[0])) + (Array.isArray(value) ? style.listIndent : style.step);
    this.#newLines.push({ at: nextLine(text, end), depth: path.length, lines: blockLines(value, indent, style) });
  }

  #fillFlow({ node, pair }: Spot, path: Path, value: unknown): void {
    const { text, yaml } = this.#doc;
    const key = pair?.key.range;
    if (key == null) throw new Error(`no key for ${describePath(path)}`);
    const style = flowStyle(this.#doc);
    const root = yaml.contents as Collection;
    const broken = isFlow(root) ? brokenStyle(this.#doc, root) : undefined;
    const written = flowText(value, lineIndent(text, key[0]), { ...style, broken });
    const start = node?.range?.[0] ?? key[1];
    const end = node?.range?.[1] ?? start;
    const lead = start > key[1] ? (end > start ? '' : ' ') : ': ';
    this.#splices.push({ start, end, text: lead + written });
  }

  #addToFlow(
    node: Collection,
    path: Path,
    list: readonly unknown[] | undefined,
    pairs: readonly [string, unknown][],
  ): void {
    const { text } = this.#doc;
    const last = entriesOf(text, node).at(-1);
    if (last === undefined) return;
    const style = flowStyle(this.#doc, node);
    const ownLines = brokenStyle(this.#doc, node);
    const indent = lineIndent(text, last.start);
    const inner: FlowStyle = { ...style, broken: ownLines && this.#isSpread(last) ? ownLines : undefined };
    const texts = list
      ? list.map((item) => flowText(this.#itemLikeSiblings(path, item), indent, inner))
      : pairs.map(([key, value]) => flowPair(key, value, indent, inner));
    const comma = /^[ \t]*,/.exec(text.slice(last.end));
    const behind = last.end + (comma?.[0].length ?? 0);
    const comment = /^[ \t]+#[^\r\n]*/.exec(text.slice(behind));
    if (ownLines !== undefined && comment !== null) {
      if (comma === null) this.#splices.push({ start: last.end, end: last.end, text: ',' });
      const closing = comma === null ? '' : ',';
      const lines = texts.map((item, index) => `${indent}${item}${index < texts.length - 1 ? ',' : closing}`);
      this.#newLines.push({ at: nextLine(text, behind), depth: path.length, lines });
      return;
    }
    const between = ownLines === undefined ? style.commaGap : ownLines.lineBreak + indent;
    this.#splices.push({
      start: last.end,
      end: last.end,
      text: texts.map((item) => `,${between}${item}`).join(''),
    });
  }

  /** Whether an entry that is a collection is written over several lines; a scalar says nothing against it. */
  #isSpread(entry: Entry): boolean {
    return !isCollection(entry.value) || this.#doc.text.slice(entry.start, entry.end).includes('\n');
  }

  #likeSiblings(path: Path, value: unknown): unknown {
    return Array.isArray(value) ? value.map((item) => this.#itemLikeSiblings(path, item)) : value;
  }

  #itemLikeSiblings(path: Path, item: unknown): unknown {
    const siblings = valueAt(this.#doc.value, path);
    return inOrderOf(Array.isArray(siblings) ? (siblings.at(-1) as unknown) : undefined, item);
  }

  #removeText(): void {
    const groups = new Map<Collection, { path: Path; indices: Set<number> }>();
    for (const path of this.#removals) {
      const { node, pair, holder } = this.#spot(path);
      if (holder === undefined || node === undefined) throw new Error(`nothing at ${describePath(path)}`);
      this.#refuseSharedInside(node, path);
      const parent = path.slice(0, -1);
      const group = groups.get(holder) ?? { path: parent, indices: new Set() };
      groups.set(holder, group);
      group.indices.add(pair === undefined ? Number(path.at(-1)) : holder.items.indexOf(pair as never));
    }
    for (const [holder, { path, indices }] of groups) this.#removeEntries(holder, path, indices);
  }

  #refuseSharedInside(node: Node | null, path: Path): void {
    if (node === null) return;
    visit(node, {
      Node: (_, inner) => {
        if (!isAlias(inner) && this.#isShared(inner)) throw this.#aliasError(path);
      },
    });
  }

  #removeEntries(holder: Collection, path: Path, indices: ReadonlySet<number>): void {
    const entries = entriesOf(this.#doc.text, holder);
    if (entries.every((_, index) => indices.has(index))) {
      this.#emptyCollection(holder, path, entries);
      return;
    }
    for (let first = 0; first < entries.length; first++) {
      if (!indices.has(first)) continue;
      let last = first;
      while (indices.has(last + 1)) last++;
      if (isFlow(holder)) this.#splices.push(flowCut(entries, first, last));
      else this.#cutLines(entries, first, last);
      first = last;
    }
  }

  #cutLines(entries: readonly Entry[], first: number, last: number): void {
    const { text } = this.#doc;
    const [from, after] = [entries[first], entries[last + 1]];
    if (from !== undefined && after !== undefined && indentBefore(text, from.start) === undefined) {
      // The first key of a list item shares its line with the dash: the next key moves up to it.
      this.#splices.push({ start: from.start, end: after.start, text: '' });
      return;
    }
    // One by one, as a comment between two of them is nobody's own and stays.
    for (const entry of entries.slice(first, last + 1)) {
      if (indentBefore(text, entry.start) === undefined) throw new Error('an entry that does not start its line');
      this.#lineCuts.push({ start: lineStart(text, entry.start), end: nextLine(text, entry.end), text: '' });
    }
  }

  /** Nothing would be left: `[]` or `{}` stands for it, as an empty value would be read as null. */
  #emptyCollection(holder: Collection, path: Path, entries: readonly Entry[]): void {
    const { text } = this.#doc;
    const empty = isListNode(holder) ? '[]' : '{}';
    if (isFlow(holder)) {
      this.#splices.push({ start: holder.range?.[0] ?? 0, end: holder.range?.[1] ?? 0, text: empty });
      return;
    }
    const { pair } = this.#spot(path);
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined || pair?.key.range == null)
      throw new Error(`cannot empty ${describePath(path)}`);
    const colon = text.indexOf(':', pair.key.range[1]) + 1;
    this.#splices.push({ start: colon, end: colon, text: ` ${empty}` });
    this.#cutLines(entries, 0, entries.length - 1);
  }

  #applied(): string {
    const { text } = this.#doc;
    const splices = [...this.#splices];
    for (const cut of joined(this.#lineCuts)) {
      // The last line of a text without a final line break: the break before it goes instead.
      const open = cut.end === text.length && !text.endsWith('\n') && cut.start > 0;
      splices.push({ ...cut, start: cut.start - (open ? lineBreakAt(text, cut.start).length : 0) });
    }
    const offsets = new Set(this.#newLines.map(({ at }) => at));
    for (const at of offsets) {
      const lines = this.#newLines
        .filter((addition) => addition.at === at)
        .sort((a, b) => b.depth - a.depth)
        .flatMap((addition) => addition.lines);
      const lineBreak = lineBreakAt(text, at - 1);
      const open = at === text.length && !text.endsWith('\n');
      const written = open ? lineBreak + lines.join(lineBreak) : lines.map((line) => line + lineBreak).join('');
      splices.push({ start: at, end: at, text: written });
    }
    splices.sort((a, b) => a.start - b.start || a.end - b.end);
    let result = '';
    let at = 0;
    for (const splice of splices) {
      if (splice.start < at) throw new Error('two changes of the manifest overlap');
      result += text.slice(at, splice.start) + splice.text;
      at = splice.end;
    }
    return result + text.slice(at);
  }
}

function makeMap(value: PlainMap, path: Path, pairs: PlainMap): void {
  let at = value;
  for (const step of path) {
    const next = at[step];
    at = (isMap(next) || Array.isArray(next) ? next : (at[step] = {})) as PlainMap;
  }
  Object.assign(at, pairs);
}

/** Later items first, so that the indices of the others stay true. */
function sortedForRemoval(paths: readonly Path[]): Path[] {
  return [...paths].sort((a, b) => Number(b.at(-1)) - Number(a.at(-1)) || 0);
}

function flowCut(entries: readonly Entry[], first: number, last: number): Splice {
  const [from, to] = [entries[first], entries[last]];
  const [before, after] = [entries[first - 1], entries[last + 1]];
  if (from === undefined || to === undefined) throw new Error('no such entry');
  if (before !== undefined) return { start: before.end, end: to.end, text: '' };
  return { start: from.start, end: after?.start ?? to.end, text: '' };
}

/** Neighbouring cuts in one. */
function joined(cuts: readonly Splice[]): Splice[] {
  const result: Splice[] = [];
  for (const cut of [...cuts].sort((a, b) => a.start - b.start)) {
    const before = result.at(-1);
    if (before?.end === cut.start) before.end = cut.end;
    else result.push({ ...cut });
  }
  return result;
}
