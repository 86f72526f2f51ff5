/**
 * Decoding of JSON values into the Go types of a policy, with the messages of the server's decoder (sigs.k8s.io/json).
 * Names are case-sensitive. A value of the wrong type is an error, the first one counts; unknown and repeated fields
 * are collected: strict reading refuses them, lenient reading drops them.
 */
import { goQuote } from './go-text';
import type { Member, Span, Value } from './value';

export type Type =
  | { kind: 'string'; go: string }
  | { kind: 'bool' }
  | { kind: 'int64' }
  | { kind: 'time' }
  | { kind: 'any' }
  | { kind: 'list'; of: Type; go: string }
  | { kind: 'map'; of: Type; go: string }
  | { kind: 'struct'; name: string; go: string; fields: ReadonlyMap<string, Type> };

export type PathStep = string | number;

export interface StrictError {
  kind: 'unknown-field' | 'duplicate-field';
  /** The server's words. */
  text: string;
  path: readonly PathStep[];
  key: string;
  span: Span;
}

export interface TypeProblem {
  text: string;
  path: readonly PathStep[];
  span: Span;
}

export interface Decoded {
  /** Plain data; a null leaves the field out. */
  data: unknown;
  strict: StrictError[];
  problem: TypeProblem | undefined;
}

/** Decodes `root` as the struct `type`. */
export function decodeStruct(root: Value, type: Type): Decoded {
  const decoder = new Decoder();
  const data = decoder.decode(root, type, undefined, { struct: '', fields: [], path: [] });
  return { data, strict: decoder.strict, problem: decoder.timeProblem ?? decoder.problem };
}

/** What Go's messages call the place: the innermost struct, and the names of the fields that lead there. */
interface Context {
  struct: string;
  fields: readonly string[];
  path: readonly PathStep[];
}

const MAX_STRICT_ERRORS = 100;

class Decoder {
  readonly strict: StrictError[] = [];
  readonly #seen = new Set<string>();
  problem: TypeProblem | undefined;
  /** Times decode themselves in Go, and end the decoding when they cannot: they beat any other problem. */
  timeProblem: TypeProblem | undefined;

  /** @param before what an earlier field of the same name left there: Go decodes over it. */
  decode(value: Value, type: Type, before: unknown, context: Context): unknown {
    if (value.kind === 'null') return type.kind === 'list' || type.kind === 'map' ? undefined : before;
    switch (type.kind) {
      case 'any':
        return before;
      case 'string':
        return value.kind === 'string' ? value.value : this.#mismatch(value, type.go, context);
      case 'bool':
        return value.kind === 'bool' ? value.value : this.#mismatch(value, 'bool', context);
      case 'int64':
        if (value.kind !== 'number') return this.#mismatch(value, 'int64', context);
        if (!/^-?\d+$/.test(value.text)) this.#report(`number ${value.text}`, 'int64', value, context);
        return undefined;
      case 'time':
        this.timeProblem ??= timeProblem(value, context);
        return undefined;
      case 'list':
        if (value.kind !== 'array') return this.#mismatch(value, type.go, context);
        return value.items.map((item, index) =>
          this.decode(item, type.of, Array.isArray(before) ? before[index] : undefined, {
            ...context,
            path: [...context.path, index],
          }),
        );
      case 'map':
        if (value.kind !== 'object') return this.#mismatch(value, type.go, context);
        this.#map(value.members, type.of, context);
        return undefined;
      case 'struct':
        if (value.kind !== 'object') return this.#mismatch(value, type.go, context);
        return this.#struct(value.members, type, before, context);
    }
  }

  #struct(members: readonly Member[], type: Type & { kind: 'struct' }, before: unknown, context: Context): unknown {
    const data: Record<string, unknown> = { ...(before as Record<string, unknown> | undefined) };
    const seen = new Set<string>();
    for (const { key, keySpan, value } of members) {
      const path = [...context.path, key];
      const field = type.fields.get(key);
      if (field === undefined) {
        this.#refuse('unknown-field', path, key, keySpan);
        continue;
      }
      if (seen.has(key)) this.#refuse('duplicate-field', path, key, keySpan);
      seen.add(key);
      data[key] = this.decode(value, field, data[key], {
        struct: type.name,
        fields: [...context.fields, key],
        path,
      });
    }
    return data;
  }

  #map(members: readonly Member[], of: Type, context: Context): void {
    const seen = new Set<string>();
    for (const { key, keySpan, value } of members) {
      const path = [...context.path, key];
      if (seen.has(key)) this.#refuse('duplicate-field', path, key, keySpan);
      seen.add(key);
      this.decode(value, of, undefined, { ...context, path });
    }
  }

  /** A value of another type leaves nothing behind; what is left is only read when there was no problem. */
  #mismatch(value: Value, go: string, context: Context): unknown {
    this.#report(value.kind, go, value, context);
    return undefined;
  }

  #report(what: string, go: string, value: Value, context: Context): void {
    this.problem ??= typeProblem(what, go, value, context);
  }

  #refuse(kind: StrictError['kind'], path: readonly PathStep[], key: string, span: Span): void {
    const text = `${kind === 'unknown-field' ? 'unknown' : 'duplicate'} field ${goQuote(pathText(path))}`;
    if (this.strict.length >= MAX_STRICT_ERRORS || this.#seen.has(text)) return;
    this.#seen.add(text);
    this.strict.push({ kind, text, path, key, span });
  }
}

function typeProblem(what: string, go: string, value: Value, context: Context): TypeProblem {
  const where = context.struct === '' ? 'value' : `struct field ${context.struct}.${context.fields.join('.')}`;
  const text = `json: cannot unmarshal ${what} into Go ${where} of type ${go}`;
  return { text, path: context.path, span: { start: value.start, end: value.end } };
}

function timeProblem(value: Value, context: Context): TypeProblem | undefined {
  if (value.kind !== 'string') return typeProblem(value.kind, 'string', value, context);
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$/.test(value.value)) return undefined;
  const missing = /^\d{4}-\d\d-\d\d$/.test(value.value) ? ['', 'T'] : [value.value, '2006'];
  const [at = '', of = ''] = missing.map(goQuote);
  const text = `parsing time ${goQuote(value.value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${at} as ${of}`;
  return { text, path: context.path, span: { start: value.start, end: value.end } };
}

/** `rules[0].resources[1].group`. */
export function pathText(path: readonly PathStep[]): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}
