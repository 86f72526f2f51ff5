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
/** From so many pauses on, the log itself tells how long its pauses are. */
const ENOUGH = 60;
const SHORTEST_KNOWN = 5;
const KNOWN_TIMES = 5;
/** The server rotates when the next event does not fit: that event opens the next file, at once. */
const SHORTEST_AT_ROTATION = 3;

/**
 * @param times the minutes with events, since the epoch, in order.
 * @param rotations the minutes at which files ended, by their names.
 */
export function gapsIn(times: readonly number[], rotations: readonly number[] = []): Gap[] {
  const pauses = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  const sorted = [...pauses].sort((a, b) => a - b);
  const share = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
  const longest =
    pauses.length >= ENOUGH
      ? Math.max(SHORTEST_KNOWN, share(0.95) * KNOWN_TIMES)
      : Math.max(SHORTEST, share(0.25) * USUAL_TIMES);
  const longestAtRotation = Math.min(longest, Math.max(SHORTEST_AT_ROTATION, share(0.9) * SHORTEST_AT_ROTATION));
  return pauses.flatMap((pause, at) => {
    const [from, to] = [times[at] ?? 0, times[at + 1] ?? 0];
    const isRotation = rotations.some((minute) => Math.floor(minute) >= from && Math.floor(minute) < to);
    return pause > (isRotation ? longestAtRotation : longest)
      ? [{ from: minuteText(from), to: minuteText(to), minutes: pause }]
      : [];
  });
}

/** When files were rotated, in minutes since the epoch, of those whose names tell. */
export function rotationsOf(paths: readonly string[]): number[] {
  return paths.flatMap((path) => {
    const { endsAt } = nameFile(path);
    return endsAt === undefined ? [] : [endsAt / 60e6];
  });
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
