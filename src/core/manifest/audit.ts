/** The audit settings that a manifest holds, as its API server would read them. */
import type { ManifestDocument } from './document';
import { parseBoolean } from './flags';
import { resolveMount } from './mounts';
import type { ResolvedMount } from './mounts';
import type { Server } from './server';
import { scalarOf } from './value';

/** Annotation of the pod: SHA-256 of the policy file, in hex. A changed policy thereby restarts the server. */
export const policyAnnotation = 'kube-auditctl/policy-sha256';

/** Names of the flags, as staging/src/k8s.io/apiserver/pkg/server/options/audit.go adds them. */
export const flagNames = {
  policyFile: 'audit-policy-file',
  logPath: 'audit-log-path',
  maxAge: 'audit-log-maxage',
  maxBackup: 'audit-log-maxbackup',
  maxSize: 'audit-log-maxsize',
  compress: 'audit-log-compress',
  mode: 'audit-log-mode',
  format: 'audit-log-format',
  webhookConfig: 'audit-webhook-config-file',
  webhookMode: 'audit-webhook-mode',
  webhookVersion: 'audit-webhook-version',
  webhookBackoff: 'audit-webhook-initial-backoff',
} as const;

export interface AuditFile {
  /** As the flag says it; `$(VAR)` expanded where the manifest gives the variable's value. */
  containerPath: string;
  /** The same file on the host; undefined when it is not of the host. */
  hostPath: string | undefined;
  /** The mount through which the server sees it. */
  mount: ResolvedMount | undefined;
}

/** Undefined fields: the flag is absent, or its value is none that the server would take. */
export interface AuditLog extends AuditFile {
  maxAge: number | undefined;
  maxBackup: number | undefined;
  maxSize: number | undefined;
  compress: boolean | undefined;
  mode: string | undefined;
  format: string | undefined;
}

export interface AuditWebhook extends AuditFile {
  mode: string | undefined;
}

export interface AuditSettings {
  policy: AuditFile | undefined;
  /** `containerPath` is `-` for the server's standard output. */
  log: AuditLog | undefined;
  webhook: AuditWebhook | undefined;
  /** Every audit flag in effect and its value as written (`true` for a boolean that stands alone), by name. */
  flags: Readonly<Record<string, string>>;
  /** The value of our annotation, whoever wrote it. */
  annotation: string | undefined;
}

export function readAudit(doc: ManifestDocument, server: Server): AuditSettings {
  const annotation = doc.map(['metadata', 'annotations'])[policyAnnotation];
  const policy = readFile(server, flagNames.policyFile);
  const log = readFile(server, flagNames.logPath);
  const webhook = readFile(server, flagNames.webhookConfig);
  return {
    policy,
    log: log && {
      ...log,
      maxAge: readNumber(server, flagNames.maxAge),
      maxBackup: readNumber(server, flagNames.maxBackup),
      maxSize: readNumber(server, flagNames.maxSize),
      compress: readBoolean(server, flagNames.compress),
      mode: server.effectiveValue(flagNames.mode),
      format: server.effectiveValue(flagNames.format),
    },
    webhook: webhook && { ...webhook, mode: server.effectiveValue(flagNames.webhookMode) },
    flags: auditFlags(server),
    annotation: annotation == null ? undefined : scalarOf(annotation),
  };
}

/** Whether a flag belongs to auditing. */
export function isAuditFlag(name: string): boolean {
  return name.startsWith('audit-');
}

function auditFlags(server: Server): Record<string, string> {
  const names = server.flags.map(({ name }) => name).filter(isAuditFlag);
  return Object.fromEntries(names.map((name) => [name, server.effective(name)?.value ?? 'true']));
}

function readFile(server: Server, name: string): AuditFile | undefined {
  const written = server.effective(name)?.value;
  if (written === undefined || written === '') return undefined;
  const containerPath = server.effectiveValue(name) ?? written;
  // The server's working directory is the root, so a relative path starts there.
  const mount = containerPath === '-' ? undefined : resolveMount(server, `/${containerPath}`);
  return { containerPath, hostPath: mount?.hostPath, mount };
}

function readNumber(server: Server, name: string): number | undefined {
  const value = server.effectiveValue(name);
  return value !== undefined && /^[-+]?\d+$/.test(value) ? Number(value) : undefined;
}

function readBoolean(server: Server, name: string): boolean | undefined {
  return server.effective(name) && parseBoolean(server.effectiveValue(name));
}
