/** The command line: one file a command; here they are put together, and errors get their exit code. */
import { Command, CommanderError, Option } from 'commander';
import { UserError } from '../core/errors';
import { EXIT_CODES } from '../core/outcome';
import { errorJson } from '../output/outcome';
import { bugText, errorText } from '../output/finding';
import { createStyle } from '../output/style';
import { VERSION } from '../version';
import { applyCommand } from './apply';
import type { Context, GlobalOptions } from './context';
import { disableCommand } from './disable';
import { enableCommand } from './enable';
import { historyCommand } from './history';
import { recoverCommand } from './recover';
import { rollbackCommand } from './rollback';
import { statusCommand } from './status';
import { verifyCommand } from './verify';

export async function runProgram(context: Context, args: readonly string[]): Promise<void> {
  const program = buildProgram(context);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    explain(context, program, args, error);
  }
}

export function buildProgram(context: Context): Command {
  const program = new Command('kube-auditctl')
    .description('Kubernetes audit logging on, proven, and never a lost API server.')
    .version(VERSION, '-V, --version')
    .addOption(
      new Option('-o, --output <format>', 'how the answer is printed').choices(['text', 'json']).default('text'),
    )
    .option('-q, --quiet', 'the answer only, no progress', false)
    .option('-v, --verbose', 'say more', false)
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)')
    .option('--root <dir>', "where the node's file system lies, e.g. /host in a debug pod", '/')
    .option('--manifest <file>', "the API server's manifest", '/etc/kubernetes/manifests/kube-apiserver.yaml')
    .option('--node-name <name>', "the node's name in the cluster, where it is not the host's")
    .option('--state-dir <dir>', 'where changes are recorded', '/var/lib/kube-auditctl')
    .addHelpText('after', exitCodesText());
  for (const make of [
    enableCommand,
    disableCommand,
    applyCommand,
    statusCommand,
    verifyCommand,
    historyCommand,
    rollbackCommand,
    recoverCommand,
  ]) {
    program.addCommand(make(context));
  }
  for (const command of [program, ...program.commands]) {
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

function exitCodesText(): string {
  const rows = Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return `\nExit codes:\n${rows.join('\n')}\n`;
}

function explain(context: Context, program: Command, args: readonly string[], error: unknown): void {
  const { streams } = context;
  if (error instanceof CommanderError) {
    // Commander has printed it already; help and version are no errors.
    context.exit(error.exitCode === 0 ? 0 : 2);
    return;
  }
  const options = program.opts<GlobalOptions>();
  const style = createStyle(options.color && streams.talkColour);
  if (!(error instanceof UserError)) {
    streams.talk(`${bugText(error, VERSION, style)}\n`);
    context.exit(2);
    return;
  }
  if (options.output === 'json') {
    const command = args.find((argument) => program.commands.some((each) => each.name() === argument)) ?? '';
    streams.out(`${JSON.stringify(errorJson(command, error), null, 2)}\n`);
  } else streams.talk(`${errorText(error, style)}\n`);
  context.exit(2);
}
