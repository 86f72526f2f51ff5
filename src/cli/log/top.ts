/** `log top`: what comes how often. */
import type { Command } from 'commander';
import { splitValues } from '../../core/auditlog/patterns';
import { TopCounter } from '../../core/auditlog/top';
import { topCsv, topJson, topText } from '../../output/log/top';
import { globals, sandboxField, styles, type Context } from '../context';
import { tellNothing } from './hints';
import { filterOf, namesOf, withLogs, type FilterFlags } from './input';

export interface TopFlags extends FilterFlags {
  by: string[];
  limit: number;
}

export async function top(context: Context, command: Command, files: string[], flags: TopFlags): Promise<void> {
  const by = splitValues(flags.by);
  const filter = filterOf(flags, context.now());
  new TopCounter(by);
  const options = globals(command);
  const names = await namesOf(context, command, files, flags);
  await withLogs(context, command, names, async (logs) => {
    // As in a query: people read the local clock, programs UTC.
    const local = !flags.utc && options.output !== 'json' && options.output !== 'jsonl';
    const result = await logs.collect(filter, { kind: 'top', by, local });
    if (result.kind !== 'top') return '';
    if (result.counts.total === 0) await tellNothing(context, command, logs, flags);
    const shown = { by, counts: result.counts, limit: flags.limit, files: logs.files };
    const { columns } = context.streams;
    const { output } = options;
    return output === 'json' || output === 'jsonl'
      ? topJson(shown, output === 'jsonl', sandboxField(options))
      : output === 'csv'
        ? topCsv(shown, columns !== undefined)
        : topText(shown, styles(context, options).out, output === 'wide' ? undefined : columns);
  });
  context.exit(0);
}
