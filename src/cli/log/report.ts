/** `log report`: what a log tells, as a page, in short, or as JSON. */
import type { Command } from 'commander';
import type { FilterSpec } from '../../core/auditlog/filter';
import { gapsIn, missingRotations, rotationsOf } from '../../core/auditlog/gaps';
import { minutesOf } from '../../core/auditlog/timeline';
import { maskUri } from '../../core/auditlog/mask';
import type { ReportData } from '../../core/auditlog/report';
import { reportHtml } from '../../output/log/html/report';
import { reportJson, reportText } from '../../output/log/report';
import { VERSION } from '../../version';
import { globals, sandboxField, styles, type Context } from '../context';
import { filterOf, namesOf, refuseInput, withLogs, type FilterFlags } from './input';

export interface ReportFlags extends FilterFlags {
  html?: string;
}

/** A page has names and addresses of people in it. */
const PRIVATE = 0o600;

export async function report(context: Context, command: Command, files: string[], flags: ReportFlags): Promise<void> {
  const filter = filterOf(flags, context.now());
  const options = globals(command);
  const names = await namesOf(context, command, files, flags);
  const { out, talk } = styles(context, options);
  await withLogs(context, command, names, async (logs) => {
    if (flags.html !== undefined) refuseInput(logs, flags.html);
    const result = await logs.collect(filter, { kind: 'report' });
    if (result.kind !== 'report') return '';
    const data = masked(result.data);
    const shown = {
      data,
      files: logs.files,
      // What a filter leaves out may be just what opened the next file.
      gaps: gapsIn(minutesOf(data.timeline), isWhole(filter) ? rotationsOf(logs.files.map(({ path }) => path)) : []),
      missing: missingRotations(logs.files.map(({ path }) => path)),
    };
    if (flags.html !== undefined) {
      const page = reportHtml({ ...shown, utc: flags.utc, madeAt: context.now(), version: VERSION });
      await context.writeOutput(flags.html, new TextEncoder().encode(page), 'replace', PRIVATE);
      context.streams.talk(`${talk.green('\u2713')} written: ${flags.html}\n`);
    }
    if (options.output === 'json') return reportJson(shown, flags.html ?? null, sandboxField(options));
    return flags.html === undefined ? reportText(shown, out, flags.utc, context.streams.columns) : '';
  });
  context.exit(0);
}

function isWhole(filter: FilterSpec): boolean {
  return Object.keys(filter).every((name) => name === 'since' || name === 'until');
}

/** URLs can have tokens in them. */
function masked(data: ReportData): ReportData {
  const { anonymous } = data.groups;
  const rows = anonymous.rows.map((row) => ({ ...row, values: row.values.map(maskUri) }));
  const list = (events: ReportData['rbac']): ReportData['rbac'] =>
    events.map((event) => ({ ...event, uri: maskUri(event.uri) }));
  return {
    ...data,
    groups: { ...data.groups, anonymous: { ...anonymous, rows } },
    sessions: list(data.sessions),
    rbac: list(data.rbac),
  };
}
