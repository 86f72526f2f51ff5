/** The server as a process: TLS and certificates, events on the node's disk, the port's entry, and how it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeApiContainer, withPolicy, type ApiContainer } from '../../support/api-container';
import { bundle } from '../../support/bundle';
import { makeAuthority, type Pem } from '../../support/pki';
import { until } from '../../support/until';

const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - { level: None, nonResourceURLs: ["/readyz*"] }
  - level: RequestResponse
`;

/** The program with a back that answers everything, a watch without end, and how many it has left. */
const PROGRAM = `
import { main } from './src/sandbox/apiserver/main';
import { OBJECTS } from './test/support/front';
const never = async function* (signal) {
  yield { type: 'ADDED', object: { kind: 'ConfigMap' } };
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
};
main(async ({ front }) => ({
  async handle({ info, signal }) {
    if (info.verb === 'watch') return { status: 200, body: { events: never(signal) } };
    if (info.resource === 'secrets') {
      const large = { kind: 'Secret', apiVersion: 'v1', data: { x: 'y'.repeat(100_000) } };
      return { status: 201, body: { json: large }, responseObject: large };
    }
    if (info.subresource === 'token') {
      const issued = front.issueToken({ serviceAccount: { namespace: 'default', name: 'rec', uid: 'u1' }, audiences: [], expirationSeconds: 600 });
      return { status: 201, body: { json: issued } };
    }
    const json = { kind: 'ConfigMapList', apiVersion: 'v1', items: [] };
    return { status: 200, body: { json }, responseObject: json };
  },
  healthy: async () => true,
  objects: (group, resource) => resource === 'serviceaccounts' ? [{ metadata: { name: 'rec', namespace: 'default', uid: 'u1' } }] : OBJECTS[resource] ?? [],
  close: async () => undefined,
}));
`;

let api: ApiContainer;
let child: ChildProcess;
let stderr = '';
const LIST = '/api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  api = withPolicy(await makeApiContainer(undefined, { serverStart: 1, speed: 100 }), POLICY);
  const file = join(api.container.rootfs, '..', 'container.json');
  writeFileSync(file, JSON.stringify(api.container));
  child = spawn(process.execPath, [bundle(PROGRAM), ...api.args], {
    env: { ...process.env, CONTAINER_FILE: file },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await until(async () => (await ask('/readyz').catch(() => undefined))?.text === 'ok');
});

afterAll(() => child.kill('SIGKILL'));

interface Got {
  status: number;
  text: string;
  auditId: string;
}

function ask(path: string, { pair, body, ...more }: RequestOptions & { pair?: Pem; body?: string } = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: api.port, path, ca: api.ca.cert, agent: false, ...pair, ...more };
    const sent = request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode!, text, auditId: String(response.headers['audit-id']) }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function events(): {
  auditID: string;
  stage: string;
  user: { username?: string; groups?: string[]; extra?: object };
}[] {
  const text = readFileSync(join(api.node, 'var/log/kubernetes/audit/audit.log'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ReturnType<typeof events>[number]);
}

test('a client certificate names its user and groups; its event is on the disk when the answer is there', async () => {
  const got = await ask(LIST, { pair: api.admin });
  expect(got.status).toBe(200);
  const mine = events().filter(({ auditID }) => auditID === got.auditId);
  expect(mine.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseComplete']);
  expect(mine[0]!.user).toMatchObject({
    username: 'kubernetes-admin',
    groups: ['system:masters', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)] },
  });
  expect(statSync(join(api.node, 'var/log/kubernetes/audit/audit.log')).mode & 0o777).toBe(0o600);
});

test('users of the cluster are asked what they may do; strangers are refused, and nobody is anonymous', async () => {
  const jane = await ask('/api/v1/namespaces/default/secrets', { pair: await api.ca.issue('CN=jane, O=dev') });
  expect(jane.status).toBe(403);
  expect(jane.text).toContain(
    String.raw`secrets is forbidden: User \"jane\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"`,
  );
  const stranger = await (await makeAuthority('CN=other')).issue('CN=kubernetes-admin, O=system:masters');
  expect((await ask(LIST, { pair: stranger })).status).toBe(401);
  expect((await ask(LIST, { pair: await api.ca.issue('CN=late', { days: -1 }) })).status).toBe(401);
  const anonymous = await ask('/version');
  expect(JSON.parse(anonymous.text)).toMatchObject({ gitVersion: 'v1.36.0', minor: '36' });
  const failed = await ask(LIST, { headers: { Authorization: 'Bearer nonsense' } });
  expect(failed.status).toBe(401);
  const mine = events().filter(({ auditID }) => auditID === failed.auditId);
  expect(mine).toEqual([expect.objectContaining({ stage: 'ResponseStarted', user: {} })]);
});

test('a service account is known by the token that the server has signed', async () => {
  const issued = await ask('/api/v1/namespaces/default/serviceaccounts/rec/token', { method: 'POST', pair: api.admin });
  const { token } = JSON.parse(issued.text) as { token: string };
  const got = await ask(LIST, { headers: { Authorization: `Bearer ${token}` } });
  expect(got.status).toBe(200);
  expect(events().find(({ auditID }) => auditID === got.auditId)!.user).toMatchObject({
    username: 'system:serviceaccount:default:rec',
    uid: 'u1',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
  });
  const bent = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
  expect((await ask(LIST, { headers: { Authorization: `Bearer ${bent}` } })).status).toBe(401);
});

test('large bodies one after the other on one connection: none of them is cut off', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = JSON.stringify({ kind: 'Secret', apiVersion: 'v1', data: { x: 'y'.repeat(100_000) } });
  const headers = { 'Content-Type': 'application/json' };
  for (let left = 60; left > 0; left--) {
    const path = '/api/v1/namespaces/default/secrets';
    const got = await ask(path, { pair: api.admin, agent, method: 'POST', body, headers });
    expect(got.status).toBe(201);
  }
  agent.destroy();
});

test('who listens stands in the folder of the node', () => {
  expect(JSON.parse(readFileSync(entry(), 'utf8'))).toEqual([api.port]);
});

test('SIGTERM: the watch ends, the port is free, the entry gone; the process lives on and ends by itself', async () => {
  let seen = '';
  const over = new Promise<void>((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: api.port,
      path: `${LIST}?watch=1`,
      ca: api.ca.cert,
      agent: false,
      ...api.admin,
    };
    const sent = request({ ...options, headers: { 'Audit-ID': 'the-watch' } }, (response) => {
      response.on('data', (chunk: Buffer) => (seen += chunk.toString()));
      response.on('end', resolve);
    });
    sent.on('error', reject);
    sent.end();
  });
  await until(() => Promise.resolve(seen !== ''));
  const idle = new Agent({ keepAlive: true, maxSockets: 1 });
  await ask('/readyz', { agent: idle });
  const [kept] = Object.values(idle.freeSockets).flat();
  const closed = new Promise((resolve) => kept!.on('close', resolve));
  expect(stages('the-watch')).toEqual(['RequestReceived', 'ResponseStarted']);
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  child.kill('SIGTERM');
  await over;
  expect(seen).toBe('{"type":"ADDED","object":{"kind":"ConfigMap"}}\n');
  expect(stages('the-watch')).toEqual(['RequestReceived', 'ResponseStarted', 'ResponseComplete']);
  expect(await refused(api.port)).toBe(true);
  await closed;
  expect(existsSync(entry())).toBe(false);
  expect(child.exitCode).toBeNull();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(stderr).toContain('Stopped listening on 127.0.0.1:');
});

function entry(): string {
  return join(api.container.runDir, `listening/${child.pid}.json`);
}

function stages(id: string): string[] {
  return events().flatMap(({ auditID, stage }) => (auditID === id ? [stage] : []));
}

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });
}
