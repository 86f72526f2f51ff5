/**
 * Columns that share the width of a terminal. Rule: what is short stays whole, what is too long is cut in its middle, where
 * names like `system:serviceaccount:kube-system:default` are all alike.
 */
import { pad, shortenMiddle, widthOf } from './text';

export const GAP = '  ';
/** Below this a cell says nothing. */
const FLOOR = 4;

/** @param wanted by their texts. @param least what a column should keep; room is taken from the widest first. */
export function shared(wanted: readonly number[], room: number, least: readonly number[]): number[] {
  const widths = [...wanted];
  const floors = widths.map((width, at) => Math.min(width, least[at] ?? FLOOR));
  for (const bounds of [floors, floors.map((floor, at) => (least[at] === Infinity ? floor : Math.min(floor, FLOOR)))]) {
    for (let over = totalOf(widths) - room; over > 0; over--) {
      const most = Math.max(...widths.filter((width, at) => width > (bounds[at] ?? 0)));
      const widest = widths.findIndex((width, at) => width === most && width > (bounds[at] ?? 0));
      if (widest === -1) break;
      widths[widest] = most - 1;
    }
  }
  return widths;
}

export function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
}

/** Numbers stand to the right. @param width of the terminal; absent: nothing is cut. */
export function fittedRows(rows: readonly (readonly string[])[], numbers: number, width: number | undefined): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const wanted = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => widthOf(row[at] ?? ''))));
  const least = wanted.map((_, at) => (at < numbers ? Infinity : LEAST));
  const widths = width === undefined ? wanted : shared(wanted, width, least);
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const wide = widths[at] ?? 0;
        const text = shortenMiddle(cell, wide);
        return at < numbers ? ' '.repeat(Math.max(0, wide - widthOf(text))) + text : pad(text, wide);
      })
      .join(GAP)
      .trimEnd(),
  );
}

const LEAST = 8;
