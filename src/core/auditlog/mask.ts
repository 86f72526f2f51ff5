/**
 * Bodies without their secrets. Rule: the values of Secrets and of tokens never leave the log unless they are asked for by
 * name (`--reveal`): not in JSON, not in tables, not in reports or exports.
 */
import type { AuditEvent } from './event';

export const MASK = '***';

export interface Shown {
  /** Request and response objects. */
  bodies: boolean;
  /** With the values of Secrets. */
  reveal: boolean;
}

/** The event as it may be shown. */
export function presentable(event: AuditEvent, { bodies, reveal }: Shown): AuditEvent {
  const { requestObject, responseObject, ...rest } = event;
  const shown: AuditEvent =
    reveal || typeof rest.requestURI !== 'string' ? rest : { ...rest, requestURI: maskUri(rest.requestURI) };
  if (!bodies) return shown;
  const mask = (body: unknown): unknown => (reveal ? body : maskBody(body, secretRequest(event)));
  // In the order in which the server writes them.
  const { requestReceivedTimestamp, stageTimestamp, annotations, ...head } = shown;
  return {
    ...head,
    ...(requestObject === undefined ? {} : { requestObject: mask(requestObject) }),
    ...(responseObject === undefined ? {} : { responseObject: mask(responseObject) }),
    ...(requestReceivedTimestamp === undefined ? {} : { requestReceivedTimestamp }),
    ...(stageTimestamp === undefined ? {} : { stageTimestamp }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function secretRequest({ objectRef }: AuditEvent): boolean {
  return objectRef?.resource === 'secrets';
}

export function maskUri(uri: string): string {
  if (!uri.includes('=')) return uri;
  return uri.replace(/([?&](?:access_|id_|refresh_)?token=)[^&]*/gi, `$1${MASK}`);
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const SECRET_KEY = /^(?:.*token|.*password|client-key-data|clientSecret|privateKey)$/i;
const SECRET_PATH = /^\/(?:data|stringData)(?:\/|$)|last-applied-configuration|token$/i;
const DEEPEST = 200;

/** @param secret the body belongs to a Secret, whatever it says of itself: patches do not say. */
export function maskBody(body: unknown, secret: boolean, depth = 0): unknown {
  if (typeof body !== 'object' || body === null) return body;
  if (depth > DEEPEST) return MASK;
  if (Array.isArray(body)) return body.map((item) => maskItem(item, secret, depth));
  const given = body as Record<string, unknown>;
  const { kind } = given;
  const isSecret =
    kind === 'Secret' ||
    kind === 'SecretList' ||
    (secret && (kind === undefined || kind === 'List' || kind === 'Table'));
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, maskValue(key, value, isSecret, depth)]));
}

function maskValue(key: string, value: unknown, secret: boolean, depth: number): unknown {
  if (secret && (key === 'data' || key === 'stringData')) return hidden(value);
  if (key === LAST_APPLIED) return secret || mentionsSecret(value) ? MASK : value;
  if (typeof value === 'string') return SECRET_KEY.test(key) && value !== '' ? MASK : value;
  return maskBody(value, secret, depth + 1);
}

/** One operation of a JSON patch, or an item of a list. */
function maskItem(item: unknown, secret: boolean, depth: number): unknown {
  if (secret && typeof item === 'object' && item !== null && 'op' in item && 'path' in item) {
    const { path } = item;
    const isWhole = path === '';
    return typeof path === 'string' && !isWhole && !SECRET_PATH.test(path.replace(/~1/g, '/'))
      ? maskBody(item, secret, depth + 1)
      : { ...item, ...('value' in item ? { value: MASK } : {}) };
  }
  return maskBody(item, secret, depth + 1);
}

/** The names of the values stay: they tell what a Secret is for. */
function hidden(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value === null ? null : MASK;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, each === null ? null : MASK]));
}

function mentionsSecret(value: unknown): boolean {
  return typeof value !== 'string' || /"kind"\s*:\s*"(?:Secret|List)"/.test(value);
}
