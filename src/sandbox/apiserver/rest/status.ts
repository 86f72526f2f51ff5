/**
 * The server's errors: Status objects with its reasons and texts (apimachinery/pkg/api/errors/errors.go). Rule: what a
 * client did wrong is thrown as a StatusError; anything else that is thrown is a bug, and answered 500.
 */
import type { Obj } from './value';

export interface Cause {
  reason: string;
  message: string;
  field: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: readonly Cause[];
  retryAfterSeconds?: number;
}

export class StatusError extends Error {
  readonly status: Obj;
  readonly code: number;
  readonly reason: string;
  /** What the client had sent, where it was read before it failed. */
  requestObject: unknown;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(details ? { details } : {}),
      code,
    };
  }
}

export interface Named {
  group: string;
  /** Plural, as in the URL; for `invalid` the kind. */
  resource: string;
}

const qualified = ({ group, resource }: Named): string => (group === '' ? resource : `${resource}.${group}`);

function detailsOf({ group, resource }: Named, name: string, more: StatusDetails = {}): StatusDetails {
  return { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource, ...more };
}

export function notFound(what: Named, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(what)} "${name}" not found`, detailsOf(what, name));
}

export function alreadyExists(what: Named, name: string): StatusError {
  return new StatusError(409, 'AlreadyExists', `${qualified(what)} "${name}" already exists`, detailsOf(what, name));
}

export function conflict(what: Named, name: string, reason: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(what)} "${name}": ${reason}`;
  return new StatusError(409, 'Conflict', message, detailsOf(what, name));
}

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export function applyConflict(causes: readonly Cause[], message: string): StatusError {
  return new StatusError(409, 'Conflict', message, { causes });
}

export function forbidden(what: Named, name: string, reason: string, causes?: readonly Cause[]): StatusError {
  const message = `${qualified(what)} "${name}" is forbidden: ${reason}`;
  return new StatusError(403, 'Forbidden', message, detailsOf(what, name, causes ? { causes } : {}));
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function invalidObject(group: string, kind: string, name: string, causes: readonly Cause[]): StatusError {
  const texts = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))];
  const list = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  const what = { group, resource: kind };
  return new StatusError(
    422,
    'Invalid',
    `${qualified(what)} "${name}" is invalid: ${list}`,
    detailsOf(what, name, { causes }),
  );
}

/** No such resource in a group and version that is served. */
export function noResource(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return new StatusError(405, 'MethodNotAllowed', message, {});
}

export function notAcceptable(accepted: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${accepted.join(', ')}`;
  return new StatusError(406, 'NotAcceptable', message);
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

export function tooLarge(message: string): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', message);
}

export function futureRevision(wanted: number, current: number): StatusError {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' }];
  return new StatusError(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
}

export function internalError(message: string): StatusError {
  const causes = [{ reason: '', message, field: '' }];
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes });
}

/** What etcd did not answer is passed on as it is, without a reason. */
export function storageError(message: string): StatusError {
  return new StatusError(500, '', message);
}

/** Collects what is wrong with an object, field by field (apimachinery/pkg/util/validation/field/errors.go). */
export class FieldErrors {
  readonly causes: Cause[] = [];

  required(field: string, detail = ''): void {
    this.#add('FieldValueRequired', field, `Required value${detail === '' ? '' : `: ${detail}`}`);
  }

  wrong(field: string, value: unknown, detail: string): void {
    this.#add('FieldValueInvalid', field, `Invalid value: ${shown(value)}: ${detail}`);
  }

  forbidden(field: string, detail: string): void {
    this.#add('FieldValueForbidden', field, `Forbidden: ${detail}`);
  }

  duplicate(field: string, value: unknown): void {
    this.#add('FieldValueDuplicate', field, `Duplicate value: ${shown(value)}`);
  }

  notFound(field: string, value: unknown): void {
    this.#add('FieldValueNotFound', field, `Not found: ${shown(value)}`);
  }

  unsupported(field: string, value: unknown, supported: readonly string[]): void {
    const list = supported.map((name) => JSON.stringify(name)).join(', ');
    this.#add('FieldValueNotSupported', field, `Unsupported value: ${shown(value)}: supported values: ${list}`);
  }

  tooLong(field: string, limit: number): void {
    this.#add('FieldValueTooLong', field, `Too long: may not be more than ${limit} bytes`);
  }

  #add(reason: string, field: string, message: string): void {
    this.causes.push({ reason, message, field });
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' || (typeof value === 'object' && value !== null)
    ? JSON.stringify(value)
    : String(value);
}
