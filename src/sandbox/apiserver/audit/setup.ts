/** From the flags to the auditor, in the server's order: policy, log file, webhook (server/options/audit.go, ApplyTo). */
import { messageOf } from '../../../core/errors';
import { goQuote } from '../../../core/policy/go-text';
import { loadPolicy } from '../../../core/policy/load';
import type { Policy } from '../../../core/policy/types';
import type { ContainerFiles } from '../files';
import type { Klog } from '../klog';
import type { Metrics } from '../metrics';
import { Auditor } from './auditor';
import { ignoringErrors, reporter, union, type Backend, type Report } from './backend';
import { buffered } from './buffered';
import { logBackend, openLog } from './log';
import type { AuditOptions, BackendOptions } from './options';
import { truncating } from './truncate';
import { readReceiver, webhookBackend } from './webhook';

export interface AuditWorld {
  files: ContainerFiles;
  klog: Klog;
  metrics: Metrics;
  /** N of the server's version 1.N. */
  minor: number;
  /** Microseconds since the epoch. */
  now: () => number;
  stdout: (text: string) => void;
}

/** undefined: auditing is off, without a policy or without a backend. @throws with the server's message. */
export function setUpAudit(options: AuditOptions, world: AuditWorld): Auditor | undefined {
  const { files, klog, metrics, minor } = world;
  const policy = options.policyFile === undefined ? undefined : readPolicy(options.policyFile, world);
  const report = reporter(klog, metrics, minor);
  const backends: Backend[] = [];
  if (options.log) {
    // Without a policy the file is made all the same.
    const writer = openLog(options.log, files, minor, world.stdout);
    if (policy) backends.push(wrapped(logBackend(writer, options.log.format, minor, report), options.log, report));
    else void writer.close();
  }
  if (options.webhook && policy) {
    const receiver = readReceiver(options.webhook.configFile, files);
    const backend = webhookBackend(receiver, options.webhook.initialBackoff, report);
    backends.push(wrapped(backend, options.webhook, report));
  }
  if (policy === undefined || backends.length === 0) return undefined;
  return new Auditor(policy, union(backends), metrics, minor, world.now);
}

function wrapped(backend: Backend, { mode, batch, truncate }: BackendOptions, report: Report): Backend {
  const delivered = mode === 'batch' ? buffered(backend, batch, report) : backend;
  const tolerant = mode === 'blocking' ? ignoringErrors(delivered) : delivered;
  return truncate ? truncating(tolerant, truncate, report) : tolerant;
}

function readPolicy(file: string, { files, klog, minor }: AuditWorld): Policy {
  let bytes: Buffer;
  try {
    bytes = files.read(file);
  } catch (error) {
    throw new Error(`loading audit policy file: failed to read file path ${goQuote(file)}: ${messageOf(error)}`);
  }
  const loaded = loadPolicy(bytes, { file, kubeVersion: { major: 1, minor } });
  if (loaded.policy === undefined) throw new Error(loaded.serverMessage ?? '');
  if (loaded.serverMessage !== null) klog.warning('reader.go:81', loaded.serverMessage);
  return loaded.policy;
}
