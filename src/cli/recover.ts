/** `recover`: finishes or undoes what a crash interrupted. */
import { Command } from 'commander';
import { recover } from '../change/recover';
import { exitCodeOf, type ExitCode } from '../core/outcome';
import { outcomeJson, outcomeText } from '../output/outcome';
import { sandboxLine } from '../output/sandbox';
import { forSandbox } from '../output/sandbox-remedies';
import { openWorld, requireRoot } from './change-options';
import { globals, sandboxField, styles, type Context } from './context';

export function recoverCommand(context: Context): Command {
  const command = new Command('recover')
    .summary('finish or undo what a crash interrupted')
    .description(
      'Finishes or undoes a change whose process is gone (kill -9, power cut, lost session). Safe to run at any time.',
    )
    .option('--guard <id>', 'how the guard calls it: quiet when the change is still being worked on');
  return command.action(async (flags: { guard?: string }) => {
    const options = globals(command);
    const world = openWorld(context, options);
    requireRoot(world, options);
    const { stateDir } = options;
    const recovery = await recover(world, { stateDir, ...(flags.guard === undefined ? {} : { guard: flags.guard }) });
    const outcomes = forSandbox(recovery.state === 'recovered' ? recovery.outcomes : [], options.sandbox);
    const worst = outcomes.reduce<ExitCode>((code, outcome) => Math.max(code, exitCodeOf(outcome)) as ExitCode, 0);
    if (options.output === 'json') {
      const document = {
        command: 'recover',
        state: recovery.state,
        exitCode: worst,
        ...sandboxField(options),
        outcomes: outcomes.map((outcome) => outcomeJson('recover', outcome)),
      };
      context.streams.out(`${JSON.stringify(document, null, 2)}\n`);
    } else if (outcomes.length > 0) {
      const { out } = styles(context, options);
      for (const outcome of outcomes) context.streams.out(outcomeText('recover', outcome, out, { diff: false }));
      context.streams.out(sandboxLine(options.sandbox, out));
    } else if (!options.quiet) {
      context.streams.out(
        recovery.state === 'at-work' ? 'The change is still being worked on.\n' : 'Nothing to recover.\n',
      );
    }
    context.exit(worst);
  });
}
