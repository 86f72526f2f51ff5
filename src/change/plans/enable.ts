/** `enable`: the manifest with audit flags, volumes and mounts; the policy and, if asked for, the webhook's kubeconfig. */
import { UserError } from '../../core/errors';
import type { Finding } from '../../core/finding';
import { policyAnnotation } from '../../core/manifest/audit';
import { defaults, planEnable, type EnableWish } from '../../core/manifest/enable';
import { covers, folderOf, normalPath } from '../../core/manifest/paths';
import type { ManifestChange } from '../../core/manifest/changes';
import { findPreset, PRESETS } from '../../core/policy/presets';
import { checkPolicy } from '../check-policy';
import { decodeText, describeDocument, kubeVersionOf, type LiveManifest } from '../manifest';
import type { Plan, PlannedFile } from '../plan';
import type { FileImage, Files, Ports } from '../ports';
import { webhookKubeconfig } from '../../core/webhook-kubeconfig';

export interface EnableOptions {
  /** The user's policy: its bytes and what they called it. */
  policy?: { bytes: Uint8Array; from: string };
  preset?: string;
  /** Where it is installed on the node. */
  policyPath?: string;
  logPath?: string;
  maxAge?: number;
  maxBackup?: number;
  maxSize?: number;
  compress?: boolean;
  mode?: string;
  webhook?: {
    config?: { bytes: Uint8Array; from: string };
    url?: string;
    ca?: { bytes: Uint8Array; from: string };
    mode?: string;
    initialBackoff?: string;
  };
  /** Further --audit-* flags, by name without dashes. */
  flags: Readonly<Record<string, string>>;
}

const POLICY_LIMIT = 4 << 20;
const WEBHOOK_PATH = '/etc/kubernetes/audit-webhook.yaml';

export async function planEnableChange(ports: Ports, live: LiveManifest, options: EnableOptions): Promise<Plan> {
  const { files } = ports;
  const policyPath = options.policyPath ?? live.audit.policy?.hostPath ?? defaults.policyPath;
  refuseInsideManifests(policyPath, live, 'the policy', `--policy-path ${defaults.policyPath}`);
  const installed = await existing(files, policyPath);
  const policy = choosePolicy(options, installed, policyPath);
  const text = decodeText(policy.bytes, policy.from);
  const findings: Finding[] = await checkPolicy(text, policy.from, kubeVersionOf(live.server));

  const webhook = await planWebhook(files, options.webhook);
  const wish: EnableWish = {
    ...(options.policyPath === undefined && live.audit.policy ? {} : { policyPath }),
    policySha256: files.sha256(policy.bytes),
    ...pick(options, ['logPath', 'maxAge', 'maxBackup', 'maxSize', 'compress', 'mode']),
    flags: options.flags,
    ...(webhook ? { webhook: webhook.wish } : {}),
  };
  const edit = planEnable(live.doc, wish);
  const log = edit.settings.log;
  if (log?.hostPath !== undefined)
    refuseInsideManifests(log.hostPath, live, 'the audit log', `--log-path ${defaults.logPath}`);
  const folders = [policyPath, ...(log?.hostPath === undefined ? [] : [log.hostPath])].map((path) => ({
    path: folderOf(path),
    mode: 0o700,
  }));
  findings.push(...edit.findings);
  const others: PlannedFile[] = [
    { path: policyPath, role: 'policy', before: installed ?? null, after: asFile(policy.bytes, installed) },
    ...(webhook ? [webhook.file] : []),
  ];
  const notes = [];
  if (installed && policy.from !== policyPath && files.sha256(installed.bytes) !== wish.policySha256) {
    notes.push(`${policyPath} held another policy; it is kept in the record of this change`);
  }
  return {
    manifestText: edit.text,
    next: describeDocument(edit.doc),
    others,
    folders,
    changes: [...policyChange(files, installed, policy, policyPath), ...edit.changes.map(sentence)],
    findings,
    notes,
    baseline: live.audit.annotation === undefined,
  };
}

/** The user's own, a preset by name, what is installed already, or the recommended preset. */
function choosePolicy(
  options: EnableOptions,
  installed: FileImage | undefined,
  path: string,
): { bytes: Uint8Array; from: string } {
  if (options.policy) return options.policy;
  if (options.preset === undefined && installed) return { bytes: installed.bytes, from: path };
  const name = options.preset ?? 'recommended';
  const preset = findPreset(name);
  if (!preset) {
    throw new UserError('unknown-preset', `there is no policy preset ${name}`, {
      hints: [`one of: ${PRESETS.map((each) => each.name).join(', ')}`],
    });
  }
  return { bytes: new TextEncoder().encode(preset.text), from: `preset ${name}` };
}

async function existing(files: Files, path: string): Promise<FileImage | undefined> {
  const entry = await files.look(path);
  if (!entry) return undefined;
  if (entry.kind === 'folder') {
    throw new UserError('policy-path-is-folder', `${path} is a folder, not a policy file`, {
      hints: [
        'the container runtime makes one where a hostPath without type: File points at nothing',
        `rmdir ${path}`,
        'or choose another place: --policy-path FILE',
      ],
    });
  }
  return files.read(path, POLICY_LIMIT);
}

/** An existing file keeps its mode and owner; a new one is readable by root alone. */
function asFile(bytes: Uint8Array, before: FileImage | undefined): FileImage {
  return { bytes, mode: before?.mode ?? 0o600, uid: before?.uid ?? 0, gid: before?.gid ?? 0 };
}

async function planWebhook(files: Files, webhook: EnableOptions['webhook']) {
  if (!webhook?.config && webhook?.url === undefined) return undefined;
  const bytes =
    webhook.config?.bytes ?? new TextEncoder().encode(webhookKubeconfig(webhook.url ?? '', webhook.ca?.bytes));
  const before = await existing(files, WEBHOOK_PATH);
  const file: PlannedFile = {
    path: WEBHOOK_PATH,
    role: 'webhook-config',
    before: before ?? null,
    after: asFile(bytes, before),
  };
  return { file, wish: { configPath: WEBHOOK_PATH, ...pick(webhook, ['mode', 'initialBackoff']) } };
}

function refuseInsideManifests(path: string, live: LiveManifest, what: string, instead: string): void {
  if (!covers(normalPath(live.folder), normalPath(path))) return;
  throw new UserError('file-inside-manifests', `${what} must not lie in ${live.folder}`, {
    hints: ['the kubelet takes every file there for a pod', instead],
  });
}

function policyChange(
  files: Files,
  installed: FileImage | undefined,
  policy: { bytes: Uint8Array; from: string },
  path: string,
): string[] {
  if (installed && files.sha256(installed.bytes) === files.sha256(policy.bytes)) return [];
  return [`${installed ? 'replace' : 'install'} ${path} (${policy.from})`];
}

/** A change of the manifest, for people. */
export function sentence(change: ManifestChange): string {
  const [thing, done] = change.what.split('-') as [string, string];
  const verb = { added: 'add', changed: 'change', removed: 'remove', set: 'set' }[done] ?? done;
  if (change.detail.includes(policyAnnotation)) return `${verb} annotation ${policyAnnotation}`;
  // A flag's `before` and `after` are the argument as it stands, name and value.
  const now = done === 'removed' ? change.before : change.after;
  const subject = thing === 'flag' && now !== undefined ? now : change.detail;
  const was = done === 'changed' && change.before !== undefined ? ` (was ${change.before})` : '';
  return `${verb} ${thing} ${subject}${was}`;
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Pick<T, K>;
}
