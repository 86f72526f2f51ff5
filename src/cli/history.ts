/** `history`: the changes made on this node. */
import { Command } from 'commander';
import { openStore } from '../change/store';
import { historyJson, historyText } from '../output/history';
import { openWorld, requireRoot } from './change-options';
import { globals, sandboxField, styles, type Context } from './context';

export function historyCommand(context: Context): Command {
  const command = new Command('history')
    .summary('the changes made')
    .description('Lists the changes made with this tool, oldest first.');
  return command.action(async () => {
    const options = globals(command);
    const world = openWorld(context, options);
    requireRoot(world, options);
    const { records, damaged } = await openStore(world.files, options.stateDir).list();
    const { out } = styles(context, options);
    context.streams.out(
      options.output === 'json'
        ? `${JSON.stringify({ command: 'history', exitCode: 0, ...sandboxField(options), changes: historyJson(records), damaged }, null, 2)}\n`
        : historyText(records, damaged, out),
    );
    context.exit(0);
  });
}
