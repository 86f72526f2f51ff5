/** YAML to JSON values, as the server's YAMLToJSON does it (sigs.k8s.io/yaml over go-yaml v2), merge keys included. */
import { goQuote } from './go-text';
import type { DuplicateKey, Member, ParsedText, Value } from './value';
import { TextProblem } from './value';
import { YamlProblem } from './yaml/cursor';
import type { YamlNode } from './yaml/parser';
import { parseFirstDocument } from './yaml/parser';
import type { Scalar } from './yaml/resolve';
import { resolveScalar } from './yaml/resolve';

/** @throws {TextProblem} with the server's words. */
export function parseYaml(text: string): ParsedText {
  try {
    const { root, rest } = parseFirstDocument(text);
    const converter = new Converter();
    const value: Value = root === undefined ? { kind: 'null', start: 0, end: 0 } : converter.value(root);
    converter.refuseNullKeys();
    return { root: value, duplicates: converter.duplicates, rest: rest?.offset };
  } catch (problem) {
    if (problem instanceof YamlProblem) throw new TextProblem(`yaml: ${problem.message}`, problem.offset);
    throw problem;
  }
}

interface Entry {
  member: Member;
  /** How Go writes the key in the message about a repetition. */
  shown: string;
}

const NULL_KEY = 'null';

class Converter {
  /** YAML allows them, JSON does not: found only once the whole text has been read. */
  readonly #nullKeys: Member[] = [];
  readonly duplicates: DuplicateKey[] = [];
  readonly #open = new Set<YamlNode>();
  #count = 0;
  #aliasCount = 0;
  #aliasDepth = 0;

  value(node: YamlNode): Value {
    this.#tally();
    const span = { start: node.start.offset, end: node.end.offset };
    switch (node.kind) {
      case 'alias':
        return { ...this.#within(node, () => this.value(node.target)), ...span };
      case 'sequence':
        return { kind: 'array', items: node.items.map((item) => this.value(item)), ...span };
      case 'mapping': {
        const entries = new Map<string, Entry>();
        this.#fill(node, entries);
        const members = [...entries.values()].map((entry) => entry.member);
        return { kind: 'object', members: members.sort((a, b) => compareBytes(a.key, b.key)), ...span };
      }
      case 'scalar':
        return { ...scalarValue(resolveScalar(node), node), ...span };
    }
  }

  refuseNullKeys(): void {
    const member = this.#nullKeys.at(-1);
    if (member === undefined) return;
    const text = `unsupported map key of type: %!s(<nil>), key: <nil>, value: ${member.value.kind === 'null' ? '<nil>' : goSyntax(member.value)}`;
    throw new TextProblem(text, member.keySpan.start);
  }

  #fill(node: YamlNode & { kind: 'mapping' }, entries: Map<string, Entry>): void {
    for (const { key, value } of node.pairs) {
      if (isMerge(key)) {
        this.#merge(value, entries);
        continue;
      }
      const { name, id, shown } = this.#key(key);
      const member = { key: name, keySpan: spanOf(key), value: this.value(value) };
      if (id === NULL_KEY) this.#nullKeys.push(member);
      if (entries.has(id)) {
        const text = `line ${value.start.line + 1}: key ${shown} already set in map`;
        this.duplicates.push({ key: name, span: member.keySpan, text });
      }
      entries.set(id, { member, shown });
    }
  }

  /** What is merged counts as if it stood where the merge key stands: it replaces what came before. */
  #merge(node: YamlNode, entries: Map<string, Entry>): void {
    const parts = node.kind === 'sequence' ? [...node.items].reverse() : [node];
    for (const part of parts) {
      const target = part.kind === 'alias' ? part.target : part;
      if (target.kind !== 'mapping') {
        throw new YamlProblem('map merge requires map or sequence of maps as the value', node.start.offset);
      }
      this.#tally();
      if (part.kind === 'alias') {
        this.#within(part, () => {
          this.#tally();
          this.#fill(target, entries);
        });
      } else this.#fill(target, entries);
    }
  }

  #key(node: YamlNode): { name: string; id: string; shown: string } {
    this.#tally();
    if (node.kind === 'alias') return this.#within(node, () => this.#key(node.target));
    if (node.kind !== 'scalar') {
      throw new YamlProblem(`invalid map key: ${goSyntax(this.value(node))}`, node.start.offset);
    }
    const scalar = resolveScalar(node);
    switch (scalar.type) {
      case 'string':
        return { name: scalar.value, id: `s${scalar.value}`, shown: goQuote(scalar.value) };
      case 'int':
        return { name: String(scalar.value), id: `i${scalar.value}`, shown: String(scalar.value) };
      case 'bool':
        return { name: String(scalar.value), id: `b${String(scalar.value)}`, shown: String(scalar.value) };
      case 'float': {
        const name = goFloatKey(scalar.value);
        return { name, id: `f${name}`, shown: name };
      }
      case 'null':
        return { name: '', id: NULL_KEY, shown: 'interface {}(nil)' };
    }
  }

  #within<T>(alias: YamlNode & { kind: 'alias' }, read: () => T): T {
    if (this.#open.has(alias)) {
      throw new YamlProblem(`anchor '${alias.name}' value contains itself`, alias.start.offset);
    }
    this.#open.add(alias);
    this.#aliasDepth++;
    const result = read();
    this.#aliasDepth--;
    this.#open.delete(alias);
    return result;
  }

  /** The server gives up on a file that is nearly all aliases of aliases. */
  #tally(): void {
    this.#count++;
    if (this.#aliasDepth > 0) this.#aliasCount++;
    const share = this.#aliasCount / this.#count;
    const allowed = this.#count <= 400000 ? 0.99 : 0.99 - 0.89 * Math.min(1, (this.#count - 400000) / 3600000);
    if (this.#aliasCount > 100 && this.#count > 1000 && share > allowed) {
      throw new YamlProblem('document contains excessive aliasing', 0);
    }
  }
}

function isMerge(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === '<<' && (node.implicit || node.tag === 'tag:yaml.org,2002:merge');
}

function scalarValue(scalar: Scalar, node: YamlNode) {
  switch (scalar.type) {
    case 'null':
      return { kind: 'null' } as const;
    case 'bool':
      return { kind: 'bool', value: scalar.value } as const;
    case 'int':
      return { kind: 'number', text: String(scalar.value) } as const;
    case 'float':
      if (!Number.isFinite(scalar.value)) {
        const name = Number.isNaN(scalar.value) ? 'NaN' : scalar.value > 0 ? '+Inf' : '-Inf';
        throw new TextProblem(`json: unsupported value: ${name}`, node.start.offset);
      }
      return { kind: 'number', text: String(scalar.value) } as const;
    case 'string':
      return { kind: 'string', value: scalar.value } as const;
  }
}

function spanOf(node: YamlNode): { start: number; end: number } {
  return { start: node.start.offset, end: node.end.offset };
}

/** Go sorts strings by their UTF-8 bytes, which is by code point. */
function compareBytes(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function goFloatKey(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (value !== 0 && (exponent < -4 || exponent >= 21)) {
    return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2');
  }
  return String(value);
}

/** How Go's %#v shows a decoded list or mapping. */
function goSyntax(value: Value): string {
  switch (value.kind) {
    case 'null':
      return 'interface {}(nil)';
    case 'bool':
      return String(value.value);
    case 'number':
      return value.text;
    case 'string':
      return goQuote(value.value);
    case 'array':
      return `[]interface {}{${value.items.map(goSyntax).join(', ')}}`;
    case 'object':
      return `map[interface {}]interface {}{${value.members.map(({ key, value: inner }) => `${goQuote(key)}:${goSyntax(inner)}`).join(', ')}}`;
  }
}
