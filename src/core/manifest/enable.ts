/**
 * The plan that turns audit logging on, or changes its settings. What the manifest says is kept unless the wish says
 * otherwise; what is missing is added with safe values, and every path that a flag names is one of the host.
 */
import { UserError } from '../errors';
import { flagNames, isAuditFlag, policyAnnotation } from './audit';
import type { AuditFile } from './audit';
import type { ManifestDocument } from './document';
import { chooseLogPath, chooseReadPath, provideLogFolder, provideReadOnlyFile } from './enable-mounts';
import { Draft, hasValue, unexpanded } from './plan';
import type { EditPlan } from './plan';
import { valueAt } from './value';

/** Paths are those of the host. An absent field keeps what the manifest says, or takes the default. */
export interface EnableWish {
  policyPath?: string;
  /** SHA-256 of the policy file, in hex. */
  policySha256: string;
  /** `-` is the server's standard output. */
  logPath?: string;
  /** Days; at least 1. */
  maxAge?: number;
  /** Rotated files kept; at least 1. */
  maxBackup?: number;
  /** Megabytes before rotation; at least 1. */
  maxSize?: number;
  compress?: boolean;
  mode?: string;
  format?: string;
  webhook?: {
    /** A kubeconfig that names the receiver. */
    configPath: string;
    mode?: string;
    /** A Go duration, such as `10s`. */
    initialBackoff?: string;
    version?: string;
  };
  /** Any other flags, by name without dashes. */
  flags?: Readonly<Record<string, string>>;
}

export const defaults = {
  policyPath: '/etc/kubernetes/audit-policy.yaml',
  logPath: '/var/log/kubernetes/audit/audit.log',
  /** In every release: before 1.36 absent limits meant unlimited, and from 1.36 on a size of 0 means no rotation. */
  maxAge: 30,
  maxBackup: 10,
  maxSize: 100,
} as const;

/**
 * @throws UserError when the wish cannot be met safely: `path-invalid`, `path-not-on-host`, `mount-path-taken`,
 *   `log-mounted-as-file`, `log-path-is-device`, `log-limit-invalid`, `manifest-argument-terminator`,
 *   `flag-value-unknown`, `manifest-alias`, and those of readServer.
 */
export function planEnable(doc: ManifestDocument, wish: EnableWish): EditPlan {
  refuseZeroLimits(wish);
  const draft = new Draft(doc);
  setFlags(draft, wantedFlags(draft, wish));
  setAnnotation(draft, wish.policySha256);
  noteDoubtful(draft);
  const plan = draft.finish();
  prove(plan);
  return plan;
}

/** Mounts are provided on the way, as a flag's path is the container's, which depends on them. */
function wantedFlags(draft: Draft, wish: EnableWish): Map<string, string> {
  const wanted = new Map<string, string>();
  const add = (name: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined) wanted.set(name, String(value));
  };
  const { before } = draft;

  const policy = chooseReadPath(draft, flagNames.policyFile, before.policy, wish.policyPath, defaults.policyPath);
  provideReadOnlyFile(draft, policy, 'audit-policy');
  add(flagNames.policyFile, policy.containerPath);

  const log = chooseLogPath(draft, before.log, wish.logPath, defaults.logPath);
  if (log.kind === 'file') provideLogFolder(draft, log);
  add(flagNames.logPath, log.containerPath);
  for (const limit of ['maxAge', 'maxBackup', 'maxSize'] as const)
    add(flagNames[limit], wish[limit] ?? (draft.server.effective(flagNames[limit]) ? undefined : defaults[limit]));
  for (const setting of ['compress', 'mode', 'format'] as const) add(flagNames[setting], wish[setting]);

  if (wish.webhook !== undefined) {
    const { configPath, mode, initialBackoff, version } = wish.webhook;
    const config = chooseReadPath(draft, flagNames.webhookConfig, before.webhook, configPath, configPath);
    provideReadOnlyFile(draft, config, 'audit-webhook');
    add(flagNames.webhookConfig, config.containerPath);
    add(flagNames.webhookMode, mode);
    add(flagNames.webhookBackoff, initialBackoff);
    add(flagNames.webhookVersion, version);
  }
  for (const [name, value] of Object.entries(wish.flags ?? {}))
    add(name.replace(/^--/, '').replaceAll('_', '-'), value);
  noteLeftBehind(draft, before.policy, policy.containerPath);
  noteLeftBehind(draft, before.log, log.containerPath);
  return wanted;
}

function setFlags(draft: Draft, wanted: ReadonlyMap<string, string>): void {
  const { server } = draft;
  const list =
    server.flags.at(-1)?.valueAt?.list ?? server.flags.at(-1)?.list ?? (server.startsAt === -1 ? 'args' : 'command');
  for (const [name, value] of wanted) {
    const flag = server.effective(name);
    if (flag !== undefined) {
      if (!hasValue(server, flag, value)) draft.changeFlag(flag, unexpanded(value));
      continue;
    }
    const terminator = server.argv.find((argument, index) => index > server.startsAt && argument.value === '--');
    if (terminator !== undefined)
      throw new UserError('manifest-argument-terminator', 'the command ends its flags with `--`', {
        place: terminator.place,
        hints: ['kube-apiserver takes no other arguments: remove the `--`.'],
      });
    const written = `--${name}=${unexpanded(value)}`;
    draft.edit.append([...server.path, list], written);
  }
}

function setAnnotation(draft: Draft, sha256: string): void {
  const path = ['metadata', 'annotations', policyAnnotation];
  const before = valueAt(draft.doc.value, path);
  if (before === sha256) return;
  draft.doc.map(['metadata', 'annotations']);
  draft.put(path, sha256);
}

function refuseZeroLimits(wish: EnableWish): void {
  for (const limit of ['maxAge', 'maxBackup', 'maxSize'] as const) {
    const value = wish[limit];
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    throw new UserError(
      'log-limit-invalid',
      `--${flagNames[limit]} must be a whole number of at least 1, not ${value}`,
      {
        hints: [
          '0 means no limit (and, from Kubernetes 1.36 on, a size of 0 turns rotation off): the disk would fill.',
        ],
      },
    );
  }
}

function noteDoubtful({ server, findings }: Draft): void {
  for (const name of new Set(server.flags.map((flag) => flag.name).filter(isAuditFlag))) {
    const given = server.flags.filter((flag) => flag.name === name);
    const first = given[0];
    if (given.length > 1 && first !== undefined)
      findings.push({
        code: 'flag-given-twice',
        severity: 'warning',
        title: `--${name} is given ${given.length} times; the last one counts`,
        place: first.place,
        remedy: [`Remove all but the last --${name} from the manifest.`],
      });
  }
  for (const limit of ['maxAge', 'maxBackup', 'maxSize'] as const) {
    const flag = server.effective(flagNames[limit]);
    if (flag === undefined || !/^0+$/.test(flag.value ?? '')) continue;
    findings.push({
      code: 'log-limit-zero',
      severity: 'warning',
      title: `--${flag.name} is 0: the audit log can fill the disk`,
      place: flag.place,
      remedy: [`Give a limit, for example --${flag.name.replace('audit-log-max', 'max-')} ${defaults[limit]}.`],
    });
  }
}

/** A volume of type File whose file is gone keeps the pod from starting, even when no flag names it any more. */
function noteLeftBehind(draft: Draft, before: AuditFile | undefined, containerPath: string): void {
  if (before?.mount?.exact !== true || before.containerPath === containerPath) return;
  draft.findings.push({
    code: 'mount-left-behind',
    severity: 'info',
    title: `the volume ${before.mount.volumeName} stays mounted, though no flag names ${before.containerPath} any more`,
    place: draft.doc.place([...draft.server.path, 'volumeMounts', before.mount.index]),
    remedy: [`Remove the mount and the volume before you remove ${before.hostPath ?? 'the file'} from the host.`],
  });
}

/** The text is proven by its edit; this proves that the edit was the right one. */
function prove({ settings, text }: EditPlan): void {
  const { policy, log } = settings;
  const logOnHost = log?.containerPath === '-' || isDevice(log?.containerPath) || log?.hostPath !== undefined;
  if (policy?.hostPath === undefined || !logOnHost || text === '')
    throw new Error('the planned manifest does not turn audit logging on');
}

function isDevice(path: string | undefined): boolean {
  return path?.startsWith('/dev/') === true;
}
