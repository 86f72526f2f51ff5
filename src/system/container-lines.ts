/**
 * Lines of a container log as the kubelet's runtimes write them: CRI (`TIME stream F text`) and Docker's json-file. Rule:
 * parts of a split line are joined, a stream each; a line in no known form is kept as it stands.
 */
import type { LogLine } from '../core/evidence';

const MAX_LINES = 400;
const MAX_TEXT = 64 * 1024;

export interface LineParser {
  /** One line of the file, without its line break. */
  add(line: string): void;
  /** The newest lines, oldest first, and before them what the server ended on: a dump of all goroutines may follow it. */
  lines(): readonly LogLine[];
}

interface Part {
  at: number;
  stream: string;
  text: string;
  /** More of the same line follows. */
  partial: boolean;
}

export function createLineParser(): LineParser {
  let lines: LogLine[] = [];
  const open = new Map<string, LogLine>();
  let lastAt = 0;
  let fatal: LogLine[] = [];

  return {
    add(line) {
      if (line === '') return;
      const part = parseCri(line) ?? parseDocker(line) ?? { at: lastAt, stream: '', text: line, partial: false };
      lastAt = part.at;
      const before = open.get(part.stream);
      const text = ((before?.text ?? '') + part.text).slice(0, MAX_TEXT);
      const joined = { at: before?.at ?? part.at, text };
      if (part.partial) {
        open.set(part.stream, joined);
        return;
      }
      open.delete(part.stream);
      if (fatal.length === 0) fatal = fatalAt(lines.at(-1), joined);
      lines.push(joined);
      if (lines.length >= 2 * MAX_LINES) lines = lines.slice(-MAX_LINES);
    },
    lines: () => {
      const newest = lines.slice(-MAX_LINES);
      const [first] = fatal;
      return first === undefined || newest.includes(first) ? newest : [...fatal, ...newest];
    },
  };
}

/** What ends a Go program: klog's fatal line, a panic, or, of one that logs JSON, the line before the first goroutine. */
const FATAL = /^(?:F\d{4} \d\d:|panic: |fatal error: )/;

function fatalAt(before: LogLine | undefined, line: LogLine): LogLine[] {
  if (FATAL.test(line.text)) return [line];
  return before?.text.startsWith('{') === true && /^goroutine \d+ \[/.test(line.text) ? [before, line] : [];
}

function parseCri(line: string): Part | undefined {
  const [, time = '', stream = '', tags = '', text = ''] = /^(\S+) (stdout|stderr) (\S+) ?(.*)$/s.exec(line) ?? [];
  const at = milliseconds(time);
  return at === undefined ? undefined : { at, stream, text, partial: tags.split(':').includes('P') };
}

function parseDocker(line: string): Part | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { log, stream, time } = JSON.parse(line) as { log?: unknown; stream?: unknown; time?: unknown };
    if (typeof log !== 'string' || typeof stream !== 'string' || typeof time !== 'string') return undefined;
    const at = milliseconds(time);
    if (at === undefined) return undefined;
    return { at, stream, text: log.replace(/\n$/, ''), partial: !log.endsWith('\n') };
  } catch {
    return undefined;
  }
}

/** RFC 3339 with any number of decimals. */
function milliseconds(time: string): number | undefined {
  const at = Date.parse(time.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(at) ? undefined : at;
}
