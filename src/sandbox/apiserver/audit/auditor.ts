/**
 * From a request to its events: the policy's decision, one event a stage, the backends (apiserver/pkg/endpoints/filters/
 * audit.go, pkg/audit/request.go). The auditor is asked before anything else is done with the request, and told of what
 * follows; it never changes an answer, but for a request that mode blocking-strict must refuse.
 */
import { isIP } from 'node:net';
import { compilePolicy, type Decide } from '../../../core/policy/match';
import type { RequestInfo } from '../../../core/policy/request';
import { levelRank, type Decision, type Policy, type Stage } from '../../../core/policy/types';
import type { RestResponse, User } from '../contract';
import type { Metrics } from '../metrics';
import type { Backend } from './backend';
import type { AuditEvent, ObjectRef, ResponseStatus } from './event';
import { externalObject, withoutManagedFields } from './objects';

export interface Seen {
  auditID: string;
  /** As in the request line. */
  target: string;
  info: RequestInfo;
  sourceIPs: readonly string[];
  userAgent: string;
  /** Microseconds since the epoch. */
  received: number;
}

/** What a request was answered with, as far as events tell of it. */
export interface Answer {
  code: number;
  /** The Status that was sent, if one was. */
  status?: ResponseStatus;
  requestObject?: unknown;
  /** A patch is logged as it was sent. */
  patch?: boolean;
  responseObject?: unknown;
  objectRef?: RestResponse['objectRef'];
}

export class Auditor {
  readonly #decide: Decide;
  readonly #backend: Backend;
  readonly #metrics: Metrics;
  readonly #minor: number;
  readonly #now: () => number;
  #closed: Promise<void> | undefined;

  /** @param now microseconds since the epoch. @param minor of the server's version 1.N. */
  constructor(policy: Policy, backend: Backend, metrics: Metrics, minor: number, now: () => number) {
    this.#decide = compilePolicy(policy);
    this.#backend = backend;
    this.#metrics = metrics;
    this.#minor = minor;
    this.#now = now;
  }

  /** undefined: nothing of this request is logged. @param user undefined when not authenticated. */
  begin(seen: Seen, user: User | undefined): RequestAudit | undefined {
    const { info } = seen;
    const who = { user: user?.name ?? null, groups: user?.groups ?? [] };
    const decision = this.#decide(
      info.isResourceRequest ? { ...who, ...resource(info) } : { ...who, verb: info.verb, path: info.path },
    );
    this.#metrics.auditLevels.add(decision.level);
    if (decision.level === 'None') return undefined;
    const event: AuditEvent = {
      level: decision.level,
      auditID: seen.auditID,
      stage: 'RequestReceived',
      requestURI: seen.target,
      verb: info.verb,
      sourceIPs: seen.sourceIPs,
      userAgent: truncatedAgent(seen.userAgent),
      received: seen.received,
      staged: seen.received,
      annotations: {},
      ...(user === undefined ? {} : { user }),
      ...(info.isResourceRequest ? { objectRef: reference(info) } : {}),
    };
    return new RequestAudit(event, decision, this.#minor, this.#now, (staged) => {
      this.#metrics.auditEvents.add('');
      return this.#backend.process([staged]);
    });
  }

  rejected(): void {
    this.#metrics.auditRejected.add('');
  }

  /** Once, however often it is asked for. */
  close(): Promise<void> {
    return (this.#closed ??= this.#backend.close());
  }
}

/** One request's events. */
export class RequestAudit {
  #event: AuditEvent;
  readonly #decision: Decision;
  readonly #minor: number;
  readonly #now: () => number;
  readonly #store: (event: AuditEvent) => boolean | Promise<boolean>;

  constructor(
    event: AuditEvent,
    decision: Decision,
    minor: number,
    now: () => number,
    store: (event: AuditEvent) => boolean | Promise<boolean>,
  ) {
    this.#event = event;
    this.#decision = decision;
    this.#minor = minor;
    this.#now = now;
    this.#store = store;
  }

  /** False: the event could not be stored, and the mode is one that must not go on without. */
  received(): boolean | Promise<boolean> {
    return this.#emit('RequestReceived');
  }

  annotate(annotations: Readonly<Record<string, string>>): void {
    this.#event = { ...this.#event, annotations: { ...this.#event.annotations, ...annotations } };
  }

  impersonate(user: User): void {
    this.#event = { ...this.#event, impersonatedUser: user };
  }

  /** Long-running requests only, and failed logins, of which it is the one stage. */
  started(answer: Answer): boolean | Promise<boolean> {
    this.#take(answer);
    return this.#emit('ResponseStarted');
  }

  completed(answer: Answer): boolean | Promise<boolean> {
    this.#take(answer);
    return this.#emit('ResponseComplete');
  }

  panicked(reason: string): boolean | Promise<boolean> {
    const responseStatus = {
      status: 'Failure',
      message: `APIServer panic'd: ${reason}`,
      reason: 'InternalError',
      code: 500,
    };
    this.#event = { ...this.#event, responseStatus };
    return this.#emit('Panic');
  }

  #emit(stage: Stage): boolean | Promise<boolean> {
    if (this.#decision.omitStages.includes(stage)) return true;
    const staged = stage === 'RequestReceived' ? this.#event.received : this.#now();
    return this.#store({ ...this.#event, stage, staged });
  }

  #take(answer: Answer): void {
    const { level, omitManagedFields } = this.#decision;
    const { objectRef } = this.#event;
    const next: AuditEvent = { ...this.#event, responseStatus: this.#status(answer) };
    if (objectRef !== undefined && answer.objectRef !== undefined)
      next.objectRef = completed(objectRef, answer.objectRef);
    const logged = (value: unknown) => {
      const external = externalObject(value, this.#minor);
      return omitManagedFields ? withoutManagedFields(external) : external;
    };
    if (answer.requestObject !== undefined && levelRank(level) >= levelRank('Request')) {
      next.requestObject = answer.patch === true ? answer.requestObject : logged(answer.requestObject);
    }
    if (answer.responseObject !== undefined && level === 'RequestResponse') {
      next.responseObject = logged(answer.responseObject);
    }
    this.#event = next;
  }

  /** Since 1.26 a Status is logged with its message and details. */
  #status({ status, code }: Answer): ResponseStatus {
    if (status === undefined) return { code };
    if (this.#minor >= 26) return { ...status, code };
    return {
      ...(status.status === undefined ? {} : { status: status.status }),
      ...(status.reason === undefined ? {} : { reason: status.reason }),
      code,
    };
  }
}

/** The addresses of a request, outermost first (apimachinery/pkg/util/net, SourceIPs). */
export function sourceAddresses(forwardedFor: string, realIp: string, remote: string): string[] {
  const list = forwardedFor
    .split(',')
    .map((part) => part.trim())
    .filter((part) => isIP(part) !== 0);
  if (isIP(realIp) !== 0 && !list.includes(realIp)) list.push(realIp);
  const peer = remote.replace(/^::ffff:/, '');
  if (isIP(peer) !== 0 && list.at(-1) !== peer) list.push(peer);
  return list;
}

type ResourceInfo = Extract<RequestInfo, { isResourceRequest: true }>;

function resource(info: ResourceInfo) {
  const { verb, apiGroup, apiVersion, namespace, resource: kind, subresource, name } = info;
  return { verb, apiGroup, apiVersion, namespace, resource: kind, subresource, name };
}

function reference(info: ResourceInfo): ObjectRef {
  const { resource: kind, namespace, name, apiGroup, apiVersion, subresource } = info;
  return { resource: kind, namespace, name, uid: '', apiGroup, apiVersion, resourceVersion: '', subresource };
}

/** What the request did not say is filled in; what it said stays. */
function completed(ref: ObjectRef, found: NonNullable<RestResponse['objectRef']>): ObjectRef {
  return {
    ...ref,
    name: ref.name || (found.name ?? ''),
    namespace: ref.namespace || (found.namespace ?? ''),
    uid: ref.uid || (found.uid ?? ''),
    resourceVersion: ref.resourceVersion || (found.resourceVersion ?? ''),
  };
}

function truncatedAgent(agent: string): string {
  const bytes = Buffer.from(agent);
  return bytes.length <= 1024 ? agent : `${bytes.subarray(0, 1024).toString()}...TRUNCATED`;
}
