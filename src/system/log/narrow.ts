/**
 * Where in a log a span of time lies, found without reading it: by the names of rotated files, and by halving (lines are in
 * the order of stageTimestamp). Rule: a file that is not in order, where it is looked at, is read as a whole.
 */
import { readSync } from 'node:fs';
import { stageMicros } from '../../core/auditlog/filter';
import { EventScan } from '../../core/auditlog/scan';
import type { OpenFile } from './open-logs';

export interface Span {
  from: number;
  to: number;
}

/** Requests that end together are written in any order, and clocks are set: so much earlier and later is read too. */
const TOLERANCE = 300e6;
const PROBE = 8 << 10;
const LONGEST = 16 << 20;
const SAMPLES = 12;
const SMALL = 1 << 20;

/** @param since @param until in microseconds. @returns undefined when the file has nothing of that time. */
export function narrow(file: OpenFile, since: number | undefined, until: number | undefined): Span | undefined {
  const whole: Span = { from: 0, to: file.size };
  if (since === undefined && until === undefined) return whole;
  if (since !== undefined && file.endsAt !== undefined && file.endsAt < since - TOLERANCE) return undefined;
  if (!file.divisible) return whole;
  if (until !== undefined) {
    const first = timeAt(file, 0, file.size)?.time;
    if (first !== undefined && first > until + TOLERANCE) return undefined;
  }
  if (file.size <= SMALL || !isInOrder(file)) return whole;
  const from = since === undefined ? 0 : boundary(file, since - TOLERANCE).low;
  const to = until === undefined ? file.size : boundary(file, until + TOLERANCE).high;
  return from < to ? { from, to } : undefined;
}

function isInOrder(file: OpenFile): boolean {
  let latest = -Infinity;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const found = timeAt(file, Math.floor((file.size / SAMPLES) * sample), file.size);
    if (found === undefined) continue;
    if (found.time < latest - TOLERANCE) return false;
    latest = Math.max(latest, found.time);
  }
  return true;
}

/** Lines that begin before `low` are older than `time`, those from `high` on are not. */
function boundary(file: OpenFile, time: number): { low: number; high: number } {
  let low = 0;
  let high = file.size;
  while (high - low > PROBE) {
    const middle = Math.floor((low + high) / 2);
    const found = timeAt(file, middle, high);
    if (found === undefined || found.time >= time) high = middle;
    else low = found.end;
  }
  return { low, high: Math.max(low, high) };
}

/** The time of the first whole event at or after an offset, and where its line ends; undefined when there is none. */
function timeAt({ fd }: OpenFile, offset: number, limit: number): { time: number; end: number } | undefined {
  const scan = new EventScan();
  let size = PROBE;
  for (let position = offset; position < limit;) {
    const buffer = Buffer.allocUnsafe(size);
    const count = readSync(fd, buffer, 0, size, position);
    if (count === 0) return undefined;
    let start: number = position === 0 ? 0 : buffer.subarray(0, count).indexOf(10) + 1;
    const isStart = position === 0 || start > 0;
    for (let end = buffer.indexOf(10, start); isStart && end !== -1 && end < count; end = buffer.indexOf(10, start)) {
      if (scan.scan(buffer, start, end)) {
        const time = stageMicros(scan);
        if (!Number.isNaN(time)) return { time, end: position + end + 1 };
      }
      start = end + 1;
    }
    // A longer line than fits, or damage all along.
    if (count < size || size >= LONGEST) return undefined;
    size *= 4;
  }
  return undefined;
}
