/**
 * Times of events (RFC 3339, microseconds) as numbers, and times as people write them. Microseconds since the epoch are
 * exact in a number until the year 2255.
 */
import { UserError } from '../errors';

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const MINUTE = 60_000;
const DAY = 86_400_000;
const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: MINUTE,
  min: MINUTE,
  h: 60 * MINUTE,
  d: DAY,
  w: 7 * DAY,
};

/** @returns microseconds since the epoch; NaN when it is no RFC 3339 time. */
export function micros(text: string): number {
  const zoned =
    CANONICAL.test(text) || /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text);
  if (!zoned) return NaN;
  const ms = Date.parse(text.slice(0, 19).replace(/[t ]/, 'T') + text.slice(19).replace(/\.\d+/, '').toUpperCase());
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

/** `2026-01-31T14:05`, a minute of UTC, on the local clock; what is none is given as it is. */
export function localMinute(text: string): string {
  const time = new Date(`${text}Z`);
  if (Number.isNaN(time.getTime())) return text;
  return new Date(time.getTime() - time.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}

/** As the API server writes it. */
export function timeText(microseconds: number): string {
  const ms = Math.floor(microseconds / 1000);
  const rest = Math.round(microseconds - ms * 1000);
  return new Date(ms).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`);
}

/**
 * A time as it is written on the command line: RFC 3339; `90m`, `2h30m`, `7d` ago; `now`, `today`, `yesterday`; a day or a
 * time of day on the local clock (`2026-01-31`, `2026-01-31 14:05`, `14:05`).
 * @param now milliseconds since the epoch. @param utc the clock meant is UTC's.
 * @param past a time of day that is still to come is yesterday's.
 * @returns microseconds. @throws {UserError} `bad-time`.
 */
export function timeArgument(text: string, now: number, utc: boolean, past = false): number {
  const written = text.trim();
  const exact = micros(written.replace(/^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d)(?=[Zz]|[+-]\d\d:\d\d$)/, '$1:00'));
  // Date.parse takes the 30th of February for the 2nd of March.
  if (!Number.isNaN(exact) && isDay(written.slice(0, 10))) return exact;
  const ago = durationMs(written.replace(/^-/, '').replace(/ ago$/, ''));
  if (ago !== undefined) return (now - ago) * 1000;
  const local = localTime(written.toLowerCase(), now, utc, past);
  if (local !== undefined && !Number.isNaN(local)) return local * 1000;
  throw new UserError('bad-time', `this is no time: ${text}`, {
    hints: ['2026-01-31T14:05:00Z, 2h, 30m, 7d, yesterday, 2026-01-31, "2026-01-31 14:05", 14:05'],
  });
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function durationMs(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:min|s|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(min|s|m|h|d|w)/g))
    total += Number(amount) * (UNITS[unit] ?? 0);
  return total;
}

function localTime(text: string, now: number, utc: boolean, past: boolean): number | undefined {
  if (text === 'now') return now;
  const date = new Date(now);
  const today: [number, number, number] = utc
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
    : [date.getFullYear(), date.getMonth(), date.getDate()];
  const at = (year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number =>
    utc ? Date.UTC(year, month, day, hour, minute, second) : new Date(year, month, day, hour, minute, second).getTime();
  if (text === 'today') return at(...today);
  if (text === 'yesterday') return at(today[0], today[1], today[2] - 1);
  const clock = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(text);
  if (clock && inClock(clock.slice(1))) {
    const [year, month, date] = today;
    const time = clock.slice(1).map((part) => Number(part ?? 0));
    const found = at(year, month, date, ...time);
    return past && found > now ? at(year, month, date - 1, ...time) : found;
  }
  const day = /^(\d{4})-(\d\d)-(\d\d)(?:[t ](\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!day || !inClock(day.slice(4))) return undefined;
  const [year = 0, month = 0, dayOfMonth = 0, ...time] = day.slice(1).map((part) => Number(part ?? 0));
  const found = at(year, month - 1, dayOfMonth, ...time);
  // The 31st of June would be the 1st of July.
  const back = new Date(found);
  return (utc ? back.getUTCDate() : back.getDate()) === dayOfMonth && month >= 1 && month <= 12 ? found : undefined;
}

function inClock([hour, minute, second]: readonly (string | undefined)[]): boolean {
  return Number(hour ?? 0) < 24 && Number(minute ?? 0) < 60 && Number(second ?? 0) < 60;
}
