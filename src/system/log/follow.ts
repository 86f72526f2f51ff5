/**
 * Events as they are written. Rule: none is lost and none comes twice, also when the log is renamed away (once or several
 * times between two looks), copied and truncated, or not there yet. A request is shown once: when its long answer begins, or
 * when it ends.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync, watch, type FSWatcher } from 'node:fs';
import { dirname, join } from 'node:path';
import { nameFile } from '../../core/auditlog/files';
import { compileFilter, type Filter, type FilterSpec } from '../../core/auditlog/filter';
import { SLOT } from '../../core/auditlog/members';
import { FINAL, rankOf, requestKey } from '../../core/auditlog/stages';
import type { EventScan } from '../../core/auditlog/scan';
import type { LogEvent } from '../../change/log';
import { PieceScanner } from './scan-piece';

/** Looked at so often, also where the system does not tell of changes (network file systems). */
const POLL_MS = 100;
const BLOCK = 256 << 10;
/** So much of what was read last is remembered, to find it again in a copy. */
const MARK = 512;
const MOST_STARTED = 50_000;

export async function* followLogs(
  find: () => Promise<readonly string[]>,
  spec: FilterSpec,
  signal: AbortSignal,
): AsyncGenerator<LogEvent> {
  const filter = compileFilter(spec);
  const events: LogEvent[] = [];
  let changed: (() => void) | undefined;
  const followers = (await find()).map((path) => new Follower(path, filter, (event) => void events.push(event)));
  const watchers = followers.flatMap(({ folder }) => watched(folder, () => changed?.()));
  try {
    while (!signal.aborted) {
      for (const follower of followers) follower.look();
      yield* events.splice(0);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        changed = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener('abort', changed, { once: true });
      });
      if (changed) signal.removeEventListener('abort', changed);
    }
  } finally {
    for (const watcher of watchers) watcher.close();
    for (const follower of followers) follower.close();
  }
}

class Follower {
  readonly folder: string;
  readonly #path: string;
  #fd: number | undefined;
  #position = 0;
  #mark = Buffer.alloc(0);
  readonly #scanner: PieceScanner;

  constructor(path: string, filter: Filter, onEvent: (event: LogEvent) => void) {
    const isFolder = statOf(path)?.isDirectory() === true;
    this.folder = isFolder ? path : dirname(path);
    this.#path = isFolder ? (newestIn(path) ?? join(path, '0.log')) : path;
    this.#scanner = new PieceScanner(filter, onceEach(filter, onEvent));
    this.#open(this.#path);
    // From the end on: what was there before is `log query`'s.
    if (this.#fd !== undefined) this.#position = fstatSync(this.#fd).size;
    this.#skipBegunLine();
  }

  look(): void {
    if (this.#fd === undefined) this.#open(this.#path);
    if (this.#fd === undefined) return;
    const ours = fstatSync(this.#fd);
    if (ours.size < this.#position) this.#truncated();
    this.#read();
    const named = statOf(this.#path);
    if (named === undefined || (named.ino === ours.ino && named.dev === ours.dev)) return;
    // Renamed away. What was written to it after our look, before the rename, is read first.
    this.#read();
    const next = this.#rotatedSince(ours.ino);
    for (const path of [...next, this.#path]) {
      this.#scanner.lines.end();
      this.close();
      this.#open(path);
      this.#read();
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(path: string): void {
    try {
      this.#fd = openSync(path, 'r');
    } catch {
      this.#fd = undefined;
    }
    this.#position = 0;
  }

  #read(): void {
    if (this.#fd === undefined) return;
    const { lines } = this.#scanner;
    for (;;) {
      const room = lines.room();
      const count = readSync(this.#fd, room, 0, Math.min(room.length, BLOCK), this.#position);
      if (count === 0) return;
      this.#position += count;
      this.#mark = Buffer.concat([this.#mark, room.subarray(Math.max(0, count - MARK), count)]).subarray(-MARK);
      lines.taken(count);
    }
  }

  /** Files that were rotated one after the other since the one that we have open, oldest first. */
  #rotatedSince(inode: number): string[] {
    const { log } = nameFile(this.#path);
    const files = namesIn(this.folder)
      .map((name) => nameFile(join(this.folder, name)))
      .filter((file) => file.log === log && file.path !== this.#path && !file.path.endsWith('.gz'))
      .sort((a, b) => a.order - b.order);
    const ours = files.findIndex(({ path }) => statOf(path)?.ino === inode);
    return ours === -1 ? [] : files.slice(ours + 1).map(({ path }) => path);
  }

  /** Copied and emptied (logrotate's copytruncate): what we had not read yet is in the copy. */
  #truncated(): void {
    const copy = this.#fd === undefined ? undefined : this.#copy();
    if (copy !== undefined) {
      const own = this.#fd;
      this.#fd = copy;
      this.#read();
      closeSync(copy);
      this.#fd = own;
    }
    this.#scanner.lines.end();
    this.#position = 0;
    this.#mark = Buffer.alloc(0);
  }

  #copy(): number | undefined {
    const { log } = nameFile(this.#path);
    for (const name of namesIn(this.folder)) {
      const path = join(this.folder, name);
      if (path === this.#path || nameFile(path).log !== log || path.endsWith('.gz')) continue;
      const fd = openSync(path, 'r');
      const there = Buffer.alloc(this.#mark.length);
      const count = readSync(fd, there, 0, there.length, this.#position - there.length);
      if (this.#mark.length > 0 && count === there.length && there.equals(this.#mark)) return fd;
      closeSync(fd);
    }
    return undefined;
  }

  /** A line that is half written is shown when it is whole. */
  #skipBegunLine(): void {
    if (this.#fd === undefined || this.#position === 0) return;
    let position = this.#position;
    const byte = Buffer.alloc(1);
    while (position > 0 && this.#position - position < BLOCK) {
      readSync(this.#fd, byte, 0, 1, position - 1);
      if (byte[0] === 10) break;
      position--;
    }
    this.#position = position;
  }
}

function onceEach(filter: Filter, onEvent: (event: LogEvent) => void): (scan: EventScan) => void {
  const started = new Set<number>();
  return (scan) => {
    if (!filter.after(scan)) return;
    const rank = rankOf(scan);
    if (filter.pick && rank === 0) return;
    const key = requestKey(scan);
    if (filter.pick && rank === FINAL && started.delete(key) && scan.text(SLOT.stage) !== 'Panic') return;
    if (rank === 1) started.add(key);
    if (started.size > MOST_STARTED) started.clear();
    onEvent({ raw: scan.copy(), open: rank !== FINAL });
  };
}

function watched(folder: string, onChange: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => undefined);
    return [watcher];
  } catch {
    return [];
  }
}

function newestIn(folder: string): string | undefined {
  const files = namesIn(folder)
    .map((name) => nameFile(join(folder, name)))
    .sort((a, b) => a.order - b.order);
  return files.at(-1)?.path;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
