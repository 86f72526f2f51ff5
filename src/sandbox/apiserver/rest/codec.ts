/** Bodies in, bodies out: content types, JSON and YAML, and the shape that every object has. */
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { messageOf } from '../../../core/errors';
import { apiVersionOf } from './kinds/kind';
import { PROTOBUF_TYPE, decodeProtobuf } from './protobuf/decode';
import { badRequest, notAcceptable, tooLarge, unsupportedMediaType } from './status';
import { isObj, obj, str, without, type Obj } from './value';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const MEDIA_TYPES = [JSON_TYPE, YAML_TYPE];
const LARGEST_BODY = 3 * 1024 * 1024;

/** `application/json; charset=utf-8` -> `application/json`; nothing said means JSON. */
export function mediaType(contentType: string): string {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  return type === '' ? JSON_TYPE : type;
}

/** @throws {StatusError} 413, 415 for another content type, 400 when it cannot be read. */
export function readBody(body: Uint8Array, contentType: string, what: string): unknown {
  checkSize(body);
  const type = mediaType(contentType);
  if (type === PROTOBUF_TYPE) return decodeProtobuf(body);
  if (!MEDIA_TYPES.includes(type)) throw unsupportedMediaType([...MEDIA_TYPES, PROTOBUF_TYPE]);
  return decode(body, type === YAML_TYPE, what);
}

export function checkSize(body: Uint8Array): void {
  if (body.length > LARGEST_BODY) throw tooLarge(`Request entity too large: limit is ${LARGEST_BODY}`);
}

/** @param what the kind that is expected, for the message. @throws {StatusError} 400. */
export function decode(body: Uint8Array, yaml: boolean, what: string): unknown {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8');
  try {
    return yaml ? (parseYaml(text) as unknown) : (JSON.parse(text) as unknown);
  } catch (error) {
    const reason = text === '' ? 'unexpected end of JSON input' : messageOf(error).split('\n')[0];
    const shown = text === '' ? '<empty>' : Buffer.from(body.subarray(0, 24)).toString('hex');
    throw badRequest(
      `the object provided is unrecognized (must be of type ${what}): couldn't get version/kind; json parse error: ${reason ?? ''} (${shown})`,
    );
  }
}

/**
 * An object of the kind, with its kind and apiVersion set; a copy as far as that changes it.
 * @throws {StatusError} 400 when it is of another kind or its common fields are of other types.
 */
export function objectOf(kind: { group: string; version: string; kind: string }, value: unknown): Obj {
  const expected = apiVersionOf(kind);
  const handled = (reason: string): Error =>
    badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${reason}`);
  if (!isObj(value)) {
    throw handled(`json: cannot unmarshal ${goType(value)} into Go value of type v1.${kind.kind}`);
  }
  const apiVersion = str(value.apiVersion) || expected;
  const name = str(value.kind) || kind.kind;
  if (apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
  if (name !== kind.kind) {
    throw badRequest(
      `${name} in version "${kind.version}" cannot be handled as a ${kind.kind}: converting (${kind.version}.${name}) to (${kind.kind}): unknown conversion`,
    );
  }
  const metadata = value.metadata ?? {};
  if (!isObj(metadata)) {
    throw handled(
      `json: cannot unmarshal ${goType(metadata)} into Go struct field ${kind.kind}.metadata of type v1.ObjectMeta`,
    );
  }
  for (const field of ['name', 'namespace', 'generateName', 'resourceVersion', 'uid']) {
    const inner = metadata[field];
    if (inner !== undefined && inner !== null && typeof inner !== 'string') {
      throw handled(
        `json: cannot unmarshal ${goType(inner)} into Go struct field ObjectMeta.metadata.${field} of type string`,
      );
    }
  }
  for (const [field, type] of METADATA_LISTS) {
    const inner = metadata[field];
    if (inner !== undefined && inner !== null && !Array.isArray(inner)) {
      throw handled(
        `json: cannot unmarshal ${goType(inner)} into Go struct field ObjectMeta.metadata.${field} of type ${type}`,
      );
    }
  }
  checkStringMap(metadata.labels, 'ObjectMeta.metadata.labels', handled);
  checkStringMap(metadata.annotations, 'ObjectMeta.metadata.annotations', handled);
  if (kind.kind === 'ConfigMap') checkStringMap(value.data, 'ConfigMap.data', handled);
  if (kind.kind === 'Secret') {
    checkStringMap(value.stringData, 'Secret.stringData', handled);
    checkBase64(value.data, handled);
  }
  return { kind: kind.kind, apiVersion: expected, metadata, ...without(value, 'kind', 'apiVersion', 'metadata') };
}

const METADATA_LISTS = [
  ['finalizers', '[]string'],
  ['managedFields', '[]v1.ManagedFieldsEntry'],
  ['ownerReferences', '[]v1.OwnerReference'],
] as const;

function checkStringMap(value: unknown, field: string, fail: (reason: string) => Error): void {
  if (value === undefined || value === null) return;
  if (!isObj(value)) {
    throw fail(`json: cannot unmarshal ${goType(value)} into Go struct field ${field} of type map[string]string`);
  }
  for (const inner of Object.values(value)) {
    if (typeof inner !== 'string' && inner !== null) {
      throw fail(`json: cannot unmarshal ${goType(inner)} into Go struct field ${field} of type string`);
    }
  }
}

function checkBase64(data: unknown, fail: (reason: string) => Error): void {
  for (const value of Object.values(obj(data))) {
    const text = str(value).replace(/[\r\n]/g, '');
    const bad = text.search(/[^A-Za-z0-9+/=]/);
    const wrong =
      bad !== -1 ? bad : /^(?:[^=]{4})*(?:[^=]{2}==|[^=]{3}=)?$/.test(text) ? -1 : text.length - (text.length % 4);
    if (wrong !== -1) throw fail(`illegal base64 data at input byte ${wrong}`);
  }
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'object' ? 'object' : typeof value;
}

/** What the client wants to see. */
export interface Wanted {
  as: 'object' | 'Table' | 'PartialObjectMetadata';
  /** The version of meta.k8s.io that was asked for. */
  version: string;
  yaml: boolean;
}

/** @throws {StatusError} 406 when nothing that is accepted can be had. */
export function negotiate(accept: string): Wanted {
  const plain: Wanted = { as: 'object', version: 'v1', yaml: false };
  if (accept === '') return plain;
  for (const clause of accept.split(',')) {
    const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
    const parameters = new Map(rest.map((part) => part.split('=', 2) as [string, string]));
    if (!['*/*', 'application/*', ...MEDIA_TYPES].includes(type.toLowerCase())) continue;
    const yaml = type.toLowerCase() === YAML_TYPE;
    const as = parameters.get('as');
    if (as === undefined) return { ...plain, yaml };
    const version = parameters.get('v') ?? 'v1';
    const group = parameters.get('g') ?? 'meta.k8s.io';
    if (group !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue;
    if (as === 'Table') return { as, version, yaml };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
      return { as: 'PartialObjectMetadata', version, yaml };
    }
  }
  throw notAcceptable(MEDIA_TYPES);
}

export function toYaml(value: unknown): string {
  return stringifyYaml(JSON.parse(JSON.stringify(value)), { lineWidth: 0, aliasDuplicateObjects: false });
}
