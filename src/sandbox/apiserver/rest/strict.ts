/**
 * An object's fields against its type, as the server decodes it (sigs.k8s.io/json): of a wrong type: refused; unknown: left
 * out, and by `fieldValidation` told. Kinds without a table are taken as they come.
 */
import { apiVersionOf } from './kinds/kind';
import { ROOTS, SCHEMA } from './schema';
import { badRequest, type StatusError } from './status';
import { isObj, type Obj } from './value';

interface Typed {
  group: string;
  version: string;
  kind: string;
}

interface Reading {
  /** Paths as the server writes them: `spec.containers[0].dota`. */
  unknown: string[];
  refuse: (reason: string) => StatusError;
}

/** A copy without what the type does not have, and the paths of that. @throws {StatusError} 400. */
export function typed(kind: Typed, object: Obj): { object: Obj; unknown: readonly string[] } {
  const root = ROOTS[`${kind.group}/${kind.kind}`];
  if (root === undefined) return { object, unknown: [] };
  const refuse = (reason: string): StatusError => badRequest(`${cannotBeHandled(kind)}: ${reason}`);
  const reading: Reading = { unknown: [], refuse };
  const value = fields(reading, object, root, '', '');
  return { object: value, unknown: reading.unknown };
}

/** The words for `fieldValidation=Strict`. */
export function strictError(kind: Typed, unknown: readonly string[]): StatusError {
  return badRequest(`${cannotBeHandled(kind)}: ${strictWords(unknown)}`);
}

export function strictWords(unknown: readonly string[]): string {
  return `strict decoding error: ${unknown.map(unknownField).join(', ')}`;
}

/** The Warning header of `fieldValidation=Warn`. */
export function warningHeader(unknown: readonly string[]): Readonly<Record<string, string>> {
  if (unknown.length === 0) return {};
  return { Warning: unknown.map((path) => `299 - ${JSON.stringify(unknownField(path))}`).join(', ') };
}

/** The words of a patch of type apply, which is never lenient. */
export function notDeclared(kind: Typed, name: string, namespace: string, unknown: readonly string[]): string {
  const where = namespace === '' ? `/${name}` : `${namespace}/${name}`;
  const fieldErrors = unknown.map((path) => `.${path}: field not declared in schema`);
  const list = fieldErrors.length === 1 ? (fieldErrors[0] ?? '') : `errors:\n  ${fieldErrors.join('\n  ')}`;
  return `failed to create typed patch object (${where}; ${apiVersionOf(kind)}, Kind=${kind.kind}): ${list}`;
}

function cannotBeHandled({ kind, version }: Typed): string {
  return `${kind} in version "${version}" cannot be handled as a ${kind}`;
}

function unknownField(path: string): string {
  return `unknown field ${JSON.stringify(path)}`;
}

/** @param path with indices, for unknown fields. @param stack without, as Go's errors have it. */
function fields(reading: Reading, value: Obj, type: string, path: string, stack: string): Obj {
  const known = fieldsOf(type);
  const result: Obj = {};
  for (const [key, inner] of Object.entries(value)) {
    const field = known.get(key);
    const at = path === '' ? key : `${path}.${key}`;
    if (field === undefined) reading.unknown.push(at);
    else {
      const named = stack === '' ? key : `${stack}.${key}`;
      result[key] = visit(reading, inner, field, at, named, `${goName(type)}.${named}`);
    }
  }
  return result;
}

/** @param field for messages: the innermost type and the way to the field from the root. */
function visit(reading: Reading, value: unknown, type: string, path: string, stack: string, field: string): unknown {
  if (value === null || value === undefined || type === '*') return value;
  const wrong = (): StatusError =>
    reading.refuse(`json: cannot unmarshal ${jsonType(value)} into Go struct field ${field} of type ${goType(type)}`);
  if (type.startsWith('[]')) {
    // A list of bytes is text in JSON.
    if (!Array.isArray(value)) throw wrong();
    return value.map((item, at) => visit(reading, item, type.slice(2), `${path}[${at}]`, stack, field));
  }
  if (type.startsWith('{}')) {
    if (!isObj(value)) throw wrong();
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, visit(reading, item, type.slice(2), `${path}.${key}`, stack, field)]),
    );
  }
  if (type in SCHEMA) {
    if (!isObj(value)) throw wrong();
    return fields(reading, value, type, path, stack);
  }
  if (!takes(type, value)) throw type === 'quantity' ? reading.refuse(QUANTITY) : wrong();
  return value;
}

const QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function takes(type: string, value: unknown): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'int32':
    case 'int64':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    default:
      return typeof value === 'string' || typeof value === 'number';
  }
}

const known = new Map<string, ReadonlyMap<string, string>>();

function fieldsOf(type: string): ReadonlyMap<string, string> {
  let found = known.get(type);
  if (found === undefined) {
    const words = (SCHEMA[type] ?? '').split(' ').map((word) => word.split(':') as [string, string]);
    known.set(type, (found = new Map(words)));
  }
  return found;
}

/** `V1ContainerPort` -> `ContainerPort`; `CoreV1Event` -> `Event`. */
function goName(type: string): string {
  return type.replace(/^(?:[A-Z][a-z]+)?V\d+(?:(?:alpha|beta)\d+)?/, '');
}

function goType(type: string): string {
  if (type.startsWith('[]')) return `[]${goType(type.slice(2))}`;
  if (type.startsWith('{}')) return `map[string]${goType(type.slice(2))}`;
  if (type in SCHEMA) return `v1.${goName(type)}`;
  const simple: Readonly<Record<string, string>> = { boolean: 'bool', number: 'float64', 'int-or-string': 'int32' };
  return simple[type] ?? type;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value;
}
