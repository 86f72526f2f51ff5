/** What a report tells of a log, gathered event by event in bounded memory, so that threads can share the work. */
import { annotationsOf, textsOf } from './filter';
import { GroupTable, type GroupRow } from './groups';
import { SLOT } from './members';
import type { EventScan } from './scan';

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
  /** By minute (`2026-01-31T14:05`): a number for each class of verbs and each outcome, classes first. */
  minutes: [string, number[]][];
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
  readonly #minutes = new Map<string, number[]>();
  readonly #groups = newGroups();
  readonly #sessions: ReportEvent[] = [];
  readonly #rbac: ReportEvent[] = [];
  #sessionCount = 0;
  #rbacCount = 0;

  add(scan: EventScan): void {
    const event = reportEvent(scan);
    const bytes = scan.end - scan.start + 1;
    const { time } = event;
    this.#events++;
    this.#bytes += bytes;
    if (time !== '' && (this.#from === '' || time < this.#from)) this.#from = time;
    if (time > this.#to) this.#to = time;
    const outcome = outcomeOf(scan, event.code);
    this.#minute(time.slice(0, 16), event.verb, outcome);
    this.#group(event, scan.text(SLOT.level), outcome, bytes);
    const subresource = scan.text(SLOT['objectRef.subresource']);
    if (WAYS_IN.has(subresource) && ++this.#sessionCount <= MOST_LISTED) this.#sessions.push(event);
    const isRbac = scan.text(SLOT['objectRef.apiGroup']) === 'rbac.authorization.k8s.io' && CHANGES.has(event.verb);
    if (isRbac && ++this.#rbacCount <= MOST_LISTED) this.#rbac.push(event);
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
      minutes: [...this.#minutes].sort(([a], [b]) => (a < b ? -1 : 1)),
      groups,
      sessions: this.#sessions,
      rbac: this.#rbac,
      sessionCount: this.#sessionCount,
      rbacCount: this.#rbacCount,
    };
  }

  #minute(minute: string, verb: string, outcome: OutcomeName): void {
    let counts = this.#minutes.get(minute);
    if (counts === undefined) {
      counts = new Array<number>(VERB_CLASSES.length * OUTCOMES.length).fill(0);
      this.#minutes.set(minute, counts);
    }
    const at = VERB_CLASSES.indexOf(verbClass(verb)) * OUTCOMES.length + OUTCOMES.indexOf(outcome);
    counts[at] = (counts[at] ?? 0) + 1;
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
  const minutes = new Map<string, number[]>();
  const groups = newGroups();
  for (const part of parts) {
    for (const [minute, counts] of part.minutes) {
      const known = minutes.get(minute);
      minutes.set(minute, known ? known.map((count, at) => count + (counts[at] ?? 0)) : [...counts]);
    }
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
    minutes: [...minutes].sort(([a], [b]) => (a < b ? -1 : 1)),
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
  if (scan.kinds[SLOT.annotations] !== 0 && annotationsOf(scan)['authorization.k8s.io/decision'] === 'forbid')
    return 'denied';
  return Number(code) >= 400 || scan.text(SLOT.stage) === 'Panic' ? 'failed' : 'ok';
}

function reportEvent(scan: EventScan): ReportEvent {
  const code = scan.number(SLOT['responseStatus.code']);
  const time = scan.text(SLOT.stageTimestamp);
  return {
    time: time === '' ? scan.text(SLOT.requestReceivedTimestamp) : time,
    user: scan.text(SLOT['user.username']),
    as: scan.text(SLOT['impersonatedUser.username']),
    verb: scan.text(SLOT.verb),
    resource: resourceText(
      scan.text(SLOT['objectRef.resource']),
      scan.text(SLOT['objectRef.subresource']),
      scan.text(SLOT['objectRef.apiGroup']),
    ),
    namespace: scan.text(SLOT['objectRef.namespace']),
    name: scan.text(SLOT['objectRef.name']),
    uri: scan.text(SLOT.requestURI),
    ip: textsOf(scan.value(SLOT.sourceIPs))[0] ?? '',
    agent: scan.text(SLOT.userAgent),
    code: Number.isNaN(code) ? '' : String(code),
    auditId: scan.text(SLOT.auditID),
  };
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
