/** Reads audit logs: in threads where there is much to read, otherwise here. */
import { join } from 'node:path';
import { Census } from '../../core/auditlog/census';
import {
  createCollector,
  mergeResults,
  type CollectorResult,
  type CollectorSpec,
} from '../../core/auditlog/collectors';
import { compileFilter, stageMicros, type Filter, type FilterSpec } from '../../core/auditlog/filter';
import { EventScan } from '../../core/auditlog/scan';
import { FINAL, requestKey, StagePicker } from '../../core/auditlog/stages';
import type { HowToRead, LogEvent, LogFile, LogNames, LogReader, OpenLogs } from '../../change/log';
import { inRoot } from '../root';
import { nodeFsCalls } from '../fs-calls';
import { collectGarbage, stayYoung } from '../garbage';
import { BatchReader, BatchWriter, type Batch, type Told } from './event-batch';
import { followLogs } from './follow';
import { HeldEvents, PlaceReader } from './held';
import { LastEvents, type PlacedEvent } from './last';
import { liveLogs } from './live-logs';
import { narrow } from './narrow';
import { closeLogs, isOpen, openNamed, openRotated, type Opened, type OpenFile, type OpenLog } from './open-logs';
import { collectTask, eventsOfTask, openCounter } from './perform';
import { Pool, type TaskDone } from './pool';
import type { Task } from './protocol';
import type { PieceStats } from './scan-piece';

export interface ReaderOptions {
  /** The script of a reading thread; absent: everything is read here. */
  script?: string;
  threads?: number;
  /** Bytes of a piece; absent: as it is best for what is wanted. */
  piece?: number;
  /** From so many bytes on, threads are worth their start. */
  threaded?: number;
  /** Bytes of events that are held back while it is not known which stage is the last one. */
  hold?: number;
  /** Of the last events, bytes of those that lie nowhere but in what was unpacked; beyond that it is unpacked once more. */
  keep?: number;
}

const DEFAULTS = { threaded: 6 << 20, hold: 24 << 20, keep: 8 << 20 };
/** To count, a thread can go far on its own; events are handed over in the log's order, and who is ahead waits. */
const COUNTED_PIECE = 16 << 20;
const GIVEN_PIECE = 8 << 20;
/** Bytes of an event; and of such events together, after which memory is looked after. */
const LARGE = 256 << 10;
const ENOUGH = 4 << 20;
/** What holding back an event costs that lies in a file. */
const HELD = 240;

export function createLogReader(given: ReaderOptions = {}): LogReader {
  const options = { ...DEFAULTS, ...given };
  return {
    async open(names) {
      return new Logs(await openLogs(names), options);
    },
    follow(names, filter, { signal, say, again }) {
      let now: Promise<LogNames> = Promise.resolve(names);
      const find = async () => {
        const logs = liveLogs(await pathsOf(await now));
        if (again !== undefined) now = again().catch(() => names);
        return logs;
      };
      return followLogs(find, filter, signal, say);
    },
  };
}

async function openLogs(names: LogNames): Promise<Opened> {
  if (names.kind === 'named') return openNamed(names.names);
  return openRotated(await realPath(names.root, names.path));
}

async function pathsOf(names: LogNames): Promise<readonly string[]> {
  return names.kind === 'named' ? names.names : [await realPath(names.root, names.path)];
}

function realPath(root: string, path: string): Promise<string> {
  return root === '/' ? Promise.resolve(path) : inRoot(nodeFsCalls(), join(root), path, { followLast: true });
}

type Options = ReaderOptions & typeof DEFAULTS;

class Logs implements OpenLogs {
  readonly files: LogFile[];
  given = 0;
  readonly #logs: readonly OpenLog[];
  readonly #options: Options;
  #inputOldest: number | undefined;

  constructor({ logs, unread }: Opened, options: Options) {
    this.#logs = logs;
    this.#options = options;
    const nothing = { bytes: 0, events: 0, damaged: 0 };
    this.files = [
      ...logs.flat().map(({ path, size }) => ({ path, size, ...nothing })),
      ...unread.map(({ path, problem }) => ({ path, size: NaN, ...nothing, problem })),
    ];
  }

  async *events(spec: FilterSpec, { last, isSlow = false }: HowToRead = {}): AsyncGenerator<LogEvent> {
    const plans = this.#logs.map((log) => this.#tasks(log, spec, GIVEN_PIECE));
    let large = 0;
    for await (const event of last === undefined ? this.#read(plans, spec, isSlow) : this.#last(plans, spec, last)) {
      this.given++;
      yield event;
      // Its body may have been parsed, shown and thrown away.
      if (event.raw.length > LARGE && (large += event.raw.length) > ENOUGH) {
        large = 0;
        collectGarbage();
      }
    }
  }

  #read(plans: readonly (readonly Task[])[], spec: FilterSpec, isSlow = false): AsyncGenerator<PlacedEvent> {
    const filter = compileFilter(spec);
    const threads = plans.length > 1 ? 0 : isSlow ? 1 : this.#options.threads;
    const streams = plans.map((tasks) => this.#picked(this.#inOrder(tasks, spec, filter, threads), filter));
    return streams.length === 1 && streams[0] ? streams[0] : byTime(streams);
  }

  /** A log is read from its end, in ever larger parts, until there is enough. */
  async *#last(plans: readonly (readonly Task[])[], spec: FilterSpec, last: number): AsyncGenerator<PlacedEvent> {
    // What cannot be read twice is read once, from its beginning, and held; and of several logs the last is known at the end.
    const isOnce = plans.some((tasks) => tasks.some(({ piece }) => piece.fd < 0));
    for (let pieces = isOnce || plans.length > 1 ? Infinity : 2; ; pieces *= 4) {
      const part = plans.map((tasks) => tasks.slice(-pieces));
      const isWhole = part.every((tasks, at) => tasks.length === plans[at]?.length);
      const kept = new LastEvents(last, isOnce ? Infinity : this.#options.keep);
      // Of a request in the first piece that did not end there it is not known whether it had ended before.
      const start = isWhole ? undefined : part[0]?.[0]?.piece;
      let certain = 0;
      this.#forget(plans);
      for await (const event of this.#read(part, spec)) {
        kept.add(event);
        if (start === undefined || event.fd !== start.fd || event.at >= start.to) certain++;
      }
      if (!isWhole && certain < last) continue;
      if (kept.isComplete) {
        yield* kept.events(this.#cutOff);
        return;
      }
      let left = kept.found - last;
      this.#forget(plans);
      for await (const event of this.#read(part, spec)) if (--left < 0) yield event;
      return;
    }
  }

  async collect(spec: FilterSpec, collect: CollectorSpec): Promise<CollectorResult> {
    const filter = compileFilter(spec);
    const pieces = this.#logs.map((log) => this.#tasks(log, spec, COUNTED_PIECE));
    const tasks = pieces.flat().map((task, id) => ({ ...task, id }));
    const own = createCollector(collect);
    stayYoung();
    const parts: CollectorResult[] = [];
    const countOpen = openCounter(filter, own);
    let census = new Census(countOpen);
    const settle = (task: Task, { stats, open }: TaskDone): void => {
      this.#note(task, stats);
      if (open === undefined) return;
      if (task.first) {
        census.end();
        census = new Census(countOpen);
      }
      census.settle(open, task.piece.fd);
    };
    const { script } = this.#options;
    if (script !== undefined && this.#isMuch(tasks)) {
      const pool = new Pool(script, { filter: spec, collect }, tasks, this.#options.threads);
      try {
        for (const task of tasks) settle(task, await pool.done(task.id));
        parts.push(...(await pool.results()));
      } finally {
        await pool.close();
      }
    } else for (const task of tasks) settle(task, await collectTask(task, this.#noting(task, filter), own));
    census.end();
    // What the threads have sent is there twice until their messages are let go.
    if (parts.length > 0) collectGarbage();
    return mergeResults([...parts, own.result()]);
  }

  async oldest(): Promise<number | undefined> {
    let oldest = this.#inputOldest;
    for (const log of this.#logs) {
      for (const file of log) {
        // Standard input is gone once it has been read.
        const found = file.fd < 0 ? undefined : await beginning(file);
        if (found === undefined) continue;
        if (oldest === undefined || found < oldest) oldest = found;
        break;
      }
    }
    return oldest;
  }

  async newest(): Promise<number | undefined> {
    let newest: number | undefined;
    for (const log of this.#logs) {
      for (const file of log.toReversed()) {
        const found = file.divisible ? await ending(file) : file.endsAt;
        if (found === undefined) continue;
        if (newest === undefined || found > newest) newest = found;
        break;
      }
    }
    return newest;
  }

  reads(path: string): boolean {
    return isOpen(path, this.#logs);
  }

  close(): void {
    closeLogs(this.#logs);
  }

  #tasks(log: OpenLog, { since, until }: FilterSpec, best: number): Task[] {
    const tasks: Task[] = [];
    let isFirst = true;
    for (const file of log) {
      const span = narrow(file, since, until);
      if (span === undefined) continue;
      const { path, fd, gzip } = file;
      const size = file.divisible ? (this.#options.piece ?? best) : Infinity;
      for (let from = span.from; from < span.to || from === span.from; from += size) {
        const piece = { path, fd, gzip, from, to: Math.min(span.to, from + size) };
        tasks.push({ id: tasks.length, piece, first: isFirst });
        isFirst = false;
        if (size === Infinity) break;
      }
    }
    return tasks;
  }

  #isMuch(tasks: readonly Task[]): boolean {
    // Standard input has no place for several to read at; unpacking takes ten times as long as reading.
    if (tasks.length < 2 || tasks.some(({ piece }) => piece.fd < 0)) return false;
    const bytes = tasks.reduce((sum, { piece }) => sum + (piece.to - piece.from) * (piece.gzip ? 10 : 1), 0);
    return bytes > this.#options.threaded;
  }

  /** The events of one log, in batches: each is good until the next one is asked for. */
  async *#inOrder(
    tasks: readonly Task[],
    spec: FilterSpec,
    filter: Filter,
    threads?: number,
  ): AsyncGenerator<FileBatch> {
    const { script } = this.#options;
    // Several logs are merged, and so all of them are read at once: here, where no thread waits for another.
    if (script === undefined || threads === 0 || !this.#isMuch(tasks)) {
      for (const task of tasks) yield* this.#here(task, filter);
      return;
    }
    const pool = new Pool(script, { filter: spec }, tasks, threads);
    try {
      for (const task of tasks) {
        const batches = pool.events(task.id);
        for (let next = await batches.next(); ; next = await batches.next()) {
          if (next.done === true) {
            this.#note(task, next.value.stats);
            break;
          }
          yield { fd: task.piece.fd, batch: next.value };
        }
      }
    } finally {
      await pool.close();
    }
  }

  async *#here(task: Task, filter: Filter): AsyncGenerator<FileBatch> {
    const batches: Batch[] = [];
    const writer = new BatchWriter(AT_HAND, (batch) => void batches.push(batch));
    let turn: (() => void) | undefined;
    let wake: (() => void) | undefined;
    let stats: PieceStats | undefined;
    const reading = eventsOfTask(task, this.#noting(task, filter), writer.add, () => {
      if (batches.length === 0) return undefined;
      wake?.();
      return new Promise<void>((resolve) => {
        turn = resolve;
      });
    }).then((found) => {
      stats = found;
      writer.flush();
      wake?.();
    });
    while (stats === undefined || batches.length > 0) {
      const batch = batches.shift();
      if (batch !== undefined) {
        yield { fd: task.piece.fd, batch };
        writer.back(batch.bytes);
      } else {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        turn?.();
        await Promise.race([woken, reading]);
      }
    }
    this.#note(task, stats);
  }

  /** Standard input can be read only once: how far it reaches back is noted on the way. */
  #noting({ piece }: Task, filter: Filter): Filter {
    if (piece.fd >= 0) return filter;
    const spare = new EventScan();
    let events = 0;
    return {
      ...filter,
      head: (scan) => {
        // A scan of its own: the rest of that one is for the filter to ask for.
        if (events++ < FIRST_EVENTS && spare.scan(scan.bytes, scan.start, scan.end))
          this.#inputOldest = earlier(this.#inputOldest, stageMicros(spare));
        return filter.head(scan);
      },
    };
  }

  #picked(batches: AsyncIterable<FileBatch>, filter: Filter): AsyncGenerator<PlacedEvent> {
    return filter.pick ? pickStages(batches, filter, this.#options.hold, this.#cutOff) : allOf(batches, this.#cutOff);
  }

  readonly #cutOff = (fd: number): void => {
    for (const file of this.#logs.flat())
      if (file.fd === fd) this.#problem(file.path, 'it was cut short while it was read');
  };

  /** What was read is read once more. */
  #forget(plans: readonly (readonly Task[])[]): void {
    const paths = new Set(plans.flatMap((tasks) => tasks.map(({ piece }) => piece.path)));
    for (const file of this.files) if (paths.has(file.path)) Object.assign(file, { bytes: 0, events: 0, damaged: 0 });
  }

  #note({ piece }: Task, stats: PieceStats | undefined): void {
    const file = this.files.find(({ path }) => path === piece.path);
    if (file === undefined || stats === undefined) return;
    file.bytes += stats.bytes;
    file.events += stats.events;
    file.damaged += stats.damaged;
    if (stats.problem !== undefined) file.problem = stats.problem;
  }

  #problem(path: string, problem: string): void {
    const file = this.files.find((each) => each.path === path);
    if (file !== undefined) file.problem = problem;
  }
}

/** Buffers of a log that is read here. */
const AT_HAND = 4;

interface FileBatch {
  fd: number;
  batch: Batch;
}

const FIRST = 1 << 20;
const FIRST_EVENTS = 1000;
const LAST = 256 << 10;

/** Time of the oldest of a file's first events; undefined when it has none. The rest is not read, nor unpacked. */
async function beginning(file: OpenFile): Promise<number | undefined> {
  const to = file.divisible ? Math.min(file.size, FIRST) : file.size;
  const task = { id: 0, first: true, piece: { ...file, from: 0, to } };
  let oldest: number | undefined;
  let events = 0;
  await eventsOfTask(task, compileFilter({ stage: ['all'] }), (scan) => {
    oldest = earlier(oldest, stageMicros(scan));
    // The reading ends with this, as it does with a file that is damaged.
    if (++events === FIRST_EVENTS) throw new Error('enough');
  });
  return oldest;
}

/** Time of the newest of a file's last events. */
async function ending(file: OpenFile): Promise<number | undefined> {
  const task = { id: 0, first: true, piece: { ...file, from: Math.max(0, file.size - LAST), to: file.size } };
  let newest: number | undefined;
  await eventsOfTask(task, compileFilter({ stage: ['all'] }), (scan) => {
    const time = stageMicros(scan);
    if (!Number.isNaN(time) && (newest === undefined || time > newest)) newest = time;
  });
  return newest;
}

function earlier(known: number | undefined, time: number): number | undefined {
  if (Number.isNaN(time)) return known;
  return known === undefined || time < known ? time : known;
}

/** @param cutOff is told of a file that no longer has what was found in it. */
async function* pickStages(
  batches: AsyncIterable<FileBatch>,
  filter: Filter,
  hold: number,
  cutOff: (fd: number) => void,
): AsyncGenerator<PlacedEvent> {
  const picker = new StagePicker(hold);
  const held = new HeldEvents();
  const places = new PlaceReader();
  const events = new BatchEvents(cutOff);
  const scan = new EventScan();
  const event = newEvent();
  /** What picker.next() has found; false: it is not wanted, or not there any more. */
  const given = (): boolean => {
    const { place } = held;
    const raw = held.get(picker.number) ?? places.read(place);
    if (raw === undefined || !scan.scan(raw, 0, raw.length) || requestKey(scan) !== picker.key) cutOff(place.fd);
    else if (filter.after(scan)) {
      event.fd = place.fd;
      event.at = place.at;
      event.length = place.length;
      event.raw = raw;
      event.open = picker.open;
      return true;
    }
    return false;
  };
  for await (const each of batches) {
    events.begin(each);
    while (events.next()) {
      const { raw, at } = events.event;
      const { key, rank, wanted } = events.told;
      const isPlace = !Number.isNaN(at);
      const number = picker.add(rank, key, HELD + (isPlace ? 0 : raw.length));
      if (number === -1) continue;
      // Nothing waits before it, and it waits for nothing.
      if (picker.first === number && rank === FINAL && picker.next()) {
        if (wanted) yield events.event;
        continue;
      }
      if (isPlace) held.put(number, events.event);
      else held.putBytes(number, raw, each.fd);
      while (picker.next()) if (given()) yield event;
      held.drop(picker.first);
    }
  }
  while (picker.next(true)) if (given()) yield event;
}

async function* allOf(batches: AsyncIterable<FileBatch>, cutOff: (fd: number) => void): AsyncGenerator<PlacedEvent> {
  const events = new BatchEvents(cutOff);
  for await (const each of batches) {
    events.begin(each);
    while (events.next()) yield events.event;
  }
}

/** One object, used again and again: there may be millions. */
class BatchEvents {
  readonly event = newEvent();
  readonly #places = new PlaceReader();
  readonly #cutOff: (fd: number) => void;
  #events = new BatchReader({ bytes: new Uint8Array(0), used: 0 });

  constructor(cutOff: (fd: number) => void) {
    this.#cutOff = cutOff;
  }

  /** Of the event. */
  get told(): Told {
    return this.#events;
  }

  begin({ fd, batch }: FileBatch): void {
    this.#events = new BatchReader(batch);
    this.event.fd = fd;
  }

  next(): boolean {
    const events = this.#events;
    const { event } = this;
    while (events.next()) {
      event.at = events.at;
      event.length = events.length;
      const raw = events.isAway ? this.#places.read(event) : events.bytes.subarray(events.start, events.end);
      if (raw !== undefined) {
        event.raw = raw;
        return true;
      }
      this.#cutOff(event.fd);
    }
    return false;
  }
}

function newEvent(): PlacedEvent {
  return { fd: -1, at: NaN, length: 0, raw: new Uint8Array(0), open: false };
}

/** Several logs as one: always the oldest event next. */
async function* byTime(streams: readonly AsyncGenerator<PlacedEvent>[]): AsyncGenerator<PlacedEvent> {
  const scan = new EventScan();
  const heads: { stream: AsyncGenerator<PlacedEvent>; event: PlacedEvent; time: number }[] = [];
  const advance = async (stream: AsyncGenerator<PlacedEvent>, before: number): Promise<void> => {
    const next = await stream.next();
    if (next.done === true) return;
    const { value } = next;
    scan.scan(value.raw, 0, value.raw.length);
    const time = stageMicros(scan);
    const head = { stream, event: value, time: Number.isNaN(time) ? before : time };
    const at = heads.findIndex((each) => each.time > head.time);
    heads.splice(at === -1 ? heads.length : at, 0, head);
  };
  for (const stream of streams) await advance(stream, 0);
  for (let head = heads.shift(); head !== undefined; head = heads.shift()) {
    yield head.event;
    await advance(head.stream, head.time);
  }
}
