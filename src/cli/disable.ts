/** `disable`: flags in, exit code out. */
import { Command } from 'commander';
import { planDisableChange } from '../change/plans/disable';
import { runChange, withChangeOptions, type ChangeFlags } from './change-options';
import type { Context } from './context';

export function disableCommand(context: Context): Command {
  const command = new Command('disable')
    .summary('take out what enable put in, and only that')
    .description(
      'Takes out what enable put in, and only that; your own edits stay. Logs already written are left alone.',
    )
    .option('--all', 'take out every --audit-* flag, whoever set it, with the volumes that only they use', false);
  return withChangeOptions(command).action(async (flags: ChangeFlags & { all: boolean }) => {
    await runChange(
      context,
      command,
      flags,
      (ports, store) => (live) => planDisableChange(ports, store, live, { all: flags.all }),
    );
  });
}
