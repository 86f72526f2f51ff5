/** `recover`: finishes or undoes what a crash interrupted. */
import { Command } from 'commander';
import { recover, type Recovery } from '../change/recover';
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
    const recovery = await recover(world, {
      stateDir,
      manifestPath: options.manifest,
      ...(flags.guard === undefined ? {} : { guard: flags.guard }),
    });
    const outcomes = forSandbox(recovery.state === 'recovered' ? recovery.outcomes : [], options.sandbox);
    const worst = outcomes.reduce<ExitCode>((code, outcome) => Math.max(code, exitCodeOf(outcome)) as ExitCode, 0);
    if (options.output === 'json') {
      const document = {
        command: 'recover',
        ...recovery,
        exitCode: worst,
        ...sandboxField(options),
        outcomes: outcomes.map((outcome) => outcomeJson('recover', outcome)),
      };
      context.streams.out(`${JSON.stringify(document, null, 2)}\n`);
    } else if (recovery.state === 'recovered') {
      const { out } = styles(context, options);
      for (const outcome of outcomes) context.streams.out(outcomeText('recover', outcome, out, { diff: false }));
      context.streams.out(sandboxLine(options.sandbox, out));
    } else if (!options.quiet) {
      context.streams.out(`${told(recovery)}\n`);
    }
    context.exit(worst);
  });
}

function told(recovery: Exclude<Recovery, { state: 'recovered' }>): string {
  switch (recovery.state) {
    case 'nothing':
      return 'Nothing to recover.';
    case 'at-work':
      return recovery.rescued
        ? 'The change has stood still for longer than a hand-over takes: the old manifest has its name again.'
        : 'The change is still being worked on.';
    case 'brought-back':
      return `There was no ${recovery.manifestPath}, and no record tells why; ${recovery.from} has its name again.\nSee what runs: kube-auditctl status`;
  }
}
