/** The options that every changing command has, and how such a command runs. */
import { Option, type Command } from 'commander';
import { applyChange, type ChangeRequest } from '../change/apply';
import type { Ports } from '../change/ports';
import { openStore, type Store } from '../change/store';
import { exitCodeOf, type Outcome } from '../core/outcome';
import { UserError } from '../core/errors';
import { outcomeJson, outcomeText } from '../output/outcome';
import { progressLine } from '../output/progress';
import { sandboxLine } from '../output/sandbox';
import { forSandbox } from '../output/sandbox-remedies';
import { globals, sandboxField, styles, worldOf, type Context, type GlobalOptions } from './context';
import { duration, patience } from './parse';

export interface ChangeFlags {
  dryRun: boolean;
  diff: boolean;
  ignore: string[];
  timeout: number;
  rehearse: boolean;
  verify: boolean;
  keepOnFailure: boolean;
  guard: number;
  fast?: 'auto' | 'always';
  drain: number;
  force: boolean;
}

/** What `--force` lowers: the reasons not to hand over on this node. */
const FORCED = ['etcd-not-healthy', 'other-api-server-not-ready', 'other-api-servers-unknown', 'no-guard'];

export function withChangeOptions(command: Command): Command {
  return command
    .option('--dry-run', 'show what would be done and write nothing', false)
    .option('--diff', 'show the difference of every file', false)
    .addOption(
      new Option('--ignore <name>', 'let a finding not stop the change (can be given several times)')
        .argParser((value: string, all: string[]) => [...all, ...value.split(',')])
        .default([], 'none'),
    )
    .option('--timeout <time>', 'how long the new server may take, e.g. 5m', patience, 300_000)
    .option('--no-rehearse', "do not try the new arguments with the node's own kube-apiserver first")
    .option('--no-verify', 'do not look for an event of our own in the log')
    .option('--keep-on-failure', 'leave a failing manifest in place, to look into it', false)
    .addOption(
      new Option(
        '--fast [when]',
        'hand over: end the old server as soon as it is idle, instead of waiting for the kubelet; auto: only where that saves time',
      )
        .choices(['auto', 'always'])
        .preset('auto'),
    )
    .option('--drain <time>', 'with --fast: how long requests under way may take', duration, 1_000)
    .option('--force', 'with --fast: also where etcd or another API server is not well', false)
    .option('--guard <time>', 'how soon the guard acts when this process is gone; 0 for none', duration, 20_000);
}

/** Runs a change from its plan to the printed answer and the exit code. */
export async function runChange(
  context: Context,
  command: Command,
  flags: ChangeFlags,
  plan: (ports: Ports, store: Store, options: GlobalOptions) => Plans | Promise<Plans>,
): Promise<void> {
  const options = globals(command);
  const world = openWorld(context, options);
  requireRoot(world, options);
  const store = openStore(world.files, options.stateDir);
  const outcome = await applyChange(world, {
    ...changeRequest(options, flags),
    command: command.name(),
    ...asRequest(await plan(world, store, options)),
  });
  printOutcome(context, options, command.name(), outcome, flags.diff);
}

type Plans = ChangeRequest['plan'] | Pick<ChangeRequest, 'plan' | 'whole'>;

function asRequest(plans: Plans): Pick<ChangeRequest, 'plan' | 'whole'> {
  return typeof plans === 'function' ? { plan: plans } : plans;
}

/** What the options say of a change; what is changed is the command's own. */
export function changeRequest(options: GlobalOptions, flags: ChangeFlags): Omit<ChangeRequest, 'command' | 'plan'> {
  return {
    manifestPath: options.manifest,
    stateDir: options.stateDir,
    dryRun: flags.dryRun,
    ignore: new Set([...flags.ignore, ...(flags.force ? FORCED : [])]),
    ...(flags.fast ? { fast: { drainMs: flags.drain, always: flags.fast === 'always' } } : {}),
    rehearse: flags.rehearse,
    verify: flags.verify,
    keepOnFailure: flags.keepOnFailure,
    timeoutMs: flags.timeout,
    guardSeconds: Math.ceil(flags.guard / 1000),
  };
}

export function openWorld(context: Context, options: GlobalOptions): ReturnType<Context['world']> {
  const { talk } = styles(context, options);
  return context.world(worldOf(options), (event) => {
    if (options.quiet || (options.output === 'json' && event.kind === 'waiting')) return;
    const { line, live } = progressLine(forSandbox(event, options.sandbox), talk);
    if (line !== undefined) context.streams.talk(`${line}\n`);
    if (live !== undefined) context.streams.live(live);
  });
}

export function printOutcome(
  context: Context,
  options: GlobalOptions,
  command: string,
  ended: Outcome,
  diff: boolean,
): void {
  const outcome = forSandbox(ended, options.sandbox);
  const { out } = styles(context, options);
  context.streams.out(
    options.output === 'json'
      ? `${JSON.stringify({ ...outcomeJson(command, outcome), ...sandboxField(options) }, null, 2)}\n`
      : outcomeText(command, outcome, out, { diff }) + sandboxLine(options.sandbox, out),
  );
  context.exit(exitCodeOf(outcome));
}

/** Everything that matters here belongs to root: better said once than by the first file that cannot be read. */
export function requireRoot(ports: Ports, options: GlobalOptions): void {
  if (ports.node.uid() === 0 || options.root !== '/') return;
  throw new UserError('not-root', 'this needs root: the manifest, its backups and the certificates belong to root', {
    hints: ['sudo kube-auditctl \u2026', 'sudo env "PATH=$PATH" kube-auditctl \u2026   where sudo does not find node'],
  });
}
