/** /livez, /readyz and /healthz, as apiserver/pkg/server/healthz answers them. None of their checks knows of auditing. */
import { goQuote } from '../../core/policy/go-text';

export interface Check {
  name: string;
  /** Why it fails; undefined when it does not. */
  run: () => string | undefined | Promise<string | undefined>;
}

export interface HealthState {
  /** Whether everything that is done after the start is done. */
  started: () => boolean;
  stopping: () => boolean;
  /** Whether etcd answers. */
  etcd(): Promise<boolean>;
}

export interface TextAnswer {
  status: number;
  text: string;
  type: string;
  /** Tells browsers to believe the type. */
  nosniff: boolean;
}

export class Health {
  readonly #checks: Readonly<Record<'livez' | 'readyz' | 'healthz', readonly Check[]>>;

  /** @param minor of the server's version 1.N. */
  constructor(state: HealthState, minor: number) {
    const fine = (name: string): Check => ({ name, run: () => undefined });
    const hook = (name: string): Check => ({
      name: `poststarthook/${name}`,
      run: () => (state.started() || !LATE.has(name) ? undefined : 'not finished'),
    });
    const etcd = (name: string): Check => ({
      name,
      run: async () => ((await state.etcd()) ? undefined : 'error getting data from etcd: context deadline exceeded'),
    });
    const shutdown: Check = {
      name: 'shutdown',
      run: () => (state.stopping() ? 'process is shutting down' : undefined),
    };
    const autoregister: Check = {
      name: 'autoregister-completion',
      run: () => (state.started() ? undefined : 'missing APIService: [v1. v1.apps v1.rbac.authorization.k8s.io]'),
    };
    const hooks = (minor >= 30 ? HOOKS : HOOKS_OF_120).map(hook);
    const isLast = ({ name }: Check) => name.startsWith('poststarthook/apiservice-openapi');
    const early = hooks.filter((check) => !isLast(check));
    const late = hooks.filter(isLast);
    const common = [fine('ping'), fine('log'), etcd('etcd')];
    const newer = minor >= 24;
    const ready = newer ? [etcd('etcd-readiness'), fine('informer-sync')] : [fine('informer-sync')];
    this.#checks = {
      livez: [...common, ...early, autoregister, ...late],
      healthz: [...common, ...early, autoregister, ...late],
      readyz: [...common, ...ready, ...early, autoregister, ...late, shutdown],
    };
  }

  /** undefined: not a path of health. @param query of the request. */
  async answer(path: string, query: URLSearchParams): Promise<TextAnswer | undefined> {
    const [, endpoint = '', ...rest] = path.split('/');
    if (endpoint !== 'livez' && endpoint !== 'readyz' && endpoint !== 'healthz') return undefined;
    const checks = this.#checks[endpoint];
    if (rest.length === 0) return root(endpoint, checks, query);
    const check = checks.find(({ name }) => name === rest.join('/'));
    return check && single(check);
  }
}

async function root(endpoint: string, checks: readonly Check[], query: URLSearchParams): Promise<TextAnswer> {
  const excluded = new Set(query.getAll('exclude'));
  const lines: string[] = [];
  let failed = false;
  for (const { name, run } of checks) {
    if (excluded.delete(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const problem = await run();
    failed ||= problem !== undefined;
    // The reason is for those who may ask for the single check.
    lines.push(problem === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
  }
  if (excluded.size > 0) {
    const names = [...excluded].sort().map(goQuote).join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  if (failed) return text(500, [...lines, `${endpoint} check failed`, ''].join('\n'));
  return query.has('verbose') ? text(200, [...lines, `${endpoint} check passed`, ''].join('\n')) : text(200, 'ok');
}

async function single({ run }: Check): Promise<TextAnswer> {
  const problem = await run();
  if (problem !== undefined) return text(500, `internal server error: ${problem}\n`);
  return { ...text(200, 'ok'), nosniff: false };
}

function text(status: number, body: string): TextAnswer {
  return { status, text: body, type: 'text/plain; charset=utf-8', nosniff: true };
}

/** What is not done when the server begins to answer. */
const LATE = new Set(['rbac/bootstrap-roles', 'scheduling/bootstrap-system-priority-classes', 'crd-informer-synced']);

const HOOKS_OF_120 = [
  'start-kube-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'bootstrap-controller',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'start-cluster-authentication-info-controller',
  'start-kube-aggregator-informers',
  'apiservice-registration-controller',
  'apiservice-status-available-controller',
  'kube-apiserver-autoregistration',
  'apiservice-openapi-controller',
];

const HOOKS = [
  'start-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'storage-object-count-tracker-hook',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'bootstrap-controller',
  'aggregator-reload-proxy-client-cert',
  'start-kube-aggregator-informers',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-registration-controller',
  'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
  'apiservice-openapi-controller',
  'apiservice-openapiv3-controller',
];
