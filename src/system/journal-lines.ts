/**
 * What journalctl's JSON says, as lines. Rule: one record is one line: the journal cuts a klog value that spans several
 * (`err=<`, tab-indented lines, ` >`) into entries, which are put together again here.
 */
import type { LogLine } from '../core/evidence';

const MAX_LINES = 2000;

export interface JournalEntry {
  at: number;
  text: string;
  cursor: string | undefined;
}

/** Undefined for what is no entry with a message. */
export function parseEntry(json: string): JournalEntry | undefined {
  try {
    const entry = JSON.parse(json) as Record<string, unknown>;
    const text = messageText(entry['MESSAGE']);
    const at = Math.floor(Number(entry['__REALTIME_TIMESTAMP']) / 1000);
    if (text === undefined || Number.isNaN(at)) return undefined;
    const cursor = entry['__CURSOR'];
    return { at, text, cursor: typeof cursor === 'string' ? cursor : undefined };
  } catch {
    return undefined;
  }
}

/** A string; bytes when it is not UTF-8 or holds control characters; a list of these when the field was given twice. */
function messageText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || value.length === 0) return undefined;
  if (value.every((byte) => typeof byte === 'number')) return Buffer.from(value).toString('utf8');
  const texts = value.map(messageText).filter((text) => text !== undefined);
  return texts.length > 0 ? texts.join('\n') : undefined;
}

export function createJournalLines(): { add(entry: LogLine): void; all(): readonly LogLine[] } {
  let lines: LogLine[] = [];
  let open = false;
  return {
    add({ at, text }) {
      const last = lines.at(-1);
      if (open && last && /^(\t| >)/.test(text)) {
        // A new object: who looked before keeps what he saw.
        lines[lines.length - 1] = { at: last.at, text: `${last.text}\n${text}` };
        open = !text.startsWith(' >') || text.endsWith('=<');
        return;
      }
      open = text.endsWith('=<');
      lines.push({ at, text });
      if (lines.length >= 2 * MAX_LINES) lines = lines.slice(-MAX_LINES);
    },
    all: () => lines.slice(-MAX_LINES),
  };
}
