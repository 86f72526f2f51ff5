/** `log show`: everything that the log has of one request. */
import type { Command } from 'commander';
import { parseEvent, type AuditEvent } from '../../core/auditlog/event';
import { showJson, showText } from '../../output/log/show';
import { jsonLine } from '../../output/log/text';
import { presentable } from '../../core/auditlog/mask';
import { globals, sandboxField, styles, type Context } from '../context';
import { namesOf, withLogs, type LogFlags } from './input';

export interface ShowOneFlags extends LogFlags {
  bodies: boolean;
  reveal: boolean;
}

const WHOLE_ID = 36;

export async function show(
  context: Context,
  command: Command,
  id: string,
  files: string[],
  flags: ShowOneFlags,
): Promise<void> {
  const options = globals(command);
  const names = await namesOf(context, command, files, flags);
  await withLogs(context, command, names, async (logs) => {
    const found = await eventsOf(logs.events({ oneId: { id, isWhole: true }, stage: ['all'] }));
    const events =
      found.length > 0 || id.length >= WHOLE_ID || id.length < 4
        ? found
        : await eventsOf(logs.events({ oneId: { id, isWhole: false }, stage: ['all'] }));
    const { output } = options;
    return output === 'json'
      ? showJson(id, events, flags, logs.files, sandboxField(options))
      : output === 'jsonl'
        ? events.map((event) => jsonLine(presentable(event, flags))).join('')
        : showText(id, events, flags, styles(context, options).out, flags.utc);
  });
  context.exit(0);
}

async function eventsOf(stream: AsyncIterable<{ raw: Uint8Array }>): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const { raw } of stream) events.push(parseEvent(raw));
  return events;
}
