/** One task of a job: the same in a thread of its own and without one. */
import { PieceCensus, PieceStart, type OpenEvent, type PieceOpen } from '../../core/auditlog/census';
import type { Collector } from '../../core/auditlog/collectors';
import type { Filter } from '../../core/auditlog/filter';
import { EventScan } from '../../core/auditlog/scan';
import { FINAL, Finished, rankOf, requestKey } from '../../core/auditlog/stages';
import type { Told } from './event-batch';
import { PlaceReader } from './held';
import type { Task } from './protocol';
import { scanPiece, type Pause, type PieceStats } from './scan-piece';

/** Counts what a task finds; what is not certain in its piece alone is handed back. */
export async function collectTask(
  { piece, first }: Task,
  filter: Filter,
  collector: Collector,
): Promise<{ stats: PieceStats; open?: PieceOpen }> {
  const count = (scan: EventScan): void => {
    collector.add(scan);
  };
  if (!filter.pick) {
    const stats = await scanPiece(piece, filter, (scan) => {
      if (filter.after(scan)) count(scan);
    });
    return { stats };
  }
  const countOpen = openCounter(filter, collector);
  const census = new PieceCensus(filter, count, first, (open) => {
    countOpen(open, piece.fd);
  });
  const stats = await scanPiece(piece, filter, (scan, at) => {
    census.add(scan, at);
  });
  return { stats, open: census.result() };
}

/** Counts events that lie somewhere, if they pass the filter. */
export function openCounter(filter: Filter, collector: Collector): (event: OpenEvent, fd: number) => void {
  const places = new PlaceReader();
  const scan = new EventScan();
  return ({ at, length, raw }, fd) => {
    const bytes = raw ?? places.read({ fd, at, length });
    if (bytes !== undefined && scan.scan(bytes, 0, bytes.length) && filter.after(scan)) collector.add(scan);
  };
}

/**
 * Hands on every event that is wanted, and those that may be needed to tell which stage of a request is the last one: an
 * event that is not wanted itself may still take the place of an earlier stage.
 * @param sink what it is told is one object, used again and again.
 */
export function eventsOfTask(
  { piece, first }: Task,
  filter: Filter,
  sink: (scan: EventScan, told: Told) => void,
  pause?: Pause,
): Promise<PieceStats> {
  const told: Told = { at: NaN, key: 0, rank: FINAL, wanted: true };
  const begun = new Set<number>();
  const finished = new Finished();
  const start = new PieceStart(first);
  const isNeeded = (scan: EventScan): boolean => {
    const { key, rank, wanted } = told;
    if (rank === FINAL) {
      finished.add(key);
      return begun.delete(key) || wanted || start.crosses(scan);
    }
    if (finished.has(key)) return false;
    begun.add(key);
    return true;
  };
  return scanPiece(
    piece,
    filter,
    (scan, at) => {
      told.at = at;
      told.wanted = filter.after(scan);
      if (filter.pick) {
        told.rank = rankOf(scan);
        told.key = requestKey(scan);
      }
      if (filter.pick ? isNeeded(scan) : told.wanted) sink(scan, told);
    },
    pause,
  );
}
