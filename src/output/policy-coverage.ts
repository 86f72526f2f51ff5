/** What each concern gets, as a table. */
import type { CoverageCell, CoverageRow } from '../core/policy/coverage';
import { unreachable } from '../core/errors';
import { paint } from './policy-explain';
import type { Style } from './style';
import { table } from './style';

export function coverageText(rows: readonly CoverageRow[], style: Style): string {
  const lines = rows.map((row) => [
    verdictText(row.verdict, style),
    row.cis ? `${row.title} ${style.dim('(CIS 3.2.2)')}` : row.title,
    row.cells.map((cell) => `${cell.verbs} ${rangeText(cell, style)}`).join(', '),
  ]);
  const exceptions = rows.flatMap((row) =>
    row.cells.flatMap((cell) =>
      cell.exceptions.map(
        (one) => `  ${row.title}, ${cell.verbs}: ${rangeText(one, style)} for requests ${of(one.what)}`,
      ),
    ),
  );
  const more = exceptions.length === 0 ? [] : ['', 'Treated otherwise:', ...exceptions];
  return `${[table(lines), ...more].join('\n')}\n`;
}

export function coverageJson(rows: readonly CoverageRow[]): string {
  return `${JSON.stringify({ concerns: rows }, null, 2)}\n`;
}

function of(what: string): string {
  return /^(in|named) /.test(what) ? what : `of ${what}`;
}

function rangeText({ lowest, highest }: Pick<CoverageCell, 'lowest' | 'highest'>, style: Style): string {
  return lowest === highest ? paint(lowest, style) : `${paint(lowest, style)} to ${paint(highest, style)}`;
}

function verdictText(verdict: CoverageRow['verdict'], style: Style): string {
  switch (verdict) {
    case 'covered':
      return style.green('\u2713 covered');
    case 'partly':
      return style.yellow('! partly');
    case 'missing':
      return style.red('\u2717 missing');
    case 'leaks':
      return style.red('\u2717 leaks');
    default:
      return unreachable(verdict);
  }
}
