/** etcd's flags, as Go's flag package reads them. Rule: those that matter to the sandbox are used, the others taken. */

export interface EtcdFlags {
  dataDir: string;
  clientUrls: readonly URL[];
  metricsUrls: readonly URL[];
  certFile?: string;
  keyFile?: string;
  trustedCaFile?: string;
  clientCertAuth: boolean;
  name: string;
}

export type FlagsResult = { ok: true; flags: EtcdFlags } | { ok: false; message: string };

export function parseEtcdFlags(args: readonly string[]): FlagsResult {
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? '';
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    if (match === null) {
      if (argument === '--') break;
      const bad = argument.startsWith('-') ? `bad flag syntax: ${argument}` : `'${argument}' is not a valid flag`;
      return { ok: false, message: bad };
    }
    const name = match[1] ?? '';
    if (BOOLEANS.has(name)) {
      const value = match[2] ?? 'true';
      if (!/^(1|0|t|f|true|false|TRUE|FALSE|True|False|T|F)$/.test(value)) {
        return { ok: false, message: `invalid boolean value ${JSON.stringify(value)} for -${name}: parse error` };
      }
      values.set(name, value);
      continue;
    }
    if (!OTHERS.has(name)) return { ok: false, message: `flag provided but not defined: -${name}` };
    const value = match[2] ?? args[++at];
    if (value === undefined) return { ok: false, message: `flag needs an argument: -${name}` };
    values.set(name, value);
  }
  try {
    return { ok: true, flags: settings(values) };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function settings(values: ReadonlyMap<string, string>): EtcdFlags {
  const name = values.get('name') ?? 'default';
  const text = (flag: string): string | undefined => values.get(flag) || undefined;
  const certFile = text('cert-file');
  const keyFile = text('key-file');
  const trustedCaFile = text('trusted-ca-file');
  return {
    name,
    dataDir: values.get('data-dir') ?? `${name}.etcd`,
    clientUrls: urls('listen-client-urls', values.get('listen-client-urls') ?? 'http://localhost:2379'),
    metricsUrls: urls('listen-metrics-urls', values.get('listen-metrics-urls') ?? ''),
    ...(certFile ? { certFile } : {}),
    ...(keyFile ? { keyFile } : {}),
    ...(trustedCaFile ? { trustedCaFile } : {}),
    clientCertAuth: /^(1|t|true)$/i.test(values.get('client-cert-auth') ?? 'false'),
  };
}

function urls(flag: string, list: string): URL[] {
  return list
    .split(',')
    .filter((text) => text !== '')
    .map((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/') {
        throw new Error(`invalid value "${text}" for flag -${flag}: URL must be http(s)://HOST:PORT`);
      }
      return url;
    });
}

const BOOLEANS = new Set([
  'client-cert-auth',
  'peer-client-cert-auth',
  'auto-tls',
  'peer-auto-tls',
  'force-new-cluster',
  'enable-v2',
  'enable-pprof',
  'enable-grpc-gateway',
  'strict-reconfig-check',
  'pre-vote',
  'debug',
  'unsafe-no-fsync',
  'feature-gates-strict',
  'experimental-initial-corrupt-check',
  'experimental-enable-lease-checkpoint',
  'experimental-memory-mlock',
  'experimental-txn-mode-write-with-shared-buffer',
  'experimental-stop-grpc-service-on-defrag',
  'socket-reuse-address',
  'socket-reuse-port',
]);

const OTHERS = new Set([
  'advertise-client-urls',
  'auth-token',
  'auth-token-ttl',
  'auto-compaction-mode',
  'auto-compaction-retention',
  'backend-batch-interval',
  'backend-batch-limit',
  'backend-bbolt-freelist-type',
  'bcrypt-cost',
  'cert-file',
  'cipher-suites',
  'client-cert-allowed-hostname',
  'client-crl-file',
  'compact-hash-check-time',
  'config-file',
  'cors',
  'corrupt-check-time',
  'data-dir',
  'discovery',
  'discovery-srv',
  'election-timeout',
  'experimental-watch-progress-notify-interval',
  'experimental-compact-hash-check-time',
  'experimental-warning-apply-duration',
  'feature-gates',
  'grpc-keepalive-interval',
  'grpc-keepalive-min-time',
  'grpc-keepalive-timeout',
  'heartbeat-interval',
  'host-whitelist',
  'initial-advertise-peer-urls',
  'initial-cluster',
  'initial-cluster-state',
  'initial-cluster-token',
  'key-file',
  'listen-client-urls',
  'listen-client-http-urls',
  'listen-metrics-urls',
  'listen-peer-urls',
  'log-format',
  'log-level',
  'log-outputs',
  'logger',
  'max-concurrent-streams',
  'max-request-bytes',
  'max-snapshots',
  'max-txn-ops',
  'max-wals',
  'metrics',
  'name',
  'peer-cert-file',
  'peer-cert-allowed-cn',
  'peer-key-file',
  'peer-trusted-ca-file',
  'peer-crl-file',
  'quota-backend-bytes',
  'snapshot-count',
  'tls-min-version',
  'tls-max-version',
  'trusted-ca-file',
  'wal-dir',
  'warning-apply-duration',
  'watch-progress-notify-interval',
]);
