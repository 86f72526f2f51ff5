/**
 * JSON with places and with repeated keys kept. A policy whose first character is `{` is read as JSON and nothing else;
 * the messages are those of Go's encoding/json.
 */
import { goQuoteCharacter } from './go-text';
import type { Member, ParsedText, Value } from './value';
import { TextProblem } from './value';

/** Whether the server takes the text for JSON: its first character that is no space decides. */
export function looksLikeJson(text: string): boolean {
  return /^[\s\u0085]*\{/.test(text) && !text.startsWith('\ufeff');
}

/** @throws {TextProblem} with Go's words. */
export function parseJson(text: string): ParsedText {
  const reader = new Reader(text);
  const root = reader.value(0);
  reader.end();
  return { root, duplicates: [], rest: undefined };
}

/** encoding/json's own limit is ten times this; no policy comes near either. */
const MAX_DEPTH = 1000;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Value {
    if (depth > MAX_DEPTH) throw new TextProblem('exceeded max depth', this.#at);
    this.#skipSpace();
    const start = this.#at;
    switch (this.#peek()) {
      case '{':
        return { kind: 'object', members: this.#members(depth), start, end: this.#at };
      case '[':
        return { kind: 'array', items: this.#items(depth), start, end: this.#at };
      case '"':
        return { kind: 'string', value: this.#string(), start, end: this.#at };
      case 't':
        this.#literal('true');
        return { kind: 'bool', value: true, start, end: this.#at };
      case 'f':
        this.#literal('false');
        return { kind: 'bool', value: false, start, end: this.#at };
      case 'n':
        this.#literal('null');
        return { kind: 'null', start, end: this.#at };
      default:
        if (!/^[-0-9]$/.test(this.#peek())) this.#fail('looking for beginning of value');
        return { kind: 'number', text: this.#number(), start, end: this.#at };
    }
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
  }

  #members(depth: number): Member[] {
    const members: Member[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take('}')) return members;
    for (;;) {
      this.#skipSpace();
      const start = this.#at;
      if (this.#peek() !== '"') this.#fail('looking for beginning of object key string');
      const key = this.#string();
      const keySpan = { start, end: this.#at };
      this.#skipSpace();
      if (!this.#take(':')) this.#fail('after object key');
      members.push({ key, keySpan, value: this.value(depth + 1) });
      this.#skipSpace();
      if (this.#take('}')) return members;
      if (!this.#take(',')) this.#fail('after object key:value pair');
    }
  }

  #items(depth: number): Value[] {
    const items: Value[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(']')) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      this.#skipSpace();
      if (this.#take(']')) return items;
      if (!this.#take(',')) this.#fail('after array element');
    }
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const character = this.#peek();
      if (character === '"') break;
      if (character === '' || character < ' ') this.#fail('in string literal', true);
      this.#at++;
      if (character !== '\\') continue;
      const escape = this.#peek();
      if (escape === '' || !'bfnrt\\/"u'.includes(escape)) this.#fail('in string escape code');
      this.#at++;
      for (let n = 0; escape === 'u' && n < 4; n++) {
        if (!/^[0-9a-fA-F]$/.test(this.#peek())) this.#fail('in \\u hexadecimal character escape');
        this.#at++;
      }
    }
    this.#at++;
    // Half a surrogate pair becomes the replacement character in Go.
    return (JSON.parse(this.#text.slice(start, this.#at)) as string).replace(
      /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      '\ufffd',
    );
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#peek() !== expected) this.#fail(`in literal ${word} (expecting '${expected}')`);
      this.#at++;
    }
  }

  #number(): string {
    const start = this.#at;
    this.#take('-');
    if (!this.#take('0')) this.#digits('in numeric literal');
    if (this.#take('.')) this.#digits('after decimal point in numeric literal');
    if (this.#take('e') || this.#take('E')) {
      if (!this.#take('+')) this.#take('-');
      this.#digits('in exponent of numeric literal');
    }
    return this.#text.slice(start, this.#at);
  }

  #digits(context: string): void {
    if (!/^[0-9]$/.test(this.#peek())) this.#fail(context);
    while (/^[0-9]$/.test(this.#peek())) this.#at++;
  }

  #skipSpace(): void {
    while (/^[ \t\r\n]$/.test(this.#peek())) this.#at++;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  /** @param spaceFits at the end of the text Go tries a space; where that fits, the end itself is the error. */
  #fail(context: string, spaceFits = SPACE_FITS.has(context)): never {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined && spaceFits) throw new TextProblem('unexpected end of JSON input', this.#at);
    // Go reads bytes: of a longer character it shows the first one.
    const bytes = new TextEncoder().encode(code === undefined ? ' ' : String.fromCodePoint(code));
    throw new TextProblem(
      `invalid character ${goQuoteCharacter(String.fromCharCode(bytes[0] ?? 0))} ${context}`,
      this.#at,
    );
  }
}

const SPACE_FITS = new Set([
  'looking for beginning of value',
  'looking for beginning of object key string',
  'after object key',
  'after object key:value pair',
  'after array element',
]);
