/** The --audit-* flags with their defaults, and what the server finds wrong with them (apiserver/pkg/server/options/audit.go). */
import type { Flags } from '../flags/parse';

export type Mode = 'batch' | 'blocking' | 'blocking-strict';
export type Plugin = 'log' | 'webhook';

export interface BackendOptions {
  mode: Mode;
  batch: BatchOptions;
  truncate?: TruncateOptions;
}

export interface BatchOptions {
  bufferSize: number;
  maxSize: number;
  /** Milliseconds. */
  maxWait: number;
  throttle?: { qps: number; burst: number };
}

export interface TruncateOptions {
  maxEventSize: number;
  maxBatchSize: number;
}

export interface AuditOptions {
  policyFile?: string;
  log?: LogOptions;
  webhook?: WebhookOptions;
}

export interface LogOptions extends BackendOptions {
  /** `-` is the standard output. */
  path: string;
  format: 'json' | 'legacy';
  rotation: Rotation;
}

export interface Rotation {
  /** Bytes; undefined: never rotated. */
  maxSize?: number;
  /** Days; 0: for ever. */
  maxAge: number;
  /** Files; 0: all of them. */
  maxBackups: number;
  compress: boolean;
}

export interface WebhookOptions extends BackendOptions {
  configFile: string;
  /** Milliseconds. */
  initialBackoff: number;
}

/** The flags have passed {@link auditProblems}. */
export function auditOptions(flags: Flags, minor: number): AuditOptions {
  const policyFile = flags.string('audit-policy-file');
  const path = flags.string('audit-log-path');
  const configFile = flags.string('audit-webhook-config-file');
  const legacyBackoff = flags.duration('audit-webhook-batch-initial-backoff', 10_000);
  return {
    ...(policyFile === '' ? {} : { policyFile }),
    ...(path === ''
      ? {}
      : {
          log: {
            ...backendOptions(flags, 'log'),
            path,
            format: flags.string('audit-log-format', 'json') as LogOptions['format'],
            rotation: rotation(flags, minor),
          },
        }),
    ...(configFile === ''
      ? {}
      : {
          webhook: {
            ...backendOptions(flags, 'webhook'),
            configFile,
            initialBackoff: flags.duration('audit-webhook-initial-backoff', legacyBackoff),
          },
        }),
  };
}

/** Errors of validation, in the server's order and words. */
export function auditProblems(flags: Flags, minor: number): string[] {
  return [
    ...(flags.string('audit-log-path') === '' ? [] : logProblems(flags, minor)),
    ...(flags.string('audit-webhook-config-file') === '' ? [] : backendProblems(flags, 'webhook', minor)),
  ];
}

const DEFAULTS = {
  log: { mode: 'blocking', maxSize: 1, maxWait: 0, throttle: false, qps: 0, burst: 0 },
  webhook: { mode: 'batch', maxSize: 400, maxWait: 30_000, throttle: true, qps: 10, burst: 15 },
} as const;

const MODES = ['batch', 'blocking', 'blocking-strict'];

function backendOptions(flags: Flags, plugin: Plugin): BackendOptions {
  const own = DEFAULTS[plugin];
  const name = (rest: string) => `audit-${plugin}-${rest}`;
  const throttled = flags.boolean(name('batch-throttle-enable'), own.throttle);
  return {
    mode: flags.string(name('mode'), own.mode) as Mode,
    batch: {
      bufferSize: flags.integer(name('batch-buffer-size'), 10_000),
      maxSize: flags.integer(name('batch-max-size'), own.maxSize),
      maxWait: flags.duration(name('batch-max-wait'), own.maxWait),
      ...(throttled
        ? {
            throttle: {
              qps: flags.number(name('batch-throttle-qps'), own.qps),
              burst: flags.integer(name('batch-throttle-burst'), own.burst),
            },
          }
        : {}),
    },
    ...(flags.boolean(name('truncate-enabled'), false) ? { truncate: truncateOptions(flags, plugin) } : {}),
  };
}

function truncateOptions(flags: Flags, plugin: Plugin): TruncateOptions {
  return {
    maxEventSize: flags.integer(`audit-${plugin}-truncate-max-event-size`, 100 << 10),
    maxBatchSize: flags.integer(`audit-${plugin}-truncate-max-batch-size`, 10 << 20),
  };
}

function rotation(flags: Flags, minor: number): Rotation {
  const kept = minor >= 36;
  const megabytes = flags.integer('audit-log-maxsize', kept ? 100 : 0);
  // Until 1.35 no size meant the 100 MB of the rotating writer; since then it means no rotation.
  const never = megabytes === 0 && kept;
  return {
    ...(never ? {} : { maxSize: (megabytes === 0 ? 100 : megabytes) * 1024 * 1024 }),
    maxAge: flags.integer('audit-log-maxage', kept ? 366 : 0),
    maxBackups: flags.integer('audit-log-maxbackup', kept ? 100 : 0),
    compress: flags.boolean('audit-log-compress', false),
  };
}

function logProblems(flags: Flags, minor: number): string[] {
  const problems = backendProblems(flags, 'log', minor);
  const format = flags.string('audit-log-format', 'json');
  if (format !== 'legacy' && format !== 'json') {
    problems.push(`invalid audit log format ${format}, allowed formats are "legacy,json"`);
  }
  for (const name of ['audit-log-maxage', 'audit-log-maxbackup', 'audit-log-maxsize']) {
    const value = flags.integer(name, 0);
    if (value < 0) problems.push(`--${name} ${value} can't be a negative number`);
  }
  return problems;
}

function backendProblems(flags: Flags, plugin: Plugin, minor: number): string[] {
  const versions = minor >= 24 ? ['v1'] : ['v1alpha1', 'v1beta1', 'v1'];
  const version = flags.string(`audit-${plugin}-version`, 'audit.k8s.io/v1');
  const allowed = versions.map((name) => `"audit.k8s.io/${name}"`).join(' ');
  const known = versions.some((name) => version === `audit.k8s.io/${name}`);
  return [
    ...batchProblem(flags, plugin),
    ...truncateProblem(flags, plugin),
    ...(known ? [] : [`invalid group version, allowed versions are [${allowed}]`]),
  ];
}

function batchProblem(flags: Flags, plugin: Plugin): string[] {
  const { mode, batch } = backendOptions(flags, plugin);
  if (!MODES.includes(mode)) {
    return [`invalid audit ${plugin} mode ${mode}, allowed modes are "${MODES.join(',')}"`];
  }
  if (mode !== 'batch') return [];
  const positive: [string, number | undefined][] = [
    ['buffer size', batch.bufferSize],
    ['max batch size', batch.maxSize],
    ['throttle QPS', batch.throttle?.qps],
    ['throttle burst', batch.throttle?.burst],
  ];
  const bad = positive.find(([, value]) => value !== undefined && value <= 0);
  return bad ? [`invalid audit batch ${plugin} ${bad[0]} ${bad[1] ?? 0}, must be a positive number`] : [];
}

function truncateProblem(flags: Flags, plugin: Plugin): string[] {
  const { maxEventSize, maxBatchSize } = truncateOptions(flags, plugin);
  const start = `invalid audit truncate ${plugin} max`;
  if (maxEventSize <= 0) return [`${start} event size ${maxEventSize}, must be a positive number`];
  if (maxBatchSize < maxEventSize) {
    return [`${start} batch size ${maxBatchSize}, must be greater than max event size (${maxEventSize})`];
  }
  return [];
}
