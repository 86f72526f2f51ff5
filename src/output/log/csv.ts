/** CSV (RFC 4180) that a spreadsheet takes for text: a cell that begins like a formula gets a quote before it. */

export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  // The signs of a formula, and what a spreadsheet drops before them.
  const safe = /^[\s\u0000]*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n\u0000]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
