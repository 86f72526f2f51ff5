/** Finds what is written at a path, and refuses what is written once but read in several places. */
import { isAlias, isCollection, isScalar, isSeq, visit } from 'yaml';
import type { Node, Pair } from 'yaml';
import { UserError } from '../errors';
import { describePath, pairOf } from './document';
import type { ManifestDocument } from './document';
import type { Collection } from './layout';
import { valueAt } from './value';
import type { Path } from './value';

export interface Spot {
  /** undefined: not written in the file. null: a key without a value. */
  node: Node | null | undefined;
  /** The pair that holds it, when it is the value of a key. */
  pair: Pair<Node, Node | null> | undefined;
  holder: Collection | undefined;
}

export class Locator {
  readonly #doc: ManifestDocument;
  #anchorsInUse: Set<string> | undefined;

  constructor(doc: ManifestDocument) {
    this.#doc = doc;
  }

  /** @throws UserError `manifest-alias`. */
  spot(path: Path): Spot {
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

  /** Something that goes must not be the original of an alias elsewhere. */
  refuseSharedInside(node: Node | null, path: Path): void {
    if (node === null) return;
    visit(node, {
      Node: (_, inner) => {
        if (!isAlias(inner) && this.#isShared(inner)) throw this.#aliasError(path);
      },
    });
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
}
