/**
 * Bodies in protobuf, which typed Go clients send (kubectl since 1.32): as the JSON they stand for. Rule: answers are JSON,
 * which all of them take.
 */
import { badRequest } from '../status';
import type { Obj } from '../value';
import { MESSAGES } from './messages';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** @throws {StatusError} 400 when it is none, or of a kind that is not served. */
export function decodeProtobuf(bytes: Uint8Array): Obj {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.toString('latin1', 0, 4) !== 'k8s\0') {
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  try {
    const envelope = new Map(fieldsOf(body.subarray(4)).map(({ number, bytes: inner }) => [number, inner]));
    const type = new Map(fieldsOf(envelope.get(1) ?? EMPTY).map(({ number, bytes: inner }) => [number, inner]));
    const apiVersion = text(type.get(1));
    const kind = text(type.get(2));
    if (!Object.hasOwn(MESSAGES, kind)) throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
    return { apiVersion, kind, ...decodeMessage(envelope.get(2) ?? EMPTY, kind) };
  } catch (error) {
    if (error instanceof RangeError) throw badRequest('proto: unexpected EOF');
    throw error;
  }
}

interface Field {
  name: string;
  type: string;
  form: 'one' | 'list' | 'map';
}

const EMPTY = Buffer.alloc(0);
const parsed = new Map<string, ReadonlyMap<number, Field>>();

/** Absent and zero look the same on the wire but for these, which the API's types hold by pointer. */
const ZERO_COUNTS = new Set([
  'activeDeadlineSeconds',
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'backoffLimit',
  'blockOwnerDeletion',
  'completions',
  'controller',
  'defaultMode',
  'enableServiceLinks',
  'expirationSeconds',
  'failedJobsHistoryLimit',
  'fsGroup',
  'gracePeriodSeconds',
  'immutable',
  'parallelism',
  'privileged',
  'readOnlyRootFilesystem',
  'replicas',
  'revisionHistoryLimit',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'successfulJobsHistoryLimit',
  'suspend',
  'terminationGracePeriodSeconds',
  'tolerationSeconds',
  'ttlSecondsAfterFinished',
]);

function messageFields(name: string): ReadonlyMap<number, Field> {
  const known = parsed.get(name);
  if (known) return known;
  const fields = new Map<number, Field>();
  for (const part of (MESSAGES[name] ?? '').split(', ')) {
    const match = /^(\d+) (\S+) (\[\]|\{\})?(\w+)/.exec(part);
    if (match === null) continue;
    const form = match[3] === '[]' ? 'list' : match[3] === '{}' ? 'map' : 'one';
    fields.set(Number(match[1]), { name: match[2] ?? '', type: match[4] ?? '', form });
  }
  parsed.set(name, fields);
  return fields;
}

function decodeMessage(bytes: Buffer, name: string): Obj {
  const fields = messageFields(name);
  const result: Obj = {};
  for (const raw of fieldsOf(bytes)) {
    const field = fields.get(raw.number);
    if (field === undefined) continue;
    if (field.form === 'map') {
      const [key, value] = mapEntry(raw.bytes, field.type);
      result[field.name] = { ...(result[field.name] as Obj | undefined), [key]: value };
    } else if (field.form === 'list') {
      const value = decodeValue(raw, field.type);
      result[field.name] = [...((result[field.name] as unknown[] | undefined) ?? []), value];
    } else if (field.name === '...') Object.assign(result, decodeMessage(raw.bytes, field.type));
    else {
      const value = decodeValue(raw, field.type);
      if (isZero(value) && !ZERO_COUNTS.has(field.name)) continue;
      result[field.name] = value;
    }
  }
  return result;
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false || value === null || value === undefined;
}

function mapEntry(bytes: Buffer, type: string): [string, unknown] {
  const parts = fieldsOf(bytes);
  const value = parts.find(({ number }) => number === 2) ?? { number: 2, varint: 0, bytes: EMPTY };
  return [text(parts.find(({ number }) => number === 1)?.bytes), decodeValue(value, type)];
}

function decodeValue({ varint, bytes }: RawField, type: string): unknown {
  switch (type) {
    case 'string':
      return text(bytes);
    case 'bytes':
      return bytes.toString('base64');
    case 'int':
      return varint;
    case 'bool':
      return varint !== 0;
    case 'time':
      return timeOf(bytes);
    case 'quantity':
      return text(fieldsOf(bytes).find(({ number }) => number === 1)?.bytes);
    case 'intstr': {
      const parts = new Map(fieldsOf(bytes).map((part) => [part.number, part]));
      return parts.get(1)?.varint === 1 ? text(parts.get(3)?.bytes) : (parts.get(2)?.varint ?? 0);
    }
    case 'json': {
      const raw = fieldsOf(bytes).find(({ number }) => number === 1)?.bytes;
      return raw === undefined || raw.length === 0 ? null : (JSON.parse(text(raw)) as unknown);
    }
    default: {
      const value = decodeMessage(bytes, type);
      return type.endsWith('ExtraValue') ? (value.items ?? []) : value;
    }
  }
}

/** RFC 3339; with microseconds where there are any. Null for no time at all. */
function timeOf(bytes: Buffer): string | null {
  const parts = new Map(fieldsOf(bytes).map(({ number, varint }) => [number, varint]));
  const seconds = parts.get(1) ?? 0;
  const nanos = parts.get(2) ?? 0;
  if (seconds === 0 && nanos === 0) return null;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return nanos === 0 ? `${whole}Z` : `${whole}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
}

function text(bytes: Buffer | undefined): string {
  return bytes === undefined ? '' : bytes.toString('utf8');
}

interface RawField {
  number: number;
  /** Of a number; 0 for anything else. */
  varint: number;
  /** Of anything with a length; empty for a number. */
  bytes: Buffer;
}

/** @throws {RangeError} when it ends within a field. */
function fieldsOf(bytes: Buffer): RawField[] {
  const fields: RawField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new RangeError('varint');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
  };
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > bytes.length) throw new RangeError('length');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        fields.push({ number, varint: Number(varint()), bytes: EMPTY });
        break;
      case 1:
        fields.push({ number, varint: 0, bytes: take(8) });
        break;
      case 2:
        fields.push({ number, varint: 0, bytes: take(Number(varint())) });
        break;
      case 5:
        fields.push({ number, varint: 0, bytes: take(4) });
        break;
      default:
        throw new RangeError('wire type');
    }
  }
  return fields;
}
