/**
 * Runs a policy over a recorded audit log: what it would keep, drop and shorten, rule by rule, and how long a rotation
 * holds at that rate. It says what cannot be known: what today's policy does not log is not in the log.
 */
import { UserError } from '../errors';
import type { Decide } from './match';
import { compilePolicy } from './match';
import { scanEvent } from './replay/scan';
import type { ScannedEvent } from './replay/scan';
import type { Retention, RotationSettings } from './replay/retention';
import { retentionOf } from './replay/retention';
import type { RequestInfo } from './request';
import { requestInfo } from './request';
import type { Level, Policy } from './types';
import { levelRank } from './types';

export interface Tally {
  events: number;
  bytes: number;
}

export interface ReplayRule {
  /** From 1; null for what no rule matches. */
  rule: number | null;
  level: Level;
  /** As recorded. */
  now: Tally;
  /** As this policy would have it. */
  then: Tally;
}

export interface ReplayResource {
  /** `pods`, `deployments.apps`, `pods/exec`, or the first part of a URL path. */
  resource: string;
  now: Tally;
  then: Tally;
}

export interface ReplayResult {
  now: Tally;
  then: Tally;
  /** Lines that are no audit events: damaged, half written. */
  unreadable: number;
  /** First and last stage time, as written; empty when there is no event. */
  from: string;
  to: string;
  seconds: number;
  /** Events that would not be there. */
  dropped: Tally;
  /** Events that would lose a body they have; the bytes are those of the bodies. */
  shortened: Tally;
  /** Events that would get a body they do not have. How large is not known. */
  lengthened: number;
  /** Events of RequestReceived that would come besides; an estimate, for logs that have none. */
  doubled: Tally;
  rules: ReplayRule[];
  /** The largest first. */
  resources: ReplayResource[];
  /** How long the rotation holds at the rate of this policy; absent without settings, or without a span of time. */
  retention?: Retention;
  /** What the numbers cannot tell, a sentence each. */
  unknown: string[];
}

export interface Replay {
  /** One line of a log, without its line break. */
  add(line: string | Uint8Array): void;
  /** The same for a line whose characters are the bytes of the file (latin1): nothing has to be decoded or counted. */
  addLatin1(line: string): void;
  /** Lines that could not be read at all. */
  addUnreadable(lines: number): void;
  result(): ReplayResult;
}

export interface ReplayOptions {
  rotation?: RotationSettings;
}

export function createReplay(policy: Policy, options: ReplayOptions = {}): Replay {
  return new Accumulator(policy, options);
}

/** Resources are few; what an attacker makes up is many. */
const MAX_RESOURCES = 2000;
const MAX_PATHS = 20_000;
const LINE_BREAK = 1;

class Accumulator implements Replay {
  readonly #policy: Policy;
  readonly #options: ReplayOptions;
  readonly #decide: Decide;
  readonly #infos = new Map<string, RequestInfo>();
  readonly #rules = new Map<number | null, ReplayRule>();
  readonly #resources = new Map<string, ReplayResource>();
  readonly #now: Tally = { events: 0, bytes: 0 };
  readonly #then: Tally = { events: 0, bytes: 0 };
  readonly #dropped: Tally = { events: 0, bytes: 0 };
  readonly #shortened: Tally = { events: 0, bytes: 0 };
  readonly #doubled: Tally = { events: 0, bytes: 0 };
  #received = 0;
  #lengthened = 0;
  #withBodies = 0;
  #unreadable = 0;
  #from = '';
  #to = '';

  constructor(policy: Policy, options: ReplayOptions) {
    this.#policy = policy;
    this.#options = options;
    this.#decide = compilePolicy(policy);
  }

  add(line: string | Uint8Array): void {
    this.addLatin1(typeof line === 'string' && isAscii(line) ? line : latin1(line));
  }

  addUnreadable(lines: number): void {
    this.#unreadable += lines;
  }

  addLatin1(text: string): void {
    if (text === '') return;
    const event = scanEvent(text);
    const info = event === undefined ? undefined : this.#infoOf(event);
    if (event === undefined || info === undefined) {
      this.#unreadable++;
      return;
    }
    const bytes = text.length + LINE_BREAK;
    if (event.time > this.#to) this.#to = event.time;
    if (this.#from === '' || event.time < this.#from) this.#from = event.time;

    const { user, groups, verb } = event;
    const decision = this.#decide(
      info.isResourceRequest ? { ...pick(info), user, groups, verb } : { user, groups, verb, path: info.path },
    );
    const bodies = event.requestLength + event.responseLength;
    const kept = keptBytes(event, bytes, decision.level);
    const isKept = decision.level !== 'None' && !decision.omitStages.some((stage) => stage === event.stage);
    const rule = this.#ruleOf(decision.rule, decision.level);
    const resource = this.#resourceOf(info);
    for (const tally of [this.#now, rule.now, resource.now]) count(tally, bytes);
    if (event.stage === 'RequestReceived') this.#received++;
    if (!isKept) {
      count(this.#dropped, bytes);
      return;
    }
    for (const tally of [this.#then, rule.then, resource.then]) count(tally, kept);
    if (kept < bytes) count(this.#shortened, bytes - kept);
    if (bodies > 0 && kept === bytes) this.#withBodies++;
    if (gainsBody(event, decision.level, info)) this.#lengthened++;
    // Each answered request has arrived before; failed logins have no such stage.
    const isAnswer = event.stage === 'ResponseComplete';
    if (isAnswer && !decision.omitStages.includes('RequestReceived')) count(this.#doubled, bytes - bodies);
  }

  result(): ReplayResult {
    const seconds = this.#from === '' ? 0 : Math.max(0, (Date.parse(this.#to) - Date.parse(this.#from)) / 1000);
    // A log that has this stage already shows what it costs.
    const doubled = this.#received > 0 ? { events: 0, bytes: 0 } : { ...this.#doubled };
    const then = { events: this.#then.events + doubled.events, bytes: this.#then.bytes + doubled.bytes };
    const { rotation } = this.#options;
    return {
      now: { ...this.#now },
      then,
      unreadable: this.#unreadable,
      from: this.#from,
      to: this.#to,
      seconds,
      dropped: { ...this.#dropped },
      shortened: { ...this.#shortened },
      lengthened: this.#lengthened,
      doubled,
      rules: this.#allRules(),
      resources: [...this.#resources.values()].sort((a, b) => b.now.bytes - a.now.bytes),
      ...(rotation === undefined || seconds === 0 ? {} : { retention: retentionOf(then.bytes, seconds, rotation) }),
      unknown: this.#unknown(),
    };
  }

  /** Every rule of the policy, those that nothing reached too. */
  #allRules(): ReplayRule[] {
    const empty = (rule: number, level: Level): ReplayRule => ({
      rule,
      level,
      now: { events: 0, bytes: 0 },
      then: { events: 0, bytes: 0 },
    });
    const rules = this.#policy.rules.map(({ level }, index) => this.#rules.get(index + 1) ?? empty(index + 1, level));
    const unmatched = this.#rules.get(null);
    return unmatched === undefined ? rules : [...rules, unmatched];
  }

  #unknown(): string[] {
    const omitsManagedFields =
      this.#policy.omitManagedFields || this.#policy.rules.some((rule) => rule.omitManagedFields === true);
    return [
      'Requests that the recorded log leaves out cannot be counted: this policy may log some of them.',
      ...(this.#lengthened > 0
        ? [`${this.#lengthened} events would get bodies that were never recorded: the log grows by an unknown amount.`]
        : []),
      ...(omitsManagedFields && this.#withBodies > 0
        ? ['Managed fields that would be left out of the bodies are still counted: the bodies get smaller than said.']
        : []),
      ...(this.#unreadable > 0 ? [`${this.#unreadable} lines are no audit events, and are not counted.`] : []),
    ];
  }

  #infoOf(event: ScannedEvent): RequestInfo | undefined {
    const key = `${event.verb} ${event.requestURI}`;
    const known = this.#infos.get(key);
    if (known !== undefined) return known;
    try {
      const info = requestInfo(METHODS.get(event.verb) ?? event.verb.toUpperCase(), event.requestURI);
      if (this.#infos.size >= MAX_PATHS) this.#infos.clear();
      // Copies: a part of a line would keep the whole block that was read alive.
      const copy = JSON.parse(JSON.stringify([key, info])) as [string, RequestInfo];
      this.#infos.set(copy[0], copy[1]);
      return copy[1];
    } catch (problem) {
      if (problem instanceof UserError) return undefined;
      throw problem;
    }
  }

  #ruleOf(rule: number | null, level: Level): ReplayRule {
    const known = this.#rules.get(rule);
    if (known !== undefined) return known;
    const fresh = { rule, level, now: { events: 0, bytes: 0 }, then: { events: 0, bytes: 0 } };
    this.#rules.set(rule, fresh);
    return fresh;
  }

  #resourceOf(info: RequestInfo): ReplayResource {
    const name = resourceName(info);
    const known = this.#resources.get(name);
    if (known !== undefined) return known;
    const isFull = this.#resources.size >= MAX_RESOURCES;
    const fresh = {
      resource: isFull ? 'all others' : name,
      now: { events: 0, bytes: 0 },
      then: { events: 0, bytes: 0 },
    };
    const shared = isFull ? (this.#resources.get('all others') ?? fresh) : fresh;
    this.#resources.set(shared.resource, shared);
    return shared;
  }
}

/** The event's verb tells the method, as far as the attributes depend on it. */
const METHODS = new Map([
  ['create', 'POST'],
  ['update', 'PUT'],
  ['patch', 'PATCH'],
  ['delete', 'DELETE'],
  ['deletecollection', 'DELETE'],
  ['get', 'GET'],
  ['list', 'GET'],
  ['watch', 'GET'],
]);

function pick(info: RequestInfo & { isResourceRequest: true }) {
  const { apiGroup, apiVersion, resource, subresource, name, namespace } = info;
  return { apiGroup, apiVersion, resource, subresource, name, namespace };
}

function keptBytes(event: ScannedEvent, bytes: number, level: Level): number {
  switch (level) {
    case 'None':
      return 0;
    case 'Metadata':
      return bytes - event.requestLength - event.responseLength;
    case 'Request':
      return bytes - event.responseLength;
    case 'RequestResponse':
      return bytes;
  }
}

/** Whether the policy asks for a body that a request of this kind has, and the recorded level left out. */
function gainsBody(event: ScannedEvent, level: Level, info: RequestInfo): boolean {
  if (!info.isResourceRequest || event.stage !== 'ResponseComplete') return false;
  const recorded = levelRank(event.level as Level);
  const wanted = levelRank(level);
  if (wanted <= recorded) return false;
  const hasRequest = ['create', 'update', 'patch', 'delete', 'deletecollection'].includes(event.verb);
  const hasResponse = event.verb !== 'watch' && !STREAMS.has(info.subresource);
  return (recorded < 2 && wanted >= 2 && hasRequest && hasResponse) || (wanted === 3 && hasResponse);
}

const STREAMS = new Set(['exec', 'attach', 'portforward', 'proxy', 'log']);

function resourceName(info: RequestInfo): string {
  if (!info.isResourceRequest) return `/${info.path.split('/')[1] ?? ''}`;
  const below = info.subresource === '' ? '' : `/${info.subresource}`;
  return `${info.resource}${below}${info.apiGroup === '' ? '' : `.${info.apiGroup}`}`;
}

function count(tally: Tally, bytes: number): void {
  tally.events++;
  tally.bytes += bytes;
}

function isAscii(text: string): boolean {
  return /^[ -~\t]*$/.test(text);
}

/** A character for each byte, so that lengths are bytes. */
function latin1(line: string | Uint8Array): string {
  const bytes = typeof line === 'string' ? new TextEncoder().encode(line) : line;
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
