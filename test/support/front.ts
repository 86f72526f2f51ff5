/** The server's front over plain HTTP, with a back of a few objects: what the network and the cluster would bring. */
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Identity } from '../../src/sandbox/apiserver/access/authenticator';
import { authorizer } from '../../src/sandbox/apiserver/access/authorizer';
import { Auditor } from '../../src/sandbox/apiserver/audit/auditor';
import type { Backend } from '../../src/sandbox/apiserver/audit/backend';
import type { RestApi, RestRequest, RestResponse } from '../../src/sandbox/apiserver/contract';
import { parseFlags, type Flags } from '../../src/sandbox/apiserver/flags/parse';
import { Handler } from '../../src/sandbox/apiserver/handler';
import { Health } from '../../src/sandbox/apiserver/health';
import { Klog } from '../../src/sandbox/apiserver/klog';
import { localPaths } from '../../src/sandbox/apiserver/local';
import { Metrics } from '../../src/sandbox/apiserver/metrics';
import { versionOf } from '../../src/sandbox/apiserver/version';
import { loadPolicy } from '../../src/core/policy/load';

export type Objects = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

const AUTHENTICATED = { kind: 'Group', name: 'system:authenticated' };
const ANYBODY = [AUTHENTICATED, { kind: 'Group', name: 'system:unauthenticated' }];

/** Roles that every cluster has, and one in the namespace default. */
export const OBJECTS: Objects = {
  clusterroles: [
    role('system:public-info-viewer', [
      { verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] },
    ]),
    role('system:discovery', [{ verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/version', '/version/'] }]),
    role('cluster-admin', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]),
  ],
  clusterrolebindings: [
    binding('system:discovery', 'system:discovery', [AUTHENTICATED]),
    binding('system:public-info-viewer', 'system:public-info-viewer', ANYBODY),
  ],
  roles: [
    {
      metadata: { name: 'rec', namespace: 'default' },
      rules: [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] }],
    },
  ],
  rolebindings: [roleBinding('rec-b', 'rec'), roleBinding('rec-missing', 'gone')],
};

export function fakeRest(
  answer: (request: RestRequest) => RestResponse | Promise<RestResponse>,
  objects = OBJECTS,
): RestApi {
  return {
    handle: (request) => Promise.resolve(answer(request)),
    healthy: () => Promise.resolve(true),
    objects: (_group, resource) => objects[resource] ?? [],
    close: () => Promise.resolve(),
  };
}

export interface FrontOptions {
  rest: RestApi;
  identity: Identity;
  image?: string;
  policy?: string;
  backend?: Backend;
  now?: () => number;
  started?: () => boolean;
  stopping?: () => boolean;
  flags?: readonly string[];
}

export interface Front {
  port: number;
  metrics: Metrics;
  log: string[];
  handler: Handler;
  close(): Promise<void>;
}

export async function startFront(options: FrontOptions): Promise<Front> {
  const version = versionOf(options.image ?? 'kube-apiserver:v1.36.0');
  const metrics = new Metrics(1_700_000_000_500);
  const log: string[] = [];
  const now = options.now ?? (() => 1_700_000_000_000_000);
  const state = {
    started: options.started ?? (() => true),
    stopping: options.stopping ?? (() => false),
    etcd: () => options.rest.healthy(),
  };
  const auditor =
    options.policy !== undefined && options.backend
      ? new Auditor(loadPolicy(options.policy).policy!, options.backend, metrics, version.minor, now)
      : undefined;
  const handler = new Handler({
    authenticate: () => options.identity,
    authorize: authorizer(['Node', 'RBAC'], (group, resource) => options.rest.objects(group, resource)),
    local: localPaths({
      health: new Health(state, version.minor),
      metrics,
      flags: flagsOf(options.flags ?? []),
      version,
      startedAt: 1_700_000_000_000,
      now: () => 1_700_000_090_000,
    }),
    rest: options.rest,
    metrics,
    klog: new Klog((text) => log.push(text)),
    now,
    ...(auditor ? { auditor } : {}),
  });
  const server = createServer((request, response) => void handler.handle(request, response));
  await listening(server);
  return { port: (server.address() as AddressInfo).port, metrics, log, handler, close: () => closed(server) };
}

export interface Sent {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: unknown;
}

export interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

export function flagsOf(args: readonly string[], minor = 36): Flags {
  const parsed = parseFlags(args, minor);
  if (parsed.kind !== 'flags') throw new Error(JSON.stringify(parsed));
  return parsed.flags;
}

function role(name: string, rules: unknown) {
  return { metadata: { name }, rules };
}

function binding(name: string, to: string, subjects: unknown) {
  return { metadata: { name }, roleRef: { kind: 'ClusterRole', name: to }, subjects };
}

function roleBinding(name: string, to: string) {
  return {
    metadata: { name, namespace: 'default' },
    roleRef: { kind: 'Role', name: to },
    subjects: [{ kind: 'ServiceAccount', name: 'rec', namespace: 'default' }],
  };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
