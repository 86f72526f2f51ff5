/**
 * Numbers for texts that come again and again (users, verbs, resources), found by their bytes: a text is decoded once, and
 * what was asked about it is remembered by its number.
 */
import { decodeText, utf8 } from './strings';

/** The number of "there is none". */
export const NOTHING = 0;

const OFFSET = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/** Texts one after the other in UTF-8; the one of a number is between two starts. Number 0 stands for an absent text. */
export interface Texts {
  bytes: Uint8Array;
  starts: Int32Array;
}

/** So many texts with escapes are remembered by what they say; who is asked for more begins anew. */
const REMEMBERED = 10_000;

export class Interner {
  /** How many numbers there are, the first one for an absent text. */
  size = 1;
  /** Those that were asked for. */
  readonly #texts: string[] = [''];
  #table: Int32Array;
  #hashes: Int32Array;
  #starts: Int32Array;
  #bytes: Uint8Array;
  #view: DataView;
  readonly #escaped = new Map<string, number>();

  /** @param texts how many are to be expected, and @param bytes of all of them: what grows leaves much behind. */
  constructor(texts = 500, bytes = 16384) {
    this.#table = new Int32Array(powerOfTwo(texts * 2));
    this.#hashes = new Int32Array(texts + 2);
    this.#starts = new Int32Array(texts + 3);
    this.#bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** @param view of the same bytes. @param escaped the text has escapes, and is found by what it says. */
  number(bytes: Uint8Array, view: DataView, from: number, to: number, escaped: boolean): number {
    if (escaped) return this.#byText(decodeText(bytes, from, to, true));
    let hash = OFFSET ^ (to - from);
    let at = from;
    for (; at + 4 <= to; at += 4) hash = Math.imul((hash ^ view.getInt32(at, true)) + (hash >>> 13), PRIME);
    for (; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), PRIME);
    const mask = this.#table.length - 1;
    let place = (hash ^ (hash >>> 15)) & mask;
    for (let known = this.#table[place] ?? 0; known !== 0; known = this.#table[place] ?? 0) {
      if (this.#hashes[known] === hash && this.#same(known, bytes, view, from, to)) return known;
      place = (place + 1) & mask;
    }
    return this.#add(hash, place, bytes, from, to);
  }

  numberOf(text: string): number {
    const bytes = new TextEncoder().encode(text);
    return this.number(bytes, new DataView(bytes.buffer), 0, bytes.length, false);
  }

  text(number: number): string {
    return (this.#texts[number] ??= utf8.decode(this.bytesOf(number)));
  }

  bytesOf(number: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[number], this.#starts[number + 1]);
  }

  /** All of them, to be handed on. */
  result(): Texts {
    return { bytes: this.#bytes.slice(0, this.#starts[this.size]), starts: this.#starts.slice(0, this.size + 1) };
  }

  #byText(text: string): number {
    let number = this.#escaped.get(text);
    if (number === undefined) {
      if (this.#escaped.size === REMEMBERED) this.#escaped.clear();
      this.#escaped.set(text, (number = this.numberOf(text)));
    }
    return number;
  }

  #same(known: number, bytes: Uint8Array, view: DataView, from: number, to: number): boolean {
    const start = this.#starts[known] ?? 0;
    if ((this.#starts[known + 1] ?? 0) - start !== to - from) return false;
    const by = start - from;
    let at = from;
    for (; at + 4 <= to; at += 4) if (this.#view.getInt32(at + by, true) !== view.getInt32(at, true)) return false;
    for (; at < to; at++) if (this.#bytes[at + by] !== bytes[at]) return false;
    return true;
  }

  #add(hash: number, place: number, bytes: Uint8Array, from: number, to: number): number {
    const number = this.size++;
    if (number + 1 >= this.#hashes.length) this.#grow();
    const start = this.#starts[number] ?? 0;
    const end = start + to - from;
    if (end > this.#bytes.length) {
      this.#bytes = copied(this.#bytes, Math.max(end, this.#bytes.length * 2));
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#bytes.set(bytes.subarray(from, to), start);
    this.#hashes[number] = hash;
    this.#starts[number] = start;
    this.#starts[number + 1] = end;
    this.#table[place] = number;
    if (number * 2 > this.#table.length) this.#rehash();
    return number;
  }

  #grow(): void {
    const size = this.#hashes.length * 2;
    const hashes = new Int32Array(size);
    hashes.set(this.#hashes);
    const starts = new Int32Array(size + 1);
    starts.set(this.#starts);
    this.#hashes = hashes;
    this.#starts = starts;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 4);
    const mask = table.length - 1;
    for (let number = 1; number < this.size; number++) {
      const hash = this.#hashes[number] ?? 0;
      let place = (hash ^ (hash >>> 15)) & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = number;
    }
    this.#table = table;
  }
}

export function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, least)));
}

function copied(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}
