/** Counts: a table with a bar, CSV, JSON. */
import type { TopCounts } from '../../core/auditlog/top';
import type { LogFile } from '../../change/log';
import type { Style } from '../style';
import { csvLine } from './csv';
import { fileTotals } from './events';
import { jsonLine, jsonText, pad, safeText, shorten, widthOf } from './text';

export interface ShownTop {
  by: readonly string[];
  counts: TopCounts;
  /** Rows that are shown; 0: all. */
  limit: number;
  files: readonly LogFile[];
}

const WIDEST = 60;

export function topText({ by, counts, limit }: ShownTop, style: Style, width: number | undefined): string {
  if (counts.total === 0) return 'no events\n';
  const rows = limited(counts, limit);
  const heads = ['COUNT', 'SHARE', ...by.map((name) => name.toUpperCase())];
  const cells = rows.map(({ values, count }) => [
    String(count),
    `${((count / counts.total) * 100).toFixed(1)}%`,
    ...values.map((value) => (value === null || value === '' ? '-' : safeText(value))),
  ]);
  const widths = heads.map((head, at) => Math.max(widthOf(head), ...cells.map((row) => widthOf(row[at] ?? ''))));
  const most = width === undefined ? Infinity : Math.max(8, Math.floor((width - 16) / by.length) - 2);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => {
        if (at < 2) return ' '.repeat((widths[at] ?? 0) - widthOf(cell)) + cell;
        const wide = Math.min(widths[at] ?? 0, width === undefined ? WIDEST * 10 : most);
        return at === row.length - 1 ? shorten(cell, wide) : pad(shorten(cell, wide), wide);
      })
      .join('  ')
      .trimEnd();
  const left = counts.rows.length - rows.length;
  return [
    style.dim(line(heads)),
    ...cells.map(line),
    ...(left > 0 ? [style.dim(`and ${left} more; --limit 0 shows all`)] : []),
    style.dim(`${counts.total} requests`),
    '',
  ].join('\n');
}

export function topJson({ by, counts, limit, files }: ShownTop, lines: boolean): string {
  const rows = limited(counts, limit).map(({ values, count }) => ({
    ...Object.fromEntries(by.map((name, at) => [name, values[at] ?? null])),
    count,
  }));
  if (lines) return rows.map(jsonLine).join('');
  const document = { command: 'log top', exitCode: 0, by, total: counts.total, groups: counts.rows.length, rows };
  return jsonText({ ...document, ...fileTotals(files) });
}

/** @param terminal a file gets the bytes of the log, a terminal nothing that it would obey. */
export function topCsv({ by, counts, limit }: ShownTop, terminal: boolean): string {
  const rows = limited(counts, limit).map(({ values, count }) =>
    csvLine([...values.map((value) => (terminal ? safeText(value ?? '') : (value ?? ''))), String(count)]),
  );
  return csvLine([...by, 'count']) + rows.join('');
}

function limited({ rows }: TopCounts, limit: number): TopCounts['rows'] {
  return limit === 0 ? rows : rows.slice(0, limit);
}
