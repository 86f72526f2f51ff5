/** What can be made of the events of a log without keeping them: each thread has a collector, their results are merged. */
import type { EventScan } from './scan';
import { ReportCollector, mergeReports, type ReportData } from './report';
import { mergeTop, TopCounter, type TopCounts } from './top';
import { unreachable } from '../errors';

/** `local`: times are those of the local clock. */
export type CollectorSpec = { kind: 'top'; by: readonly string[]; local?: boolean } | { kind: 'report' };
export type CollectorResult = { kind: 'top'; counts: TopCounts } | { kind: 'report'; data: ReportData };

export interface Collector {
  add(scan: EventScan): void;
  result(): CollectorResult;
}

export function createCollector(spec: CollectorSpec): Collector {
  switch (spec.kind) {
    case 'top': {
      const counter = new TopCounter(spec.by, spec.local);
      return {
        add: (scan) => {
          counter.add(scan);
        },
        result: () => ({ kind: 'top', counts: counter.result() }),
      };
    }
    case 'report': {
      const collector = new ReportCollector();
      return {
        add: (scan) => {
          collector.add(scan);
        },
        result: () => ({ kind: 'report', data: collector.result() }),
      };
    }
    default:
      return unreachable(spec);
  }
}

/** @param parts all of one kind, at least one. */
export function mergeResults(parts: readonly CollectorResult[]): CollectorResult {
  const tops = parts.flatMap((part) => (part.kind === 'top' ? [part.counts] : []));
  if (tops.length > 0) return { kind: 'top', counts: mergeTop(tops) };
  return { kind: 'report', data: mergeReports(parts.flatMap((part) => (part.kind === 'report' ? [part.data] : []))) };
}
