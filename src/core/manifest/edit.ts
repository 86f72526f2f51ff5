/**
 * Changes a manifest by changing its text in places. The rule: no text leaves here unproven. `commit` reads the new
 * text again, and its value must equal the old value with the same changes made to it.
 */
import { isScalar } from 'yaml';
import { messageOf } from '../errors';
import { describePath, parseManifest } from './document';
import type { ManifestDocument } from './document';
import { writeAddition } from './edit-add';
import type { Addition } from './edit-add';
import { writeBlank, writeRemoval } from './edit-remove';
import { scalarText } from './emit';
import { contentEnd, isFlow } from './layout';
import type { Collection } from './layout';
import { Locator } from './locate';
import { quoteOf } from './style';
import { TextChanges } from './text-changes';
import { clone, deepEqual, isMap, valueAt } from './value';
import type { Path, PlainMap, Scalar } from './value';

export class ManifestEdit {
  readonly #doc: ManifestDocument;
  readonly #locator: Locator;
  readonly #out: TextChanges;
  readonly #replacements: { path: Path; value: Scalar }[] = [];
  readonly #additions = new Map<string, Addition>();
  readonly #removals: Path[] = [];
  readonly #blanks: { path: Path; value: unknown; text: string }[] = [];

  constructor(doc: ManifestDocument) {
    this.#doc = doc;
    this.#locator = new Locator(doc);
    this.#out = new TextChanges(doc.text);
  }

  get isEmpty(): boolean {
    return this.#replacements.length + this.#additions.size + this.#removals.length + this.#blanks.length === 0;
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

  /** Puts something empty in place of a collection: `value` is null, [] or {}, and `text` how that is written. */
  blank(path: Path, value: unknown, text: string): void {
    this.#blanks.push({ path, value, text });
  }

  /**
   * Makes all changes at once. The document given to the constructor stays as it is.
   * @throws UserError `manifest-alias` when a change would be seen in two places at once.
   */
  commit(): ManifestDocument {
    if (this.isEmpty) return this.#doc;
    const wanted = this.#wantedValue();
    for (const { path, value } of this.#replacements) this.#replaceText(path, value);
    for (const addition of this.#placedAdditions())
      writeAddition(this.#doc, this.#out, this.#locator.spot(addition.path), addition);
    this.#removeText();
    for (const { path, text } of this.#blanks) {
      const spot = this.#locator.spot(path);
      this.#locator.refuseSharedInside(spot.node ?? null, path);
      writeBlank(this.#doc.text, this.#out, spot, path, text);
    }
    const text = this.#out.applied();
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
    for (const { path, value: blank } of this.#blanks) put(path, blank);
    for (const path of sortedForRemoval(this.#removals)) {
      const parent = valueAt(value, path.slice(0, -1));
      const last = path.at(-1);
      if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else if (isMap(parent)) Reflect.deleteProperty(parent, String(last));
    }
    return value;
  }

  #replaceText(path: Path, value: Scalar): void {
    const { text } = this.#doc;
    const { node, pair, holder } = this.#locator.spot(path);
    if (!isScalar(node) || node.range == null || holder === undefined)
      throw new Error(`no scalar at ${describePath(path)}`);
    const flow = isFlow(holder);
    const replacement = scalarText(value, quoteOf(node.type), flow);
    if (node.range[0] < node.range[1]) {
      this.#out.replace(node.range[0], contentEnd(text, node), replacement);
      return;
    }
    // An empty value may be placed behind a comment: the new one goes right behind the key's colon or the dash.
    const at = pair?.key.range == null ? node.range[0] : text.indexOf(':', pair.key.range[1]) + 1;
    const gap = /^[ \t]*(?=\r?\n|$)/.exec(text.slice(at))?.[0].length ?? 0;
    this.#out.replace(at, at + gap, ` ${replacement}`);
  }

  /** Additions to lists and mappings that are not there become additions of the whole to their parents. */
  #placedAdditions(): Addition[] {
    const placed: Addition[] = [];
    const waiting = [...this.#additions.values()];
    while (waiting.length > 0) {
      waiting.sort((a, b) => a.path.length - b.path.length);
      const addition = waiting.pop();
      if (addition === undefined) break;
      if (this.#locator.spot(addition.path).node !== undefined || addition.path.length === 0) {
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

  #removeText(): void {
    const groups = new Map<string, { path: Path; indices: Set<number> }>();
    for (const path of this.#removals) {
      const { node, pair, holder } = this.#locator.spot(path);
      if (holder === undefined || node === undefined) throw new Error(`nothing at ${describePath(path)}`);
      this.#locator.refuseSharedInside(node, path);
      const parent = path.slice(0, -1);
      const group = groups.get(JSON.stringify(parent)) ?? { path: parent, indices: new Set() };
      groups.set(JSON.stringify(parent), group);
      group.indices.add(pair === undefined ? Number(path.at(-1)) : indexOf(holder, pair));
    }
    for (const { path, indices } of groups.values())
      writeRemoval(this.#doc.text, this.#out, this.#locator.spot(path), path, indices);
  }
}

function indexOf(holder: Collection, pair: unknown): number {
  return (holder.items as unknown[]).indexOf(pair);
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
  const rank = (path: Path): number => Number(typeof path.at(-1) === 'number' ? path.at(-1) : -1);
  return [...paths].sort((a, b) => rank(b) - rank(a));
}
