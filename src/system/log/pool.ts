/**
 * Threads that read pieces of logs. Rule: a thread that has much to hand over waits until it is taken, so that memory does
 * not grow with the log; the piece that is wanted next is always being read.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CollectorResult } from '../../core/auditlog/collectors';
import type { PieceOpen } from '../../core/auditlog/census';
import type { Batch } from './event-batch';
import type { FromWorker, Job, Task, ToWorker } from './protocol';
import type { PieceStats } from './scan-piece';

export interface TaskDone {
  stats: PieceStats;
  open?: PieceOpen;
}

/** More would be faster on larger machines, and take more memory than a log reader should on a control-plane node. */
const MOST = 3;
const FURTHEST = 16;
/** The scanner makes little garbage: a small young generation keeps a thread at some ten megabytes. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 1024 };

interface Member {
  worker: Worker;
}

interface Stream {
  batches: Batch[];
  from?: Member;
  done?: TaskDone;
  wake?: () => void;
}

export class Pool {
  readonly #members: Member[];
  readonly #queue: Task[];
  readonly #streams = new Map<number, Stream>();
  readonly #idle: Member[] = [];
  /** Tasks that are done, and not taken yet. */
  #untaken = 0;
  #failure: unknown;

  /** @param script of the thread. The tasks are begun in their order. */
  constructor(script: string, job: Job, tasks: readonly Task[], threads = availableParallelism()) {
    this.#queue = [...tasks];
    for (const { id } of tasks) this.#streams.set(id, { batches: [] });
    const count = Math.max(1, Math.min(threads, MOST, tasks.length));
    this.#members = Array.from({ length: count }, () => this.#start(script, job));
  }

  /** The events of a task, each batch good until the next one is asked for; what it returns is how it went. */
  async *events(id: number): AsyncGenerator<Batch, TaskDone> {
    const stream = this.#streams.get(id) as Stream;
    for (;;) {
      const batch = stream.batches.shift();
      if (batch !== undefined) {
        yield batch;
        const { bytes } = batch;
        if (stream.from !== undefined) send(stream.from.worker, { do: 'more', bytes }, bytes);
      } else if (stream.done !== undefined) {
        this.#taken(id);
        return stream.done;
      } else await this.#wait(stream);
    }
  }

  /** Waits for a task that hands over no events. */
  async done(id: number): Promise<TaskDone> {
    const stream = this.#streams.get(id) as Stream;
    while (stream.done === undefined) await this.#wait(stream);
    this.#taken(id);
    return stream.done;
  }

  /** What the threads have collected, once all tasks are done. */
  results(): Promise<CollectorResult[]> {
    return Promise.all(
      this.#members.map(
        ({ worker }) =>
          new Promise<CollectorResult>((resolve, reject) => {
            worker.on('message', (message: FromWorker) => {
              if (message.is === 'result') resolve(message.result);
            });
            worker.on('error', reject);
            send(worker, { do: 'result' });
          }),
      ),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }

  #wait(stream: Stream): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure as Error;
    return new Promise((resolve) => {
      stream.wake = resolve;
    });
  }

  #start(script: string, job: Job): Member {
    const worker = new Worker(script, { workerData: job, resourceLimits: LIMITS });
    const member: Member = { worker };
    worker.on('message', (message: FromWorker) => {
      this.#heard(member, message);
    });
    worker.on('error', (error) => {
      this.#failure = error;
      for (const stream of this.#streams.values()) stream.wake?.();
    });
    this.#next(member);
    return member;
  }

  #heard(member: Member, message: FromWorker): void {
    if (message.is === 'result') return;
    const stream = this.#streams.get(message.id);
    if (stream && message.batch !== undefined) {
      stream.from = member;
      stream.batches.push(message.batch);
    }
    if (message.is === 'done') {
      this.#untaken++;
      this.#next(member);
      if (stream) stream.done = { stats: message.stats, ...(message.open ? { open: message.open } : {}) };
    }
    stream?.wake?.();
  }

  #taken(id: number): void {
    this.#streams.delete(id);
    this.#untaken--;
    const member = this.#idle.shift();
    if (member) this.#next(member);
  }

  /** Who is far ahead of what is taken waits. */
  #next(member: Member): void {
    if (this.#untaken >= FURTHEST) {
      this.#idle.push(member);
      return;
    }
    const task = this.#queue.shift();
    if (task) send(member.worker, { do: 'task', task });
  }
}

function send(worker: Worker, message: ToWorker, transferred?: Uint8Array<ArrayBuffer>): void {
  worker.postMessage(message, transferred ? [transferred.buffer] : []);
}
