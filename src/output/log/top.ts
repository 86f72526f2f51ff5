/** Counts: a table with a bar, CSV, JSON. */
import { topRows, type TopCounts } from '../../core/auditlog/top';
import type { LogFile } from '../../change/log';
import type { Style } from '../style';
import { csvLine } from './csv';
import { fileTotals } from './events';
import { fittedRows } from './columns';
import { jsonLine, jsonText, safeText } from './text';

export interface ShownTop {
  by: readonly string[];
  counts: TopCounts;
  /** Rows that are shown; 0: all. */
  limit: number;
  files: readonly LogFile[];
}

export function topText({ by, counts, limit }: ShownTop, style: Style, width: number | undefined): string {
  if (counts.total === 0) return 'no events\n';
  const rows = topRows(counts, limit);
  const heads = ['COUNT', 'SHARE', ...by.map((name) => name.toUpperCase())];
  const cells = rows.map(({ values, count }) => [
    String(count),
    `${((count / counts.total) * 100).toFixed(1)}%`,
    ...values.map((value) => (value === null || value === '' ? '-' : safeText(value))),
  ]);
  const [head = '', ...lines] = fittedRows([heads, ...cells], 2, width);
  const left = counts.counts.length - rows.length;
  return [
    style.dim(head),
    ...lines,
    ...(left > 0 ? [style.dim(`and ${left} more; --limit 0 shows all`)] : []),
    style.dim(`${counts.total} requests`),
    '',
  ].join('\n');
}

/** @param more that this is a sandbox's log. */
export function topJson({ by, counts, limit, files }: ShownTop, lines: boolean, more: object = {}): string {
  const rows = topRows(counts, limit).map(({ values, count }) => ({
    ...Object.fromEntries(by.map((name, at) => [name, values[at] ?? null])),
    count,
  }));
  if (lines) return rows.map(jsonLine).join('');
  const document = { command: 'log top', exitCode: 0, by, total: counts.total, groups: counts.counts.length, rows };
  return jsonText({ ...document, ...more, ...fileTotals(files) });
}

/** @param terminal a file gets the bytes of the log, a terminal nothing that it would obey. */
export function topCsv({ by, counts, limit }: ShownTop, terminal: boolean): string {
  const rows = topRows(counts, limit).map(({ values, count }) =>
    csvLine([...values.map((value) => (terminal ? safeText(value ?? '') : (value ?? ''))), String(count)]),
  );
  return csvLine([...by, 'count']) + rows.join('');
}
