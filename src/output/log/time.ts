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
