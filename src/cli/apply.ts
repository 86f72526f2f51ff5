/** `apply -f FILE`: flags in, exit code out. */
import { Command } from 'commander';
import { MANIFEST_LIMIT } from '../change/manifest';
import { planApplyChange } from '../change/plans/apply-file';
import { runChange, withChangeOptions, type ChangeFlags } from './change-options';
import type { Context } from './context';

export function applyCommand(context: Context): Command {
  const command = new Command('apply')
    .summary('put a kube-apiserver manifest in place through the same safe flow')
    .description(
      'Puts any kube-apiserver manifest in place: backed up, written atomically, watched, rolled back when it is bad.',
    )
    .requiredOption('-f, --file <file>', 'the new manifest (- for standard input)');
  return withChangeOptions(command).action(async (flags: ChangeFlags & { file: string }) => {
    await runChange(context, command, flags, async () => {
      const file = await context.readInput(flags.file, MANIFEST_LIMIT);
      return { plan: (live) => Promise.resolve(planApplyChange(live, file)), whole: () => file };
    });
  });
}
