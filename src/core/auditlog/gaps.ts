/** What a log does not have: spans of time without any event, and files that a rotation should have left. */
import { nameFile } from './files';

export interface Gap {
  /** The last minute with an event before it, and the first one after it: `2026-01-31T14:05`. */
  from: string;
  to: string;
  minutes: number;
}

/** A cluster is never silent for that long, unless its usual pause is longer still. */
const SHORTEST = 15;
const USUAL_TIMES = 20;

/** @param times the minutes with events, since the epoch, in order. */
export function gapsIn(times: readonly number[]): Gap[] {
  const pauses = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  const usual = [...pauses].sort((a, b) => a - b)[Math.floor(pauses.length / 4)] ?? 0;
  const longest = Math.max(SHORTEST, usual * USUAL_TIMES);
  return pauses.flatMap((pause, at) =>
    pause > longest ? [{ from: minuteText(times[at] ?? 0), to: minuteText(times[at + 1] ?? 0), minutes: pause }] : [],
  );
}

function minuteText(minute: number): string {
  return new Date(minute * 60_000).toISOString().slice(0, 16);
}

/** Of files that are numbered, the numbers in between that are not there. */
export function missingRotations(paths: readonly string[]): string[] {
  const numbers = new Map<string, number[]>();
  for (const path of paths) {
    const { log, order, endsAt } = nameFile(path);
    if (endsAt === undefined && order < 0) numbers.set(log, [...(numbers.get(log) ?? []), -order]);
  }
  return [...numbers].flatMap(([log, found]) => {
    const most = Math.max(...found);
    return Array.from({ length: most }, (_, at) => at + 1)
      .filter((number) => !found.includes(number))
      .map((number) => `${log}.${number}`);
  });
}
