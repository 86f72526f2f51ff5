/** What a request meets on its way: health, the modes of audit, watches, panics, pages of the newer servers. */
import type { Backend } from '../../../src/sandbox/apiserver/audit/backend';
import { encodeEvent, type AuditEvent } from '../../../src/sandbox/apiserver/audit/event';
import type { RestRequest, RestResponse } from '../../../src/sandbox/apiserver/contract';
import { ask, fakeRest, startFront, type Front, type FrontOptions } from '../../support/front';

const ADMIN = { kind: 'user', user: { name: 'root', groups: ['system:masters'] } } as const;
const ANONYMOUS = { kind: 'user', user: { name: 'system:anonymous', groups: ['system:unauthenticated'] } } as const;
const ALL = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: RequestResponse }]\n';
const LIST = '/api/v1/namespaces/default/configmaps';
const OK: RestResponse = { status: 200, body: { json: { kind: 'ConfigMapList' } } };

let front: Front;
let events: AuditEvent[];

afterEach(() => front.close());

function recorder(stored: (event: AuditEvent) => boolean = () => true): Backend {
  events = [];
  return {
    process(batch) {
      events.push(...batch);
      return batch.every(stored);
    },
    close: () => Promise.resolve(),
  };
}

async function start(
  answer: RestResponse | ((request: RestRequest) => RestResponse | Promise<RestResponse>),
  more: Partial<FrontOptions> = {},
): Promise<void> {
  const rest = fakeRest(typeof answer === 'function' ? answer : () => answer);
  front = await startFront({ rest, identity: ADMIN, policy: ALL, backend: recorder(), ...more });
}

const stages = () => events.map(({ stage }) => stage);

describe('health', () => {
  test('anybody may ask for it, by its three names; the single checks are for others', async () => {
    await start(OK, { identity: ANONYMOUS });
    for (const path of ['/livez', '/readyz', '/healthz', '/readyz?verbose&exclude=etcd']) {
      expect((await ask(front.port, path)).status).toBe(200);
    }
    expect((await ask(front.port, '/readyz/etcd')).status).toBe(403);
  });

  test('a server that is not done yet is not ready, and says no more than which check fails', async () => {
    await start(OK, { started: () => false });
    const got = await ask(front.port, '/readyz');
    expect(got.status).toBe(500);
    expect(got.headers['content-type']).toBe('text/plain; charset=utf-8');
    const lines = got.text.trimEnd().split('\n');
    expect(lines).toContain('[-]poststarthook/rbac/bootstrap-roles failed: reason withheld');
    expect(lines).toContain('[+]etcd ok');
    expect(lines.at(-1)).toBe('readyz check failed');
    expect((await ask(front.port, '/readyz/poststarthook/rbac/bootstrap-roles')).text).toBe(
      'internal server error: not finished\n',
    );
  });

  test('a server that is going is alive, but not ready', async () => {
    await start(OK, { stopping: () => true });
    expect((await ask(front.port, '/livez')).status).toBe(200);
    expect((await ask(front.port, '/readyz')).text).toContain('[-]shutdown failed: reason withheld');
    expect((await ask(front.port, '/readyz?exclude=shutdown')).status).toBe(200);
  });

  test('etcd that is away fails all of them', async () => {
    const rest = { ...fakeRest(() => OK), healthy: () => Promise.resolve(false) };
    await start(OK, { rest });
    for (const path of ['/livez', '/readyz', '/healthz']) expect((await ask(front.port, path)).status).toBe(500);
  });

  test('verbose lists the checks in their order; an exclusion that fits nothing is told', async () => {
    await start(OK);
    const { text } = await ask(front.port, '/livez?verbose&exclude=ping&exclude=nope');
    const lines = text.trimEnd().split('\n');
    expect(lines.slice(0, 3)).toEqual(['[+]ping excluded: ok', '[+]log ok', '[+]etcd ok']);
    expect(lines.slice(-2)).toEqual([
      'warn: some health checks cannot be excluded: no matches for "nope"',
      'livez check passed',
    ]);
  });
});

describe('audit', () => {
  test('an id is taken from the client or made, and comes back also when nothing is logged', async () => {
    await start(OK);
    expect((await ask(front.port, LIST, { headers: { 'Audit-ID': 'mine é' } })).headers['audit-id']).toBeDefined();
    const made = (await ask(front.port, LIST)).headers['audit-id'];
    expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(events.at(-1)!.auditID).toBe(made);
    await front.close();
    await start(OK, { policy: ALL.replace('RequestResponse', 'None') });
    expect((await ask(front.port, LIST, { headers: { 'Audit-ID': 'x' } })).headers['audit-id']).toBe('x');
    expect(events).toEqual([]);
    expect(front.metrics.auditLevels.get('None')).toBe(1);
  });

  test('a strict mode refuses the request that it cannot log, before anything is done', async () => {
    let worked = false;
    await start(
      () => {
        worked = true;
        return OK;
      },
      { backend: recorder(() => false) },
    );
    const got = await ask(front.port, LIST);
    expect([got.status, got.text]).toEqual([500, `Internal Server Error: "${LIST}": failed to store audit event\n`]);
    expect(worked).toBe(false);
    expect(front.metrics.auditRejected.get()).toBe(1);
  });

  test('a loss at the end of a request is not its fault', async () => {
    await start(OK, { backend: recorder(({ stage }) => stage !== 'ResponseComplete') });
    expect((await ask(front.port, LIST)).status).toBe(200);
  });

  test('stages that the policy leaves out are not logged, the others are', async () => {
    await start(OK, { policy: ALL.replace('rules:', 'omitStages: [RequestReceived]\nrules:') });
    await ask(front.port, LIST);
    expect(stages()).toEqual(['ResponseComplete']);
  });

  test('managed fields are left out when the policy wants it, but of a patch', async () => {
    const object = { kind: 'ConfigMap', metadata: { managedFields: [{}], name: 'a' } };
    const list = { kind: 'ConfigMapList', items: [object] };
    const answer = { status: 200, body: { json: list }, requestObject: object, responseObject: list };
    await start(answer, { policy: ALL.replace('rules:', 'omitManagedFields: true\nrules:') });
    await ask(front.port, `${LIST}/a`, { method: 'PUT', body: object });
    expect(encodeEvent(events.at(-1)!)).not.toContain('managedFields');
    await ask(front.port, `${LIST}/a`, { method: 'PATCH', body: object });
    expect(events.at(-1)!.requestObject).toEqual(object);
  });

  test('since 1.26 a refusal is logged with its message and details', async () => {
    await start(OK, { identity: ANONYMOUS });
    await ask(front.port, `${LIST}/a`);
    expect(encodeEvent(events.at(-1)!)).toContain(
      '"responseStatus":{"metadata":{},"status":"Failure","message":"configmaps \\"a\\" is forbidden: User \\"system:anonymous\\" cannot get resource \\"configmaps\\" in API group \\"\\" in the namespace \\"default\\"","reason":"Forbidden","details":{"name":"a","kind":"configmaps"},"code":403}',
    );
  });

  test('a watch is logged when it begins and when it ends', async () => {
    const stream = async function* () {
      await Promise.resolve();
      yield { type: 'ADDED' };
      expect(stages()).toEqual(['RequestReceived', 'ResponseStarted']);
    };
    await start(() => ({ status: 200, body: { events: stream() } }));
    expect((await ask(front.port, `${LIST}?watch=1`)).text).toBe('{"type":"ADDED"}\n');
    expect(stages()).toEqual(['RequestReceived', 'ResponseStarted', 'ResponseComplete']);
    expect(events[1]!.responseStatus).toEqual({ code: 200 });
  });

  test('a bug of the back is a panic of the server, and the next request is served', async () => {
    let first = true;
    await start(() => {
      if (first) {
        first = false;
        throw new Error('boom');
      }
      return OK;
    });
    expect((await ask(front.port, LIST)).status).toBe(500);
    expect(events.at(-1)).toMatchObject({
      stage: 'Panic',
      responseStatus: { message: "APIServer panic'd: boom", code: 500 },
    });
    expect((await ask(front.port, LIST)).status).toBe(200);
  });
});

test('the body is handed on, and one that is too large is refused', async () => {
  let got = '';
  await start(({ body, contentType, user }) => {
    got = `${user.name} ${contentType} ${Buffer.from(body).toString()}`;
    return OK;
  });
  const headers = { 'Content-Type': 'application/json' };
  await ask(front.port, LIST, { method: 'POST', headers, body: '{"a":"é"}' });
  expect(got).toBe('root application/json {"a":"é"}');
  const refused = await ask(front.port, LIST, { method: 'POST', headers, body: 'x'.repeat(8 << 20) });
  expect(refused.status).toBe(413);
  expect(refused.text).toContain('Request entity too large: limit is 3145728');
});

test('headers with the names of JavaScript are headers like others', async () => {
  await start(OK);
  const headers = {
    constructor: 'x',
    __proto__: 'y',
    'Impersonate-User': 'bob',
    'Impersonate-Group': 'system:masters',
  };
  const extra = { 'Impersonate-Extra-__proto__': 'z' };
  expect((await ask(front.port, LIST, { headers: { ...headers, ...extra } })).status).toBe(200);
  expect(encodeEvent(events.at(-1)!)).toContain('"extra":{"__proto__":["z"]}');
});

test('who works is who is acted as', async () => {
  let who = '';
  await start(({ user }) => {
    who = user.name;
    return OK;
  });
  await ask(front.port, LIST, { headers: { 'Impersonate-User': 'bob', 'Impersonate-Group': 'system:masters' } });
  expect(who).toBe('bob');
  expect(events.at(-1)!.user!.name).toBe('root');
});

test('JSON goes out as Go writes it, headers of the back with it', async () => {
  await start({ status: 201, headers: { Location: '/x' }, body: { json: { a: '<&>' } } });
  const got = await ask(front.port, LIST, { method: 'POST', body: {} });
  expect([got.status, got.text, got.headers['location']]).toEqual([201, '{"a":"\\u003c\\u0026\\u003e"}\n', '/x']);
});

test('an address that is none is told as such', async () => {
  await start(OK);
  expect((await ask(front.port, '/api/v1/watch')).text).toBe(
    'Internal Server Error: "/api/v1/watch": failed to create RequestInfo: unable to determine kind and namespace from url, /api/v1/watch\n',
  );
});

describe('pages', () => {
  const accept = (kind: string) => ({ headers: { Accept: `application/json;v=v1beta1;g=config.k8s.io;as=${kind}` } });

  test('/flagz has the flags as they were given, /statusz since when; as objects for those who ask so', async () => {
    await start(OK, { flags: ['--audit-log-path=/a', '--v=2'] });
    expect(JSON.parse((await ask(front.port, '/flagz', accept('Flagz'))).text)).toMatchObject({
      kind: 'Flagz',
      flags: { 'audit-log-path': '/a', v: '2' },
    });
    expect(JSON.parse((await ask(front.port, '/statusz', accept('Statusz'))).text)).toMatchObject({
      startTime: '2023-11-14T22:13:20Z',
      uptimeSeconds: 90,
      binaryVersion: '1.36.0',
    });
    expect((await ask(front.port, '/flagz', { headers: { Accept: 'application/json' } })).status).toBe(406);
    expect((await ask(front.port, '/flagz', { headers: { Accept: 'text/plain' } })).text).toMatch(
      /audit-log-path[=: ]\/a\n/,
    );
  });

  test('a server that is too old has none of them', async () => {
    await start({ status: 404, body: { text: '404 page not found\n', type: 'text/plain' } }, { image: 'x:v1.35.1' });
    expect((await ask(front.port, '/flagz', accept('Flagz'))).status).toBe(404);
  });

  test('/metrics counts requests and events, and knows when the process began', async () => {
    await start(OK);
    await ask(front.port, LIST);
    const { text } = await ask(front.port, '/metrics');
    expect(text).toContain('apiserver_audit_event_total 3\n');
    expect(text).toContain('apiserver_audit_level_total{level="RequestResponse"} 2\n');
    expect(text).toContain('apiserver_audit_requests_rejected_total 0\n');
    expect(text).toContain('process_start_time_seconds 1.7000000005e+09\n');
    expect(text).toContain(
      'apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1"} 1\n',
    );
  });
});
