/** `enable`: flags in, exit code out. */
import { Command, Option } from 'commander';
import { planEnableChange, type EnableOptions } from '../change/plans/enable';
import { runChange, withChangeOptions, type ChangeFlags } from './change-options';
import type { Context } from './context';
import { duration, flagPair, positive } from './parse';

const FILE_LIMIT = 4 << 20;

interface EnableFlags extends ChangeFlags {
  policy?: string;
  preset?: string;
  policyPath?: string;
  logPath?: string;
  maxAge?: number;
  maxBackup?: number;
  maxSize?: number;
  compress?: boolean;
  mode?: string;
  webhookUrl?: string;
  webhookConfig?: string;
  webhookCa?: string;
  webhookMode?: string;
  webhookBackoff?: number;
  flag: Record<string, string>;
}

export function enableCommand(context: Context): Command {
  const modes = ['batch', 'blocking', 'blocking-strict'];
  const command = new Command('enable')
    .summary('turn audit logging on, or change its settings or policy')
    .description(
      'Turns audit logging on, or changes its settings or its policy, and proves it. What the manifest already says is kept\n' +
        'unless an option says otherwise. When nothing differs, nothing is written and nothing restarts.',
    )
    .addOption(new Option('--policy <file>', 'install this policy (- for standard input)').conflicts('preset'))
    .option(
      '--preset <name>',
      'install a policy that comes with the tool (default: recommended, when there is none yet)',
    )
    .option('--policy-path <path>', 'where the policy lies on the node (default: /etc/kubernetes/audit-policy.yaml)')
    .option(
      '--log-path <path>',
      'the log file on the node, - for standard output (default: /var/log/kubernetes/audit/audit.log)',
    )
    .option('--max-age <days>', 'days that rotated logs are kept (default: 30)', positive)
    .option('--max-backup <n>', 'rotated logs that are kept (default: 10)', positive)
    .option('--max-size <megabytes>', 'size at which the log is rotated (default: 100)', positive)
    .option('--compress', 'compress rotated logs')
    .addOption(new Option('--mode <mode>', 'how events are written').choices(modes))
    .addOption(new Option('--webhook-url <url>', 'send events to this receiver too').conflicts('webhookConfig'))
    .option('--webhook-config <file>', 'send events to the receiver of this kubeconfig too')
    .option('--webhook-ca <file>', 'certificate authority of the receiver of --webhook-url, PEM')
    .addOption(new Option('--webhook-mode <mode>', 'how events are sent').choices(modes))
    .option('--webhook-backoff <time>', 'wait before the first retry, e.g. 10s', duration)
    .option('--flag <name=value>', 'set a further --audit-* flag (can be given several times)', flagPair, {});
  return withChangeOptions(command).action(async (flags: EnableFlags) => {
    await runChange(context, command, flags, async (ports) => {
      const options = await readOptions(context, flags);
      return (live) => planEnableChange(ports, live, options);
    });
  });
}

async function readOptions(context: Context, flags: EnableFlags): Promise<EnableOptions> {
  const file = (path: string | undefined) => (path === undefined ? undefined : context.readInput(path, FILE_LIMIT));
  const [policy, config, ca] = await Promise.all([
    file(flags.policy),
    file(flags.webhookConfig),
    file(flags.webhookCa),
  ]);
  const { preset, policyPath, logPath, maxAge, maxBackup, maxSize, compress, mode, webhookUrl: url } = flags;
  return {
    ...present({ policy, preset, policyPath, logPath, maxAge, maxBackup, maxSize, compress, mode }),
    ...(config || url !== undefined
      ? {
          webhook: present({
            config,
            url,
            ca,
            mode: flags.webhookMode,
            initialBackoff: flags.webhookBackoff === undefined ? undefined : `${flags.webhookBackoff / 1000}s`,
          }),
        }
      : {}),
    flags: flags.flag,
  };
}

function present<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
