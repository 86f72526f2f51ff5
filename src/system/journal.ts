/**
 * The kubelet's journal from the moment of opening on. Rule: what is written after `openJournal` resolved is seen, once
 * and in order; where there is no journal there are no lines and a note says why. Never rejects.
 *
 * It is asked again and again from the last cursor, not followed: journald tells its followers (`journalctl -f`) of new
 * entries up to half a second late, while a fresh look sees them at once, costs a few milliseconds, and leaves no
 * long-lived child behind whatever happens to this process.
 */
import { messageOf } from '../core/errors';
import type { LogLine } from '../core/evidence';
import { sleep } from './clock';
import { hasCode } from './file-errors';
import { createJournalLines, parseEntry } from './journal-lines';
import { run } from './run';

const PERIOD_MS = 100;
/** A journal of many large files takes longer to open: it is asked less often, so that it costs a tenth of a core. */
const MOST_PERIOD_MS = 1000;

/** Who is asked for entries. Rejections are told in the note; ENOENT means that there is nobody, and ends the asking. */
export interface JournalSource {
  /** The name it has in a note. */
  name: string;
  /** The cursor of the newest entry of all. */
  newest(): Promise<string | undefined>;
  /** What came after the entry with that cursor, or from a time on (it may be coarser): a JSON object a line. */
  entries(from: { after: string } | { since: number }): Promise<string>;
}

export interface JournalOptions {
  root?: string;
  /** As `journalctl -u` takes it. */
  unit?: string;
  program?: string;
  /** Instead of `program`. */
  source?: JournalSource;
  /** Lines from this time on (milliseconds since the epoch), instead of from now on. */
  since?: number;
}

export interface Journal {
  /** All lines since it was opened (the newest 2000), oldest first. */
  lines(): readonly LogLine[];
  /** Why there may be nothing to see. */
  note(): string | undefined;
  close(): Promise<void>;
}

export async function openJournal({
  root = '/',
  unit = 'kubelet',
  program = 'journalctl',
  source: given,
  since: from,
}: JournalOptions): Promise<Journal> {
  const closing = new AbortController();
  const source = given ?? journalctl({ root, unit, program, signal: closing.signal });
  const lines = createJournalLines();
  const openedAt = from ?? Date.now();
  let cursor: string | undefined;
  let note: string | undefined;

  const ask = async () => {
    const answer = await source.entries(cursor === undefined ? { since: openedAt } : { after: cursor });
    // Without a cursor the question is as coarse as a second.
    const since = cursor === undefined ? openedAt : 0;
    for (const line of answer.split('\n')) {
      const entry = parseEntry(line);
      if (!entry || entry.at < since) continue;
      lines.add(entry);
      cursor = entry.cursor ?? cursor;
    }
  };

  /** Does `work`, notes how it went, and answers whether there is any use in going on. */
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      note = undefined;
    } catch (error) {
      if (closing.signal.aborted) return false;
      const missing = hasCode(error, 'ENOENT');
      note = missing ? `there is no ${source.name} here` : `${source.name}: ${messageOf(error)}`;
      return !missing;
    }
    return true;
  };

  const poll = async () => {
    let going = true;
    while (going && !closing.signal.aborted) {
      const begun = performance.now();
      going = await attempt(ask);
      const period = Math.min(MOST_PERIOD_MS, Math.max(PERIOD_MS, 10 * (performance.now() - begun)));
      await sleep(begun + period - performance.now(), closing.signal);
    }
  };

  // The whole journal's last entry, not the unit's: it is there even when the kubelet has never said a word.
  const useful = await attempt(async () => {
    if (from === undefined) cursor = await source.newest();
  });
  const polling = useful ? poll() : undefined;

  return {
    lines: () => lines.all(),
    note: () => note,
    async close() {
      closing.abort();
      await polling;
    },
  };
}

function journalctl(how: { root: string; unit: string; program: string; signal: AbortSignal }): JournalSource {
  const ask = async (...args: string[]): Promise<string> => {
    const where = how.root === '/' ? [] : [`--root=${how.root}`];
    const options = { timeoutMs: 10_000, signal: how.signal };
    const { code, stdout, stderr } = await run(how.program, [...where, '--quiet', ...args], options);
    if (code !== 0) throw new Error(stderr.trim() || `exit code ${code}`);
    return stdout;
  };
  return {
    name: how.program,
    newest: async () => cursorIn(await ask('--lines=1', '--output=cat', '--show-cursor')),
    entries(from) {
      const position = 'after' in from ? `--after-cursor=${from.after}` : `--since=@${Math.floor(from.since / 1000)}`;
      // --all: without it a long message comes as null.
      return ask('--unit', how.unit, '--output=json', '--all', position);
    },
  };
}

/** The last line; an entry's own text, which stands above it, may look the same. */
function cursorIn(shown: string): string | undefined {
  return /^-- cursor: (\S+)$/.exec(shown.trimEnd().split('\n').at(-1) ?? '')?.[1];
}
