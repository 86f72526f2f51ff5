/**
 * Audit events, and how they are printed: byte for byte as the server's Go structs marshal (apiserver/pkg/apis/audit/v1,
 * audit/format.go), because people's tools have been written against those bytes.
 */
import { goJson, goQuote } from '../../../core/policy/go-text';
import type { Level, Stage } from '../../../core/policy/types';
import type { User } from '../contract';

export interface AuditEvent {
  level: Level;
  auditID: string;
  stage: Stage;
  requestURI: string;
  verb: string;
  /** Absent: not authenticated. */
  user?: User;
  impersonatedUser?: User;
  sourceIPs: readonly string[];
  userAgent: string;
  objectRef?: ObjectRef;
  responseStatus?: ResponseStatus;
  requestObject?: unknown;
  responseObject?: unknown;
  /** Microseconds since the epoch. */
  received: number;
  staged: number;
  annotations: Readonly<Record<string, string>>;
}

export interface ObjectRef {
  resource: string;
  namespace: string;
  name: string;
  uid: string;
  apiGroup: string;
  apiVersion: string;
  resourceVersion: string;
  subresource: string;
}

export interface ResponseStatus {
  status?: string;
  message?: string;
  reason?: string;
  details?: unknown;
  code?: number;
}

/** A line of the log's json format, without its line break. */
export function encodeEvent(event: AuditEvent): string {
  return `{"kind":"Event","apiVersion":"audit.k8s.io/v1",${fields(event)}}`;
}

/** The body of a webhook's request. */
export function encodeEventList(events: readonly AuditEvent[]): string {
  const items = events.map((event) => `{${fields(event)}}`).join(',');
  return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${items}]}\n`;
}

/** A line of the log's legacy format. @param minor of the server's version 1.N. */
export function legacyLine(event: AuditEvent, minor: number): string {
  const { user, impersonatedUser } = event;
  const name = user?.name ?? '';
  const groups = name !== '' && user !== undefined && user.groups.length > 0 ? quoteAll(user.groups) : '<none>';
  const asGroups = impersonatedUser === undefined ? '<lookup>' : quoteAll(impersonatedUser.groups);
  const namespace = event.objectRef?.namespace ?? '';
  const parts: [string, string][] = [
    ['id', event.auditID],
    ['stage', event.stage],
    ['ip', event.sourceIPs[0] ?? '<unknown>'],
    ['method', event.verb],
    ['user', name === '' ? '<none>' : name],
    ['groups', groups],
    ['as', impersonatedUser?.name ?? '<self>'],
    ['asgroups', asGroups],
    ...(minor >= 24 ? [['user-agent', event.userAgent] as [string, string]] : []),
    ['namespace', namespace === '' ? '<none>' : namespace],
    ['uri', event.requestURI],
  ];
  const response = event.responseStatus === undefined ? '<deferred>' : String(event.responseStatus.code ?? 0);
  const list = parts.map(([key, value]) => `${key}=${goQuote(value)}`).join(' ');
  return `${nanoTime(event.received)} AUDIT: ${list} response="${response}"`;
}

/** encoding/json's form of any value: what HTML could misread is escaped. */
export function goEncode(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return HTML.test(text) ? text.replace(HTML_ALL, escape) : text;
}

/** RFC 3339 with six digits, as metav1.MicroTime. */
export function microTime(micros: number): string {
  const rest = String(micros % 1000).padStart(3, '0');
  return `${new Date(Math.floor(micros / 1000)).toISOString().slice(0, -1)}${rest}Z`;
}

const HTML = /[<>&\u2028\u2029]/;
const HTML_ALL = /[<>&\u2028\u2029]/g;

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function fields(event: AuditEvent): string {
  const parts = [
    `"level":"${event.level}"`,
    `"auditID":${goJson(event.auditID)}`,
    `"stage":"${event.stage}"`,
    `"requestURI":${goJson(event.requestURI)}`,
    `"verb":${goJson(event.verb)}`,
    `"user":${encodeUser(event.user)}`,
  ];
  if (event.impersonatedUser !== undefined) parts.push(`"impersonatedUser":${encodeUser(event.impersonatedUser)}`);
  if (event.sourceIPs.length > 0) parts.push(`"sourceIPs":${goEncode(event.sourceIPs)}`);
  if (event.userAgent !== '') parts.push(`"userAgent":${goJson(event.userAgent)}`);
  if (event.objectRef !== undefined) parts.push(`"objectRef":${encodeRef(event.objectRef)}`);
  if (event.responseStatus !== undefined) parts.push(`"responseStatus":${encodeStatus(event.responseStatus)}`);
  if (event.requestObject !== undefined) parts.push(`"requestObject":${goEncode(event.requestObject)}`);
  if (event.responseObject !== undefined) parts.push(`"responseObject":${goEncode(event.responseObject)}`);
  parts.push(`"requestReceivedTimestamp":"${microTime(event.received)}"`);
  parts.push(`"stageTimestamp":"${microTime(event.staged)}"`);
  const names = Object.keys(event.annotations).sort();
  if (names.length > 0) {
    const pairs = names.map((name) => `${goJson(name)}:${goJson(event.annotations[name] ?? '')}`);
    parts.push(`"annotations":{${pairs.join(',')}}`);
  }
  return parts.join(',');
}

function encodeUser(user: User | undefined): string {
  if (user === undefined) return '{}';
  const extra = Object.keys(user.extra ?? {}).sort();
  return goEncode({
    ...(user.name === '' ? {} : { username: user.name }),
    ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
    ...(user.groups.length === 0 ? {} : { groups: user.groups }),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra.map((key) => [key, user.extra?.[key] ?? []])) }),
  });
}

const REF_FIELDS = [
  'resource',
  'namespace',
  'name',
  'uid',
  'apiGroup',
  'apiVersion',
  'resourceVersion',
  'subresource',
] as const;

function encodeRef(ref: ObjectRef): string {
  const pairs = REF_FIELDS.filter((field) => ref[field] !== '').map((field) => `"${field}":${goJson(ref[field])}`);
  return `{${pairs.join(',')}}`;
}

function encodeStatus(status: ResponseStatus): string {
  const { status: word, message, reason, details, code } = status;
  return goEncode({
    metadata: {},
    ...(word === undefined || word === '' ? {} : { status: word }),
    ...(message === undefined || message === '' ? {} : { message }),
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    ...(code === undefined || code === 0 ? {} : { code }),
  });
}

function quoteAll(texts: readonly string[]): string {
  return texts.map(goQuote).join(',');
}

/** RFC 3339 without the zeros at its end, as time.RFC3339Nano. */
function nanoTime(micros: number): string {
  return microTime(micros).replace(/\.?0+Z$/, 'Z');
}
