/** A thread that reads pieces of logs: tasks in, events or counts out. */
import { parentPort, workerData } from 'node:worker_threads';
import { createCollector } from '../../core/auditlog/collectors';
import { compileFilter } from '../../core/auditlog/filter';
import { EventLines } from '../log/event-lines';
import { collectTask, eventsOfTask } from '../log/perform';
import type { FromWorker, Job, Task, ToWorker } from '../log/protocol';

/** So many batches may be on their way at once. */
const AHEAD = 4;

const { filter: spec, collect } = workerData as Job;
const filter = compileFilter(spec);
const collector = collect === undefined ? undefined : createCollector(collect);
let credit = AHEAD;
let wake: (() => void) | undefined;

parentPort?.on('message', (message: ToWorker) => {
  switch (message.do) {
    case 'task':
      void perform(message.task);
      break;
    case 'more':
      credit++;
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
  credit = AHEAD;
  const lines = new EventLines((bytes) => {
    credit--;
    answer({ is: 'events', id, bytes }, bytes);
  });
  const stats = await eventsOfTask(task, filter, lines.add, async () => {
    while (credit <= 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  });
  lines.flush();
  answer({ is: 'done', id, stats });
}

function answer(message: FromWorker, transferred?: Uint8Array<ArrayBuffer>): void {
  parentPort?.postMessage(message, transferred ? [transferred.buffer] : []);
}
