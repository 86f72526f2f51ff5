/** What `--sandbox` means on every command. */
import type { Command } from 'commander';
import type { Context, GlobalOptions } from './context';

/**
 * `--sandbox` takes a folder or none. A command's name is none: `--sandbox status` means the default sandbox, and
 * `--sandbox ./status` the folder.
 */
export function sandboxArguments(program: Command, args: readonly string[]): string[] {
  const names = new Set(descendants(program).flatMap((command) => [command.name(), ...command.aliases()]));
  const end = args.indexOf('--');
  return args.map((argument, at) => {
    const next = args[at + 1];
    const own = end === -1 || at < end;
    return own && argument === '--sandbox' && next !== undefined && names.has(next) ? '--sandbox=' : argument;
  });
}

/** Before a command runs: makes the sandbox its world, where one is asked for. */
export async function enterWanted(context: Context, program: Command, action: Command): Promise<void> {
  if (['sandbox', 'demo'].includes(topOf(action, program).name())) return;
  const { root } = program.opts<GlobalOptions>();
  const wanted = wantedSandbox(context, program);
  if (wanted === undefined) return;
  if (root !== '/') {
    if (program.getOptionValueSource('sandbox') !== 'cli') return;
    action.error("error: option '--sandbox' cannot be used with option '--root <dir>'");
  }
  program.setOptionValueWithSource('sandbox', await context.enterSandbox(wanted), 'implied');
}

/** What the command line says, or else the environment. */
export function wantedSandbox(context: Context, command: Command): string | undefined {
  const { sandbox } = command.optsWithGlobals<{ sandbox?: string | true }>();
  if (sandbox === undefined) return context.sandboxDirs.environment;
  return sandbox === true || sandbox === '' ? context.sandboxDirs.standard : sandbox;
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...descendants(each)]);
}

function topOf(action: Command, program: Command): Command {
  return action.parent === null || action.parent === program ? action : topOf(action.parent, program);
}
