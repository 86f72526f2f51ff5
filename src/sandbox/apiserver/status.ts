/** Refusals as Status objects, in the words of apimachinery/pkg/api/errors and endpoints/handlers/responsewriters. */
import { goQuote } from '../../core/policy/go-text';
import type { RequestInfo } from '../../core/policy/request';
import type { ResponseStatus } from './audit/event';

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: object;
  status: 'Failure';
  message: string;
  reason: string;
  details?: { name?: string; group?: string; kind?: string };
  code: number;
}

export function unauthorized(): Status {
  return failure('Unauthorized', 'Unauthorized', 401);
}

/** @param reason of the authorizers; may be empty. */
export function forbidden(user: string, info: RequestInfo, reason: string): Status {
  const cannot = htmlSafe(forbiddenText(user, info));
  const text = reason === '' ? cannot : `${cannot}: ${reason}`;
  if (!info.isResourceRequest) return failure(`forbidden: ${text}`, 'Forbidden', 403, {});
  const { resource, apiGroup, name } = info;
  const qualified = apiGroup === '' ? resource : `${resource}.${apiGroup}`;
  const subject = name === '' ? qualified : `${qualified} ${goQuote(name)}`;
  return failure(`${subject} is forbidden: ${text}`, 'Forbidden', 403, {
    ...(name === '' ? {} : { name }),
    ...(apiGroup === '' ? {} : { group: apiGroup }),
    kind: resource,
  });
}

export function tooLarge(limit: number): Status {
  return failure(`Request entity too large: limit is ${limit}`, 'RequestEntityTooLarge', 413);
}

export function badRequest(message: string): Status {
  return failure(message, 'BadRequest', 400);
}

export function methodNotAllowed(): Status {
  const text = 'the server does not allow this method on the requested resource';
  return failure(text, 'MethodNotAllowed', 405, {});
}

/** What is answered where the server has no Status to give: plain text, as http.Error writes it. */
export function internalErrorText(target: string, reason: string): string {
  return `${htmlSafe(`Internal Server Error: ${goQuote(target)}: ${reason}`)}\n`;
}

/** A Status as events tell of it; undefined for any other object. */
export function responseStatus(object: unknown): ResponseStatus | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  const { kind, status, message, reason, details } = object as Record<string, unknown>;
  if (kind !== 'Status' || typeof status !== 'string') return undefined;
  return {
    status,
    ...(typeof message === 'string' ? { message } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

function failure(message: string, reason: string, code: number, details?: Status['details']): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
}

function forbiddenText(user: string, info: RequestInfo): string {
  const start = `User ${goQuote(user)} cannot ${info.verb}`;
  if (!info.isResourceRequest) return `${start} path ${goQuote(info.path)}`;
  const { resource, subresource, apiGroup, namespace } = info;
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(namespace)}`;
  return `${start} resource ${goQuote(what)} in API group ${goQuote(apiGroup)} ${where}`;
}

function htmlSafe(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
