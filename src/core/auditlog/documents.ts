/**
 * JSON that somebody has printed over many lines, or as one list: every object of the outermost level, or of the outermost
 * list, is handed on as one piece. Rule: only the piece at hand is in memory, and one that is never closed takes no other with
 * it.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether a file that begins with this line is of that kind: an opening bracket that its line does not close. */
export function beginsDocument(line: Uint8Array): boolean {
  // Asked of every line that a container runtime wraps: most are answered by their first bytes.
  const first = line[0] ?? 0;
  if ((first > 0x20 && first !== 0x5b && first !== 0x7b && first !== 0xef) || (first === 0x7b && line[1] === QUOTE))
    return false;
  const text = new TextDecoder().decode(line.subarray(0, 4096)).trim();
  if (text === '{') return true;
  if (!text.startsWith('[')) return false;
  return text === '[' || /^\[\s*\{/.test(text);
}

export class DocumentReader {
  readonly #onDocument: (document: Uint8Array) => void;
  readonly #largest: number;
  #parts: Uint8Array[] = [];
  #size = 0;
  #depth = 0;
  /** 1 within a list. */
  #base = 0;
  #inText = false;
  /** Lines of the object at hand; its second one tells whether they are indented. */
  #lines = 0;
  #isIndented = false;

  constructor(onDocument: (document: Uint8Array) => void, largest = 256 << 20) {
    this.#onDocument = onDocument;
    this.#largest = largest;
  }

  /** Nothing is begun. */
  get isIdle(): boolean {
    return this.#depth === 0;
  }

  /** An object is begun and not closed. */
  get isInside(): boolean {
    return this.#depth > this.#base;
  }

  /** A line without its break: JSON texts have none in them. */
  push(line: Uint8Array): void {
    // Whoever indents begins only objects of the outermost level at the margin: the one before was never closed.
    if (this.isInside && this.#isIndented && line[0] === 0x7b && isAlone(line)) this.end();
    if (this.isInside && this.#lines++ === 0) this.#isIndented = line[0] === 0x20 || line[0] === 0x09;
    this.#inText = false;
    let start = this.#depth > this.#base ? 0 : -1;
    for (let at = 0; at < line.length; at++) {
      const byte = line[at] ?? 0;
      if (this.#inText) {
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) this.#inText = false;
      } else if (byte === QUOTE) this.#inText = true;
      else if (byte === 0x5b && this.#depth === 0) {
        this.#base = 1;
        this.#depth = 1;
      } else if (byte === 0x7b || byte === 0x5b) {
        if (this.#depth++ === this.#base) start = at;
      } else if (byte === 0x7d || byte === 0x5d) {
        this.#depth--;
        if (this.#depth < this.#base) this.#base = this.#depth = 0;
        else if (this.#depth === this.#base && start !== -1) {
          this.#keep(line.subarray(start, at + 1));
          this.#finish();
          start = -1;
        }
      }
    }
    if (start !== -1) this.#keep(line.subarray(start));
  }

  /** What was never closed. */
  end(): void {
    if (this.#parts.length > 0) this.#finish();
    this.#depth = this.#base = 0;
    this.#inText = false;
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length + 1;
    if (this.#size > this.#largest) this.#parts = [];
    else this.#parts.push(new Uint8Array(part));
  }

  #finish(): void {
    const whole = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length + 1, 0)).fill(0x20);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length + 1;
    }
    this.#parts = [];
    this.#size = 0;
    this.#lines = 0;
    this.#isIndented = false;
    this.#onDocument(whole);
  }
}

function isAlone(line: Uint8Array): boolean {
  return line.length === 1 || (line.length === 2 && line[1] === 0x0d);
}
