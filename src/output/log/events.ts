/** Events in one of the formats, one after the other. */
import { cellText, fieldReader } from '../../core/auditlog/fields';
import type { AuditEvent } from '../../core/auditlog/event';
import { presentable, type Shown } from '../../core/auditlog/mask';
import type { LogFile } from '../../change/log';
import { csvLine } from './csv';
import { jsonLine, jsonText, safeText } from './text';
import { EventTable, TABLE_FIELDS, WIDE_FIELDS } from './table';
import type { Style } from '../style';
import { localIso } from './time';

export type EventFormat = 'text' | 'wide' | 'json' | 'jsonl' | 'csv';

export interface EventsOptions extends Shown {
  format: EventFormat;
  command: string;
  /** More fields of the JSON document: that this is a sandbox's log. */
  more?: object;
  style: Style;
  utc: boolean;
  /** Of the terminal that it is printed on; absent: on none. */
  width?: number;
  /** Absent: the format's own. */
  fields?: readonly string[];
  /** Some of them are parts of bodies, and so asked for. */
  bodyFields?: boolean;
  /** Each event is shown at once. */
  live?: boolean;
}

export interface EventPrinter {
  add(event: AuditEvent, open: boolean): string;
  end(files: readonly LogFile[]): string;
}

export function eventPrinter(options: EventsOptions): EventPrinter {
  switch (options.format) {
    case 'json':
      return jsonPrinter(options);
    case 'jsonl':
      return { add: (event) => jsonLine(shownEvent(event, options)), end: () => '' };
    case 'csv':
      return csvPrinter(options);
    default:
      return tablePrinter(options);
  }
}

function shownOf(event: AuditEvent, { bodies, reveal, bodyFields = false }: EventsOptions): AuditEvent {
  return presentable(event, { bodies: bodies || bodyFields, reveal });
}

/** With `--fields` an object of just these. */
function shownEvent(event: AuditEvent, options: EventsOptions): unknown {
  const shown = shownOf(event, options);
  if (options.fields === undefined) return shown;
  return Object.fromEntries(options.fields.map((name) => [name, fieldReader(name).read(shown) ?? null]));
}

function jsonPrinter(options: EventsOptions): EventPrinter {
  let count = 0;
  return {
    add(event) {
      const text = indentedJson(shownEvent(event, options), 4);
      const before =
        count++ === 0 ? `{\n  "command": ${JSON.stringify(options.command)},\n  "events": [\n    ` : ',\n    ';
      return before + text;
    },
    end(files) {
      const start = count === 0 ? `{\n  "command": ${JSON.stringify(options.command)},\n  "events": [` : '\n  ';
      const rest = jsonText({ exitCode: 0, count, ...options.more, ...fileTotals(files) });
      return `${start}],\n${rest.slice(2)}`;
    },
  };
}

export interface FileTotals {
  damaged: number;
  files: {
    path: string;
    size: number | null;
    bytes: number;
    events: number;
    damaged: number;
    problem: string | null;
  }[];
}

/** Of what was read, for JSON. */
export function fileTotals(files: readonly LogFile[]): FileTotals {
  return {
    damaged: files.reduce((sum, { damaged }) => sum + damaged, 0),
    files: files.map(({ path, size, bytes, events, damaged, problem }) => ({
      path,
      size: Number.isFinite(size) ? size : null,
      bytes,
      events,
      damaged,
      problem: problem ?? null,
    })),
  };
}

function csvPrinter(options: EventsOptions): EventPrinter {
  const names = options.fields ?? WIDE_FIELDS;
  const readers = names.map(fieldReader);
  // A file gets the bytes of the log, a terminal nothing that it would obey.
  const shownText = options.width === undefined ? (text: string) => text : safeText;
  const cell = (name: string, value: unknown): string =>
    shownText(name === 'time' && !options.utc ? localIso(cellText(value)) : cellText(value));
  let isFirst = true;
  return {
    add(event) {
      const shown = shownOf(event, options);
      const head = isFirst ? csvLine(names) : '';
      isFirst = false;
      return head + csvLine(readers.map(({ name, read }) => cell(name, read(shown))));
    },
    end: () => (isFirst ? csvLine(names) : ''),
  };
}

function tablePrinter(options: EventsOptions): EventPrinter {
  const { style, utc, width, format, live } = options;
  const isWide = format === 'wide';
  const table = new EventTable({
    style,
    utc,
    fields: options.fields ?? (isWide ? WIDE_FIELDS : TABLE_FIELDS),
    ...(width === undefined || isWide ? {} : { width }),
    live: live === true || options.bodies,
    spare: options.fields === undefined,
  });
  return {
    add(event, open) {
      const shown = shownOf(event, options);
      return table.add(shown, open) + (options.bodies ? bodiesText(shown, table, style) : '');
    },
    end: () => table.flush(),
  };
}

export function indentedJson(value: unknown, by: number): string {
  return jsonText(value)
    .trimEnd()
    .replaceAll('\n', `\n${' '.repeat(by)}`);
}

function bodiesText(event: AuditEvent, table: EventTable, style: Style): string {
  const before = table.flush();
  const parts = (['requestObject', 'responseObject'] as const)
    .filter((name) => event[name] !== undefined)
    .map((name) => `    ${style.dim(name)} ${indentedJson(event[name], 4)}\n`);
  return before + parts.join('');
}
