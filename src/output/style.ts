/** Colour, or none: a renderer is handed one of these and never asks the terminal itself. */
import pc from 'picocolors';

export type Style = ReturnType<typeof pc.createColors>;

export function createStyle(colour: boolean): Style {
  return pc.createColors(colour);
}

/** 1234 -> "1.2 s", 61000 -> "1 min 1 s". */
export function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Columns padded to their widest cell; the last one is left as it is. */
export function table(rows: readonly (readonly string[])[], gap = '  '): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, visible(cell))));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === row.length - 1 ? cell : cell + ' '.repeat((widths[at] ?? 0) - visible(cell))))
        .join(gap)
        .trimEnd(),
    )
    .join('\n');
}

function visible(text: string): number {
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}

export function indent(text: string, by: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : by + line))
    .join('\n');
}
