/** What a PATCH makes of an object, by its content type (apiserver/pkg/endpoints/handlers/patch.go). */
import { applyPatch, type Operation } from 'rfc6902';
import { messageOf } from '../../../../core/errors';
import { StatusError, badRequest, unsupportedMediaType } from '../status';
import { arr, clone, isObj, str, type Obj } from '../value';
import { strategicMerge } from './strategic';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

export const PATCH_TYPES = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH] as const;
const LONGEST_JSON_PATCH = 10_000;

export type Patch =
  | { type: typeof JSON_PATCH; operations: readonly Obj[] }
  | { type: typeof MERGE_PATCH | typeof STRATEGIC_PATCH | typeof APPLY_PATCH; value: Obj };

/** @param value the decoded body. @throws {StatusError} 415 for another content type, 400 for a body of another shape. */
export function readPatch(contentType: string, value: unknown): Patch {
  const type = PATCH_TYPES.find((known) => known === contentType);
  if (type === undefined) throw unsupportedMediaType(PATCH_TYPES);
  if (type === JSON_PATCH) {
    if (!Array.isArray(value) || !value.every(isObj)) {
      throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
    }
    if (value.length > LONGEST_JSON_PATCH) {
      const message = `The allowed maximum operations in a JSON patch is ${LONGEST_JSON_PATCH}, got ${value.length}`;
      throw new StatusError(413, 'RequestEntityTooLarge', message);
    }
    return { type, operations: value };
  }
  if (!isObj(value))
    throw badRequest(`error decoding patch: expected an object, got ${JSON.stringify(value).slice(0, 80)}`);
  return { type, value };
}

/** Everything but apply, which needs to know who owns which field. */
export function patched(original: Obj, patch: Exclude<Patch, { type: typeof APPLY_PATCH }>): Obj {
  switch (patch.type) {
    case JSON_PATCH:
      return jsonPatch(original, patch.operations);
    case MERGE_PATCH:
      return mergePatch(original, patch.value);
    default:
      return strategicMerge(original, patch.value);
  }
}

/** RFC 7386. */
export function mergePatch(original: unknown, patch: Obj): Obj {
  const result: Obj = isObj(original) ? { ...original } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, field);
    else if (isObj(value)) result[field] = mergePatch(result[field], value);
    else result[field] = value;
  }
  return result;
}

function jsonPatch(original: Obj, operations: readonly Obj[]): Obj {
  const result = clone(original);
  for (const operation of operations) {
    const { op, path } = operation;
    if (!['add', 'remove', 'replace', 'move', 'copy', 'test'].includes(str(op))) {
      throw unprocessable(`Unexpected kind: ${str(op) || 'unknown'}`);
    }
    if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) {
      throw unprocessable(`${str(op)} operation has an invalid path`);
    }
  }
  let errors: readonly (Error | null)[];
  try {
    errors = applyPatch(result, clone(operations) as unknown as Operation[]);
  } catch (error) {
    throw unprocessable(messageOf(error));
  }
  const at = errors.findIndex((error) => error !== null);
  if (at !== -1) {
    const { op, path } = operations[at] ?? {};
    const reason =
      op === 'test'
        ? `testing value ${str(path)} failed: test failed`
        : `${str(op)} operation does not apply: doc is missing path: ${str(path)}: missing value`;
    throw unprocessable(reason);
  }
  return result;
}

function unprocessable(message: string): StatusError {
  return new StatusError(422, 'Invalid', `the server rejected our request due to an error in our request: ${message}`, {
    causes: arr([]) as [],
  });
}
