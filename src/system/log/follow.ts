/**
 * Events as they are written. Rule: none is lost and none comes twice, also when the log is renamed away (once or several
 * times between two looks, and gzipped meanwhile), copied and truncated, written anew, or not there yet; what could not be
 * read is told. A request is shown once: when its long answer begins, or when it ends.
 */
import {
  closeSync,
  createReadStream,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  watch,
  type FSWatcher,
} from 'node:fs';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { nameFile, type NamedFile } from '../../core/auditlog/files';
import { compileFilter, stageMicros, type Filter, type FilterSpec } from '../../core/auditlog/filter';
import { SLOT } from '../../core/auditlog/members';
import { FINAL, rankOf, requestKey } from '../../core/auditlog/stages';
import { EventScan } from '../../core/auditlog/scan';
import { messageOf } from '../../core/errors';
import type { LogEvent } from '../../change/log';
import { explain, hasCode } from '../file-errors';
import { folderOf, type LiveLog } from './live-logs';
import { PieceScanner } from './scan-piece';

/** Looked at so often, also where the system does not tell of changes (network file systems). */
const POLL_MS = 100;
/** Logs that are new are looked for so often. */
const SEARCH_MS = 1000;
/** Damage is told at most so often. */
const TELL_MS = 10_000;
const BLOCK = 256 << 10;
/** What has piled up is handed on in such pieces: a reader that is slow must not make us hold all of it. */
const AT_ONCE = 2 << 20;
/** So much of what was read last is remembered, to know the file again, or find it in a copy. */
const MARK = 512;
/** Of the files that were read to their end, so many are known again under any name. */
const MOST_LEFT = 16;
const MOST_STARTED = 50_000;

export async function* followLogs(
  find: () => Promise<readonly LiveLog[]>,
  spec: FilterSpec,
  signal: AbortSignal,
  say: (message: string) => void,
): AsyncGenerator<LogEvent> {
  const filter = compileFilter(spec);
  const events: LogEvent[] = [];
  let changed: (() => void) | undefined;
  const all = new Logs(
    filter,
    (event) => void events.push(event),
    say,
    () => changed?.(),
  );
  try {
    all.begin(await find());
    let searched = Date.now();
    while (!signal.aborted) {
      if (Date.now() - searched > SEARCH_MS) {
        // A folder that is away for a moment, or a manifest that is being written, ends nothing.
        all.add(await find().catch(() => []));
        searched = Date.now();
      }
      const isMore = await all.look();
      yield* all.isMerged ? byTime(events.splice(0)) : events.splice(0);
      if (isMore) {
        // Signals, and whoever takes the events, get their turn.
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
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
    all.close();
  }
}

/** All that is followed, and what has to be said of it. */
class Logs {
  readonly #filter: Filter;
  readonly #onEvent: (event: LogEvent) => void;
  readonly #say: (message: string) => void;
  readonly #onChange: () => void;
  readonly #followers = new Map<string, Follower>();
  readonly #watchers = new Map<string, FSWatcher>();
  /** Files that were renamed out of their log's names: they are no logs of their own. */
  readonly #passedOver = new Set<string>();
  readonly #told = new Map<string, number>();
  #tellAt = 0;

  constructor(
    filter: Filter,
    onEvent: (event: LogEvent) => void,
    say: (message: string) => void,
    onChange: () => void,
  ) {
    this.#filter = filter;
    this.#onEvent = onEvent;
    this.#say = say;
    this.#onChange = onChange;
  }

  get isMerged(): boolean {
    return this.#followers.size > 1;
  }

  /** From the end of each log on: what was there before is `log query`'s. */
  begin(logs: readonly LiveLog[]): void {
    if (logs.length === 0) this.#say('there are no logs by these names yet: waiting for them');
    for (const live of logs) this.#follow(live).begin();
  }

  /** Logs that have come meanwhile are new from their first line on. */
  add(logs: readonly LiveLog[]): void {
    for (const live of logs) {
      const known = this.#followers.get(live.log);
      if (known !== undefined) known.live = live;
      else if (!this.#isPassedOver(live.path)) this.#follow(live);
    }
    for (const { folder } of this.#followers.values()) this.#watch(folder);
  }

  async look(): Promise<boolean> {
    let isMore = false;
    for (const follower of this.#followers.values()) isMore = (await follower.look()) || isMore;
    if (Date.now() >= this.#tellAt) this.#tell();
    return isMore;
  }

  close(): void {
    this.#tell();
    for (const watcher of this.#watchers.values()) watcher.close();
    for (const follower of this.#followers.values()) follower.close();
  }

  #follow(live: LiveLog): Follower {
    const follower = new Follower(live, this.#filter, this.#onEvent, this.#say);
    this.#followers.set(live.log, follower);
    this.#watch(follower.folder);
    return follower;
  }

  #isPassedOver(path: string): boolean {
    if ([...this.#followers.values()].some((follower) => follower.has(path))) this.#passedOver.add(path);
    return this.#passedOver.has(path);
  }

  #tell(): void {
    for (const { live, damaged } of this.#followers.values()) {
      const more = damaged - (this.#told.get(live.log) ?? 0);
      if (more === 0) continue;
      this.#say(`${live.path}: ${more} damaged ${more === 1 ? 'line' : 'lines'} passed over`);
      this.#told.set(live.log, damaged);
      this.#tellAt = Date.now() + TELL_MS;
    }
  }

  #watch(folder: string): void {
    if (this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, this.#onChange);
      // Its folder has gone: the next search watches the one that comes in its place.
      watcher.on('error', () => this.#watchers.delete(folder));
      this.#watchers.set(folder, watcher);
    } catch {
      // It is not there yet, or the system has no watch left to give: the poll sees all there is to see.
    }
  }
}

class Follower {
  live: LiveLog;
  readonly #say: (message: string) => void;
  readonly #scanner: PieceScanner;
  #fd: number | undefined;
  #position = 0;
  /** Where to begin in a file that is there and cannot be read yet. */
  #begin = 0;
  #mark: Buffer = Buffer.alloc(0);
  /** Rotated files that were there when ours was last seen in its place. */
  #known = new Set<string>();
  /** The name that ours was opened by. */
  #opened = '';
  #left: { ino: number; mark: Buffer; position: number }[] = [];
  /** What is to be read before the file that is written to now. */
  #next: { path: string; fd: number | undefined }[] = [];
  #trouble = '';

  constructor(live: LiveLog, filter: Filter, onEvent: (event: LogEvent) => void, say: (message: string) => void) {
    this.live = live;
    this.#say = say;
    this.#scanner = new PieceScanner(filter, onceEach(filter, onEvent), { documents: false });
  }

  get folder(): string {
    return folderOf(this.live);
  }

  get damaged(): number {
    return this.#scanner.stats.damaged;
  }

  /** Whether this is our file by another name, or one that we have read to its end. */
  has(path: string): boolean {
    const { ino } = statOf(path) ?? {};
    if (ino === undefined) return false;
    if (this.#fd !== undefined && fstatSync(this.#fd).ino === ino) return true;
    // The number alone may be that of a new file by now.
    return this.#left.some((left) => left.ino === ino && isAt(path, left.mark, left.position));
  }

  begin(): void {
    this.#begin = statOf(this.#current())?.size ?? 0;
    this.#open(this.#current());
  }

  /** @returns whether there is more to be read at once. */
  async look(): Promise<boolean> {
    if (this.#fd === undefined) {
      const next = this.#next.shift();
      if (next === undefined) {
        if (!this.#open(this.#current())) return false;
      } else if (next.fd === undefined) {
        await this.#unpack(next.path);
        return true;
      } else this.#take(next.fd, next.path);
    }
    const ours = fstatSync(this.#fd as number);
    if (ours.size < this.#position || !this.#isUnchanged()) this.#rewritten();
    if (this.#read()) return true;
    if (this.#next.length === 0) {
      const current = this.#current();
      const named = statOf(current);
      if (named === undefined) return false;
      if (named.ino === ours.ino && named.dev === ours.dev) {
        this.#known = new Set(this.#rotated().map(({ path }) => plainName(path)));
        return false;
      }
      if (!this.#line(current, ours.ino)) return false;
    }
    // Moved on. What was written to ours after our look, before the rename, is read first.
    if (this.#read()) return true;
    this.#left = [{ ino: ours.ino, mark: this.#mark, position: this.#position }, ...this.#left].slice(0, MOST_LEFT);
    this.#scanner.lines.end();
    this.#shut();
    return true;
  }

  close(): void {
    this.#shut();
    for (const { fd } of this.#next.splice(0)) if (fd !== undefined) closeSync(fd);
  }

  /**
   * Lines up what comes after ours, the file that is written to now as the last one. All are opened at once, and that one
   * first: were it opened later, another rotation could have come in between, and what it rotated would be missed.
   */
  #line(current: string, inode: number): boolean {
    const last = opened(current);
    if (last === undefined) return false;
    const { ino } = fstatSync(last);
    const since = this.#rotatedSince(inode);
    const end = since.findIndex((path) => statOf(path)?.ino === ino);
    const before = (end === -1 ? since : since.slice(0, end)).map((path) => ({
      path,
      fd: path.endsWith('.gz') ? undefined : opened(path),
    }));
    this.#next = [
      ...before.filter(({ path, fd }) => fd !== undefined || path.endsWith('.gz')),
      { path: current, fd: last },
    ];
    return true;
  }

  #shut(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(path: string): boolean {
    this.#mark = Buffer.alloc(0);
    this.#position = 0;
    try {
      this.#fd = openSync(path, 'r');
    } catch (error) {
      this.#fd = undefined;
      const missing = hasCode(error, 'ENOENT', 'ENOTDIR');
      this.#tellOf(missing ? `${path} is not there` : messageOf(explain(error, 'read', path)));
      return false;
    }
    this.#trouble = '';
    this.#opened = path;
    this.#position = Math.min(this.#begin, fstatSync(this.#fd).size);
    this.#begin = 0;
    this.#skipBegunLine();
    this.#mark = bytesBefore(this.#fd, this.#position, Math.min(MARK, this.#position));
    return true;
  }

  #take(fd: number, path: string): void {
    this.#fd = fd;
    this.#opened = path;
    this.#position = 0;
    this.#mark = Buffer.alloc(0);
  }

  /** Once, not ten times a second. */
  #tellOf(trouble: string): void {
    if (trouble !== this.#trouble) this.#say(`${trouble}: waiting for it`);
    this.#trouble = trouble;
  }

  /** @returns whether there is more. */
  #read(): boolean {
    if (this.#fd === undefined) return false;
    const { lines } = this.#scanner;
    for (let sum = 0; sum < AT_ONCE;) {
      const room = lines.room();
      const count = readSync(this.#fd, room, 0, Math.min(room.length, BLOCK), this.#position);
      if (count === 0) return false;
      this.#position += count;
      sum += count;
      this.#mark = Buffer.concat([this.#mark, room.subarray(Math.max(0, count - MARK), count)]).subarray(-MARK);
      lines.taken(count);
    }
    return true;
  }

  /** The name that is written to now: a container that starts anew gets a file of its own. */
  #current(): string {
    const { log, path } = this.live;
    return log.endsWith('/') ? (this.#rotated().at(-1)?.path ?? path) : path;
  }

  /** The files of this log that are there, oldest first; not the one that is written to, but for containers. */
  #rotated(): NamedFile[] {
    const { log, path } = this.live;
    const isContainer = log.endsWith('/');
    const own = nameFile(path).log;
    return namesIn(this.folder)
      .map((name) => nameFile(join(this.folder, name)))
      .filter((file) => file.log === own && (isContainer || file.path !== path))
      .filter((file) => isContainer || !own.endsWith('/') || basename(file.path).startsWith(basename(path)))
      .sort((a, b) => a.order - b.order);
  }

  /** Files that were rotated one after the other since the one that we have open, oldest first. */
  #rotatedSince(inode: number): string[] {
    const current = this.#current();
    const files = this.#rotated().filter(({ path }) => path !== current);
    const ours = files.findIndex(({ path }) => statOf(path)?.ino === inode);
    if (ours !== -1)
      return files
        .slice(ours + 1)
        .map(({ path }) => path)
        .filter((path, _, all) => !path.endsWith('.gz') || !all.includes(plainName(path)));
    // It has been gzipped, or removed; numbers move on, but times stay.
    const { endsAt: end } = nameFile(this.#opened);
    if (end !== undefined) return files.filter(({ endsAt }) => (endsAt ?? 0) > end).map(({ path }) => path);
    // Of those that are new it is the oldest.
    const fresh = files.filter(({ path, endsAt }) => endsAt !== undefined && !this.#known.has(plainName(path)));
    return [...new Map(fresh.map(({ path }) => [plainName(path), path])).values()].slice(1);
  }

  async #unpack(path: string): Promise<void> {
    try {
      for await (const block of createReadStream(path).pipe(createGunzip()) as AsyncIterable<Buffer>)
        this.#scanner.lines.push(block);
    } catch (error) {
      this.#say(`${path} could not be read to its end: ${messageOf(error)}`);
    }
    this.#scanner.lines.end();
  }

  /** What we read last still stands where we read it: nobody has emptied the file and filled it again. */
  #isUnchanged(): boolean {
    return bytesBefore(this.#fd as number, this.#position, this.#mark.length).equals(this.#mark);
  }

  /** Copied and emptied (logrotate's copytruncate): what we had not read yet is in the copy. */
  #rewritten(): void {
    const own = this.#fd;
    const copy = this.#copy();
    if (copy !== undefined) {
      this.#fd = copy;
      while (this.#read());
      closeSync(copy);
      this.#fd = own;
    } else
      this.#say(`${this.live.path} was written anew, and there is no copy of it: events just before may be missing`);
    this.#scanner.lines.end();
    this.#position = 0;
    this.#mark = Buffer.alloc(0);
  }

  #copy(): number | undefined {
    if (this.#mark.length === 0) return undefined;
    const found = this.#rotated()
      .reverse()
      .find(({ path }) => isAt(path, this.#mark, this.#position));
    return found && openSync(found.path, 'r');
  }

  /** A line that is half written is shown when it is whole. */
  #skipBegunLine(): void {
    if (this.#fd === undefined || this.#position === 0) return;
    const end = this.#position;
    for (let size = BLOCK; ; size *= 4) {
      const length = Math.min(size, end);
      const there = bytesBefore(this.#fd, end, length);
      const at = there.lastIndexOf(10);
      if (at !== -1 || length === end) {
        this.#position = end - length + at + 1;
        return;
      }
    }
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function bytesBefore(fd: number, position: number, length: number): Buffer {
  const there = Buffer.alloc(length);
  return there.subarray(0, readSync(fd, there, 0, length, position - length));
}

/** Whether a file has these bytes right before a position. */
function isAt(path: string, mark: Buffer, position: number): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return bytesBefore(fd, position, mark.length).equals(mark);
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function plainName(path: string): string {
  return path.replace(/\.gz$/, '');
}

function onceEach(filter: Filter, onEvent: (event: LogEvent) => void): (scan: EventScan) => void {
  const started = new Map<number, string>();
  return (scan) => {
    if (!filter.after(scan)) return;
    const rank = rankOf(scan);
    if (filter.pick && rank === 0) return;
    const key = requestKey(scan);
    const user = scan.text(SLOT['user.username']);
    // The Audit-ID is the client's to choose: nobody hides behind a request of somebody else.
    if (filter.pick && rank === FINAL && started.get(key) === user) {
      started.delete(key);
      if (scan.text(SLOT.stage) !== 'Panic') return;
    }
    if (rank === 1) started.set(key, user);
    if (started.size > MOST_STARTED) started.clear();
    onEvent({ raw: scan.copy(), open: rank !== FINAL });
  };
}

/** Of several logs, what was read of each since the last look. */
function byTime(events: readonly LogEvent[]): LogEvent[] {
  const scan = new EventScan();
  return events
    .map((event) => {
      scan.scan(event.raw, 0, event.raw.length);
      return { event, time: stageMicros(scan) };
    })
    .sort((a, b) => a.time - b.time || 0)
    .map(({ event }) => event);
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
