/**
 * Events without their secrets. Rule: the values of Secrets and of tokens never leave the log unless they are asked for by
 * name (`--reveal`): not in JSON, not in tables, not in reports or exports. What the request was for decides, not what a body
 * says of itself: a client writes its body, and a body that names no kind, or a wrong one, holds the same values.
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
  const secret = isAboutSecrets(event);
  const shown = reveal ? rest : masked(rest, secret);
  if (!bodies) return shown;
  const mask = (body: unknown): unknown => (reveal ? body : maskWhole(body, secret));
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

function isAboutSecrets({ objectRef }: AuditEvent): boolean {
  const { resource, subresource } = objectRef ?? {};
  return (
    resource === 'secrets' || resource === 'tokenreviews' || (resource === 'serviceaccounts' && subresource === 'token')
  );
}

function masked(event: AuditEvent, secret: boolean): AuditEvent {
  const { requestURI, annotations } = event;
  return {
    ...event,
    ...(requestURI === undefined ? {} : { requestURI: maskUri(requestURI) }),
    ...(annotations === undefined ? {} : { annotations: maskAnnotations(annotations, secret) }),
  };
}

export function maskUri(uri: string): string {
  if (typeof uri !== 'string' || !uri.includes('=')) return uri;
  return uri.replace(/([?&](?:access_|id_|refresh_)?token=)[^&]*/gi, `$1${MASK}`);
}

/** What a mutating webhook changed is noted by the server, values and all (admission/plugin/webhook/mutating/dispatcher.go). */
const WEBHOOK_PATCH = /^patch\.webhook\.admission\.k8s\.io\//;

/** @param secret the event is about a Secret or a token, or may be. */
export function maskAnnotations<T extends Record<string, unknown>>(annotations: T, secret: boolean): T {
  if (annotations === null || !Object.keys(annotations).some((key) => WEBHOOK_PATCH.test(key))) return annotations;
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [key, WEBHOOK_PATCH.test(key) ? maskText(value, secret) : value]),
  ) as T;
}

/** JSON within a text; what cannot be read is not shown. */
function maskText(text: unknown, secret: boolean): unknown {
  try {
    const value: unknown = JSON.parse(text as string);
    const shown = JSON.stringify(maskBody(value, secret));
    return shown === JSON.stringify(value) ? text : shown;
  } catch {
    return MASK;
  }
}

/** A body as the log has it; server-side apply may have left its text instead of an object. */
function maskWhole(body: unknown, secret: boolean): unknown {
  if (typeof body !== 'string' || body === '') return maskBody(body, secret);
  return secret || mentionsSecret(body) ? MASK : body;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Copies that other tools keep of what they applied (kapp, Rancher, kopf), packed or not. */
const APPLIED_BY_OTHERS = /applied|original|last-handled/i;
const SECRET_KEY = /^(?:.*token|.*password|client-key-data|clientSecret|privateKey)$/i;
/** Of a JSON patch on a Secret, everything else is taken for a value. */
const HARMLESS_PATH = /^\/(?:metadata\/|type$|immutable$|kind$|apiVersion$)/;
const DEEPEST = 200;

/** @param secret the body belongs to a Secret, whatever it says of itself: patches do not say. */
export function maskBody(body: unknown, secret: boolean, depth = 0): unknown {
  if (typeof body !== 'object' || body === null) return body;
  if (depth > DEEPEST) return MASK;
  // What has nothing to hide is not copied: bodies may be large.
  if (Array.isArray(body)) {
    const items = body as unknown[];
    let shown = items;
    for (let at = 0; at < items.length; at++) {
      const item = maskItem(items[at], secret, depth);
      if (item === items[at]) continue;
      if (shown === items) shown = [...items];
      shown[at] = item;
    }
    return shown;
  }
  const given = body as Record<string, unknown>;
  const { kind } = given;
  const isSecret = secret || (typeof kind === 'string' && /^secret(?:list)?$/i.test(kind));
  let shown = given;
  for (const key of Object.keys(given)) {
    const value = maskValue(key, given[key], isSecret, depth);
    if (value === given[key]) continue;
    if (shown === given) shown = { ...given };
    shown[key] = value;
  }
  return shown;
}

function maskValue(key: string, value: unknown, secret: boolean, depth: number): unknown {
  if (secret && (key === 'data' || key === 'stringData' || key === 'raw')) return hidden(value);
  if (key === LAST_APPLIED) return secret || mentionsSecret(value) ? MASK : value;
  if (typeof value === 'string')
    return (SECRET_KEY.test(key) || (secret && APPLIED_BY_OTHERS.test(key))) && value !== '' ? MASK : value;
  return maskBody(value, secret, depth + 1);
}

/** One operation of a JSON patch, or an item of a list. */
function maskItem(item: unknown, secret: boolean, depth: number): unknown {
  if (typeof item === 'object' && item !== null && 'path' in item && 'value' in item) {
    const path = typeof item.path === 'string' ? item.path.replace(/~1/g, '/') : '';
    if (isSecretPath(path, item.value, secret)) return { ...item, value: MASK };
  }
  return maskBody(item, secret, depth + 1);
}

function isSecretPath(path: string, value: unknown, secret: boolean): boolean {
  if (secret) return !HARMLESS_PATH.test(path) || APPLIED_BY_OTHERS.test(path);
  if (path.endsWith(LAST_APPLIED)) return mentionsSecret(value);
  return typeof value === 'string' && SECRET_KEY.test(path.slice(path.lastIndexOf('/') + 1));
}

/** The names of the values stay: they tell what a Secret is for. */
function hidden(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value === null ? null : MASK;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, each === null ? null : MASK]));
}

/** In JSON, in JSON within JSON, or in YAML; a list may have a Secret in it. */
function mentionsSecret(value: unknown): boolean {
  return typeof value !== 'string' || /\bkind[\\"']*\s*:\s*[\\"']*(?:Secret(?:List)?|List)\b/i.test(value);
}
