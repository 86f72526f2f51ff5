/**
 * How many events there are over time, in bounded memory: bars that grow as the log does, and every minute that has an event,
 * as a bit.
 */

/** Minutes of a bar, the finest first. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 40320];
const MOST_BARS = 1500;
const DAY = 1440;

export interface TimelineData {
  /** Minutes of a bar. */
  step: number;
  /** Start of each bar, in minutes since the epoch, and its counts; in order. */
  bars: [number, number[]][];
  /** By day since the epoch: a bit for each of its minutes. */
  days: [number, Uint8Array][];
}

export class Timeline {
  readonly #size: number;
  #level = 0;
  #bars = new Map<number, number[]>();
  readonly #days = new Map<number, Uint8Array>();
  #text = '';
  #minute = NaN;

  /** @param size of the counts of each bar. */
  constructor(size: number) {
    this.#size = size;
  }

  /** @param time RFC 3339 in UTC. @param at which count. */
  add(time: string, at: number): void {
    const text = time.slice(0, 16);
    if (text !== this.#text) {
      this.#text = text;
      this.#minute = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? Date.parse(`${text}:00Z`) / 60_000 : NaN;
    }
    if (Number.isNaN(this.#minute)) return;
    const counts = this.#bar(this.#minute);
    counts[at] = (counts[at] ?? 0) + 1;
    const bits = this.#day(Math.floor(this.#minute / DAY));
    const minute = this.#minute % DAY;
    bits[minute >> 3] = (bits[minute >> 3] ?? 0) | (1 << (minute & 7));
  }

  merge({ step, bars, days }: TimelineData): void {
    while (step > (STEPS[this.#level] ?? Infinity)) this.#coarsen();
    for (const [minute, counts] of bars) {
      const own = this.#bar(minute);
      counts.forEach((count, at) => (own[at] = (own[at] ?? 0) + count));
    }
    for (const [day, bits] of days) {
      const own = this.#day(day);
      bits.forEach((byte, at) => (own[at] = (own[at] ?? 0) | byte));
    }
  }

  result(): TimelineData {
    return {
      step: STEPS[this.#level] ?? 1,
      bars: [...this.#bars].sort(([a], [b]) => a - b),
      days: [...this.#days].sort(([a], [b]) => a - b),
    };
  }

  #bar(minute: number): number[] {
    const step = STEPS[this.#level] ?? 1;
    const start = Math.floor(minute / step) * step;
    let counts = this.#bars.get(start);
    if (counts !== undefined) return counts;
    if (this.#bars.size >= MOST_BARS && this.#level < STEPS.length - 1) {
      this.#coarsen();
      return this.#bar(minute);
    }
    counts = new Array<number>(this.#size).fill(0);
    this.#bars.set(start, counts);
    return counts;
  }

  #coarsen(): void {
    const bars = this.#bars;
    this.#bars = new Map();
    this.#level++;
    for (const [minute, counts] of bars) {
      const own = this.#bar(minute);
      counts.forEach((count, at) => (own[at] = (own[at] ?? 0) + count));
    }
  }

  #day(day: number): Uint8Array {
    let bits = this.#days.get(day);
    if (bits === undefined) this.#days.set(day, (bits = new Uint8Array(DAY / 8)));
    return bits;
  }
}

/** The minutes with an event, since the epoch, in order. */
export function minutesOf({ days }: TimelineData): number[] {
  return days.flatMap(([day, bits]) =>
    Array.from({ length: DAY }, (_, minute) => minute)
      .filter((minute) => ((bits[minute >> 3] ?? 0) & (1 << (minute & 7))) !== 0)
      .map((minute) => day * DAY + minute),
  );
}

/** At most so many bars, with those that have no events, from the first to the last. */
export function evenBars(data: TimelineData, most: number): { step: number; bars: TimelineData['bars'] } {
  const first = data.bars[0]?.[0];
  const last = data.bars.at(-1)?.[0];
  if (first === undefined || last === undefined) return { step: data.step, bars: [] };
  const step =
    STEPS.find((each) => each >= data.step && (last - first) / each < most) ?? Math.ceil((last - first + 1) / most);
  const start = Math.floor(first / step) * step;
  const size = data.bars[0]?.[1].length ?? 0;
  const bars = Array.from({ length: Math.floor((last - start) / step) + 1 }, (_, at): [number, number[]] => [
    start + at * step,
    new Array<number>(size).fill(0),
  ]);
  for (const [minute, counts] of data.bars) {
    const own = bars[Math.floor((minute - start) / step)]?.[1];
    if (own) counts.forEach((count, at) => (own[at] = (own[at] ?? 0) + count));
  }
  return { step, bars };
}
