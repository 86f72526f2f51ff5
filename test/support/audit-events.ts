/** Audit events for tests: written as the API server writes them, and as nobody should. */
import fc from 'fast-check';

export interface EventParts {
  auditID?: string;
  stage?: string;
  verb?: string;
  user?: string;
  groups?: string[];
  as?: string;
  ips?: string[];
  agent?: string;
  resource?: string;
  subresource?: string;
  group?: string;
  namespace?: string;
  name?: string;
  code?: number;
  uri?: string;
  level?: string;
  time?: string;
  received?: string;
  annotations?: Record<string, string>;
  requestObject?: unknown;
  responseObject?: unknown;
}

/** In the server's order of fields. */
export function auditEvent(parts: EventParts = {}): Record<string, unknown> {
  const { stage = 'ResponseComplete', time = '2026-01-01T00:00:00.000000Z', received = time } = parts;
  const objectRef =
    parts.resource === undefined
      ? {}
      : {
          objectRef: {
            resource: parts.resource,
            ...(parts.namespace === undefined ? {} : { namespace: parts.namespace }),
            ...(parts.name === undefined ? {} : { name: parts.name }),
            ...(parts.group === undefined ? {} : { apiGroup: parts.group }),
            apiVersion: 'v1',
            ...(parts.subresource === undefined ? {} : { subresource: parts.subresource }),
          },
        };
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: parts.level ?? 'Metadata',
    auditID: parts.auditID ?? 'id',
    stage,
    requestURI: parts.uri ?? '/api/v1/x',
    verb: parts.verb ?? 'get',
    user:
      parts.user === '' ? {} : { username: parts.user ?? 'alice', groups: parts.groups ?? ['system:authenticated'] },
    ...(parts.as === undefined ? {} : { impersonatedUser: { username: parts.as } }),
    sourceIPs: parts.ips ?? ['10.0.0.1'],
    ...(parts.agent === '' ? {} : { userAgent: parts.agent ?? 'kubectl/v1.36.0' }),
    ...objectRef,
    ...(stage === 'RequestReceived' ? {} : { responseStatus: { metadata: {}, code: parts.code ?? 200 } }),
    ...(parts.requestObject === undefined ? {} : { requestObject: parts.requestObject }),
    // The server writes none at level Request.
    ...(parts.responseObject === undefined || parts.level === 'Request'
      ? {}
      : { responseObject: parts.responseObject }),
    requestReceivedTimestamp: received,
    stageTimestamp: time,
    ...(parts.annotations === undefined ? {} : { annotations: parts.annotations }),
  };
}

export function line(parts: EventParts = {}): string {
  return JSON.stringify(auditEvent(parts));
}

const word = fc.constantFrom(
  'alice',
  'secrets',
  'delete',
  'get',
  'pods',
  'exec',
  'näme',
  'a"b\\c',
  '',
  '名前',
  '\u0007',
  '*',
);
const body = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant({
    kind: 'Event',
    verb: 'delete',
    objectRef: { resource: 'secrets' },
    requestReceivedTimestamp: 'x',
    text: '{"a":"}]',
  }),
);

export const parts: fc.Arbitrary<EventParts> = fc.record(
  {
    auditID: fc.constantFrom('1', '2', '3', 'x'),
    stage: fc.constantFrom('RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'),
    verb: fc.constantFrom('get', 'delete', 'list', 'watch', 'create'),
    user: word,
    groups: fc.array(word, { maxLength: 3 }),
    as: word,
    ips: fc.array(fc.constantFrom('10.0.0.1', '192.168.1.5', '::1'), { maxLength: 2 }),
    agent: word,
    resource: fc.constantFrom('secrets', 'pods', 'roles'),
    subresource: fc.constantFrom('exec', 'log', ''),
    group: fc.constantFrom('', 'rbac.authorization.k8s.io', 'apps'),
    namespace: word,
    name: word,
    code: fc.constantFrom(200, 201, 403, 404, 500),
    uri: fc.constantFrom('/api/v1/pods?a=b&c=<d>', '/healthz', '/\u2028'),
    level: fc.constantFrom('Metadata', 'Request', 'RequestResponse'),
    annotations: fc.dictionary(fc.constantFrom('authorization.k8s.io/decision', 'requestReceivedTimestamp', 'x'), word),
    requestObject: body,
    responseObject: body,
  },
  { requiredKeys: [] },
);

/** JSON of a value in any order of keys, with white space and escapes where JSON allows them. */
export function oddly(value: unknown, random: () => number): string {
  const blank = (): string => (random() < 0.2 ? [' ', '\t', '  '][Math.floor(random() * 3)]! : '');
  const text = (each: string): string =>
    `"${[
      ...JSON.stringify(each)
        .slice(1, -1)
        .matchAll(/\\u[0-9a-f]{4}|\\.|[\s\S]/g),
    ]
      .map(([unit]) =>
        unit.length === 1 && random() < 0.15 ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : unit,
      )
      .join('')}"`;
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${blank()}${value.map((item) => oddly(item, random)).join(`${blank()},${blank()}`)}${blank()}]`;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const shuffled = entries.map((entry) => ({ entry, at: random() })).sort((a, b) => a.at - b.at);
  return `{${blank()}${shuffled.map(({ entry: [key, each] }) => `${text(key)}${blank()}:${blank()}${oddly(each, random)}`).join(`${blank()},${blank()}`)}${blank()}}`;
}

/** A small generator of numbers in [0, 1), the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}
