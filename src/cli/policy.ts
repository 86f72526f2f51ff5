/**
 * `policy`: its subcommands and their options. What they do stands in policy/, one file each, loaded when it is asked for:
 * the commands for the node start without it.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { KubeVersion } from '../core/policy/types';
import type { Context } from './context';
import type { ExplainFlags } from './policy/explain';
import type { InitFlags } from './policy/init';
import type { LintFlags } from './policy/lint';
import type { ReplayFlags } from './policy/replay';

const POLICY = 'a file, - for standard input, or preset:NAME; without it, the policy of this node (needs root)';

export function policyCommand(context: Context): Command {
  const command = new Command('policy')
    .summary('write, check, understand and size a policy; needs neither root nor a node')
    .description('Writes, checks, explains and sizes audit policies. Nothing here needs root, a node or a cluster.');
  for (const make of [presetsCommand, initCommand, lintCommand, explainCommand, coverageCommand, replayCommand])
    command.addCommand(make(context));
  return command;
}

/** Whether `-o sarif` means something to this command. */
export function knowsSarif(command: Command): boolean {
  return command.name() === 'lint';
}

function presetsCommand(context: Context): Command {
  const command = new Command('presets').summary('the policies that come with the tool');
  return command.action(async () => {
    (await import('./policy/presets')).presets(context, command);
  });
}

function initCommand(context: Context): Command {
  const command = new Command('init')
    .summary('begin with a preset')
    .argument('[file]', 'where to write it; without it, standard output')
    .option('--preset <name>', 'which one, see policy presets', 'recommended')
    .option('--force', 'replace a file that is there already', false);
  return command.action(async (file: string | undefined, flags: InitFlags) => {
    await (await import('./policy/init')).init(context, command, file, flags);
  });
}

function lintCommand(context: Context): Command {
  const command = new Command('lint')
    .summary('would the server load it, and would it do what it says')
    .description(
      'Says what the API server would do with a policy, and what in it does not do what it seems to. Exit code 1 on errors.',
    )
    .addArgument(policyArgument('[policy...]'))
    .option('--fix', 'mend what has a certain mend, in the file itself (- and presets: to standard output)', false)
    .addOption(
      new Option('--ignore <name>', 'leave out the findings of this name (can be given several times)')
        .argParser((value: string, all: string[]) => [...all, ...value.split(',')])
        .default([], 'none'),
    )
    .addOption(new Option('--format <format>', 'the same as -o').choices(['text', 'json', 'sarif']))
    .addOption(kubeVersionOption());
  return command.action(async (names: string[], flags: LintFlags) => {
    await (await import('./policy/lint')).lint(context, command, names, flags);
  });
}

function explainCommand(context: Context): Command {
  const command = new Command('explain')
    .summary('which rule decides over a request, and why the ones before it did not')
    .description(
      'Explains one request (--verb with --resource or --url), the requests of a kubectl command (after --), or answers\n' +
        'requests in bulk (--requests): a JSON line each. The policy is asked about the user who logs in.',
    )
    .usage('[options] [policy] [-- kubectl ...]')
    .addArgument(policyArgument('[policy]'))
    .argument('[command...]', 'after --: a kubectl command line')
    .addOption(
      new Option('--requests <file>', 'requests as JSON lines, - for standard input').conflicts([
        'verb',
        'resource',
        'url',
      ]),
    )
    .option('--verb <verb>', 'get, list, create, …; for URLs the method in lower case')
    .addOption(new Option('--resource <name>', 'secrets, deployments.apps, pods/exec').conflicts('url'))
    .option('--url <path>', 'a path that is no resource, e.g. /healthz')
    .option('--namespace <name>', 'of the resource; without it, cluster-wide', '')
    .option('--name <name>', 'of the resource', '')
    .option('--user <name>', 'who asks', 'kubernetes-admin')
    .option(
      '--group <name>',
      'a group of theirs (can be given several times; default: those of admin.conf for kubernetes-admin)',
      (value: string, all: string[] | undefined) => [...(all ?? []), value],
    )
    .addOption(kubeVersionOption());
  return command.action(async (policy: string | undefined, words: string[], flags: ExplainFlags) => {
    await (await import('./policy/explain')).explainRequests(context, command, policy, words, flags);
  });
}

function coverageCommand(context: Context): Command {
  const command = new Command('coverage')
    .summary('what a policy logs of what an auditor asks for')
    .addArgument(policyArgument('[policy]'))
    .addOption(kubeVersionOption());
  return command.action(async (policy: string | undefined, flags: { kubeVersion?: KubeVersion }) => {
    await (await import('./policy/coverage')).coverage(context, command, policy, flags);
  });
}

function replayCommand(context: Context): Command {
  const command = new Command('replay')
    .summary('what a policy would make of a recorded log: events and bytes a rule, how long the rotation holds')
    .addArgument(policyArgument('[policy]'))
    .requiredOption('--log <files...>', 'audit logs, rotated and gzipped ones too')
    .option('--max-age <days>', 'days that rotated logs are kept, 0 for ever', count, 30)
    .option('--max-backup <n>', 'rotated logs that are kept, 0 for all', count, 10)
    .option('--max-size <megabytes>', 'size at which the log is rotated, 0 for never', count, 100)
    .addOption(kubeVersionOption());
  return command.action(async (policy: string | undefined, flags: ReplayFlags) => {
    await (await import('./policy/replay')).replay(context, command, policy, flags);
  });
}

function policyArgument(name: string): Argument {
  return new Argument(name, POLICY);
}

function kubeVersionOption(): Option {
  return new Option('--kube-version <version>', 'of the API server that reads it, e.g. 1.34 (default: 1.36)').argParser(
    kubeVersion,
  );
}

function kubeVersion(value: string): KubeVersion {
  const [, major, minor] = /^v?(\d{1,3})\.(\d{1,4})(?:\.\d+)?(?:[-+].*)?$/.exec(value) ?? [];
  if (major === undefined || minor === undefined) throw new InvalidArgumentError('write a version like 1.34.');
  return { major: Number(major), minor: Number(minor) };
}

/** Here 0 is asked about, not set. */
function count(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('write a whole number.');
  return Number(value);
}
