/** Tokens to the nodes of the first document. Anchors are resolved as they come, as in the server. */
import type { Mark } from './cursor';
import { YamlProblem } from './cursor';
import type { Token } from './token';
import { Scanner } from './scanner';

interface Common {
  /** Long form (`tag:yaml.org,2002:str`) or as written; '' when there is none. */
  tag: string;
  start: Mark;
  end: Mark;
}

export type YamlNode =
  /** `implicit`: plain, so that its text decides its type. */
  | (Common & { kind: 'scalar'; value: string; implicit: boolean; plain: boolean })
  | (Common & { kind: 'sequence'; flow: boolean; items: YamlNode[] })
  | (Common & { kind: 'mapping'; flow: boolean; pairs: { key: YamlNode; value: YamlNode }[] })
  | (Common & { kind: 'alias'; name: string; target: YamlNode });

export interface FirstDocument {
  /** undefined when the text has no document at all. */
  root: YamlNode | undefined;
  /** Where something follows the first document, which the server never reads; undefined when nothing does. */
  rest: Mark | undefined;
}

/** @throws {YamlProblem} where the server's parser fails. */
export function parseFirstDocument(text: string): FirstDocument {
  const parser = new Parser(new Scanner(text === '' ? '\n' : text));
  return parser.document();
}

/** Deeper than any policy; a limit of our own, so that a hostile file cannot exhaust the stack. */
const MAX_NESTING = 1000;

class Parser {
  readonly #tokens: Scanner;
  readonly #anchors = new Map<string, YamlNode>();
  readonly #tags = new Map<string, string>();
  #depth = 0;

  constructor(tokens: Scanner) {
    this.#tokens = tokens;
  }

  document(): FirstDocument {
    this.#tokens.next();
    const first = this.#tokens.peek();
    if (first.kind === 'stream-end') return { root: undefined, rest: undefined };
    const explicit = this.#directives();
    const root =
      explicit && this.#is('version', 'tag-directive', 'document-start', 'document-end', 'stream-end')
        ? this.#empty(this.#tokens.peek().start)
        : this.#node('block');
    const after = this.#tokens.peek();
    return { root, rest: this.#restAfter(after) };
  }

  /** Answers whether the document began with `---`. */
  #directives(): boolean {
    const first = this.#tokens.peek();
    let versions = 0;
    for (let token = first; token.kind === 'version' || token.kind === 'tag-directive'; token = this.#tokens.peek()) {
      if (token.kind === 'version') {
        if (++versions > 1) fail('found duplicate %YAML directive', token.start);
        if (token.major !== 1 || token.minor !== 1) fail('found incompatible YAML document', token.start);
      } else {
        if (this.#tags.has(token.handle)) fail('found duplicate %TAG directive', token.start);
        this.#tags.set(token.handle, token.prefix);
      }
      this.#tokens.next();
    }
    for (const [handle, prefix] of [
      ['!', '!'],
      ['!!', 'tag:yaml.org,2002:'],
    ] as const) {
      if (!this.#tags.has(handle)) this.#tags.set(handle, prefix);
    }
    const token = this.#tokens.peek();
    if (token.kind === 'document-start') {
      this.#tokens.next();
      return true;
    }
    if (token !== first) fail('did not find expected <document start>', token.start);
    return false;
  }

  #restAfter(token: Token): Mark | undefined {
    if (token.kind === 'stream-end') return undefined;
    if (token.kind !== 'document-end') return token.start;
    const rest = this.#tokens.cursor.text.slice(token.end.offset);
    return /^(\s|#.*|\.\.\.\s)*$/u.test(rest) ? undefined : token.start;
  }

  /** `context`: what may stand here; `value`: a sequence may begin in the column of its key. */
  #node(context: 'block' | 'value' | 'flow'): YamlNode {
    if (++this.#depth > MAX_NESTING) fail(`exceeded max depth of ${MAX_NESTING}`, this.#tokens.peek().start);
    const node = this.#nodeAt(context);
    this.#depth--;
    return node;
  }

  #nodeAt(context: 'block' | 'value' | 'flow'): YamlNode {
    const first = this.#tokens.peek();
    const { start } = first;
    if (first.kind === 'alias') {
      this.#tokens.next();
      const target = this.#anchors.get(first.name);
      if (target === undefined) throw new YamlProblem(`unknown anchor '${first.name}' referenced`, start.offset);
      return { kind: 'alias', tag: '', name: first.name, target, start, end: first.end };
    }
    let anchor: string | undefined;
    let tagToken: (Token & { kind: 'tag' }) | undefined;
    let { end } = first;
    for (let token = first; ; token = this.#tokens.peek()) {
      if (token.kind === 'anchor' && anchor === undefined) anchor = token.name;
      else if (token.kind === 'tag' && tagToken === undefined) tagToken = token;
      else break;
      ({ end } = token);
      this.#tokens.next();
    }
    const tag = tagToken === undefined ? '' : this.#tag(tagToken);
    const token = this.#tokens.peek();
    const remember = <N extends YamlNode>(node: N): N => {
      if (anchor !== undefined) this.#anchors.set(anchor, node);
      return node;
    };
    if (context === 'value' && token.kind === '-') {
      return this.#blockSequence(remember({ kind: 'sequence', flow: false, items: [], tag, start, end }), true);
    }
    switch (token.kind) {
      case 'scalar': {
        this.#tokens.next();
        const implicit = (tag === '' && token.plain) || tag === '!';
        const { value, plain } = token;
        return remember({ kind: 'scalar', value, implicit, plain, tag, start, end: token.end });
      }
      case '[':
        return this.#flowSequence(remember({ kind: 'sequence', flow: true, items: [], tag, start, end }));
      case '{':
        return this.#flowMapping(remember({ kind: 'mapping', flow: true, pairs: [], tag, start, end }));
      case 'block-sequence':
        if (context === 'flow') break;
        return this.#blockSequence(remember({ kind: 'sequence', flow: false, items: [], tag, start, end }), false);
      case 'block-mapping':
        if (context === 'flow') break;
        return this.#blockMapping(remember({ kind: 'mapping', flow: false, pairs: [], tag, start, end }));
      default:
        break;
    }
    if (anchor !== undefined || tag !== '') {
      return remember({ kind: 'scalar', value: '', implicit: tag === '', plain: true, tag, start, end });
    }
    return fail('did not find expected node content', token.start);
  }

  #tag(token: Token & { kind: 'tag' }): string {
    if (token.handle === '') return token.suffix;
    const tag = `${this.#tags.get(token.handle) ?? ''}${this.#tags.has(token.handle) ? token.suffix : ''}`;
    return tag === '' ? fail('found undefined tag handle', token.start) : tag;
  }

  #blockSequence(node: YamlNode & { kind: 'sequence' }, indentless: boolean): YamlNode {
    if (!indentless) this.#tokens.next();
    while (this.#is('-')) {
      const dash = this.#tokens.next();
      const isEmpty = this.#is('-', 'block-end') || (indentless && this.#is('key', 'value'));
      node.items.push(isEmpty ? this.#empty(dash.end) : this.#node('block'));
      node.end = node.items.at(-1)?.end ?? node.end;
    }
    if (indentless) return node;
    const end = this.#tokens.peek();
    if (end.kind !== 'block-end') fail("did not find expected '-' indicator", end.start);
    this.#tokens.next();
    return node;
  }

  #blockMapping(node: YamlNode & { kind: 'mapping' }): YamlNode {
    this.#tokens.next();
    for (;;) {
      const token = this.#tokens.peek();
      if (token.kind === 'block-end') {
        this.#tokens.next();
        return node;
      }
      if (token.kind !== 'key') fail('did not find expected key', token.start);
      this.#tokens.next();
      const key = this.#is('key', 'value', 'block-end') ? this.#empty(token.end) : this.#node('value');
      const colon = this.#tokens.peek();
      let value: YamlNode;
      if (colon.kind === 'value') {
        this.#tokens.next();
        value = this.#is('key', 'value', 'block-end') ? this.#empty(colon.end) : this.#node('value');
      } else value = this.#empty(colon.start);
      node.pairs.push({ key, value });
      node.end = value.end;
    }
  }

  #flowSequence(node: YamlNode & { kind: 'sequence' }): YamlNode {
    this.#tokens.next();
    while (!this.#is(']')) {
      if (node.items.length > 0) {
        const token = this.#tokens.peek();
        if (token.kind !== ',') fail("did not find expected ',' or ']'", token.start);
        this.#tokens.next();
        if (this.#is(']')) break;
      }
      node.items.push(this.#is('key') ? this.#singlePair() : this.#node('flow'));
    }
    node.end = this.#tokens.next().end;
    return node;
  }

  /** `[key: value]` is a list of a mapping of one pair. */
  #singlePair(): YamlNode {
    const { start, end } = this.#tokens.next();
    let key: YamlNode;
    if (this.#is('value', ',', ']')) key = this.#empty(this.#tokens.next().end);
    else key = this.#node('flow');
    let value: YamlNode | undefined;
    if (this.#is('value')) {
      this.#tokens.next();
      if (!this.#is(',', ']')) value = this.#node('flow');
    }
    value ??= this.#empty(this.#tokens.peek().start);
    return { kind: 'mapping', flow: true, pairs: [{ key, value }], tag: '', start, end: value.end ?? end };
  }

  #flowMapping(node: YamlNode & { kind: 'mapping' }): YamlNode {
    this.#tokens.next();
    while (!this.#is('}')) {
      if (node.pairs.length > 0) {
        const token = this.#tokens.peek();
        if (token.kind !== ',') fail("did not find expected ',' or '}'", token.start);
        this.#tokens.next();
        if (this.#is('}')) break;
      }
      node.pairs.push(this.#flowPair());
    }
    node.end = this.#tokens.next().end;
    return node;
  }

  #flowPair(): { key: YamlNode; value: YamlNode } {
    if (!this.#is('key')) {
      const key = this.#node('flow');
      return { key, value: this.#empty(this.#tokens.peek().start) };
    }
    this.#tokens.next();
    const key = this.#is('value', ',', '}') ? this.#empty(this.#tokens.peek().start) : this.#node('flow');
    if (this.#is('value')) {
      this.#tokens.next();
      if (!this.#is(',', '}')) return { key, value: this.#node('flow') };
    }
    return { key, value: this.#empty(this.#tokens.peek().start) };
  }

  #empty(mark: Mark): YamlNode {
    return { kind: 'scalar', value: '', implicit: true, plain: true, tag: '', start: mark, end: mark };
  }

  #is(...kinds: Token['kind'][]): boolean {
    return kinds.includes(this.#tokens.peek().kind);
  }
}

/** The server's message names the line before, and none for the first. */
function fail(problem: string, at: Mark): never {
  throw new YamlProblem(at.line === 0 ? problem : `line ${at.line}: ${problem}`, at.offset);
}
