/**
 * A position in a YAML text, with the character classes of YAML 1.1. Why a reader of our own: the API server reads
 * policies with a YAML 1.1 parser, and what it refuses, with which words and at which line, is the answer we must give.
 */

/** Lines and columns count from 0, `index` in code points, `offset` in UTF-16 units. */
export interface Mark {
  index: number;
  offset: number;
  line: number;
  column: number;
}

/** What the server's YAML parser would say, without its leading "yaml: ". */
export class YamlProblem extends Error {
  readonly offset: number;

  constructor(text: string, offset: number) {
    super(text);
    this.name = 'YamlProblem';
    this.offset = offset;
  }
}

/** Control characters, halves of surrogate pairs, and the two that are no characters. */
const NOT_YAML =
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const READ_AHEAD = 512;

export class Cursor implements Mark {
  readonly text: string;
  index = 0;
  offset = 0;
  line = 0;
  column = 0;

  readonly #firstBad: number;
  readonly #badChunk: number;

  constructor(text: string) {
    this.text = text;
    if (text.startsWith('\ufeff')) this.offset = 1;
    this.#firstBad = text.search(NOT_YAML);
    // The server decodes ahead in blocks, so it stumbles over a bad character somewhat before it gets there.
    this.#badChunk = this.#firstBad === -1 ? Infinity : this.#firstBad - (this.#firstBad % READ_AHEAD);
  }

  mark(): Mark {
    return { index: this.index, offset: this.offset, line: this.line, column: this.column };
  }

  /** The UTF-16 unit `ahead` of the position; '' at the end. */
  peek(ahead = 0): string {
    if (this.offset + ahead >= this.#badChunk) {
      throw new YamlProblem('control characters are not allowed', this.#firstBad);
    }
    return this.text.charAt(this.offset + ahead);
  }

  /** Takes one code point that is no line break. */
  read(): string {
    const code = this.text.codePointAt(this.offset) ?? 0;
    const taken = this.text.slice(this.offset, this.offset + (code > 0xffff ? 2 : 1));
    this.offset += taken.length;
    this.index++;
    this.column++;
    return taken;
  }

  skip(count = 1): void {
    for (let n = 0; n < count; n++) this.read();
  }

  /** Takes a line break, if there is one, and answers it as the value of a scalar has it. */
  readBreak(): string {
    const character = this.peek();
    if (!isBreak(character)) return '';
    const units = character === '\r' && this.peek(1) === '\n' ? 2 : 1;
    this.offset += units;
    this.index += units;
    this.line++;
    this.column = 0;
    return character === '\u2028' || character === '\u2029' ? character : '\n';
  }

  skipBlanks(): void {
    while (isBlank(this.peek())) this.skip();
  }

  skipToLineEnd(): void {
    while (!isBreakOrEnd(this.peek())) this.skip();
  }

  /** `---` or `...` at the start of a line, as a word of its own. */
  atDocumentIndicator(): boolean {
    const following = this.peek(3);
    if (this.column !== 0) return false;
    const three = this.text.slice(this.offset, this.offset + 3);
    return (three === '---' || three === '...') && isBlankOrEnd(following);
  }

  /** At the end of the text the server counts a line more, unless the last one is empty. */
  endLine(): void {
    if (this.column === 0) return;
    this.column = 0;
    this.line++;
  }

  /** A problem at the current position; one in the first line is reported without its number. */
  fail(problem: string): never {
    throw new YamlProblem(this.line === 0 ? problem : `line ${this.line + 1}: ${problem}`, this.offset);
  }
}

export function isBreak(character: string): boolean {
  return (
    character === '\n' ||
    character === '\r' ||
    character === '\u0085' ||
    character === '\u2028' ||
    character === '\u2029'
  );
}

export function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
}

export function isBreakOrEnd(character: string): boolean {
  return character === '' || isBreak(character);
}

export function isBlankOrEnd(character: string): boolean {
  return isBlank(character) || isBreakOrEnd(character);
}

/** Letters, digits, `_` and `-`: what names of anchors and tags are made of. */
export function isWord(character: string): boolean {
  return /^[0-9A-Za-z_-]$/.test(character);
}
