/**
 * The language of `--where`: paths into an event's JSON, comparisons, `and`, `or`, `not`. It can only look: nothing is
 * called, and a path sees only what the JSON itself has.
 */
import { messageOf } from '../../errors';
import { refusal, tokens, type Token } from './lexer';

/** A name, a place in a list, or every item of a list. */
export type Step = string | number | typeof EVERY;
export const EVERY = Symbol('every item');

export type Literal = string | number | boolean | null;

export type Operand = { kind: 'path'; steps: readonly Step[] } | { kind: 'literal'; value: Literal };

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'contains';

export type Expression =
  | { kind: 'and' | 'or'; parts: readonly Expression[] }
  | { kind: 'not'; part: Expression }
  | { kind: 'compare'; operator: Comparison; left: Operand; right: Operand }
  | { kind: 'matches'; left: Operand; pattern: RegExp; negated: boolean }
  | { kind: 'in'; left: Operand; values: readonly Operand[]; negated: boolean }
  | { kind: 'exists'; operand: Operand };

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '==': '==',
  '=': '==',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  contains: 'contains',
};
const DEEPEST = 100;

/** @throws {UserError} `bad-expression`, with the place. */
export function parseExpression(source: string): Expression {
  return new Parser(source).whole();
}

/** A path alone, as `--fields` takes it. @throws {UserError} `bad-expression`. */
export function parsePath(source: string): readonly Step[] {
  return new Parser(source).wholePath();
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokens(source);
  }

  whole(): Expression {
    const found = this.#or();
    if (this.#token().kind !== 'end') this.#refuse('nothing is expected here but `and` or `or`');
    return found;
  }

  wholePath(): Step[] {
    const steps = this.#path();
    if (this.#token().kind !== 'end') this.#refuse('a field ends here');
    return steps;
  }

  #or(): Expression {
    const parts = [this.#and()];
    while (this.#take('or', '||')) parts.push(this.#and());
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'or', parts };
  }

  #and(): Expression {
    const parts = [this.#not()];
    while (this.#take('and', '&&')) parts.push(this.#not());
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'and', parts };
  }

  #not(): Expression {
    if (++this.#depth > DEEPEST) this.#refuse('this is nested too deep');
    try {
      if (this.#take('not', '!')) return { kind: 'not', part: this.#not() };
      if (!this.#take('(')) return this.#comparison();
      const inner = this.#or();
      this.#expect(')');
      return inner;
    } finally {
      this.#depth--;
    }
  }

  #comparison(): Expression {
    const left = this.#operand();
    const { kind, value } = this.#token();
    const comparison = kind === 'operator' || kind === 'name' ? COMPARISONS[value] : undefined;
    if (comparison !== undefined) {
      this.#at++;
      return { kind: 'compare', operator: comparison, left, right: this.#operand() };
    }
    if (this.#take('=~')) return { kind: 'matches', left, pattern: this.#pattern(), negated: false };
    if (this.#take('!~')) return { kind: 'matches', left, pattern: this.#pattern(), negated: true };
    if (this.#take('in')) return { kind: 'in', left, values: this.#list(), negated: false };
    if (kind === 'name' && value === 'not') {
      this.#at++;
      if (!this.#take('in')) this.#refuse('`in` is expected here');
      return { kind: 'in', left, values: this.#list(), negated: true };
    }
    return { kind: 'exists', operand: left };
  }

  #list(): Operand[] {
    const close = this.#take('(') ? ')' : ']';
    if (close === ']') this.#expect('[');
    const values = [this.#operand()];
    while (this.#take(',')) values.push(this.#operand());
    this.#expect(close);
    return values;
  }

  #pattern(): RegExp {
    const token = this.#token();
    if (token.kind !== 'text') return this.#refuse('a regular expression in quotes is expected here');
    try {
      const pattern = new RegExp(token.value);
      this.#at++;
      return pattern;
    } catch (problem) {
      return this.#refuse(`this is no regular expression: ${messageOf(problem)}`);
    }
  }

  #operand(): Operand {
    const token = this.#token();
    if (token.kind === 'number' || token.kind === 'text') {
      this.#at++;
      return { kind: 'literal', value: token.value };
    }
    if (token.kind === 'name' && /^(?:true|false|null)$/.test(token.value)) {
      this.#at++;
      return { kind: 'literal', value: token.value === 'null' ? null : token.value === 'true' };
    }
    return { kind: 'path', steps: this.#path() };
  }

  /** `a.b`, `.a.b` as jq has it, `a["x/y"].b`, `a[0]`, `a[]`. */
  #path(): Step[] {
    const steps: Step[] = [];
    if (!this.#take('.') || this.#token().kind === 'name') steps.push(this.#name());
    for (;;) {
      if (this.#take('.')) steps.push(this.#token().kind === 'text' ? this.#text() : this.#name());
      else if (this.#take('[')) {
        const token = this.#token();
        if (token.kind === 'text' || token.kind === 'number') {
          this.#at++;
          steps.push(token.value);
        } else {
          this.#take('*');
          steps.push(EVERY);
        }
        this.#expect(']');
      } else return steps;
    }
  }

  #name(): string {
    const token = this.#token();
    if (token.kind !== 'name') return this.#refuse('a field, a text or a number is expected here');
    this.#at++;
    return token.value;
  }

  #text(): string {
    const { value } = this.#token();
    this.#at++;
    return String(value);
  }

  #token(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', value: '', at: this.#source.length, end: this.#source.length };
  }

  #take(...words: string[]): boolean {
    const { kind, value } = this.#token();
    if ((kind !== 'operator' && kind !== 'name') || !words.includes(value)) return false;
    this.#at++;
    return true;
  }

  #expect(word: string): void {
    if (!this.#take(word)) this.#refuse(`\`${word}\` is expected here`);
  }

  #refuse(message: string): never {
    throw refusal(this.#source, this.#token().at, message);
  }
}
