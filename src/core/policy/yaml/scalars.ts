/** Scalars of YAML 1.1: plain, quoted and block. Line folding is the server's. */
import type { Cursor } from './cursor';
import { isBlank, isBlankOrEnd, isBreak, isBreakOrEnd } from './cursor';
import type { Token } from './token';

/** Blanks and line breaks between two words of a flow scalar. */
class Gap {
  #blanks = '';
  #first = '';
  #more = '';
  broken = false;

  readBlank(cursor: Cursor): void {
    const blank = cursor.read();
    if (!this.broken) this.#blanks += blank;
  }

  readBreak(cursor: Cursor): void {
    if (this.broken) this.#more += cursor.readBreak();
    else {
      this.#first = cursor.readBreak();
      this.broken = true;
    }
  }

  /** What stands for the gap in the value: one line break folds into a space, more keep all but the first. */
  text(): string {
    if (!this.broken) return this.#blanks;
    if (this.#first.startsWith('\n')) return this.#more === '' ? ' ' : this.#more;
    return this.#first + this.#more;
  }
}

/** @param indent a line that begins left of this column ends the scalar. */
export function scanPlainScalar(cursor: Cursor, inFlow: boolean, indent: number): { token: Token; brokeLine: boolean } {
  const start = cursor.mark();
  let end = cursor.mark();
  let value = '';
  let gap = new Gap();
  for (;;) {
    if (cursor.atDocumentIndicator() || cursor.peek() === '#') break;
    while (!isBlankOrEnd(cursor.peek())) {
      const character = cursor.peek();
      if (character === ':' && isBlankOrEnd(cursor.peek(1))) break;
      if (inFlow && ',?[]{}'.includes(character)) break;
      value += gap.text();
      gap = new Gap();
      value += cursor.read();
      end = cursor.mark();
    }
    if (!isBlank(cursor.peek()) && !isBreak(cursor.peek())) break;
    for (;;) {
      if (isBlank(cursor.peek())) {
        if (gap.broken && cursor.column < indent && cursor.peek() === '\t') {
          cursor.fail('found a tab character that violates indentation');
        }
        gap.readBlank(cursor);
      } else if (isBreak(cursor.peek())) gap.readBreak(cursor);
      else break;
    }
    if (!inFlow && cursor.column < indent) break;
  }
  return { token: { kind: 'scalar', value, plain: true, start, end }, brokeLine: gap.broken };
}

export function scanQuotedScalar(cursor: Cursor): Token {
  const start = cursor.mark();
  const quote = cursor.read();
  let value = '';
  for (;;) {
    if (cursor.atDocumentIndicator()) cursor.fail('found unexpected document indicator');
    if (cursor.peek() === '') cursor.fail('found unexpected end of stream');
    let gap = new Gap();
    while (!isBlankOrEnd(cursor.peek())) {
      const character = cursor.peek();
      if (character === quote) {
        if (quote === '"' || cursor.peek(1) !== quote) break;
        cursor.skip(2);
        value += quote;
      } else if (character === '\\' && quote === '"') {
        if (isBreak(cursor.peek(1))) {
          cursor.skip();
          cursor.readBreak();
          gap = new EscapedBreak();
          break;
        }
        value += scanEscape(cursor);
      } else value += cursor.read();
    }
    if (cursor.peek() === quote) break;
    for (;;) {
      if (isBlank(cursor.peek())) gap.readBlank(cursor);
      else if (isBreak(cursor.peek())) gap.readBreak(cursor);
      else break;
    }
    value += gap.text();
  }
  cursor.skip();
  return { kind: 'scalar', value, plain: false, start, end: cursor.mark() };
}

/** After a backslash at the end of a line: blanks are skipped, and only further line breaks count. */
class EscapedBreak extends Gap {
  #breaks = '';
  override broken = true;

  override readBreak(cursor: Cursor): void {
    this.#breaks += cursor.readBreak();
  }

  override text(): string {
    return this.#breaks;
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '0': '\0',
    a: '\x07',
    b: '\b',
    t: '\t',
    '\t': '\t',
    n: '\n',
    v: '\v',
    f: '\f',
    r: '\r',
    e: '\x1b',
    ' ': ' ',
    '"': '"',
    "'": "'",
    '\\': '\\',
    N: '\u0085',
    _: '\u00a0',
    L: '\u2028',
    P: '\u2029',
  }),
);
const CODE_LENGTHS: ReadonlyMap<string, number> = new Map(Object.entries({ x: 2, u: 4, U: 8 }));

function scanEscape(cursor: Cursor): string {
  const letter = cursor.peek(1);
  const length = CODE_LENGTHS.get(letter);
  if (length === undefined) {
    const plain = ESCAPES.get(letter);
    if (plain === undefined) cursor.fail('found unknown escape character');
    cursor.skip(2);
    return plain;
  }
  cursor.skip(2);
  const digits = cursor.text.slice(cursor.offset, cursor.offset + length);
  if (digits.length < length || !/^[0-9A-Fa-f]+$/.test(digits)) {
    cursor.fail('did not find expected hexdecimal number');
  }
  const code = parseInt(digits, 16);
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) {
    cursor.fail('found invalid Unicode character escape code');
  }
  cursor.skip(length);
  return String.fromCodePoint(code);
}

/** `|` and `>`. @param parentIndent column of the block around it, -1 at the top. */
export function scanBlockScalar(cursor: Cursor, parentIndent: number): Token {
  const start = cursor.mark();
  const literal = cursor.read() === '|';
  const { chomping, increment } = scanBlockHeader(cursor);
  let indent = increment === 0 ? 0 : Math.max(parentIndent, 0) + increment;
  let end = cursor.mark();

  const readBreaks = (): string => {
    let breaks = '';
    let deepest = 0;
    end = cursor.mark();
    for (;;) {
      while ((indent === 0 || cursor.column < indent) && cursor.peek() === ' ') cursor.skip();
      deepest = Math.max(deepest, cursor.column);
      if ((indent === 0 || cursor.column < indent) && cursor.peek() === '\t') {
        cursor.fail('found a tab character where an indentation space is expected');
      }
      if (!isBreak(cursor.peek())) break;
      breaks += cursor.readBreak();
      end = cursor.mark();
    }
    if (indent === 0) indent = Math.max(deepest, parentIndent + 1, 1);
    return breaks;
  };

  let value = '';
  let lineBreak = '';
  let breaks = readBreaks();
  let wasBlank = false;
  while (cursor.column === indent && cursor.peek() !== '') {
    const isBlankLine = isBlank(cursor.peek());
    const folds = !literal && lineBreak.startsWith('\n') && !wasBlank && !isBlankLine;
    value += folds ? (breaks === '' ? ' ' : '') : lineBreak;
    value += breaks;
    wasBlank = isBlankLine;
    while (!isBreakOrEnd(cursor.peek())) value += cursor.read();
    lineBreak = cursor.readBreak();
    breaks = readBreaks();
  }
  if (chomping !== '-') value += lineBreak;
  if (chomping === '+') value += breaks;
  return { kind: 'scalar', value, plain: false, start, end };
}

function scanBlockHeader(cursor: Cursor): { chomping: string; increment: number } {
  let chomping = '';
  let increment = 0;
  const readChomping = (): void => {
    if (cursor.peek() === '+' || cursor.peek() === '-') chomping = cursor.read();
  };
  const readIncrement = (): void => {
    if (!/^[0-9]$/.test(cursor.peek())) return;
    if (cursor.peek() === '0') cursor.fail('found an indentation indicator equal to 0');
    increment = Number(cursor.read());
  };
  readChomping();
  readIncrement();
  if (chomping === '' && increment > 0) readChomping();
  cursor.skipBlanks();
  if (cursor.peek() === '#') cursor.skipToLineEnd();
  if (!isBreakOrEnd(cursor.peek())) cursor.fail('did not find expected comment or line break');
  cursor.readBreak();
  return { chomping, increment };
}
