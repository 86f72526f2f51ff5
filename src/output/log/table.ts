/**
 * Events as an aligned table that grows line by line: the first rows tell how wide the columns are, and they widen with what
 * comes later. On a terminal a row fits the line: the widest columns are shortened, and where that is not enough the table
 * goes without those that `-o wide` and `-o jsonl` still have.
 */
import { fieldReader, cellText, type FieldReader } from '../../core/auditlog/fields';
import { toneOf, type AuditEvent } from '../../core/auditlog/event';
import type { Style } from '../style';
import { GAP, shared, totalOf } from './columns';
import { pad, safeText, shortenMiddle, widthOf } from './text';
import { shortTime } from './time';

export interface TableOptions {
  style: Style;
  utc: boolean;
  /** Columns of the terminal; absent: nothing is shortened. */
  width?: number;
  fields: readonly string[];
  /** Columns may be left out: nobody has asked for just these. */
  spare?: boolean;
  /** Each row is printed at once: there is nothing to measure, and room is kept for what usually comes. */
  live?: boolean;
}

export const TABLE_FIELDS = ['time', 'who', 'verb', 'what', 'namespace', 'name', 'answer', 'ip'];
export const WIDE_FIELDS = [...TABLE_FIELDS, 'agent', 'level', 'stage', 'uri', 'id'];

/** Rows that are waited for until the widths are settled. */
const SAMPLE = 500;
/** What a column is not shortened below while there is another way; Infinity: a part of it would be another value. */
const LEAST: Readonly<Record<string, number>> = {
  time: Infinity,
  answer: Infinity,
  code: Infinity,
  verb: 6,
  who: 14,
  user: 14,
  ip: 15,
};
const LEAST_OF_OTHERS = 8;
const USUAL: Readonly<Record<string, number>> = { who: 40, verb: 6, what: 24, namespace: 16, name: 32, ip: 15 };
/** The first is the one that is missed least. */
const SPARED = ['ip', 'namespace', 'time', 'name'];

interface Row {
  cells: string[];
  event: AuditEvent;
  open: boolean;
}

export class EventTable {
  readonly #options: TableOptions;
  readonly #readers: readonly FieldReader[];
  #waiting: Row[] | undefined = [];
  #wanted: number[] = [];
  #widths: number[] = [];
  #spared = new Set<string>();
  #dated = true;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#readers = options.fields.map(fieldReader);
  }

  /** @returns what can be printed by now. */
  add(event: AuditEvent, open: boolean): string {
    const row = { cells: this.#readers.map((reader) => this.#cell(reader, event)), event, open };
    if (this.#waiting === undefined) return this.#line(row);
    this.#waiting.push(row);
    return this.#waiting.length < (this.#options.live === true ? 1 : SAMPLE) ? '' : this.flush();
  }

  /** Settles the widths; what was waiting. */
  flush(): string {
    const rows = this.#waiting;
    if (rows === undefined || rows.length === 0) return '';
    this.#waiting = undefined;
    const heads = this.#readers.map(({ name }) => name.toUpperCase());
    this.#wanted = this.#readers.map((_, at) =>
      Math.max(widthOf(heads[at] ?? ''), ...rows.map(({ cells }) => widthOf(cells[at] ?? ''))),
    );
    this.#spare();
    this.#share();
    const head = this.#options.style.dim(this.#aligned(heads));
    return `${head}\n${rows.map((row) => this.#line(row)).join('')}`;
  }

  /** Leaves out what there is no room for, once: columns must not come and go. */
  #spare(): void {
    const { width, spare } = this.#options;
    if (width === undefined || spare !== true) return;
    const fits = (): boolean => {
      const shown = this.#shown();
      const least = shown.map((at) => Math.min(this.#wantedOf(at), this.#leastOf(at)));
      return totalOf(least) <= width;
    };
    this.#dated = fits();
    for (const name of SPARED) if (!fits()) this.#spared.add(name);
  }

  #share(): void {
    const { width } = this.#options;
    const shown = this.#shown();
    const wanted = shown.map((at) => this.#wantedOf(at));
    if (width === undefined) {
      this.#widths = wanted;
      return;
    }
    this.#widths = shared(
      wanted,
      width,
      shown.map((at) => this.#leastOf(at)),
    );
    if (this.#options.live === true) this.#reserve(width);
  }

  /** Room that nothing takes yet is kept for what usually comes. */
  #reserve(width: number): void {
    let spare = width - totalOf(this.#widths);
    this.#shown().forEach((at, place) => {
      const own = this.#widths[place] ?? 0;
      const more = Math.max(0, Math.min(spare, (USUAL[this.#readers[at]?.name ?? ''] ?? 0) - own));
      this.#widths[place] = own + more;
      spare -= more;
    });
  }

  #shown(): number[] {
    return this.#readers.flatMap(({ name }, at) => (this.#spared.has(name) ? [] : [at]));
  }

  #wantedOf(at: number): number {
    const wanted = this.#wanted[at] ?? 0;
    return this.#readers[at]?.name === 'time' && !this.#dated ? wanted - YEAR : wanted;
  }

  #leastOf(at: number): number {
    const least = LEAST[this.#readers[at]?.name ?? ''] ?? LEAST_OF_OTHERS;
    return least === Infinity ? this.#wantedOf(at) : least;
  }

  #line({ cells, event, open }: Row): string {
    let grows = false;
    cells.forEach((cell, at) => {
      const width = widthOf(cell);
      if (width <= (this.#wanted[at] ?? 0)) return;
      this.#wanted[at] = width;
      grows = true;
    });
    if (grows) this.#share();
    const { style } = this.#options;
    const text = this.#aligned(cells);
    const tone = open ? 'open' : toneOf(event);
    const paint = { ok: (each: string) => each, denied: style.yellow, failed: style.red, open: style.cyan }[tone];
    return `${paint(text)}\n`;
  }

  #aligned(cells: readonly string[]): string {
    const { width } = this.#options;
    return this.#shown()
      .map((at, place) => {
        const wide = this.#widths[place] ?? 0;
        const cell = cells[at] ?? '';
        const whole = this.#readers[at]?.name === 'time' && !this.#dated && /^\d/.test(cell) ? cell.slice(YEAR) : cell;
        const text = width === undefined ? whole : shortenMiddle(whole, wide);
        return place === this.#widths.length - 1 ? text : pad(text, wide);
      })
      .join(GAP)
      .trimEnd();
  }

  #cell({ name, read }: FieldReader, event: AuditEvent): string {
    const text = cellText(read(event));
    const shown = name === 'time' ? shortTime(text, this.#options.utc) : text;
    return shown === '' ? '-' : safeText(shown);
  }
}

/** `2026-` */
const YEAR = 5;
