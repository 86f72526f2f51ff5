/**
 * Lines out of blocks of bytes. Rule: a line is handed over where it lies, never copied, but for one that a block's end cuts;
 * memory is that of a block, and of the longest line.
 */

const BLOCK = 256 << 10;
/** The server's own limit for an event is the size of a log file; a line beyond this is no line. */
const LONGEST = 1 << 30;

export type OnLine = (bytes: Uint8Array, start: number, end: number) => void;

export class LineSplitter {
  #buffer: Buffer = Buffer.allocUnsafe(BLOCK * 2);
  #used = 0;
  #skipping = false;
  /** Lines too long to be read. */
  tooLong = 0;
  readonly #onLine: OnLine;

  constructor(onLine: OnLine) {
    this.#onLine = onLine;
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
    if (buffer.length > BLOCK * 8 && this.#used < BLOCK) {
      this.#buffer = Buffer.allocUnsafe(BLOCK * 2);
      buffer.copy(this.#buffer, 0, 0, this.#used);
    }
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

  #grow(): void {
    if (this.#used > LONGEST) {
      this.tooLong++;
      this.#skipping = true;
      this.#used = 0;
      return;
    }
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#used + BLOCK * 2));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }
}
