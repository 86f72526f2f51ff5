/** A thread that reads pieces of logs: tasks in, events or counts out. */
import { parentPort, workerData } from 'node:worker_threads';
import { createCollector } from '../../core/auditlog/collectors';
import { compileFilter } from '../../core/auditlog/filter';
import { BatchWriter } from '../log/event-batch';
import { collectTask, eventsOfTask } from '../log/perform';
import type { FromWorker, Job, Task, ToWorker } from '../log/protocol';

/** So many batches may be on their way at once. */
const AHEAD = 16;

const { filter: spec, collect } = workerData as Job;
const filter = compileFilter(spec);
const collector = collect === undefined ? undefined : createCollector(collect);
let current = 0;
let credit = AHEAD;
let wake: (() => void) | undefined;
const batches = new BatchWriter(AHEAD, (batch) => {
  credit--;
  answer({ is: 'events', id: current, batch }, batch.bytes);
});

parentPort?.on('message', (message: ToWorker) => {
  switch (message.do) {
    case 'task':
      void perform(message.task);
      break;
    case 'more':
      credit++;
      batches.back(message.bytes);
      wake?.();
      break;
    case 'result':
      if (collector !== undefined) answer({ is: 'result', result: collector.result() });
      break;
  }
});

async function perform(task: Task): Promise<void> {
  const { id } = task;
  if (collector !== undefined) {
    answer({ is: 'done', id, ...(await collectTask(task, filter, collector)) });
    return;
  }
  current = id;
  const stats = await eventsOfTask(task, filter, batches.add, async () => {
    while (credit <= 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  });
  const batch = batches.take();
  if (batch !== undefined) credit--;
  answer({ is: 'done', id, stats, ...(batch === undefined ? {} : { batch }) }, batch?.bytes);
}

function answer(message: FromWorker, transferred?: Uint8Array<ArrayBuffer>): void {
  parentPort?.postMessage(message, transferred ? [transferred.buffer] : []);
}
