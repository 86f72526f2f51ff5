/** Times of a log for people: on the local clock or in UTC. */
import { safeText } from './text';

/** `2026-01-31 14:05:09`, in UTC with a Z. What is no time, the log's writer chose. */
export function shortTime(text: string, utc: boolean, fraction = false): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return safeText(text);
  const two = (number: number): string => String(number).padStart(2, '0');
  const ms = fraction ? `.${String(time.getUTCMilliseconds()).padStart(3, '0')}` : '';
  const [year, month, day, hour, minute, second] = utc
    ? [
        time.getUTCFullYear(),
        time.getUTCMonth(),
        time.getUTCDate(),
        time.getUTCHours(),
        time.getUTCMinutes(),
        time.getUTCSeconds(),
      ]
    : [time.getFullYear(), time.getMonth(), time.getDate(), time.getHours(), time.getMinutes(), time.getSeconds()];
  return `${year}-${two(month + 1)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}${ms}${utc ? 'Z' : ''}`;
}

/** `2026-01-31T14:05:09.123456+01:00`: the local clock for programs, which must not lose what the log knows. */
export function localIso(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  const offset = -time.getTimezoneOffset();
  const two = (number: number): string => String(Math.floor(number)).padStart(2, '0');
  const clock = new Date(time.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const fraction = /\.\d+/.exec(text)?.[0] ?? '';
  return `${clock}${fraction}${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}
