/**
 * The kubelet's journal, followed from the moment of opening. Rule: what is written after `open` resolved is seen, once,
 * in order; where there is no journal there are no lines and a note says why. Never rejects.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { messageOf } from '../core/errors';
import type { LogLine } from '../core/evidence';
import { hasCode } from './file-errors';
import { createJournalLines, parseEntry } from './journal-lines';
import { run } from './run';

/** A journalctl that ends is started again after this, and given up after so many times without a line between. */
const RESTART_MS = 250;
const MAX_RESTARTS = 20;

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
  since,
}: JournalOptions): Promise<Journal> {
  const where = root === '/' ? [] : [`--root=${root}`];
  const openedAt = since ?? Date.now();
  const lines = createJournalLines();
  let note: string | undefined;
  let anchored = false;
  let gaveUp = false;
  let cursor: string | undefined;
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  let restarts = 0;
  let closed = false;

  const follow = () => {
    // --all: without it a long message comes as null. --no-tail: a follower otherwise begins with the last ten lines.
    const from = cursor === undefined ? `--since=@${Math.floor(openedAt / 1000)}` : `--after-cursor=${cursor}`;
    const args = [...where, '--unit', unit, '--output=json', '--all', '--quiet', '--no-tail', '--follow', from];
    const started = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    let words = '';
    started.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2000)));
    createInterface({ input: started.stdout, crlfDelay: Infinity }).on('line', (line) => {
      const entry = parseEntry(line);
      if (!entry) return;
      restarts = 0;
      note = undefined;
      cursor = entry.cursor ?? cursor;
      if (anchored || entry.at >= openedAt) lines.add(entry);
    });
    ended = new Promise<void>((resolve) => {
      started.on('error', (error) => {
        note = cannot(program, error);
        gaveUp = true;
        resolve();
      });
      started.on('close', (code, signal) => {
        resolve();
        if (closed || gaveUp) return;
        gaveUp = ++restarts > MAX_RESTARTS;
        if (gaveUp) note = `${program} ended (${words.trim() || String(signal ?? code)})`;
        else restart = setTimeout(follow, RESTART_MS);
      });
    });
  };

  try {
    // The whole journal's last entry, not the unit's: it is there even when the kubelet has never said a word.
    const last = await run(program, [...where, '--lines=1', '--output=cat', '--show-cursor', '--quiet']);
    if (since === undefined)
      cursor = /^-- cursor: (\S+)\s*$/m.exec(last.stdout.slice(last.stdout.lastIndexOf('-- cursor: ')))?.[1];
    anchored = cursor !== undefined;
    if (last.code === 0 && !anchored && since === undefined)
      note = `${program} shows no entries${root === '/' ? '' : ` below ${root}`}`;
    if (last.code === 0) follow();
    else note = `${program}: ${last.stderr.trim() || `exit code ${last.code}`}`;
  } catch (error) {
    note = cannot(program, error);
  }

  return {
    lines: () => lines.all(),
    note: () => note,
    async close() {
      closed = true;
      clearTimeout(restart);
      child?.kill('SIGTERM');
      await ended;
    },
  };
}

function cannot(program: string, error: unknown): string {
  return hasCode(error, 'ENOENT') ? `there is no ${program} here` : `${program}: ${messageOf(error)}`;
}
