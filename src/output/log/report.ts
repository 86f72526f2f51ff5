/** The report in short, for a terminal, and as JSON. */
import type { Gap } from '../../core/auditlog/gaps';
import { REPORT_GROUPS, type ReportData } from '../../core/auditlog/report';
import type { LogFile } from '../../change/log';
import { bytesText } from '../policy-replay';
import type { Style } from '../style';
import { fittedRows } from './columns';
import { fileTotals } from './events';
import { jsonText, safeText } from './text';
import { shortTime } from './time';

export interface ShownReport {
  data: ReportData;
  files: readonly LogFile[];
  gaps: readonly Gap[];
  missing: readonly string[];
}

const ROWS = 5;

export function reportText({ data, gaps, missing }: ShownReport, style: Style, utc: boolean, width?: number): string {
  if (data.events === 0) return 'no events\n';
  const lines = [
    wrapped(
      `${data.events} requests, ${bytesText(data.bytes)}, ${shortTime(data.from, utc)} to ${shortTime(data.to, utc)}`,
      width,
    ),
    wrapped(
      `${data.sessionCount} ways into containers, ${data.rbacCount} changes of roles and bindings, ${gaps.length} gaps`,
      width,
    ),
    ...missing.map((path) => style.yellow(`${safeText(path)} is missing between the rotated files`)),
  ];
  for (const [title, id] of GROUPS) {
    const { rows, others } = data.groups[id];
    if (rows.length === 0) continue;
    const shown = rows
      .slice(0, ROWS)
      .map(({ values, count }) => [String(count), ...values.map((value) => safeText(value) || '-')]);
    const left = rows.length - shown.length + (others > 0 ? 1 : 0);
    lines.push('', style.bold(title), ...fittedRows([['requests', ...REPORT_GROUPS[id]], ...shown], 1, width));
    if (left > 0) lines.push(style.dim(`and ${left} more`));
  }
  return `${lines.join('\n')}\n`;
}

/** Sentences, on as many lines as they need. */
function wrapped(text: string, width = Infinity): string {
  const lines = [''];
  for (const word of text.split(/(?<= )/)) {
    if (`${lines.at(-1) ?? ''}${word}`.trimEnd().length > width) lines.push('');
    lines.push(`${lines.pop() ?? ''}${word}`);
  }
  return lines.map((line) => line.trimEnd()).join('\n');
}

const GROUPS = [
  ['Denied', 'denied'],
  ['Anonymous', 'anonymous'],
  ['Access to Secrets', 'secrets'],
  ['Who', 'users'],
  ['What', 'resources'],
  ['From where', 'addresses'],
] as const;

/** @param more that this is a sandbox's log. */
export function reportJson(
  { data, files, gaps, missing }: ShownReport,
  html: string | null,
  more: object = {},
): string {
  const { timeline, ...rest } = data;
  const { step, bars } = timeline;
  const texts = bars.map(([minute, counts]) => [new Date(minute * 60_000).toISOString(), counts.join(' ')]);
  const document = {
    command: 'log report',
    exitCode: 0,
    html,
    ...rest,
    timeline: { minutes: step, bars: Object.fromEntries(texts) as unknown },
    gaps,
    missing,
  };
  return jsonText({ ...document, ...more, ...fileTotals(files) });
}
