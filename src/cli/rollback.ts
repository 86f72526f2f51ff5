/** `rollback`: flags in, exit code out. */
import { Command } from 'commander';
import { planRollback } from '../change/plans/rollback';
import { runChange, withChangeOptions, type ChangeFlags } from './change-options';
import type { Context } from './context';

export function rollbackCommand(context: Context): Command {
  const command = new Command('rollback')
    .summary('go back to what an earlier change left')
    .description(
      'Takes the last change back, or goes to what an earlier one left; edits you made since are kept where they do not overlap.',
    )
    .option('--to <id>', 'go to what this change left behind (see history), or to "original"')
    .option('--discard-edits', 'give up edits made since by somebody else', false);
  return withChangeOptions(command).action(async (flags: ChangeFlags & { to?: string; discardEdits: boolean }) => {
    const { to, discardEdits } = flags;
    await runChange(
      context,
      command,
      flags,
      (ports, store) => (live) =>
        planRollback(ports, store, live, { discardEdits, ...(to === undefined ? {} : { to }) }),
    );
  });
}
