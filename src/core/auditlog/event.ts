/** An audit event as parsed JSON, and what people call its parts. */
import { pathHead, resourceText } from './report';
import { EventScan } from './scan';
import { FIELDS, OTHER, SLOT } from './members';

export interface UserInfo {
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

/** audit.k8s.io/v1; every field may be missing in what somebody calls a log. */
export interface AuditEvent {
  kind?: string;
  apiVersion?: string;
  level?: string;
  auditID?: string;
  stage?: string;
  requestURI?: string;
  verb?: string;
  user?: UserInfo;
  impersonatedUser?: UserInfo;
  sourceIPs?: string[];
  userAgent?: string;
  objectRef?: {
    resource?: string;
    namespace?: string;
    name?: string;
    uid?: string;
    apiGroup?: string;
    apiVersion?: string;
    resourceVersion?: string;
    subresource?: string;
  };
  responseStatus?: { status?: string; message?: string; reason?: string; code?: number };
  requestObject?: unknown;
  responseObject?: unknown;
  requestReceivedTimestamp?: string;
  stageTimestamp?: string;
  annotations?: Record<string, string>;
}

const utf8 = new TextDecoder();

/**
 * Reads the bytes of an event. One whose body is damaged is given without its bodies.
 * @param bodies false: they are not wanted, and left unread where that is cheaper.
 */
export function parseEvent(raw: Uint8Array, bodies = true): AuditEvent {
  try {
    return JSON.parse(utf8.decode(bodies ? raw : cut(raw))) as AuditEvent;
  } catch {
    return withoutBodies(raw);
  }
}

const spare = new EventScan();
const REQUEST = ',"requestObject":';
const RESPONSE = ',"responseObject":';

/** Without the bodies, where they stand as the server writes them: one after the other. */
function cut(raw: Uint8Array): Uint8Array {
  if (!spare.scan(raw, 0, raw.length)) return raw;
  const [request, response] = [SLOT.requestObject, SLOT.responseObject];
  spare.settle(request);
  const first = spare.kinds[request] === 0 ? response : request;
  if (spare.kinds[first] !== OTHER) return raw;
  const last = spare.kinds[response] === 0 ? request : response;
  const from = (spare.from[first] ?? 0) - (first === request ? REQUEST : RESPONSE).length;
  const to = spare.to[last] ?? 0;
  const name = utf8.decode(raw.subarray(from, spare.from[first]));
  const inOrder = first === last || spare.from[last] === (spare.to[first] ?? 0) + RESPONSE.length;
  if (!inOrder || spare.kinds[last] !== OTHER || (name !== REQUEST && name !== RESPONSE)) return raw;
  const kept = new Uint8Array(raw.length - (to - from));
  kept.set(raw.subarray(0, from));
  kept.set(raw.subarray(to), from);
  return kept;
}

function withoutBodies(raw: Uint8Array): AuditEvent {
  const scan = new EventScan();
  scan.scan(raw, 0, raw.length);
  const event: Record<string, unknown> = {};
  for (const name of FIELDS) {
    if (name.includes('.') || name === 'requestObject' || name === 'responseObject') continue;
    const value = scan.value(SLOT[name]);
    if (value !== undefined) event[name] = value;
  }
  return event;
}

/** `admin as jane`; a login that failed has no user. */
export function whoOf(event: AuditEvent): string {
  const name = event.user?.username ?? '';
  const as = event.impersonatedUser?.username;
  if (name === '') return isFailedLogin(event) ? 'anonymous (login failed)' : 'anonymous';
  return as === undefined ? name : `${name} as ${as}`;
}

/** The server logs nothing but ResponseStarted then, with an empty user (endpoints/filters/authn_audit.go). */
export function isFailedLogin(event: AuditEvent): boolean {
  return (event.user?.username ?? '') === '' && event.responseStatus?.code === 401;
}

/** `pods/exec`, `deployments.apps`; for what is no resource the path. */
export function whatOf({ objectRef, requestURI = '' }: AuditEvent): string {
  const { resource = '', subresource = '', apiGroup = '' } = objectRef ?? {};
  return resource === ''
    ? (requestURI.split('?')[0] ?? pathHead(requestURI))
    : resourceText(resource, subresource, apiGroup);
}

/** Code, `panic`, or nothing when the request was not answered yet. */
export function answerOf(event: AuditEvent): string {
  if (event.stage === 'Panic') return 'panic';
  return event.responseStatus?.code === undefined ? '' : String(event.responseStatus.code);
}

export type Tone = 'ok' | 'denied' | 'failed' | 'open';

export function toneOf(event: AuditEvent): Tone {
  const code = event.responseStatus?.code;
  if (event.stage === 'Panic') return 'failed';
  if (code === 401 || code === 403 || event.annotations?.['authorization.k8s.io/decision'] === 'forbid')
    return 'denied';
  if (code !== undefined && code >= 400) return 'failed';
  return event.stage === 'ResponseComplete' || event.stage === undefined ? 'ok' : 'open';
}

export function timeOf(event: AuditEvent): string {
  return event.stageTimestamp ?? event.requestReceivedTimestamp ?? '';
}
