/** What a report tells of a log, gathered event by event in bounded memory, so that threads can share the work. */
import { annotationsOf, textsOf } from './filter';
import { GroupTable, type GroupRow } from './groups';
import { Interner } from './interner';
import { ABSENT, ESCAPED, SLOT } from './members';
import type { EventScan } from './scan';
import { Timeline, type TimelineData } from './timeline';

export const OUTCOMES = ['ok', 'denied', 'failed'] as const;
export type OutcomeName = (typeof OUTCOMES)[number];
export const VERB_CLASSES = ['read', 'watch', 'write', 'delete', 'other'] as const;
export type VerbClass = (typeof VERB_CLASSES)[number];

/** Groups of a report and the columns of their rows. */
export const REPORT_GROUPS = {
  users: ['user', 'as'],
  resources: ['resource'],
  namespaces: ['namespace'],
  addresses: ['ip'],
  agents: ['agent'],
  denied: ['user', 'verb', 'resource', 'namespace', 'name', 'code'],
  anonymous: ['ip', 'verb', 'uri', 'code', 'agent'],
  secrets: ['user', 'verb', 'namespace', 'name', 'code'],
  volume: ['level', 'verb', 'resource'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type ReportGroup = keyof typeof REPORT_GROUPS;

/** An event that is told one by one. */
export interface ReportEvent {
  time: string;
  user: string;
  as: string;
  verb: string;
  resource: string;
  namespace: string;
  name: string;
  uri: string;
  ip: string;
  agent: string;
  code: string;
  auditId: string;
}

export interface ReportData {
  events: number;
  bytes: number;
  from: string;
  to: string;
  /** A count for each class of verbs and each outcome, classes first. */
  timeline: TimelineData;
  groups: Record<ReportGroup, { rows: GroupRow[]; others: number }>;
  sessions: ReportEvent[];
  rbac: ReportEvent[];
  /** How many there were, listed or not. */
  sessionCount: number;
  rbacCount: number;
}

const MOST_LISTED = 1000;
const WRITES = new Set(['create', 'update', 'patch', 'post', 'put']);
const CHANGES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection', 'escalate', 'bind']);
const WAYS_IN = new Set(['exec', 'attach', 'portforward', 'ephemeralcontainers']);

export class ReportCollector {
  #events = 0;
  #bytes = 0;
  #from = '';
  #to = '';
  readonly #timeline = new Timeline(VERB_CLASSES.length * OUTCOMES.length);
  readonly #groups = newGroups();
  readonly #texts = new Texts();
  readonly #sessions: ReportEvent[] = [];
  readonly #rbac: ReportEvent[] = [];
  #sessionCount = 0;
  #rbacCount = 0;

  add(scan: EventScan): void {
    const event = reportEvent(scan, this.#texts);
    const bytes = scan.end - scan.start + 1;
    const { time } = event;
    this.#events++;
    this.#bytes += bytes;
    if (time !== '' && (this.#from === '' || time < this.#from)) this.#from = time;
    if (time > this.#to) this.#to = time;
    const outcome = outcomeOf(scan, event.code);
    this.#timeline.add(time, VERB_CLASSES.indexOf(verbClass(event.verb)) * OUTCOMES.length + OUTCOMES.indexOf(outcome));
    this.#group(event, this.#texts.of(scan, SLOT.level), outcome, bytes);
    const listed = (): ReportEvent => ({ ...event, auditId: scan.text(SLOT.auditID) });
    const subresource = this.#texts.of(scan, SLOT['objectRef.subresource']);
    if (WAYS_IN.has(subresource) && ++this.#sessionCount <= MOST_LISTED) this.#sessions.push(listed());
    const isRbac = scan.is(SLOT['objectRef.apiGroup'], 'rbac.authorization.k8s.io') && CHANGES.has(event.verb);
    if (isRbac && ++this.#rbacCount <= MOST_LISTED) this.#rbac.push(listed());
  }

  result(): ReportData {
    const groups = Object.fromEntries(
      Object.entries(this.#groups).map(([name, table]) => [name, { rows: table.rows(), others: table.others }]),
    ) as ReportData['groups'];
    return {
      events: this.#events,
      bytes: this.#bytes,
      from: this.#from,
      to: this.#to,
      timeline: this.#timeline.result(),
      groups,
      sessions: this.#sessions,
      rbac: this.#rbac,
      sessionCount: this.#sessionCount,
      rbacCount: this.#rbacCount,
    };
  }

  #group(event: ReportEvent, level: string, outcome: OutcomeName, bytes: number): void {
    const { time, user, as, verb, resource, namespace, name, ip, agent, code, uri } = event;
    const groups = this.#groups;
    const who = user === '' ? '(login failed)' : user;
    const what = resource === '' ? pathHead(uri) : resource;
    groups.users.add([who, as], time, bytes);
    groups.resources.add([what], time, bytes);
    groups.namespaces.add(
      [resource === '' ? '(no resource)' : namespace === '' ? '(cluster)' : namespace],
      time,
      bytes,
    );
    groups.addresses.add([ip], time, bytes);
    groups.agents.add([agent.replace(/\/.*$/s, '')], time, bytes);
    groups.volume.add([level, verb, what], time, bytes);
    if (outcome === 'denied') groups.denied.add([who, verb, what, namespace, name, code], time, bytes);
    if (user === '' || user === 'system:anonymous') groups.anonymous.add([ip, verb, uri, code, agent], time, bytes);
    if (/^secrets(?:\/|$)/.test(resource)) groups.secrets.add([who, verb, namespace, name, code], time, bytes);
  }
}

export function mergeReports(parts: readonly ReportData[]): ReportData {
  const timeline = new Timeline(VERB_CLASSES.length * OUTCOMES.length);
  const groups = newGroups();
  for (const part of parts) {
    timeline.merge(part.timeline);
    for (const [name, { rows, others }] of Object.entries(part.groups)) groups[name as ReportGroup].merge(rows, others);
  }
  const sum = (pick: (part: ReportData) => number): number => parts.reduce((total, part) => total + pick(part), 0);
  const listed = (pick: (part: ReportData) => ReportEvent[]): ReportEvent[] =>
    parts.flatMap(pick).sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const times = parts.map(({ from }) => from).filter((time) => time !== '');
  return {
    events: sum(({ events }) => events),
    bytes: sum(({ bytes }) => bytes),
    from: times.sort()[0] ?? '',
    to:
      parts
        .map(({ to }) => to)
        .sort()
        .at(-1) ?? '',
    timeline: timeline.result(),
    groups: Object.fromEntries(
      Object.entries(groups).map(([name, table]) => [name, { rows: table.rows(), others: table.others }]),
    ) as ReportData['groups'],
    sessions: listed(({ sessions }) => sessions).slice(0, MOST_LISTED),
    rbac: listed(({ rbac }) => rbac).slice(0, MOST_LISTED),
    sessionCount: sum(({ sessionCount }) => sessionCount),
    rbacCount: sum(({ rbacCount }) => rbacCount),
  };
}

export function verbClass(verb: string): VerbClass {
  if (verb === 'get' || verb === 'list' || verb === 'head') return 'read';
  if (verb === 'watch') return 'watch';
  if (WRITES.has(verb)) return 'write';
  return verb.startsWith('delete') ? 'delete' : 'other';
}

function outcomeOf(scan: EventScan, code: string): OutcomeName {
  if (code === '401' || code === '403') return 'denied';
  if (code !== '' && code < '400') return 'ok';
  if (scan.kinds[SLOT.annotations] !== 0 && annotationsOf(scan)['authorization.k8s.io/decision'] === 'forbid')
    return 'denied';
  return Number(code) >= 400 || scan.text(SLOT.stage) === 'Panic' ? 'failed' : 'ok';
}

/** Texts that come again and again are decoded once. */
class Texts {
  readonly #interners = new Map<number, Interner>();

  of(scan: EventScan, slot: number): string {
    scan.settle(slot);
    const kind = scan.kinds[slot];
    if (kind === ABSENT) return '';
    let interner = this.#interners.get(slot);
    if (interner === undefined || interner.size > MOST_TEXTS) this.#interners.set(slot, (interner = new Interner()));
    const number = interner.number(scan.bytes, scan.view, scan.from[slot] ?? 0, scan.to[slot] ?? 0, kind === ESCAPED);
    return interner.text(number);
  }
}

const MOST_TEXTS = 5000;

function reportEvent(scan: EventScan, texts: Texts): ReportEvent {
  const text = (slot: number): string => texts.of(scan, slot);
  const time = scan.text(SLOT.stageTimestamp);
  return {
    time: time === '' ? scan.text(SLOT.requestReceivedTimestamp) : time,
    user: text(SLOT['user.username']),
    as: text(SLOT['impersonatedUser.username']),
    verb: text(SLOT.verb),
    resource: resourceText(
      text(SLOT['objectRef.resource']),
      text(SLOT['objectRef.subresource']),
      text(SLOT['objectRef.apiGroup']),
    ),
    namespace: text(SLOT['objectRef.namespace']),
    name: text(SLOT['objectRef.name']),
    uri: text(SLOT.requestURI),
    ip: firstOf(text(SLOT.sourceIPs)),
    agent: text(SLOT.userAgent),
    code: Number.isNaN(scan.number(SLOT['responseStatus.code'])) ? '' : text(SLOT['responseStatus.code']),
    auditId: '',
  };
}

/** Of a JSON list of texts. */
function firstOf(list: string): string {
  const plain = /^\["([^"\\]*)"/.exec(list)?.[1];
  if (plain !== undefined || list === '') return plain ?? '';
  try {
    return textsOf(JSON.parse(list))[0] ?? '';
  } catch {
    return '';
  }
}

/** `pods/exec`, `deployments.apps`, `deployments.apps/scale`. */
export function resourceText(resource: string, subresource: string, group: string): string {
  if (resource === '') return '';
  return `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
}

/** `/healthz/ping?verbose` → `/healthz`. */
export function pathHead(uri: string): string {
  return /^\/[^/?]*/.exec(uri)?.[0] ?? uri;
}

function newGroups(): Record<ReportGroup, GroupTable> {
  return Object.fromEntries(Object.keys(REPORT_GROUPS).map((name) => [name, new GroupTable()])) as Record<
    ReportGroup,
    GroupTable
  >;
}
