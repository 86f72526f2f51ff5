/**
 * One request's way through the server, in the order of the real one's filters: who asks, the first audit event, acting
 * as somebody else, may they, the work, the last audit event. In the blocking modes an event is stored before the answer
 * leaves: what a client has seen answered is in the log.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { UserError, messageOf } from '../../core/errors';
import { isLongRunning, requestInfo, type RequestInfo } from '../../core/policy/request';
import { impersonation } from './access/impersonation';
import type { Authenticate, Credentials } from './access/authenticator';
import type { Authorize } from './access/authorizer';
import { sourceAddresses, type Answer, type Auditor, type RequestAudit, type Seen } from './audit/auditor';
import { goEncode } from './audit/event';
import type { RestApi, RestResponse, User } from './contract';
import { Exchange, headerBytes, stream } from './exchange';
import { structured, type Klog } from './klog';
import type { AnswerLocally } from './local';
import { requestLabels, type Metrics } from './metrics';
import { forbidden, internalErrorText, responseStatus, unauthorized, type Status } from './status';

export interface HandlerOptions {
  authenticate: Authenticate;
  authorize: Authorize;
  /** Absent: auditing is off. */
  auditor?: Auditor;
  local: AnswerLocally;
  rest: Pick<RestApi, 'handle'>;
  metrics: Metrics;
  klog: Klog;
  /** Microseconds since the epoch. */
  now: () => number;
}

export class Handler {
  readonly #options: HandlerOptions;
  /** Requests that last until somebody ends them. */
  readonly #long = new Set<AbortController>();
  #active = 0;
  #stopping = false;
  readonly #certificates = new WeakMap<object, { certificate?: Buffer }>();

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  /** Ends watches; short requests come to their end by themselves. */
  stop(): void {
    this.#stopping = true;
    for (const controller of this.#long) controller.abort();
  }

  /** How many requests are under way. */
  get active(): number {
    return this.#active;
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#active++;
    try {
      await this.#handle(request, response);
    } catch (error) {
      this.#options.klog.error('wrap.go:58', `"apiserver panic'd" ${messageOf(error)}`);
      response.destroy();
    } finally {
      this.#active--;
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(request, response);
    const seen = this.#see(exchange);
    if (seen === undefined) return;
    const { metrics, klog, auditor } = this.#options;
    const identity = this.#options.authenticate(this.#credentials(exchange));
    if (identity.kind === 'failed') {
      if (identity.reason !== '') {
        klog.error('authentication.go:75', structured('Unable to authenticate the request', identity.reason));
      }
      const status = unauthorized();
      await auditor?.begin(seen, undefined)?.started(statusAnswer(status));
      exchange.status(status);
    } else {
      const audit = auditor?.begin(seen, identity.user);
      try {
        await this.#serve(exchange, seen, identity.user, audit);
      } catch (error) {
        await audit?.panicked(messageOf(error));
        klog.error(
          'wrap.go:58',
          `"apiserver panic'd" method="${exchange.method}" URI="${exchange.target}" ${messageOf(error)}`,
        );
        exchange.text(500, `This request caused apiserver to panic. Look in the logs for details.\n`);
      }
    }
    metrics.requests.add(labelsOf(seen.info, exchange));
  }

  /** undefined: a path that no request can be made of; it is answered already. */
  #see(exchange: Exchange): Seen | undefined {
    const auditID = exchange.header('audit-id') || randomUUID();
    exchange.response.setHeader('Audit-Id', headerBytes(auditID));
    exchange.response.setHeader('Cache-Control', 'no-cache, private');
    let info: RequestInfo;
    try {
      info = requestInfo(exchange.method, exchange.target);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      exchange.text(500, internalErrorText(exchange.target, `failed to create RequestInfo: ${error.message}`));
      return undefined;
    }
    const remote = exchange.request.socket.remoteAddress ?? '';
    return {
      auditID,
      target: exchange.target,
      info,
      sourceIPs: sourceAddresses(exchange.header('x-forwarded-for'), exchange.header('x-real-ip'), remote),
      userAgent: exchange.header('user-agent'),
      received: this.#options.now(),
    };
  }

  async #serve(exchange: Exchange, seen: Seen, user: User, audit: RequestAudit | undefined): Promise<void> {
    if (audit !== undefined && !(await audit.received())) {
      this.#options.auditor?.rejected();
      exchange.text(500, internalErrorText(exchange.target, 'failed to store audit event'));
      return;
    }
    const { authorize } = this.#options;
    const acting = impersonation(exchange.headers, user, authorize);
    const long = isLongRunning(seen.info);
    if (acting.kind === 'malformed') {
      this.#options.klog.error('errors.go:77', acting.reason);
      if (long) await audit?.started({ code: 500 });
      await audit?.completed({ code: 500 });
      exchange.text(500, internalErrorText(exchange.target, acting.reason));
      return;
    }
    if (acting.kind === 'forbidden') {
      await refuse(exchange, audit, forbidden(user.name, acting.info, acting.reason), long);
      return;
    }
    const actor = acting.kind === 'as' ? acting.user : user;
    if (acting.kind === 'as') audit?.impersonate(actor);
    const decision = authorize(actor, seen.info);
    audit?.annotate({
      'authorization.k8s.io/decision': decision.allowed ? 'allow' : 'forbid',
      'authorization.k8s.io/reason': decision.reason,
    });
    if (!decision.allowed) {
      await refuse(exchange, audit, forbidden(actor.name, seen.info, decision.reason), long);
      return;
    }
    await this.#work(exchange, seen, actor, audit);
  }

  async #work(exchange: Exchange, seen: Seen, actor: User, audit: RequestAudit | undefined): Promise<void> {
    const { info } = seen;
    if (!info.isResourceRequest) {
      const local = await this.#options.local(exchange.method, info.path, exchange.query, exchange.header('accept'));
      if (local !== undefined) {
        if ('kind' in local) {
          await refuse(exchange, audit, local, false);
          return;
        }
        await audit?.completed({ code: local.status });
        exchange.text(local.status, local.text, local.type, local.nosniff);
        return;
      }
    }
    const body = await exchange.body();
    if ('refusal' in body) {
      await refuse(exchange, audit, body.refusal, isLongRunning(info));
      return;
    }
    const controller = new AbortController();
    const long = isLongRunning(info);
    if (long) this.#long.add(controller);
    // One that comes over a connection from before must not last either.
    if (long && this.#stopping) controller.abort();
    exchange.response.once('close', () => {
      if (!exchange.response.writableFinished) controller.abort();
    });
    try {
      const answer = await this.#options.rest.handle({
        method: exchange.method,
        info,
        query: exchange.query,
        accept: exchange.header('accept'),
        contentType: exchange.header('content-type'),
        body: body.bytes,
        user: actor,
        userAgent: exchange.header('user-agent'),
        signal: controller.signal,
      });
      await send(exchange, answer, long, audit);
    } finally {
      this.#long.delete(controller);
    }
  }

  #credentials(exchange: Exchange): Credentials {
    const { socket } = exchange.request;
    let shown = this.#certificates.get(socket);
    if (shown === undefined) {
      const peer = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
      // Without a certificate the answer is an empty object, whatever its type says.
      const raw = peer?.raw as Buffer | undefined;
      shown = raw === undefined ? {} : { certificate: raw };
      this.#certificates.set(socket, shown);
    }
    return { ...shown, headers: exchange.headers };
  }
}

async function refuse(
  exchange: Exchange,
  audit: RequestAudit | undefined,
  status: Status,
  long: boolean,
): Promise<void> {
  const answer = statusAnswer(status);
  if (long) await audit?.started(answer);
  await audit?.completed(answer);
  exchange.status(status);
}

function statusAnswer(status: Status): Answer {
  const told = responseStatus(status);
  return { code: status.code, responseObject: status, ...(told ? { status: told } : {}) };
}

async function send(
  exchange: Exchange,
  response: RestResponse,
  long: boolean,
  audit: RequestAudit | undefined,
): Promise<void> {
  const { body, headers = {} } = response;
  for (const [name, value] of Object.entries(headers)) exchange.response.setHeader(name, value);
  const answer = answerOf(response, exchange.method);
  if (long) await audit?.started(answer);
  if ('events' in body) {
    await stream(exchange.response, response.status, body.events);
    await audit?.completed(answer);
    exchange.response.end();
    return;
  }
  await audit?.completed(answer);
  if ('json' in body) exchange.bytes(response.status, `${goEncode(body.json)}\n`, 'application/json');
  else if ('text' in body) exchange.bytes(response.status, body.text, body.type);
  else exchange.bytes(response.status, body.bytes, body.type);
}

function answerOf(response: RestResponse, method: string): Answer {
  const { status: code, body, requestObject, objectRef, reason, message } = response;
  const sent = 'json' in body ? body.json : undefined;
  const told =
    responseStatus(response.responseObject ?? sent) ??
    (reason === undefined ? undefined : { status: 'Failure', reason, ...(message === undefined ? {} : { message }) });
  const responseObject = response.responseObject ?? (responseStatus(sent) && sent);
  return {
    code,
    patch: method === 'PATCH',
    ...(told ? { status: told } : {}),
    ...(requestObject === undefined ? {} : { requestObject }),
    ...(responseObject === undefined ? {} : { responseObject }),
    // The real one completes the reference from the object that was sent, and only creating and updating send one.
    ...(objectRef && (method === 'POST' || method === 'PUT') ? { objectRef } : {}),
  };
}

const METRIC_VERBS: Readonly<Record<string, string>> = {
  create: 'POST',
  update: 'PUT',
  deletecollection: 'DELETECOLLECTION',
};

function labelsOf(info: RequestInfo, exchange: Exchange): string {
  const resource = info.isResourceRequest;
  return requestLabels({
    code: String(exchange.response.statusCode),
    component: 'apiserver',
    dry_run: exchange.query.get('dryRun') ?? '',
    group: resource ? info.apiGroup : '',
    resource: resource ? info.resource : '',
    scope: !resource ? '' : info.name !== '' ? 'resource' : info.namespace !== '' ? 'namespace' : 'cluster',
    subresource: resource ? info.subresource : METRIC_PATHS.has(info.path) ? info.path : '',
    verb: METRIC_VERBS[info.verb] ?? info.verb.toUpperCase(),
    version: resource ? info.apiVersion : '',
  });
}

/** Of other paths there are too many to count them one by one. */
const METRIC_PATHS = new Set(['/livez', '/readyz', '/healthz', '/version', '/metrics']);
