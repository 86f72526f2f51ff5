/** `log query`: the events that a filter lets through. */
import type { Command } from 'commander';
import { parseEvent } from '../../core/auditlog/event';
import { fieldReader, isOfBody } from '../../core/auditlog/fields';
import { eventPrinter, type EventFormat, type EventPrinter } from '../../output/log/events';
import { splitValues } from '../../core/auditlog/patterns';
import { globals, sandboxField, styles, type Context } from '../context';
import { tellNothing, tellUnknownFields } from './hints';
import { filterOf, namesOf, withLogs, type FilterFlags } from './input';

export interface ShowFlags {
  fields?: string[];
  bodies: boolean;
  reveal: boolean;
}

export interface QueryFlags extends FilterFlags, ShowFlags {
  limit?: number;
  last?: number;
}

export async function query(context: Context, command: Command, files: string[], flags: QueryFlags): Promise<void> {
  const filter = filterOf(flags, context.now());
  const print = printer(context, command, flags, 'log query');
  const names = await namesOf(context, command, files, flags);
  await withLogs(context, command, names, async (logs) => {
    let count = 0;
    const needsBodies = flags.bodies || flags.fields !== undefined;
    for await (const { raw, open } of logs.events(filter, flags.last === undefined ? {} : { last: flags.last })) {
      if (context.streams.outClosed?.() === true) return '';
      context.streams.out(print.add(parseEvent(raw, needsBodies), open));
      await context.streams.outDrained?.();
      if (++count === flags.limit) break;
    }
    if (count === 0) await tellNothing(context, command, logs, flags);
    return print.end(logs.files);
  });
  context.exit(0);
}

export function printer(
  context: Context,
  command: Command,
  flags: ShowFlags & { utc: boolean },
  name: string,
  live = false,
): EventPrinter {
  const options = globals(command);
  const fields = flags.fields === undefined ? undefined : splitValues(flags.fields);
  fields?.forEach(fieldReader);
  tellUnknownFields(context, command, fields ?? []);
  const { columns } = context.streams;
  return eventPrinter({
    command: name,
    more: sandboxField(options),
    format: options.output as EventFormat,
    style: styles(context, options).out,
    utc: flags.utc,
    bodies: flags.bodies,
    reveal: flags.reveal,
    bodyFields: fields?.some(isOfBody) === true,
    live,
    ...(fields === undefined ? {} : { fields }),
    ...(columns === undefined ? {} : { width: columns }),
  });
}
