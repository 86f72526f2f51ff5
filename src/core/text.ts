/** Places in texts: offsets to lines and columns. */
import type { Place } from './errors';

/** Turns a character offset into a place. O(n) once, then O(log n) a look-up. */
export class LineIndex {
  readonly #starts: number[] = [0];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  /** @param offset in UTF-16 units, as string indices are. @param length underlined units, cut at the line's end. */
  place(offset: number, length = 1, file?: string): Place {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const start = this.#starts[low] ?? 0;
    const next = this.#starts[low + 1];
    const lineText = this.#text.slice(start, next === undefined ? undefined : next - 1).replace(/\r$/, '');
    const column = offset - start + 1;
    return {
      ...(file === undefined ? {} : { file }),
      line: low + 1,
      column,
      lineText,
      length: Math.max(1, Math.min(length, lineText.length - column + 1)),
    };
  }
}

/** A word as a shell takes it for itself. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
