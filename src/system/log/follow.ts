/**
 * Events as they are written. Rule: none is lost and none comes twice, also when the log is renamed away (once or several
 * times between two looks, and gzipped meanwhile), copied and truncated, written anew, or not there yet; what could not be
 * read is told. A request is shown once: when its long answer begins, or when it ends.
 */
import { fstatSync, watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { compileFilter, stageMicros, type Filter, type FilterSpec } from '../../core/auditlog/filter';
import { EventScan } from '../../core/auditlog/scan';
import type { LogEvent } from '../../change/log';
import { Follower } from './follower';
import { statOf } from './live-file';
import type { LiveLog } from './live-logs';

/** Looked at so often, also where the system does not tell of changes (network file systems). */
const POLL_MS = 100;
/** Logs that are new are looked for so often, where no folder tells of them. */
const SEARCH_MS = 1000;
/** Damage is told at most so often. */
const TELL_MS = 10_000;
/** Logs that nobody lists any more and whose files have no name: so many may still be written to. */
const MOST_GONE = 4;

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
    let searched = performance.now();
    let folders = all.folders();
    while (!signal.aborted) {
      const since = performance.now() - searched;
      if (since > SEARCH_MS || (since > POLL_MS && (all.isEmpty || folders !== all.folders()))) {
        // Asked before the search: what comes during it is found by the next one.
        folders = all.folders();
        searched = performance.now();
        // A folder that is away for a moment, or a manifest that is being written, ends nothing.
        const found = await find().catch(() => undefined);
        if (found !== undefined) all.add(found);
        all.watch();
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
  /** Files that are no logs of their own: renamed out of their log's names, copied, or what is written here. */
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

  get isEmpty(): boolean {
    return this.#followers.size === 0;
  }

  /** Another text when a file came into one of the folders, or went. */
  folders(): string {
    return this.#folders()
      .map((folder) => statOf(folder)?.mtimeMs ?? 0)
      .join(' ');
  }

  /** From the end of each log on: what was there before is `log query`'s. */
  begin(logs: readonly LiveLog[]): void {
    if (logs.length === 0) this.#say('there are no logs by these names yet: waiting for them');
    for (const live of logs) if (!this.#isPassedOver(live.path)) this.#follow(live).begin();
    this.watch();
  }

  /** Logs that have come meanwhile are new from their first line on. */
  add(logs: readonly LiveLog[]): void {
    const paths = new Set(logs.map(({ path }) => path));
    for (const path of this.#passedOver) if (!paths.has(path)) this.#passedOver.delete(path);
    for (const live of logs) {
      const known = this.#followers.get(live.log);
      if (known !== undefined) known.live = live;
      else if (!this.#isPassedOver(live.path)) this.#follow(live).beginNew();
    }
    this.#dropGone(new Set(logs.map(({ log }) => log)));
  }

  async look(): Promise<boolean> {
    let isMore = false;
    const now = performance.now();
    for (const follower of this.#followers.values()) isMore = (await follower.look(now)) || isMore;
    if (now >= this.#tellAt) this.#tell(now);
    return isMore;
  }

  watch(): void {
    for (const folder of this.#folders()) this.#watch(folder);
  }

  close(): void {
    this.#tell(0);
    for (const watcher of this.#watchers.values()) watcher.close();
    for (const follower of this.#followers.values()) follower.close();
  }

  #folders(): string[] {
    return [...new Set([...this.#followers.values()].flatMap(({ folders }) => folders))];
  }

  #follow(live: LiveLog): Follower {
    const follower = new Follower(live, this.#filter, this.#onEvent, this.#say);
    this.#followers.set(live.log, follower);
    return follower;
  }

  #isPassedOver(path: string): boolean {
    if (this.#passedOver.has(path)) return true;
    const isOurs = isWrittenHere(path);
    if (isOurs) this.#say(`${path} is what is written here: it is not followed`);
    if (!isOurs && ![...this.#followers.values()].some((follower) => follower.has(path))) return false;
    this.#passedOver.add(path);
    return true;
  }

  /** A pod that starts anew gets a folder of its own: those before would pile up. */
  #dropGone(listed: ReadonlySet<string>): void {
    const gone = [...this.#followers].filter(([log, { isGone }]) => isGone && !listed.has(log));
    for (const [log, follower] of gone.slice(0, -MOST_GONE)) {
      this.#tell(performance.now());
      follower.close();
      this.#followers.delete(log);
      this.#told.delete(log);
    }
    const folders = new Set(this.#folders());
    for (const folder of this.#watchers.keys()) if (!folders.has(folder)) this.#unwatch(folder);
  }

  #tell(now: number): void {
    for (const [log, { live, damaged }] of this.#followers) {
      const more = damaged - (this.#told.get(log) ?? 0);
      if (more === 0) continue;
      this.#say(`${live.path}: ${more} damaged ${more === 1 ? 'line' : 'lines'} passed over`);
      this.#told.set(log, damaged);
      this.#tellAt = now + TELL_MS;
    }
  }

  #watch(folder: string): void {
    if (this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, (kind, name) => {
        // The folder itself has gone or moved: a watch follows it, and sees nothing of the one that comes in its place.
        if (kind === 'rename' && name === basename(folder)) this.#unwatch(folder);
        this.#onChange();
      });
      watcher.on('error', () => {
        this.#unwatch(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch {
      // It is not there yet, or the system has no watch left to give: the poll sees all there is to see.
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}

/** Followed, every event that is shown would be one more to show. */
function isWrittenHere(path: string): boolean {
  const stat = statOf(path);
  return [1, 2].some((fd) => {
    try {
      const { dev, ino } = fstatSync(fd);
      return stat?.isFile() === true && stat.dev === dev && stat.ino === ino;
    } catch {
      // It is closed.
      return false;
    }
  });
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
