/**
 * Events that wait for their turn. Rule: memory is fixed, and no event is an object: a place in a file where there is one, bytes
 * in a ring of blocks where there is none (standard input, unpacked files, lines that were put together).
 */
import { readSync } from 'node:fs';
import { powerOfTwo } from '../../core/auditlog/interner';

/** Where an event lies. */
export interface Place {
  fd: number;
  /** NaN: nowhere that could be read again. */
  at: number;
  length: number;
}

const BLOCK = 1 << 20;
/** Larger ones have bytes of their own. */
const LARGE = 256 << 10;

/** By numbers that go up by one. */
export class HeldEvents {
  #size = 1 << 10;
  #fd = new Int32Array(this.#size);
  /** Below 0: in the ring, counted from -1 on. NaN: on its own. */
  #at = new Float64Array(this.#size);
  #length = new Int32Array(this.#size);
  /** All before it are gone. */
  #first = 0;
  #end = 0;
  /** Of the ring of bytes: whole blocks from #from on, written up to #to. */
  #from = 0;
  #to = 0;
  readonly #blocks = new Map<number, Uint8Array>();
  #spare: Uint8Array[] = [];
  readonly #large = new Map<number, Uint8Array>();

  /** Of the event that get() was asked for last. */
  readonly place: Place = { fd: 0, at: 0, length: 0 };

  put(number: number, { fd, at, length }: Place): void {
    this.#room(number);
    const slot = number & (this.#size - 1);
    this.#fd[slot] = fd;
    this.#at[slot] = at;
    this.#length[slot] = length;
  }

  /** A copy is made. */
  putBytes(number: number, bytes: Uint8Array, fd: number): void {
    const { length } = bytes;
    if (length > LARGE) {
      this.put(number, { fd, at: NaN, length });
      this.#large.set(number, new Uint8Array(bytes));
      return;
    }
    let block = Math.floor(this.#to / BLOCK);
    if ((this.#to % BLOCK) + length > BLOCK) this.#to = ++block * BLOCK;
    let to = this.#blocks.get(block);
    if (to === undefined) this.#blocks.set(block, (to = this.#spare.pop() ?? new Uint8Array(BLOCK)));
    to.set(bytes, this.#to % BLOCK);
    this.put(number, { fd, at: -1 - this.#to, length });
    this.#to += length;
  }

  /** @returns the bytes of the event, good until it is dropped; undefined: it is at `place`. */
  get(number: number): Uint8Array | undefined {
    const slot = number & (this.#size - 1);
    const { place } = this;
    const at = this.#at[slot] ?? 0;
    place.fd = this.#fd[slot] ?? 0;
    place.at = at < 0 ? NaN : at;
    place.length = this.#length[slot] ?? 0;
    if (at >= 0) return undefined;
    if (Number.isNaN(at)) return this.#large.get(number);
    const from = -1 - at;
    return this.#blocks.get(Math.floor(from / BLOCK))?.subarray(from % BLOCK, (from % BLOCK) + place.length);
  }

  /** Drops all before that one. */
  drop(until: number): void {
    const end = Math.min(until, this.#end);
    for (let number = this.#first; number < end; number++) {
      const slot = number & (this.#size - 1);
      const at = this.#at[slot] ?? 0;
      if (Number.isNaN(at)) this.#large.delete(number);
      else if (at < 0) this.#from = -1 - at + (this.#length[slot] ?? 0);
    }
    this.#first = Math.max(this.#first, until);
    const left = Math.floor(this.#from / BLOCK);
    for (const [block, bytes] of this.#blocks) {
      if (block >= left) break;
      this.#blocks.delete(block);
      this.#spare.push(bytes);
    }
  }

  #room(number: number): void {
    if (this.#first >= this.#end) this.#first = number;
    this.#end = number + 1;
    if (this.#end - this.#first <= this.#size) return;
    const [fd, at, length, size] = [this.#fd, this.#at, this.#length, this.#size];
    this.#size *= 2;
    this.#fd = new Int32Array(this.#size);
    this.#at = new Float64Array(this.#size);
    this.#length = new Int32Array(this.#size);
    for (let each = this.#first; each < number; each++) {
      const [from, to] = [each & (size - 1), each & (this.#size - 1)];
      this.#fd[to] = fd[from] ?? 0;
      this.#at[to] = at[from] ?? 0;
      this.#length[to] = length[from] ?? 0;
    }
  }
}

const NONE = -1;
const AHEAD = 64 << 10;

/** Reads events once more where they lie; those that lie close together at once. One buffer: good until the next one is read. */
export class PlaceReader {
  #buffer = Buffer.allocUnsafe(AHEAD);
  #fd = NONE;
  #at = 0;
  #length = 0;

  /** @returns undefined: the file has been cut short since. */
  read({ fd, at, length }: Place): Uint8Array | undefined {
    if (fd !== this.#fd || at < this.#at || at + length > this.#at + this.#length) this.#fill(fd, at, length);
    const start = at - this.#at;
    return start + length <= this.#length ? this.#buffer.subarray(start, start + length) : undefined;
  }

  #fill(fd: number, at: number, length: number): void {
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(powerOfTwo(length));
    this.#fd = fd;
    this.#at = at;
    this.#length = 0;
    const most = Math.max(AHEAD, length);
    while (this.#length < length) {
      const count = readSync(
        fd,
        this.#buffer,
        this.#length,
        Math.min(most, this.#buffer.length) - this.#length,
        at + this.#length,
      );
      if (count === 0) return;
      this.#length += count;
    }
  }
}
