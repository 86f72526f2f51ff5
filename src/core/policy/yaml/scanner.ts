/**
 * YAML text to tokens, only as far as somebody asks: what follows the first document is never looked at, as in the
 * server. A key is only known to be one when its colon comes, so a few tokens are held back and slipped in before it.
 */
import type { Mark } from './cursor';
import { Cursor, YamlProblem, isBlankOrEnd, isBreak } from './cursor';
import { scanBlockScalar, scanPlainScalar, scanQuotedScalar } from './scalars';
import { scanAnchor, scanDirective, scanTag } from './properties';
import type { BareKind, Token } from './token';

/** Where a key may have begun: one for each open flow collection, and one for the block around them. */
interface PossibleKey {
  possible: boolean;
  /** It stands where only a key can stand, so a missing colon is an error. */
  required: boolean;
  token: number;
  mark: Mark;
}

const MAX_DEPTH = 10000;
/** A key must have its colon within so many characters, on one line. */
const KEY_LENGTH = 1024;

export class Scanner {
  readonly cursor: Cursor;
  #queue: Token[] = [];
  #taken = 0;
  #indent = -1;
  readonly #indents: number[] = [];
  #flowLevel = 0;
  #keyAllowed = true;
  #ended = false;
  readonly #keys: PossibleKey[];
  /** By the number of the token they begin with. */
  readonly #keyAt = new Map<number, PossibleKey>();

  constructor(text: string) {
    this.cursor = new Cursor(text);
    this.#keys = [{ possible: false, required: false, token: 0, mark: this.cursor.mark() }];
    this.#push('stream-start', this.cursor.mark());
  }

  peek(): Token {
    this.#fill();
    const token = this.#queue[0];
    if (token === undefined) throw new YamlProblem('attempted to go past the end of stream; corrupted value?', 0);
    return token;
  }

  next(): Token {
    const token = this.peek();
    this.#queue.shift();
    this.#taken++;
    return token;
  }

  #fill(): void {
    for (;;) {
      if (this.#queue.length > 0) {
        const key = this.#keyAt.get(this.#taken);
        if (key === undefined || !this.#isStillKey(key)) return;
      }
      if (this.#ended) return;
      this.#fetch();
    }
  }

  #fetch(): void {
    const { cursor } = this;
    this.#skipToToken();
    this.#closeBlocks(cursor.column);
    const character = cursor.peek();
    const next = cursor.peek(1);
    if (character === '') {
      this.#endStream();
      return;
    }
    if (cursor.column === 0 && character === '%') {
      this.#directive();
      return;
    }
    if (cursor.atDocumentIndicator()) {
      this.#documentIndicator(character);
      return;
    }
    const inFlow = this.#flowLevel > 0;
    switch (character) {
      case '[':
      case '{': {
        this.#openFlow(character);
        return;
      }
      case ']':
      case '}': {
        this.#closeFlow(character);
        return;
      }
      case ',':
        this.#dropKey();
        this.#keyAllowed = true;
        {
          this.#take(',', 1);
          return;
        }
      case '-':
        if (isBlankOrEnd(next)) {
          this.#blockEntry();
          return;
        }
        break;
      case '?':
        if (inFlow || isBlankOrEnd(next)) {
          this.#explicitKey();
          return;
        }
        break;
      case ':':
        if (inFlow || isBlankOrEnd(next)) {
          this.#value();
          return;
        }
        break;
      case '*':
      case '&': {
        this.#node(scanAnchor);
        return;
      }
      case '!': {
        this.#node(scanTag);
        return;
      }
      case '|':
      case '>':
        if (!inFlow) {
          this.#blockScalar();
          return;
        }
        break;
      case "'":
      case '"': {
        this.#node(scanQuotedScalar);
        return;
      }
    }
    if (!this.#startsPlain(character, next)) cursor.fail('found character that cannot start any token');
    this.#saveKey();
    this.#keyAllowed = false;
    const { token, brokeLine } = scanPlainScalar(cursor, inFlow, this.#indent + 1);
    this.#queue.push(token);
    if (brokeLine) this.#keyAllowed = true;
  }

  #startsPlain(character: string, next: string): boolean {
    if (character === '-') return next !== ' ' && next !== '\t';
    if (character === '?' || character === ':') return this.#flowLevel === 0 && !isBlankOrEnd(next);
    return !isBlankOrEnd(character) && !'-?:,[]{}#&*!|>\'"%@`'.includes(character);
  }

  #skipToToken(): void {
    const { cursor } = this;
    for (;;) {
      while (cursor.peek() === ' ' || (cursor.peek() === '\t' && (this.#flowLevel > 0 || !this.#keyAllowed))) {
        cursor.skip();
      }
      if (cursor.peek() === '#') cursor.skipToLineEnd();
      if (!isBreak(cursor.peek())) return;
      cursor.readBreak();
      if (this.#flowLevel === 0) this.#keyAllowed = true;
    }
  }

  #push(kind: BareKind, start: Mark, at?: number) {
    this.#insert({ kind, start, end: this.cursor.mark() }, at ?? -1);
  }

  /** At the end, where the place is not in the queue any more. */
  #insert(token: Token, at: number): void {
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, token);
  }

  /** Takes so many characters as a token. */
  #take(kind: BareKind, length: number): void {
    const start = this.cursor.mark();
    this.cursor.skip(length);
    this.#push(kind, start);
  }

  #endStream(): void {
    this.cursor.endLine();
    this.#closeBlocks(-1);
    this.#dropKey();
    this.#keyAllowed = false;
    this.#ended = true;
    this.#push('stream-end', this.cursor.mark());
  }

  #directive(): void {
    this.#closeBlocks(-1);
    this.#dropKey();
    this.#keyAllowed = false;
    this.#queue.push(scanDirective(this.cursor));
  }

  #documentIndicator(character: string): void {
    this.#closeBlocks(-1);
    this.#dropKey();
    this.#keyAllowed = false;
    this.#take(character === '-' ? 'document-start' : 'document-end', 3);
  }

  #openFlow(character: '[' | '{'): void {
    this.#saveKey();
    const token = this.#taken + this.#queue.length;
    this.#keys.push({ possible: false, required: false, token, mark: this.cursor.mark() });
    if (++this.#flowLevel > MAX_DEPTH) this.cursor.fail(`exceeded max depth of ${MAX_DEPTH}`);
    this.#keyAllowed = true;
    this.#take(character, 1);
  }

  #closeFlow(character: ']' | '}'): void {
    this.#dropKey();
    if (this.#flowLevel > 0) {
      this.#flowLevel--;
      // It bears the number of the bracket, so a key that begins with a bracket is forgotten here; so does the server.
      this.#keyAt.delete(this.#keys.pop()?.token ?? -1);
    }
    this.#keyAllowed = false;
    this.#take(character, 1);
  }

  #blockEntry(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.cursor.fail('block sequence entries are not allowed in this context');
      this.#openBlock('block-sequence', this.cursor.mark());
    }
    this.#dropKey();
    this.#keyAllowed = true;
    this.#take('-', 1);
  }

  #explicitKey(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.cursor.fail('mapping keys are not allowed in this context');
      this.#openBlock('block-mapping', this.cursor.mark());
    }
    this.#dropKey();
    this.#keyAllowed = this.#flowLevel === 0;
    this.#take('key', 1);
  }

  #value(): void {
    const key = this.#keys.at(-1);
    if (key !== undefined && this.#isStillKey(key)) {
      const at = key.token - this.#taken;
      this.#insert({ kind: 'key', start: key.mark, end: key.mark }, at);
      this.#openBlock('block-mapping', key.mark, at);
      key.possible = false;
      this.#keyAt.delete(key.token);
      this.#keyAllowed = false;
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#keyAllowed) this.cursor.fail('mapping values are not allowed in this context');
        this.#openBlock('block-mapping', this.cursor.mark());
      }
      this.#keyAllowed = this.#flowLevel === 0;
    }
    this.#take('value', 1);
  }

  #node(scan: (cursor: Cursor) => Token): void {
    this.#saveKey();
    this.#keyAllowed = false;
    this.#queue.push(scan(this.cursor));
  }

  #blockScalar(): void {
    this.#dropKey();
    this.#keyAllowed = true;
    this.#queue.push(scanBlockScalar(this.cursor, this.#indent));
  }

  #openBlock(kind: 'block-sequence' | 'block-mapping', mark: Mark, at?: number): void {
    if (this.#flowLevel > 0 || this.#indent >= mark.column) return;
    this.#indents.push(this.#indent);
    this.#indent = mark.column;
    if (this.#indents.length > MAX_DEPTH) this.cursor.fail(`exceeded max depth of ${MAX_DEPTH}`);
    this.#push(kind, mark, at);
  }

  #closeBlocks(column: number): void {
    if (this.#flowLevel > 0) return;
    while (this.#indent > column) {
      this.#push('block-end', this.cursor.mark());
      this.#indent = this.#indents.pop() ?? -1;
    }
  }

  #isStillKey(key: PossibleKey): boolean {
    if (!key.possible) return false;
    if (key.mark.line >= this.cursor.line && key.mark.index + KEY_LENGTH >= this.cursor.index) return true;
    if (key.required) this.cursor.fail("could not find expected ':'");
    key.possible = false;
    return false;
  }

  #saveKey(): void {
    if (!this.#keyAllowed) return;
    const required = this.#flowLevel === 0 && this.#indent === this.cursor.column;
    this.#dropKey();
    const token = this.#taken + this.#queue.length;
    const key = { possible: true, required, token, mark: this.cursor.mark() };
    this.#keys[this.#keys.length - 1] = key;
    this.#keyAt.set(token, key);
  }

  #dropKey(): void {
    const key = this.#keys.at(-1);
    if (key?.possible !== true) return;
    if (key.required) this.cursor.fail("could not find expected ':'");
    key.possible = false;
    this.#keyAt.delete(key.token);
  }
}
