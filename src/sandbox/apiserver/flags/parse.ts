/**
 * kube-apiserver's command line, as pflag reads it: the first thing it does not understand ends it, with pflag's words.
 * A flag that takes one value and is given twice has the last one.
 */
import { goQuote } from '../../../core/policy/go-text';
import { DEPRECATED, SHORTHANDS, flagSpecs, type FlagSpec } from './table';
import { parseBoolean, parseDuration, parseInteger, splitList, valueProblem } from './values';

export type ParsedFlags =
  | { kind: 'flags'; flags: Flags; deprecated: readonly string[] }
  /** What stands behind `Error: `. */
  | { kind: 'error'; message: string; deprecated: readonly string[] }
  | { kind: 'help' };

export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  string(name: string, otherwise = ''): string {
    return this.#values.get(name)?.at(-1) ?? otherwise;
  }

  integer(name: string, otherwise: number): number {
    const text = this.#values.get(name)?.at(-1);
    return text === undefined ? otherwise : parseInteger(text);
  }

  number(name: string, otherwise: number): number {
    const text = this.#values.get(name)?.at(-1);
    return text === undefined ? otherwise : Number(text);
  }

  boolean(name: string, otherwise: boolean): boolean {
    const text = this.#values.get(name)?.at(-1);
    return text === undefined ? otherwise : parseBoolean(text);
  }

  /** Milliseconds. */
  duration(name: string, otherwise: number): number {
    const text = this.#values.get(name)?.at(-1);
    return text === undefined ? otherwise : parseDuration(text);
  }

  /** Commas and repetition both make more of them. */
  list(name: string, otherwise: readonly string[] = []): readonly string[] {
    return this.#values.get(name)?.flatMap(splitList) ?? otherwise;
  }

  /** Repetition alone makes more of them. */
  array(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** As given, sorted by name; for /flagz. */
  entries(): [string, string][] {
    return [...this.#values].map(([name, values]): [string, string] => [name, values.join(',')]).sort(byName);
  }
}

/** @param args without the program's name. @param minor of the server's version 1.N. */
export function parseFlags(args: readonly string[], minor: number): ParsedFlags {
  const reader = new Reader(args, minor);
  const message = reader.read();
  const { deprecated } = reader;
  if (message !== undefined) return { kind: 'error', message, deprecated };
  if (reader.values.has('help')) return { kind: 'help' };
  if (reader.rest.length > 0) {
    const list = `[${reader.rest.map(goQuote).join(' ')}]`;
    return { kind: 'error', message: `"kube-apiserver" does not take any arguments, got ${list}`, deprecated };
  }
  return { kind: 'flags', flags: new Flags(reader.values), deprecated };
}

class Reader {
  readonly values = new Map<string, string[]>();
  readonly deprecated: string[] = [];
  readonly rest: string[] = [];
  readonly #specs: ReadonlyMap<string, FlagSpec>;
  readonly #args: string[];
  readonly #minor: number;

  constructor(args: readonly string[], minor: number) {
    this.#args = [...args];
    this.#minor = minor;
    this.#specs = flagSpecs(minor);
  }

  /** The error that ends it, if any. */
  read(): string | undefined {
    for (let arg = this.#args.shift(); arg !== undefined; arg = this.#args.shift()) {
      if (arg === '--') {
        this.rest.push(...this.#args);
        return undefined;
      }
      const problem = arg.startsWith('--') ? this.#long(arg) : this.#short(arg);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #long(arg: string): string | undefined {
    const body = arg.slice(2);
    if (body.startsWith('-') || body.startsWith('=')) return `bad flag syntax: ${arg}`;
    const equals = body.indexOf('=');
    const given = equals === -1 ? body : body.slice(0, equals);
    // Underscores are taken for dashes since the server's main function is component-base/cli (1.23).
    const name = this.#minor >= 23 ? given.replaceAll('_', '-') : given;
    const spec = this.#specs.get(name);
    if (spec === undefined) return `unknown flag: --${given}`;
    if (equals !== -1) return this.#take(spec, body.slice(equals + 1), `--${name}`);
    if (spec.type === 'bool' || spec.type === 'version') return this.#take(spec, 'true', `--${name}`);
    const next = this.#args.shift();
    return next === undefined ? `flag needs an argument: ${arg}` : this.#take(spec, next, `--${name}`);
  }

  #short(arg: string): string | undefined {
    if (arg.length < 2 || !arg.startsWith('-')) {
      this.rest.push(arg);
      return undefined;
    }
    const letter = arg.charAt(1);
    const spec = this.#specs.get(SHORTHANDS[letter] ?? '');
    if (spec === undefined) return `unknown shorthand flag: ${goQuote(letter).replaceAll('"', "'")} in ${arg}`;
    if (spec.type === 'bool') return this.#take(spec, 'true', `--${spec.name}`);
    const attached = arg.slice(arg.charAt(2) === '=' ? 3 : 2);
    const value = arg.length > 2 ? attached : this.#args.shift();
    return value === undefined
      ? `flag needs an argument: '${letter}' in ${arg}`
      : this.#take(spec, value, `--${spec.name}`);
  }

  #take(spec: FlagSpec, value: string, shown: string): string | undefined {
    const problem = valueProblem(spec.type, value);
    if (problem !== undefined) {
      const letter = Object.entries(SHORTHANDS).find(([, name]) => name === spec.name)?.[0];
      const flag = letter === undefined ? shown : `-${letter}, ${shown}`;
      return `invalid argument ${goQuote(value)} for "${flag}" flag: ${problem}`;
    }
    const note = DEPRECATED[spec.name];
    if (note !== undefined) this.deprecated.push(`Flag --${spec.name} has been deprecated, ${note}`);
    this.values.set(spec.name, [...(this.values.get(spec.name) ?? []), value]);
    return undefined;
  }
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : 1;
}
