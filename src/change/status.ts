/** What is configured, what runs, what is really being logged, and what differs from what we last left. Writes nothing. */
import { cisAuditChecks, type CisCheck } from '../core/cis/audit';
import type { ServerProcess } from '../core/evidence';
import type { Finding } from '../core/finding';
import { unifiedDiff } from '../core/manifest/diff';
import { expectedArgv, matchesArgv } from '../core/manifest/server';
import { FINAL_STATES, type ChangeRecord } from '../core/record';
import { messageOf } from '../core/errors';
import { checkPolicy } from './check-policy';
import { decodeText, describe, kubeVersionOf, readLiveManifest, type LiveManifest } from './manifest';
import type { Ports } from './ports';
import { openStore } from './store';

export interface StatusReport {
  /** on: policy and a backend are set. incomplete: only one of the two. */
  configured: 'on' | 'off' | 'incomplete';
  manifestPath: string;
  version?: string;
  settings: Readonly<Record<string, string>>;
  running: { pid: number; startedAt: string; asConfigured: boolean; ready: boolean; readyDetail?: string } | null;
  policy: { path: string; onHost?: string; sha256?: string; runs: 'this' | 'another' | 'unknown' } | null;
  log: { path: string; onHost?: string; bytes?: number; lastWriteSecondsAgo?: number } | null;
  lastChange: { id: string; command: string; at: string; state: string } | null;
  /** A change that was never finished. */
  unfinished: string | null;
  /** Unified diff from what we last left to what stands there; empty when nothing differs, null without a record. */
  drift: string | null;
  findings: readonly Finding[];
  cis?: { edition: string; checks: readonly CisCheck[] };
}

const POLICY_LIMIT = 4 << 20;

export async function readStatus(
  ports: Ports,
  options: { manifestPath: string; stateDir: string; cis: boolean },
): Promise<StatusReport> {
  const live = await readLiveManifest(ports.files, options.manifestPath);
  const { policy, log, webhook, flags } = live.audit;
  const findings: Finding[] = [];
  const process = await servingProcess(ports, live);
  const ready = await askReady(ports, live);
  const asConfigured = process !== undefined && matchesArgv(expectedArgv(live.server), process.argv);
  const backend = log ?? webhook;
  const configured = policy && backend ? 'on' : (policy ?? backend) ? 'incomplete' : 'off';
  if (configured === 'incomplete') findings.push(incomplete(policy !== undefined));
  if (process && !asConfigured) findings.push(notAsConfigured(process, live));
  if (!process) findings.push(notRunning());
  else if (!ready.ok) findings.push(notReady(ready.detail));

  const policyReport = policy ? await policyStatus(ports, live, process, findings) : null;
  const logReport = log ? await logStatus(ports, live, configured === 'on' && ready.ok, findings) : null;
  const { lastChange, unfinished, drift } = await recordStatus(ports, live, options.stateDir, findings);
  const version = kubeVersionOf(live.server);
  return {
    configured,
    manifestPath: live.path,
    ...(version ? { version: `${version.major}.${version.minor}` } : {}),
    settings: flags,
    running: process
      ? {
          pid: process.pid,
          startedAt: new Date(process.startedAt).toISOString(),
          asConfigured,
          ready: ready.ok,
          ...(ready.ok ? {} : { readyDetail: ready.detail }),
        }
      : null,
    policy: policyReport,
    log: logReport,
    lastChange,
    unfinished,
    drift,
    findings,
    ...(options.cis ? { cis: cisAuditChecks({ settings: live.audit, manifest: live.image }, version?.minor) } : {}),
  };
}

async function servingProcess(ports: Ports, live: LiveManifest): Promise<ServerProcess | undefined> {
  const processes = await ports.node.processes(live.endpoint.port);
  return processes.find((process) => process.listening) ?? processes.at(-1);
}

async function askReady(ports: Ports, live: LiveManifest): Promise<{ ok: boolean; detail: string }> {
  try {
    const answer = await ports.node.request(live.endpoint, { method: 'GET', path: '/readyz', timeoutMs: 5000 });
    return { ok: answer.status === 200, detail: `HTTP ${answer.status}` };
  } catch (error) {
    return { ok: false, detail: messageOf(error) };
  }
}

async function policyStatus(
  ports: Ports,
  live: LiveManifest,
  process: ServerProcess | undefined,
  findings: Finding[],
): Promise<StatusReport['policy']> {
  const { policy, annotation } = live.audit;
  if (!policy) return null;
  const path = policy.containerPath;
  if (policy.hostPath === undefined) {
    findings.push({
      code: 'policy-not-on-host',
      severity: 'error',
      title: `the policy ${path} is not mounted from the host`,
      remedy: ['kube-auditctl enable --policy FILE'],
    });
    return { path, runs: 'unknown' };
  }
  let bytes: Uint8Array;
  try {
    bytes = (await ports.files.read(policy.hostPath, POLICY_LIMIT)).bytes;
  } catch (error) {
    findings.push({
      code: 'policy-unreadable',
      severity: 'error',
      title: messageOf(error),
      remedy: ['the API server reads it at its next start, and will not come back without it'],
    });
    return { path, onHost: policy.hostPath, runs: 'unknown' };
  }
  const sha256 = ports.files.sha256(bytes);
  const checked = await checkPolicy(decodeText(bytes, policy.hostPath), policy.hostPath, kubeVersionOf(live.server));
  findings.push(...checked.filter(({ severity }) => severity === 'error'));
  const runs = await whichRuns(ports, process, path, sha256, annotation);
  if (runs === 'another') {
    findings.push({
      code: 'policy-not-running',
      severity: 'warning',
      title: `${policy.hostPath} was changed since the API server started: the server still runs the old policy`,
      detail: 'It reads the file once, when it starts, and nothing restarts it when only the policy changes.',
      remedy: ['kube-auditctl enable'],
    });
  }
  return { path, onHost: policy.hostPath, sha256, runs };
}

/**
 * The annotation tells which policy the pod was started for. A file that was replaced by a rename is seen in the container
 * as the old one (a bind mount holds the inode), which tells as well.
 */
async function whichRuns(
  ports: Ports,
  process: ServerProcess | undefined,
  path: string,
  sha256: string,
  annotation: string | undefined,
): Promise<'this' | 'another' | 'unknown'> {
  const inside = process && (await ports.node.readInside(process.pid, path, POLICY_LIMIT));
  if (inside && ports.files.sha256(inside) !== sha256) return 'another';
  if (annotation !== undefined) return annotation === sha256 ? 'this' : 'another';
  return 'unknown';
}

async function logStatus(
  ports: Ports,
  live: LiveManifest,
  shouldGrow: boolean,
  findings: Finding[],
): Promise<StatusReport['log']> {
  const { log } = live.audit;
  if (!log) return null;
  const path = log.containerPath;
  if (path === '-') return { path };
  if (log.hostPath === undefined) {
    findings.push({
      code: 'log-not-on-host',
      severity: 'error',
      title: `the audit log ${path} is written inside the container, and lost when it restarts`,
      remedy: ['kube-auditctl enable'],
    });
    return { path };
  }
  const entry = await ports.files.look(log.hostPath);
  if (entry?.kind !== 'file') {
    if (shouldGrow) {
      findings.push({
        code: 'log-missing',
        severity: 'warning',
        title: `${log.hostPath} does not exist: nothing has been logged yet`,
        remedy: ['kube-auditctl verify'],
      });
    }
    return { path, onHost: log.hostPath };
  }
  const age = Math.max(0, Math.round((ports.clock.now() - entry.mtimeMs) / 1000));
  if (shouldGrow && age > 3600) {
    findings.push({
      code: 'log-silent',
      severity: 'warning',
      title: `nothing has been written to ${log.hostPath} for ${Math.round(age / 60)} minutes`,
      remedy: ['kube-auditctl verify'],
    });
  }
  return { path, onHost: log.hostPath, bytes: entry.size, lastWriteSecondsAgo: age };
}

async function recordStatus(ports: Ports, live: LiveManifest, stateDir: string, findings: Finding[]) {
  const store = openStore(ports.files, stateDir);
  const { records, damaged } = await store.list();
  const own = records.filter((record) => record.manifestPath === live.path);
  const pending = own.find((record) => !FINAL_STATES.has(record.state));
  if (pending) {
    findings.push({
      code: 'change-unfinished',
      severity: 'error',
      title: `change ${pending.id} (${pending.command}) was begun and never finished`,
      remedy: ['kube-auditctl recover'],
    });
  }
  for (const { id, why } of damaged) {
    findings.push({
      code: 'record-unreadable',
      severity: 'warning',
      title: `${id}: ${why}`,
      remedy: [`ls -l ${store.pathOf(id)}`],
    });
  }
  const newest = own.at(-1);
  const { drift, upgraded } = await driftSince(store, own, live);
  if (upgraded) findings.push(flagsGone(live, upgraded));
  else if (drift !== null && drift !== '') {
    findings.push({
      code: 'drift',
      severity: 'warning',
      title: `${live.path} is not as kube-auditctl last left it`,
      remedy: ['kube-auditctl status -o json | jq -r .drift', 'kube-auditctl enable'],
    });
  }
  return {
    lastChange: newest ? { id: newest.id, command: newest.command, at: newest.startedAt, state: newest.state } : null,
    unfinished: pending?.id ?? null,
    drift,
  };
}

async function driftSince(
  store: ReturnType<typeof openStore>,
  own: readonly ChangeRecord[],
  live: LiveManifest,
): Promise<{ drift: string | null; upgraded?: { from: string; to: string } }> {
  const last = own.findLast((record) => record.state === 'kept');
  const version = last?.files.find((file) => file.role === 'manifest')?.after;
  if (!last || !version) return { drift: null };
  if (version.sha256 === live.sha256) return { drift: '' };
  try {
    const text = decodeText(await store.copy(last.id, version.copy), live.path);
    const upgraded = upgradeSince(text, live);
    return { drift: unifiedDiff(text, live.text, { file: live.path }), ...(upgraded ? { upgraded } : {}) };
  } catch {
    return { drift: `${live.path} differs, and the copy to compare it with cannot be read\n` };
  }
}

/** kubeadm writes the manifest anew from its own configuration, and never reads the one that stands there. */
function upgradeSince(text: string, live: LiveManifest): { from: string; to: string } | undefined {
  const { audit, server } = describe(text, live.path);
  const was = audit.policy ?? audit.log ?? audit.webhook;
  const is = live.audit.policy ?? live.audit.log ?? live.audit.webhook;
  const [from = '', to = ''] = [server.image, live.server.image].map((image) => image?.replace(/^.*:/, ''));
  return was && !is && from !== to ? { from, to } : undefined;
}

function flagsGone(live: LiveManifest, { from, to }: { from: string; to: string }): Finding {
  return {
    code: 'audit-flags-gone',
    severity: 'warning',
    title: `the audit flags are gone from ${live.path} since the upgrade from ${from} to ${to}`,
    detail:
      'kubeadm writes the manifest anew from the ConfigMap kubeadm-config; what stands only in the manifest is lost.',
    remedy: [
      'kube-auditctl enable',
      'and for the next upgrade: extraArgs and extraVolumes of apiServer in kubectl -n kube-system edit configmap kubeadm-config',
    ],
  };
}

function incomplete(hasPolicy: boolean): Finding {
  return {
    code: 'audit-incomplete',
    severity: 'error',
    title: hasPolicy
      ? 'a policy is set, but no log and no webhook: auditing is off, without a word from the server'
      : 'a log or webhook is set, but no policy: nothing is ever logged',
    remedy: ['kube-auditctl enable'],
  };
}

function notAsConfigured(process: ServerProcess, live: LiveManifest): Finding {
  const wanted = live.server.argv.map(({ value }) => value);
  const lacks = wanted.slice(1).filter((argument) => !process.argv.includes(argument));
  const extra = process.argv.slice(1).filter((argument) => !wanted.includes(argument));
  return {
    code: 'not-as-configured',
    severity: 'error',
    title: `the API server (pid ${process.pid}) does not run with the manifest\u2019s arguments`,
    detail: [...lacks.map((argument) => `- ${argument}`), ...extra.map((argument) => `+ ${argument}`)].join('\n'),
    remedy: [`ls -la ${live.folder}`, 'journalctl -u kubelet -n 100'],
  };
}

function notRunning(): Finding {
  return {
    code: 'server-not-running',
    severity: 'error',
    title: 'no kube-apiserver runs on this node',
    remedy: ['crictl ps -a --name kube-apiserver', 'journalctl -u kubelet -n 100'],
  };
}

function notReady(detail: string): Finding {
  return {
    code: 'api-not-ready',
    severity: 'error',
    title: `the API server is not ready: ${detail}`,
    remedy: ['crictl ps -a --name kube-apiserver'],
  };
}
