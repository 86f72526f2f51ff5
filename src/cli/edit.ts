/** `edit`: flags in, exit code out. */
import { Command } from 'commander';
import { editManifest, type Person } from '../change/edit';
import { UserError } from '../core/errors';
import { diffText } from '../output/diff';
import { findingText } from '../output/finding';
import {
  changeRequest,
  openWorld,
  printOutcome,
  requireRoot,
  withChangeOptions,
  type ChangeFlags,
} from './change-options';
import { globals, rootOf, styles, type Context, type GlobalOptions } from './context';

export function editCommand(context: Context): Command {
  const command = new Command('edit')
    .summary('edit the manifest in your editor, through the same safe flow')
    .description(
      'Opens a copy of the manifest in $VISUAL or $EDITOR. What is saved is checked, and goes the same way as any change:\n' +
        'backed up, written atomically, watched, rolled back when it is bad. An editor that saves nothing changes nothing.',
    );
  return withChangeOptions(command).action(async (flags: ChangeFlags) => {
    const options = globals(command);
    const world = openWorld(context, options);
    requireRoot(world, options);
    const editor = context.editor({ root: rootOf(options) });
    const person = personAt(context, options);
    const outcome = await editManifest(world, changeRequest(options, flags), editor, person);
    printOutcome(context, options, command.name(), outcome, flags.diff);
  });
}

function personAt(context: Context, options: GlobalOptions): Person {
  const terminal = context.terminal();
  if (!terminal) {
    throw new UserError('no-terminal', 'edit needs a terminal, to show what it found and to ask what to do', {
      hints: ['kube-auditctl apply -f FILE takes a manifest that was edited elsewhere'],
    });
  }
  const { talk } = styles(context, options);
  const say = (text: string): void => {
    context.streams.talk(`${text}\n`);
  };
  return {
    show: (findings) => {
      for (const finding of findings) say(findingText(finding, talk));
    },
    showDiff: (diff) => {
      say(diffText(diff.trimEnd(), talk));
    },
    ask: (question, signal) => terminal.ask(talk.bold(question), signal),
  };
}
