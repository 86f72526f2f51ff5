/**
 * JSON values into the shape of Go types, as the kubelet's decoder does it. Rule: unknown fields are dropped without a
 * word, a value of the wrong type is an error in the decoder's own words; of several the kubelet tells only the first.
 */
import type { Path } from '../manifest/value';
import type { Value } from '../policy/value';
import { quantityProblem } from './quantity';

export type GoType =
  | { kind: 'string' | 'bool' | 'quantity' | 'int-or-string' | 'any' }
  | IntType
  | { kind: 'list' | 'map'; of: GoType }
  | { kind: 'struct'; name: string; fields: ReadonlyMap<string, GoType> };

export class DecodeProblem extends Error {}

interface IntType {
  kind: 'int32' | 'int64';
}

/** What the messages call a place: the innermost struct, and the names of the fields that lead there. */
interface Context {
  struct: string;
  fields: readonly string[];
  path: Path;
}

export interface PlacedProblem {
  path: Path;
  words: string;
}

/** @throws {DecodeProblem} with the decoder's words. Source: sigs.k8s.io/json, encoding/json. */
export function decodeGo(root: Value, type: GoType): unknown {
  const { data, problems } = decodeAll(root, type);
  const [first] = problems;
  if (first) throw new DecodeProblem(first.words);
  return data;
}

/** Everything that is wrong, and what could be decoded all the same. */
export function decodeAll(root: Value, type: GoType): { data: unknown; problems: readonly PlacedProblem[] } {
  const decoder = new Decoder();
  const data = decoder.decode(root, type, { struct: '', fields: [], path: [] });
  return { data, problems: decoder.problems };
}

/** A value as it stands, whatever its type should be. */
export function plain(value: Value): unknown {
  switch (value.kind) {
    case 'null':
      return null;
    case 'number':
      return Number(value.text);
    case 'array':
      return value.items.map(plain);
    case 'object':
      return Object.fromEntries(value.members.map((member) => [member.key, plain(member.value)]));
    case 'bool':
    case 'string':
      return value.value;
  }
}

class Decoder {
  readonly problems: PlacedProblem[] = [];

  decode(value: Value, type: GoType, context: Context): unknown {
    if (value.kind === 'null') return undefined;
    switch (type.kind) {
      case 'any':
        return plain(value);
      case 'string':
        return value.kind === 'string' ? value.value : this.#mismatch(value, type, context);
      case 'bool':
        return value.kind === 'bool' ? value.value : this.#mismatch(value, type, context);
      case 'int32':
      case 'int64':
        return this.#integer(value, type, context);
      case 'int-or-string':
        return value.kind === 'string'
          ? value.value
          : this.#integer(value, { kind: 'int32' }, { struct: '', fields: [], path: context.path });
      case 'quantity':
        return this.#quantity(value, context);
      case 'list':
        if (value.kind !== 'array') return this.#mismatch(value, type, context);
        return value.items.map((item, index) =>
          item.kind === 'null'
            ? zero(type.of)
            : this.decode(item, type.of, { ...context, path: [...context.path, index] }),
        );
      case 'map':
        if (value.kind !== 'object') return this.#mismatch(value, type, context);
        return Object.fromEntries(
          value.members.map(({ key, value: inner }) => [
            key,
            inner.kind === 'null'
              ? zero(type.of)
              : this.decode(inner, type.of, { ...context, path: [...context.path, key] }),
          ]),
        );
      case 'struct':
        if (value.kind !== 'object') return this.#mismatch(value, type, context);
        return this.#struct(value, type, context);
    }
  }

  #struct(value: Value & { kind: 'object' }, type: GoType & { kind: 'struct' }, context: Context): unknown {
    const data: Record<string, unknown> = {};
    for (const { key, value: inner } of value.members) {
      const field = type.fields.get(key);
      if (field === undefined) continue;
      const decoded = this.decode(inner, field, {
        struct: type.name,
        fields: [...context.fields, key],
        path: [...context.path, key],
      });
      // A null leaves what an earlier field of the same name has put there.
      if (decoded !== undefined) data[key] = decoded;
    }
    return data;
  }

  #integer(value: Value, type: IntType, context: Context): unknown {
    if (value.kind !== 'number') return this.#mismatch(value, type, context);
    const number = Number(value.text);
    const most = type.kind === 'int32' ? 2 ** 31 : 2 ** 63;
    if (/^-?\d+$/.test(value.text) && number < most && number >= -most) return number;
    return this.#refuse(mismatch(`number ${value.text}`, type, context), context);
  }

  #quantity(value: Value, context: Context): unknown {
    const text = value.kind === 'string' ? value.value.trim() : value.kind === 'number' ? value.text : '';
    const problem = quantityProblem(text);
    return problem === undefined ? text : this.#refuse(problem, context);
  }

  #mismatch(value: Value, type: GoType, context: Context): unknown {
    return this.#refuse(mismatch(value.kind, type, context), context);
  }

  #refuse(words: string, { path }: Context): unknown {
    this.problems.push({ path, words });
    return undefined;
  }
}

function mismatch(what: string, type: GoType, { struct, fields }: Context): string {
  const where = struct === '' ? 'value' : `struct field ${struct}.${fields.join('.')}`;
  return `json: cannot unmarshal ${what} into Go ${where} of type ${goName(type)}`;
}

function goName(type: GoType): string {
  switch (type.kind) {
    case 'struct':
      return `v1.${type.name}`;
    case 'list':
      return `[]${goName(type.of)}`;
    case 'map':
      return `map[string]${goName(type.of)}`;
    case 'quantity':
      return 'resource.Quantity';
    case 'int-or-string':
      return 'intstr.IntOrString';
    case 'any':
      return 'interface {}';
    default:
      return type.kind;
  }
}

/** What Go leaves in a list where the text says null. */
function zero(type: GoType): unknown {
  switch (type.kind) {
    case 'string':
    case 'quantity':
      return '';
    case 'bool':
      return false;
    case 'int32':
    case 'int64':
    case 'int-or-string':
      return 0;
    case 'struct':
    case 'map':
      return {};
    case 'list':
      return [];
    case 'any':
      return null;
  }
}
