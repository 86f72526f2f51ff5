/** Reads audit logs: in threads where there is much to read, otherwise here. */
import { join } from 'node:path';
import { stillOpen } from '../../core/auditlog/census';
import {
  createCollector,
  mergeResults,
  type CollectorResult,
  type CollectorSpec,
} from '../../core/auditlog/collectors';
import { compileFilter, stageMicros, type Filter, type FilterSpec } from '../../core/auditlog/filter';
import { EventScan } from '../../core/auditlog/scan';
import { rankOf, requestKey, StagePicker } from '../../core/auditlog/stages';
import type { LogEvent, LogFile, LogNames, LogReader, OpenLogs } from '../../change/log';
import { inRoot } from '../root';
import { nodeFsCalls } from '../fs-calls';
import { EventLines } from './event-lines';
import { followLogs } from './follow';
import { liveLogs } from './live-logs';
import { narrow } from './narrow';
import { closeLogs, openNamed, openRotated, type OpenLog } from './open-logs';
import { collectTask, eventsOfTask } from './perform';
import { Pool, type TaskDone } from './pool';
import type { Task } from './protocol';
import type { PieceStats } from './scan-piece';

export interface ReaderOptions {
  /** The script of a reading thread; absent: everything is read here. */
  script?: string;
  threads?: number;
  /** Bytes of a piece. */
  piece?: number;
  /** From so many bytes on, threads are worth their start. */
  threaded?: number;
  /** Bytes of events that are held back while it is not known which stage is the last one. */
  hold?: number;
}

const DEFAULTS = { piece: 16 << 20, threaded: 6 << 20, hold: 24 << 20 };

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

async function openLogs(names: LogNames): Promise<OpenLog[]> {
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

  constructor(logs: readonly OpenLog[], options: Options) {
    this.#logs = logs;
    this.#options = options;
    this.files = logs.flat().map(({ path, size }) => ({ path, size, bytes: 0, events: 0, damaged: 0 }));
  }

  async *events(spec: FilterSpec): AsyncGenerator<LogEvent> {
    const filter = compileFilter(spec);
    const plans = this.#logs.map((log) => this.#tasks(log, spec));
    const streams = plans.map((tasks) => this.#picked(this.#inOrder(tasks, spec, filter, plans.length), filter));
    for await (const event of streams.length === 1 && streams[0] ? streams[0] : byTime(streams)) {
      this.given++;
      yield event;
    }
  }

  async collect(spec: FilterSpec, collect: CollectorSpec): Promise<CollectorResult> {
    const filter = compileFilter(spec);
    const tasks = this.#logs.flatMap((log) => this.#tasks(log, spec)).map((task, id) => ({ ...task, id }));
    const done = new Map<number, TaskDone>();
    const own = createCollector(collect);
    const parts: CollectorResult[] = [];
    const { script } = this.#options;
    if (script !== undefined && this.#isMuch(tasks)) {
      const pool = new Pool(script, { filter: spec, collect }, tasks, this.#options.threads);
      try {
        for (const { id } of tasks) done.set(id, await pool.done(id));
        parts.push(...(await pool.results()));
      } finally {
        await pool.close();
      }
    } else for (const task of tasks) done.set(task.id, await collectTask(task, filter, own));
    const scan = new EventScan();
    for (const { raw } of stillOpen([...done.values()].flatMap(({ open }) => (open ? [open] : []))))
      if (scan.scan(raw, 0, raw.length) && filter.after(scan)) own.add(scan);
    for (const task of tasks) this.#note(task, done.get(task.id)?.stats);
    return mergeResults([...parts, own.result()]);
  }

  async oldest(): Promise<number | undefined> {
    let oldest: number | undefined;
    for (const log of this.#logs) {
      const [first] = log;
      if (first === undefined || first.fd < 0) continue;
      const to = first.divisible ? Math.min(first.size, FIRST) : first.size;
      const found = { time: undefined as number | undefined };
      const task = { id: 0, first: true, piece: { ...first, from: 0, to } };
      await eventsOfTask(task, compileFilter({ stage: ['all'] }), (scan) => {
        const time = stageMicros(scan);
        if (!Number.isNaN(time) && (found.time === undefined || time < found.time)) found.time = time;
      });
      if (found.time !== undefined && (oldest === undefined || found.time < oldest)) oldest = found.time;
    }
    return oldest;
  }

  close(): void {
    closeLogs(this.#logs);
  }

  #tasks(log: OpenLog, { since, until }: FilterSpec): Task[] {
    const tasks: Task[] = [];
    let isFirst = true;
    for (const file of log) {
      const span = narrow(file, since, until);
      if (span === undefined) continue;
      const { path, fd, gzip } = file;
      const size = file.divisible ? this.#options.piece : Infinity;
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

  /** The events of one log, in batches. */
  async *#inOrder(tasks: readonly Task[], spec: FilterSpec, filter: Filter, logs: number): AsyncGenerator<Uint8Array> {
    const { script, threads } = this.#options;
    // Several logs are merged, and so all of them are read at once: here, where no thread waits for another.
    if (script === undefined || logs > 1 || !this.#isMuch(tasks)) {
      for (const task of tasks) yield* this.#here(task, filter);
      return;
    }
    const pool = new Pool(script, { filter: spec }, tasks, threads);
    try {
      for (const task of tasks) this.#note(task, (yield* pool.events(task.id)).stats);
    } finally {
      await pool.close();
    }
  }

  async *#here(task: Task, filter: Filter): AsyncGenerator<Uint8Array> {
    const batches: Uint8Array[] = [];
    const lines = new EventLines((bytes) => void batches.push(bytes));
    let turn: (() => void) | undefined;
    let wake: (() => void) | undefined;
    let stats: PieceStats | undefined;
    const reading = eventsOfTask(task, filter, lines.add, () => {
      if (batches.length === 0) return undefined;
      wake?.();
      return new Promise<void>((resolve) => {
        turn = resolve;
      });
    }).then((found) => {
      stats = found;
      lines.flush();
      wake?.();
    });
    while (stats === undefined || batches.length > 0) {
      const batch = batches.shift();
      if (batch !== undefined) yield batch;
      else {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        turn?.();
        await Promise.race([woken, reading]);
      }
    }
    this.#note(task, stats);
  }

  #picked(batches: AsyncIterable<Uint8Array>, filter: Filter): AsyncGenerator<LogEvent> {
    return filter.pick ? pickStages(batches, filter, this.#options.hold) : allOf(batches);
  }

  #note({ piece }: Task, stats: PieceStats | undefined): void {
    const file = this.files.find(({ path }) => path === piece.path);
    if (file === undefined || stats === undefined) return;
    file.bytes += stats.bytes;
    file.events += stats.events;
    file.damaged += stats.damaged;
    if (stats.problem !== undefined) file.problem = stats.problem;
  }
}

const FIRST = 1 << 20;

async function* pickStages(batches: AsyncIterable<Uint8Array>, filter: Filter, hold: number): AsyncGenerator<LogEvent> {
  const picker = new StagePicker<Uint8Array>(hold);
  const scan = new EventScan();
  const wanted = (raw: Uint8Array): boolean => scan.scan(raw, 0, raw.length) && filter.after(scan);
  for await (const raw of eventsIn(batches)) {
    if (!scan.scan(raw, 0, raw.length)) continue;
    const picked = [...picker.push(raw, rankOf(scan), requestKey(scan), raw.length)];
    for (const { value, open } of picked) if (wanted(value)) yield { raw: value, open };
  }
  for (const { value, open } of picker.end()) if (wanted(value)) yield { raw: value, open };
}

async function* allOf(batches: AsyncIterable<Uint8Array>): AsyncGenerator<LogEvent> {
  for await (const raw of eventsIn(batches)) yield { raw, open: false };
}

async function* eventsIn(batches: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const batch of batches) {
    for (let start = 0, end = batch.indexOf(10); end !== -1; start = end + 1, end = batch.indexOf(10, start))
      yield batch.subarray(start, end);
  }
}

/** Several logs as one: always the oldest event next. */
async function* byTime(streams: readonly AsyncGenerator<LogEvent>[]): AsyncGenerator<LogEvent> {
  const scan = new EventScan();
  const heads: { stream: AsyncGenerator<LogEvent>; event: LogEvent; time: number }[] = [];
  const advance = async (stream: AsyncGenerator<LogEvent>, before: number): Promise<void> => {
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
