/** `log export`: events as a Parquet file, for tools that outgrow one machine. */
import type { Command } from 'commander';
import { parseEvent } from '../../core/auditlog/event';
import { presentable } from '../../core/auditlog/mask';
import { jsonText } from '../../output/log/text';
import { UserError } from '../../core/errors';
import { globals, styles, type Context } from '../context';
import { filterOf, namesOf, refuseInput, withLogs, type FilterFlags } from './input';

export interface ExportFlags extends FilterFlags {
  parquet?: string;
  bodies: boolean;
  reveal: boolean;
}

export async function exportLog(
  context: Context,
  command: Command,
  files: string[],
  flags: ExportFlags,
): Promise<void> {
  const { parquet } = flags;
  if (parquet === undefined)
    throw new UserError('usage', 'log export needs a file to write', {
      hints: ['kube-auditctl log export --parquet events.parquet'],
    });
  const filter = filterOf(flags, context.now());
  const options = globals(command);
  const names = await namesOf(context, command, files, flags);
  await withLogs(context, command, names, async (logs) => {
    refuseInput(logs, parquet);
    const events = (async function* () {
      for await (const { raw } of logs.events(filter, { isSlow: true }))
        yield presentable(parseEvent(raw, flags.bodies), flags);
    })();
    const { rows, bytes } = await context.writeParquet(parquet, events);
    const { talk } = styles(context, options);
    if (options.output === 'json') {
      const document = { command: 'log export', exitCode: 0, file: parquet, rows, bytes };
      return jsonText(document);
    }
    context.streams.talk(`${talk.green('\u2713')} written: ${parquet} (${rows} rows, ${bytes} bytes)\n`);
    return '';
  });
  context.exit(0);
}
