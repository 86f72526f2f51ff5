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
    const text = bodies ? raw : cut(raw);
    return showable(JSON.parse(utf8.decode(text)) as AuditEvent, text.length);
  } catch {
    return showable(withoutBodies(raw), raw.length);
  }
}

const spare = new EventScan();
const REQUEST = ',"requestObject":';
const RESPONSE = ',"responseObject":';

/** Without the bodies, where they stand as the server writes them: one after the other. */
function cut(raw: Uint8Array): Uint8Array {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  if (!text.includes(REQUEST) && !text.includes(RESPONSE)) return raw;
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

/** Deeper than that, JSON cannot be written with any certainty: its writer calls itself. No API type comes near it. */
const DEEPEST = 500;
const TOO_DEEP = '(nested too deep to be shown)';

/** @param size in bytes: two of them make a level. */
function showable(event: AuditEvent, size: number): AuditEvent {
  if (size < DEEPEST * 2) return event;
  let level: object[] = [event];
  for (let depth = 1; level.length > 0; depth++) {
    const next: object[] = [];
    for (const parent of level as Record<string, unknown>[]) {
      for (const key of Object.keys(parent)) {
        const value = parent[key];
        if (typeof value !== 'object' || value === null) continue;
        if (depth < DEEPEST) next.push(value);
        else parent[key] = TOO_DEEP;
      }
    }
    level = next;
  }
  return event;
}

let lastGiven: AuditEvent | undefined;
let lastSound: AuditEvent = {};

/**
 * The event with every field of the type that it should have: a log may be anybody's. What is of another type is told as JSON
 * text. For what is shown by name; the JSON of an event stays as it is.
 */
export function sound(event: AuditEvent): AuditEvent {
  // Asked once for each column.
  if (event !== lastGiven) {
    lastGiven = event;
    lastSound = isSound(event) ? event : mended(event);
  }
  return lastSound;
}

const TEXTS = [
  'kind',
  'apiVersion',
  'level',
  'auditID',
  'stage',
  'requestURI',
  'verb',
  'userAgent',
  'requestReceivedTimestamp',
  'stageTimestamp',
] as const;
/** Objects by the text that stands for one that is none; their members are texts but for these. */
const OBJECTS = { user: 'username', impersonatedUser: 'username', objectRef: 'resource', responseStatus: 'message' };
const NO_TEXT = new Set(['groups', 'extra', 'metadata', 'details', 'code']);

function isSound(event: AuditEvent): boolean {
  const { sourceIPs, annotations } = event;
  return (
    TEXTS.every((name) => isText(event[name])) &&
    (Object.keys(OBJECTS) as (keyof typeof OBJECTS)[]).every((name) => isSoundObject(event[name])) &&
    isList(sourceIPs) &&
    (annotations === undefined || (isObject(annotations) && Object.values(annotations).every(isText)))
  );
}

function isSoundObject(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isObject(value) || !isList(value.groups)) return false;
  return Object.keys(value).every((key) => NO_TEXT.has(key) || isText(value[key]));
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value === undefined;
}

function isList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mended(event: AuditEvent): AuditEvent {
  const given = event as Record<string, unknown>;
  const { annotations } = given;
  const parts: Record<string, unknown> = { ...given };
  for (const name of TEXTS) parts[name] = textOf(given[name]);
  for (const [name, main] of Object.entries(OBJECTS)) parts[name] = objectOf(given[name], main);
  parts.sourceIPs = listOf(given.sourceIPs);
  parts.annotations = isObject(annotations)
    ? Object.fromEntries(Object.entries(annotations).map(([key, value]) => [key, textOf(value) ?? 'null']))
    : objectOf(annotations, 'annotations');
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
}

function objectOf(value: unknown, main: string): Record<string, unknown> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) return { [main]: textOf(value) };
  const members = Object.entries(value).map(([key, each]): [string, unknown] => [
    key,
    key === 'groups' ? listOf(each) : NO_TEXT.has(key) ? (each ?? undefined) : textOf(each),
  ]);
  return Object.fromEntries(members.filter(([, each]) => each !== undefined));
}

function listOf(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return (Array.isArray(value) ? (value as unknown[]) : [value]).map((item) => textOf(item) ?? 'null');
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
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
