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

export interface JournalOptions {
  root?: string;
  /** As `journalctl -u` takes it. */
  unit?: string;
  program?: string;
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
  since: from,
}: JournalOptions): Promise<Journal> {
  const closing = new AbortController();
  const lines = createJournalLines();
  const openedAt = from ?? Date.now();
  let cursor: string | undefined;
  let note: string | undefined;

  const journalctl = async (...args: string[]): Promise<string> => {
    const where = root === '/' ? [] : [`--root=${root}`];
    const options = { timeoutMs: 10_000, signal: closing.signal };
    const { code, stdout, stderr } = await run(program, [...where, '--quiet', ...args], options);
    if (code !== 0) throw new Error(stderr.trim() || `exit code ${code}`);
    return stdout;
  };

  const ask = async () => {
    const position = cursor === undefined ? `--since=@${Math.floor(openedAt / 1000)}` : `--after-cursor=${cursor}`;
    // --all: without it a long message comes as null.
    const answer = await journalctl('--unit', unit, '--output=json', '--all', position);
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
      note = missing ? `there is no ${program} here` : `${program}: ${messageOf(error)}`;
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
    if (from === undefined) cursor = cursorIn(await journalctl('--lines=1', '--output=cat', '--show-cursor'));
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

/** The last line; an entry's own text, which stands above it, may look the same. */
function cursorIn(shown: string): string | undefined {
  return /^-- cursor: (\S+)$/.exec(shown.trimEnd().split('\n').at(-1) ?? '')?.[1];
}
