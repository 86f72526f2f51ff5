/** Every kind of request whose events were recorded from a real server is answered here, and must log the same bytes. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Identity } from '../../../../src/sandbox/apiserver/access/authenticator';
import { encodeEvent } from '../../../../src/sandbox/apiserver/audit/event';
import type { RestRequest, RestResponse } from '../../../../src/sandbox/apiserver/contract';
import { ask, fakeRest, startFront } from '../../../support/front';

const FOLDER = join(__dirname, '../../../../fixtures/audit-events');
const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - { level: Metadata, resources: [{ group: "", resources: [secrets] }] }
  - level: RequestResponse
`;

interface Recorded {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
  status: number;
  response: { json: unknown } | { text: string };
  events: string[];
}

interface RecordedUser {
  username?: string;
  uid?: string;
  groups?: string[];
}

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

test.each(names)('%s', async (name) => {
  const recorded = JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Recorded;
  const lines: string[] = [];
  const front = await startFront({
    rest: fakeRest((request) => answer(recorded, request)),
    identity: identityOf(recorded),
    image: 'kube-apiserver:v1.20.2',
    policy: POLICY,
    backend: {
      process(events) {
        lines.push(...events.map(encodeEvent));
        return true;
      },
      close: () => Promise.resolve(),
    },
  });
  try {
    const { method, path, headers, body } = recorded;
    const sent = { ...headers, 'Audit-ID': `recorded-${name.replace('.json', '')}`, 'User-Agent': agent(recorded) };
    const got = await ask(front.port, path, { method, headers: sent, ...(body === null ? {} : { body }) });
    expect(got.status).toBe(recorded.status);
    expect(lines.map(timeless)).toEqual(recorded.events.map(timeless));
    // What is answered by the front itself is answered in the real one's words, too.
    if (got.status === 403 || got.status === 401) {
      expect(JSON.parse(got.text)).toEqual('json' in recorded.response && recorded.response.json);
    }
  } finally {
    await front.close();
  }
});

/** Two requests never come at the same microsecond. */
function timeless(line: string): string {
  return line.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g, 'TIME');
}

function identityOf({ events }: Recorded): Identity {
  const { username, uid, groups = [] } = (JSON.parse(events[0]!) as { user: RecordedUser }).user;
  if (username === undefined) return { kind: 'failed', reason: 'invalid bearer token' };
  return { kind: 'user', user: { name: username, groups, ...(uid === undefined ? {} : { uid }) } };
}

function agent({ headers }: Recorded): string {
  return headers['User-Agent'] ?? 'recorder/1.0';
}

function answer({ status, response, body }: Recorded, { method }: RestRequest): RestResponse {
  const sent = body as { metadata?: { name?: string; uid?: string; resourceVersion?: string } } | null;
  if ('text' in response) return { status, body: { text: response.text, type: 'text/plain' } };
  const refused = status >= 400 && status !== 409;
  return {
    status,
    body: response,
    responseObject: response.json,
    ...(sent && !refused ? { requestObject: sent } : {}),
    ...(sent?.metadata && method !== 'PATCH' ? { objectRef: sent.metadata } : {}),
  };
}
