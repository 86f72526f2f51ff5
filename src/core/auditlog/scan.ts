/**
 * Finds the fields of an audit event in its bytes, without building objects and without looking into its bodies: a log is
 * mostly bodies, and a question is mostly about who, what and when. Rule: any key order, white space and escapes are read
 * as JSON.parse would read them (a repeated key: the last one); the order in which the API server writes is only the faster
 * way. What is taken on trust in that order: that what no question looked at yet is JSON, the inside of bodies, and that no key
 * comes twice. The server's encoder cannot write one twice; where somebody else did, behind a head in the server's order, a
 * question may be answered by the first one, while the event is shown with the last.
 */
import { ABSENT, ESCAPED, OTHER, PLAIN, SLOT, SLOTS } from './members';
import { decodeText, utf8 } from './strings';
import { isBlank, LATE, openInOrder, walkAll, walkFrom, walkRest } from './walk';

const CLOSE = 0x7d;
const FIRST_LATE = SLOT.responseStatus;
const LAST_LATE = SLOT.responseObject;

/** One at a time, used again and again: spans are good until the next scan. */
export class EventScan {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Of the event itself, without white space. */
  start = 0;
  end = 0;
  /** End of what may be looked at. */
  limit = 0;
  /** Where the walk goes on; 0: nothing is left to walk. */
  next = 0;
  /** The event's head is in the server's order, and so its tail is taken to be. */
  inOrder = false;
  /** Where response status and bodies begin that have been jumped over; 0: none, or they are known. */
  lateAt = 0;
  readonly kinds = new Uint8Array(Math.ceil(SLOTS / 8) * 8);
  /** The same bytes: all of them are ABSENT by a few writes, where fill() is a call. */
  readonly #eights = new Float64Array(this.kinds.buffer);
  readonly from = new Int32Array(SLOTS);
  readonly to = new Int32Array(SLOTS);

  /**
   * Reads the head: up to the user's name in the server's order, everything in any other.
   * @param start of the event's line, @param end after its last byte; white space around it is passed over.
   * @returns false when it is no whole JSON object, as far as that has been looked at.
   */
  open(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    let last = end;
    while (last > start && isBlank(bytes[last - 1])) last--;
    this.limit = last;
    this.end = last;
    this.#clear();
    if (last - start < 2 || bytes[last - 1] !== CLOSE) return false;
    this.start = start;
    this.lateAt = 0;
    this.inOrder = openInOrder(this, start);
    return this.inOrder || this.#walk();
  }

  /** Reads what open() left: to be asked before fields beyond `user.username`. @returns false as open() does. */
  rest(): boolean {
    if (this.next === 0) return true;
    const at = this.next;
    this.next = 0;
    return walkRest(this, at) === this.limit || this.#walk();
  }

  #clear(): void {
    const eights = this.#eights;
    for (let at = 0; at < eights.length; at++) eights[at] = ABSENT;
  }

  /** Every byte of it, in any order. */
  #walk(): boolean {
    this.next = 0;
    this.lateAt = 0;
    this.inOrder = false;
    this.#clear();
    return walkAll(this, this.start) === this.limit;
  }

  /** Finds what rest() jumped over, if this field is of it: to be asked before its span is looked at. */
  settle(slot: number): void {
    if (this.lateAt === 0 || slot < FIRST_LATE || slot > LAST_LATE) return;
    const at = this.lateAt;
    this.lateAt = 0;
    this.inOrder = false;
    if (walkFrom(this, at, LATE) !== this.limit) this.#walk();
  }

  /** Both at once. */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    return this.open(bytes, start, end) && this.rest();
  }

  /** A text field, decoded; '' when it is absent or no text. */
  text(slot: number): string {
    this.settle(slot);
    const kind = this.kinds[slot];
    if (kind !== PLAIN && kind !== ESCAPED) return '';
    return decodeText(this.bytes, this.from[slot] ?? 0, this.to[slot] ?? 0, kind === ESCAPED);
  }

  /** Whether a field is just this text; asked of ASCII texts. */
  is(slot: number, text: string): boolean {
    const kind = this.kinds[slot];
    if (kind === ESCAPED) return this.text(slot) === text;
    const from = this.from[slot] ?? 0;
    if (kind !== PLAIN || (this.to[slot] ?? 0) - from !== text.length) return false;
    for (let at = 0; at < text.length; at++) if (this.bytes[from + at] !== text.charCodeAt(at)) return false;
    return true;
  }

  /** Any field as JSON.parse would give it; undefined when it is absent or, in a body, no JSON. */
  value(slot: number): unknown {
    this.settle(slot);
    const kind = this.kinds[slot];
    if (kind === ABSENT) return undefined;
    if (kind !== OTHER) return this.text(slot);
    try {
      return JSON.parse(utf8.decode(this.bytes.subarray(this.from[slot], this.to[slot])));
    } catch {
      // What was taken on trust is not so: once more, byte by byte.
      return this.inOrder && this.#walk() ? this.value(slot) : undefined;
    }
  }

  /** A number; NaN when it is absent or none. */
  number(slot: number): number {
    this.settle(slot);
    if (this.kinds[slot] !== OTHER) return NaN;
    const { bytes } = this;
    const to = this.to[slot] ?? 0;
    let number = 0;
    for (let at = this.from[slot] ?? 0; at < to; at++) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) {
        const value = this.value(slot);
        return typeof value === 'number' ? value : NaN;
      }
      number = number * 10 + digit;
    }
    return number;
  }

  /** The event's own bytes, in the block that was read, which will be read over. */
  raw(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  /** The event's own bytes, to keep. (A Buffer's slice() is no copy.) */
  copy(): Uint8Array {
    return new Uint8Array(this.raw());
  }
}
