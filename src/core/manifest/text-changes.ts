/** Changes of a text at its own offsets, collected and then made all at once. */
import { indentBefore, lineBreakAt, lineStart, nextLine } from './layout';
import type { Entry } from './layout';

interface Splice {
  start: number;
  end: number;
  text: string;
}
interface NewLines {
  at: number;
  depth: number;
  lines: readonly string[];
}

export class TextChanges {
  readonly #text: string;
  readonly #splices: Splice[] = [];
  readonly #newLines: NewLines[] = [];
  readonly #cuts: { start: number; end: number }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  replace(start: number, end: number, text: string): void {
    this.#splices.push({ start, end, text });
  }

  insert(at: number, text: string): void {
    this.replace(at, at, text);
  }

  /**
   * Puts whole lines behind the line of an offset. Where several meet, the deeper come first: the end of an inner
   * collection is the end of the outer one too.
   */
  addLines(behind: number, depth: number, lines: readonly string[]): void {
    this.#newLines.push({ at: nextLine(this.#text, behind), depth, lines });
  }

  /** Takes out the lines of block entries, one by one, as a comment between two of them is nobody's own and stays. */
  cutLines(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (indentBefore(this.#text, entry.start) === undefined) throw new Error('an entry that does not start its line');
      this.#cuts.push({ start: lineStart(this.#text, entry.start), end: nextLine(this.#text, entry.end) });
    }
  }

  /** The text with all changes. */
  applied(): string {
    const text = this.#text;
    const splices = [...this.#splices, ...this.#cutSplices(), ...this.#lineSplices()];
    splices.sort((a, b) => a.start - b.start || a.end - b.end);
    let result = '';
    let at = 0;
    for (const splice of splices) {
      if (splice.start < at) throw new Error('two changes of a text overlap');
      result += text.slice(at, splice.start) + splice.text;
      at = splice.end;
    }
    return result + text.slice(at);
  }

  #cutSplices(): Splice[] {
    const joined: { start: number; end: number }[] = [];
    for (const cut of [...this.#cuts].sort((a, b) => a.start - b.start)) {
      const before = joined.at(-1);
      if (before?.end === cut.start) before.end = cut.end;
      else joined.push({ ...cut });
    }
    return joined.map(({ start, end }) => {
      // The last line of a text without a final line break: the break before it goes instead.
      const open = end === this.#text.length && !this.#text.endsWith('\n') && start > 0;
      return { start: start - (open ? lineBreakAt(this.#text, start).length : 0), end, text: '' };
    });
  }

  #lineSplices(): Splice[] {
    return [...new Set(this.#newLines.map(({ at }) => at))].map((at) => {
      const lines = this.#newLines
        .filter((addition) => addition.at === at)
        .sort((a, b) => b.depth - a.depth)
        .flatMap((addition) => addition.lines);
      const lineBreak = lineBreakAt(this.#text, at - 1);
      const open = at === this.#text.length && !this.#text.endsWith('\n');
      const text = open ? lineBreak + lines.join(lineBreak) : lines.map((line) => line + lineBreak).join('');
      return { start: at, end: at, text };
    });
  }
}
