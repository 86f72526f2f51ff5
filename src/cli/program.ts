/** The command line: one file a command; here they are put together, and errors get their exit code. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { messageOf, UserError } from '../core/errors';
import { EXIT_CODES } from '../core/outcome';
import { errorJson } from '../output/outcome';
import { bugText, errorText } from '../output/finding';
import { remediesIn } from '../output/sandbox-remedies';
import { createStyle } from '../output/style';
import { VERSION } from '../version';
import { applyCommand } from './apply';
import { demoCommand } from './demo';
import { OUTPUT_FORMATS, type CommandKind, type Context, type GlobalOptions, type OutputFormat } from './context';
import { disableCommand } from './disable';
import { doctorCommand } from './doctor';
import { editCommand } from './edit';
import { enableCommand } from './enable';
import { historyCommand } from './history';
import { logCommand, logFormats } from './log';
import { knowsSarif, policyCommand } from './policy';
import { recoverCommand } from './recover';
import { rollbackCommand } from './rollback';
import { sandboxCommand } from './sandbox-command';
import { enterWanted, sandboxArguments } from './sandbox-option';
import { statusCommand } from './status';
import { verifyCommand } from './verify';

export async function runProgram(context: Context, args: readonly string[]): Promise<void> {
  const program = buildProgram(context);
  try {
    await program.parseAsync(sandboxArguments(program, args), { from: 'user' });
  } catch (error) {
    explain(context, program, args, error);
  }
}

export function buildProgram(context: Context): Command {
  const program: Command = new Command('kube-auditctl')
    .description('Kubernetes audit logging on, proven, and never a lost API server.')
    .version(VERSION, '-V, --version')
    .addOption(
      new Option('-o, --output <format>', 'how the answer is printed')
        .choices(['text', 'json'])
        .default('text')
        .argParser(outputFormat),
    )
    .option('-q, --quiet', 'the answer only, no progress', false)
    .option('-v, --verbose', 'say more', false)
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)')
    .option('--root <dir>', "where the node's file system lies, e.g. /host in a debug pod", '/')
    .option('--manifest <file>', "the API server's manifest", '/etc/kubernetes/manifests/kube-apiserver.yaml')
    .option('--node-name <name>', "the node's name in the cluster, where it is not the host's")
    .option('--state-dir <dir>', 'where changes are recorded', '/var/lib/kube-auditctl')
    .option('--sandbox [dir]', 'work on a sandbox instead of a real node (also: KUBE_AUDITCTL_SANDBOX)')
    .hook('preAction', (_program, action) => {
      const { output } = program.opts<GlobalOptions>();
      if (formatsOf(action).includes(output)) return;
      action.error(`error: option '-o, --output <format>' argument '${output}' is invalid. ${FORMATS}`);
    })
    .hook('preAction', (_program, action) => {
      context.begin(kindOf(action));
    })
    .hook('preAction', (_program, action) => enterWanted(context, program, action))
    .addHelpText('afterAll', exitCodesText());
  for (const make of [
    enableCommand,
    disableCommand,
    applyCommand,
    editCommand,
    statusCommand,
    verifyCommand,
    historyCommand,
    rollbackCommand,
    recoverCommand,
    doctorCommand,
    policyCommand,
    sandboxCommand,
    demoCommand,
    logCommand,
  ]) {
    program.addCommand(make(context));
  }
  for (const command of withDescendants(program)) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({
        writeOut: (text) => {
          context.streams.out(text);
        },
        writeErr: (text) => {
          context.streams.talk(text);
        },
      });
  }
  return program;
}

/** What is not named here may have something half done when a signal comes. */
const READING: readonly string[] = ['status', 'verify', 'history', 'doctor', 'policy', 'log'];

function kindOf(action: Command): CommandKind {
  const group = action.parent?.parent ? action.parent : action;
  if (!READING.includes(group.name()) || action.opts<{ fix?: boolean }>().fix === true) return 'changes';
  return group.name() === 'log' && action.name() === 'follow' ? 'follows' : 'reads';
}

const FORMATS = 'Allowed choices are text, json (policy lint: sarif too; log: jsonl, csv, wide too).';

function outputFormat(value: string): OutputFormat {
  const known = OUTPUT_FORMATS.find((format) => format === value);
  if (known !== undefined) return known;
  throw new InvalidArgumentError(FORMATS);
}

function formatsOf(action: Command): readonly OutputFormat[] {
  return ['text', 'json', ...(knowsSarif(action) ? (['sarif'] as const) : []), ...logFormats(action)];
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

function exitCodesText(): string {
  const rows = Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return `\nExit codes:\n${rows.join('\n')}\n`;
}

function explain(context: Context, program: Command, args: readonly string[], thrown: unknown): void {
  const { streams } = context;
  const error =
    thrown instanceof UserError ? hintedFor(program.opts<{ sandbox?: unknown }>(), thrown) : withoutFolder(thrown);
  // Help and version are no errors.
  if (error instanceof CommanderError && error.exitCode === 0) {
    context.exit(0);
    return;
  }
  const options = program.opts<GlobalOptions>();
  const style = createStyle(options.color && streams.talkColour);
  if (error instanceof UserError && !wantsJson(args)) streams.talk(`${errorText(error, style)}\n`);
  // What is wrong with a command line, Commander has printed already.
  else if (!(error instanceof UserError) && !(error instanceof CommanderError))
    streams.talk(`${bugText(error, VERSION, style)}\n`);
  if (wantsJson(args)) {
    streams.out(`${JSON.stringify(errorJson(commandNames(program, args), asUserError(error)), null, 2)}\n`);
  }
  context.exit(2);
}

/** Node.js rejects with it wherever a relative path is resolved. */
function withoutFolder(error: unknown): unknown {
  if ((error as { syscall?: unknown } | null)?.syscall !== 'uv_cwd') return error;
  return new UserError('no-working-folder', 'the folder that this was started in is not there any more', {
    hints: ['cd'],
    cause: error,
  });
}

/** Once a sandbox has been entered the option is its folder. */
function hintedFor({ sandbox }: { sandbox?: unknown }, error: UserError): UserError {
  if (typeof sandbox !== 'string') return error;
  const { code, message, place, cause } = error;
  const hints = remediesIn(error.hints, sandbox);
  return new UserError(code, message, { hints, ...(place === undefined ? {} : { place }), cause });
}

/** `policy lint`: as far as the words are commands. */
function commandNames(program: Command, args: readonly string[]): string {
  const names: string[] = [];
  let within: readonly Command[] = program.commands;
  for (const argument of args) {
    const found = within.find((each) => each.name() === argument);
    if (!found) continue;
    names.push(argument);
    within = found.commands;
  }
  return names.join(' ');
}

/** Asked of the arguments themselves: a command line that cannot be read sets no option. */
function wantsJson(args: readonly string[]): boolean {
  // What follows is another program's command line, with an -o of its own.
  const end = args.indexOf('--');
  const own = end === -1 ? args : args.slice(0, end);
  return own.some(
    (argument, at) =>
      argument === '-ojson' ||
      argument === '--output=json' ||
      argument === '--format=json' ||
      (argument === 'json' && /^(?:-o|--output|--format)$/.test(own[at - 1] ?? '')),
  );
}

/** Who reads JSON gets a document in any case. */
function asUserError(error: unknown): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof CommanderError)
    return new UserError('usage', error.message.replace(/^error: /, ''), { hints: ['kube-auditctl --help'] });
  return new UserError('bug', messageOf(error), { hints: ['report it with the lines on standard error'] });
}
