/**
 * Events as an aligned table that grows line by line: the first rows tell how wide the columns are, later ones follow. On a
 * terminal a row fits the line: the columns that can best spare it are shortened.
 */
import { fieldReader, cellText, type FieldReader } from '../../core/auditlog/fields';
import { toneOf, type AuditEvent } from '../../core/auditlog/event';
import type { Style } from '../style';
import { pad, safeText, shorten, widthOf } from './text';
import { shortTime } from './time';

export interface TableOptions {
  style: Style;
  utc: boolean;
  /** Columns of the terminal; absent: nothing is shortened. */
  width?: number;
  fields: readonly string[];
  /** Rows that are waited for until the widths are settled. */
  sample?: number;
}

export const TABLE_FIELDS = ['time', 'who', 'verb', 'what', 'namespace', 'name', 'answer', 'ip'];
export const WIDE_FIELDS = [...TABLE_FIELDS, 'agent', 'level', 'stage', 'uri', 'id'];

const SAMPLE = 500;
const GAP = '  ';
/** No column is shortened to less. */
const NARROWEST = 8;
const NEVER_SHORT = new Set(['time', 'answer', 'code', 'verb', 'ip']);

interface Row {
  cells: string[];
  event: AuditEvent;
  open: boolean;
}

export class EventTable {
  readonly #options: TableOptions;
  readonly #readers: readonly FieldReader[];
  #waiting: Row[] | undefined = [];
  #widths: number[] = [];

  constructor(options: TableOptions) {
    this.#options = options;
    this.#readers = options.fields.map(fieldReader);
  }

  /** @returns what can be printed by now. */
  add(event: AuditEvent, open: boolean): string {
    const row = { cells: this.#readers.map((reader) => this.#cell(reader, event)), event, open };
    if (this.#waiting === undefined) return this.#line(row);
    this.#waiting.push(row);
    return this.#waiting.length < (this.#options.sample ?? SAMPLE) ? '' : this.flush();
  }

  /** Settles the widths; what was waiting. */
  flush(): string {
    const rows = this.#waiting;
    if (rows === undefined || rows.length === 0) return '';
    this.#waiting = undefined;
    const heads = this.#readers.map(({ name }) => name.toUpperCase());
    this.#widths = heads.map((head, at) =>
      Math.max(widthOf(head), ...rows.map(({ cells }) => widthOf(cells[at] ?? ''))),
    );
    this.#fit();
    const head = this.#options.style.dim(this.#aligned(heads));
    return `${head}\n${rows.map((row) => this.#line(row)).join('')}`;
  }

  #fit(): void {
    const { width } = this.#options;
    if (width === undefined) return;
    const total = (): number => this.#widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length);
    for (let over = total() - width; over > 0; over--) {
      let widest = -1;
      this.#widths.forEach((each, at) => {
        if (each <= NARROWEST || NEVER_SHORT.has(this.#readers[at]?.name ?? '')) return;
        if (widest === -1 || each > (this.#widths[widest] ?? 0)) widest = at;
      });
      if (widest === -1) return;
      this.#widths[widest] = (this.#widths[widest] ?? 0) - 1;
    }
  }

  #line({ cells, event, open }: Row): string {
    const { style } = this.#options;
    const text = this.#aligned(cells);
    const tone = open ? 'open' : toneOf(event);
    const paint = { ok: (each: string) => each, denied: style.yellow, failed: style.red, open: style.cyan }[tone];
    return `${paint(text)}\n`;
  }

  #aligned(cells: readonly string[]): string {
    const { width } = this.#options;
    return cells
      .map((cell, at) => {
        const wide = this.#widths[at] ?? 0;
        const text = width === undefined ? cell : shorten(cell, wide);
        return at === cells.length - 1 ? text : pad(text, wide);
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
