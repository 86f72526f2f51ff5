/** Cuts events that are too large, first their bodies, then the event (apiserver/plugin/pkg/audit/truncate). */
import { aggregate } from '../flags/validate';
import { allStored, type Backend, type Report } from './backend';
import { encodeEvent, type AuditEvent } from './event';
import type { TruncateOptions } from './options';

export function truncating(backend: Backend, options: TruncateOptions, report: Report): Backend {
  return {
    process(events) {
      const batches: AuditEvent[][] = [];
      const tooLarge: AuditEvent[] = [];
      let room = 0;
      for (const event of events) {
        const cut = cutToSize(event, options.maxEventSize);
        if (cut === undefined) {
          tooLarge.push(event);
          continue;
        }
        const batch = batches.at(-1);
        if (batch === undefined || room < cut.size) {
          batches.push([cut.event]);
          room = options.maxBatchSize - cut.size;
        } else {
          batch.push(cut.event);
          room -= cut.size;
        }
      }
      const answers = batches.map((batch) => backend.process(batch));
      if (tooLarge.length > 0) {
        report('truncate', aggregate(tooLarge.map(() => 'event is too large even after truncating')) ?? '', tooLarge);
      }
      return allStored(answers);
    },
    close: () => backend.close(),
  };
}

/** undefined: too large even without its bodies. Sizes are bytes with the line break. */
function cutToSize(event: AuditEvent, most: number): { event: AuditEvent; size: number } | undefined {
  const size = sizeOf(event);
  if (size <= most) return { event, size };
  if (event.level !== 'Request' && event.level !== 'RequestResponse') return undefined;
  const cut: AuditEvent = { ...event, annotations: { ...event.annotations, 'audit.k8s.io/truncated': 'true' } };
  delete cut.requestObject;
  delete cut.responseObject;
  const left = sizeOf(cut);
  return left <= most ? { event: cut, size: left } : undefined;
}

function sizeOf(event: AuditEvent): number {
  return Buffer.byteLength(encodeEvent(event)) + 1;
}
