/**
 * Lines out of blocks of bytes. Rule: a line is handed over where it lies, never copied, but for one that a block's end cuts;
 * memory is that of a block, and of the longest line, once for a thread: buffers that are left to the garbage collector
 * pile up, since it does not see how large they are.
 */

const BLOCK = 256 << 10;
/** The server's own limit for an event is the size of a log file; a line beyond this is no line. */
const LONGEST = 1 << 30;

export type OnLine = (bytes: Uint8Array, start: number, end: number) => void;

/** The buffer of a splitter that is done, for the next one. */
let spare: Buffer | undefined;

export class LineSplitter {
  #buffer: Buffer = spare ?? Buffer.allocUnsafe(BLOCK * 2);
  #used = 0;
  #skipping = false;
  /** Where the buffer's first byte lies in what is read. */
  origin = 0;
  /** Lines too long to be read. */
  tooLong = 0;
  readonly #onLine: OnLine;

  constructor(onLine: OnLine) {
    this.#onLine = onLine;
    spare = undefined;
  }

  /** Room for the next block, to be read into; then taken() with the number of bytes. */
  room(): Buffer {
    if (this.#buffer.length - this.#used < BLOCK) this.#grow();
    return this.#buffer.subarray(this.#used, this.#used + BLOCK);
  }

  /** No line is begun. */
  get isEmpty(): boolean {
    return this.#used === 0;
  }

  /** So many bytes of that room were filled. */
  taken(count: number): void {
    const buffer = this.#buffer;
    const filled = this.#used + count;
    // What was there before has no line break in it.
    const first = buffer.subarray(this.#used, filled).indexOf(10);
    if (first === -1) {
      this.#used = filled;
      return;
    }
    let start = 0;
    let end = this.#used + first;
    while (end !== -1 && end < filled) {
      if (this.#skipping) this.#skipping = false;
      else if (end > start) this.#onLine(buffer, start, end);
      start = end + 1;
      end = buffer.indexOf(10, start);
    }
    buffer.copyWithin(0, start, filled);
    this.#used = filled - start;
    this.origin += start;
  }

  push(block: Uint8Array): void {
    for (let at = 0; at < block.length; at += BLOCK) {
      const part = block.subarray(at, at + BLOCK);
      this.room().set(part);
      this.taken(part.length);
    }
  }

  /** The last line, when no line break ends it. @returns whether there was one. */
  end(): boolean {
    const used = this.#used;
    this.#used = 0;
    if (used === 0 || this.#skipping) return false;
    this.#onLine(this.#buffer, 0, used);
    return true;
  }

  /** The line that is begun is read elsewhere. */
  forget(): void {
    this.#used = 0;
  }

  /** Nothing more will be pushed. */
  release(): void {
    if (spare === undefined || spare.length < this.#buffer.length) spare = this.#buffer;
    this.#buffer = Buffer.alloc(0);
  }

  #grow(): void {
    if (this.#used > LONGEST) {
      this.tooLong++;
      this.#skipping = true;
      this.origin += this.#used;
      this.#used = 0;
      return;
    }
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#used + BLOCK * 2));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }
}
