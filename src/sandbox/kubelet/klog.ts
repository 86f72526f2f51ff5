/** How klog and Go write what the kubelet says. Source: vendor/k8s.io/klog/v2, Go's time and strconv. */
import { goQuote } from '../../core/policy/go-text';

export interface KlogRecord {
  severity: 'I' | 'W' | 'E' | 'F';
  /** Source file and line: `file.go:187`. */
  place: string;
  text: string;
}

/** The whole line; several lines when a value has several. @param at milliseconds since the epoch. */
export function klogLine(record: KlogRecord, at: number, pid: number): string {
  const time = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(time.getMonth() + 1)}${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  const micros = String(Math.floor((at % 1000) * 1000)).padStart(6, '0');
  return `${record.severity}${day} ${clock}.${micros} ${String(pid).padStart(7)} ${record.place}] ${record.text}`;
}

/** `"message" err="…" key="value"`; a value of several lines is spread over them. */
export function structured(message: string, values: Readonly<Record<string, string | number | boolean>>): string {
  const pairs = Object.entries(values).map(([key, value]) => {
    if (typeof value !== 'string') return `${key}=${String(value)}`;
    if (value.includes('\n')) return `${key}=<\n${value.replace(/^/gm, '\t')}\n >`;
    return `${key}=${goQuote(value)}`;
  });
  return [goQuote(message), ...pairs].join(' ');
}

/** Go's Duration.String: `500ms`, `1m20s`, `2.5s`. */
export function goDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1) return `${trim(ms * 1000)}µs`;
  if (ms < 1000) return `${trim(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = `${trim((ms % 60_000) / 1000)}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** Go's Time.String with its monotonic reading. */
export function goTime(at: number, sinceStartMs: number): string {
  const iso = new Date(at).toISOString();
  const seconds = iso.slice(0, 19).replace('T', ' ');
  const nanos = String(Math.floor((at % 1000) * 1e6)).padStart(9, '0');
  return `${seconds}.${nanos} +0000 UTC m=+${(sinceStartMs / 1000).toFixed(9)}`;
}

function trim(value: number): string {
  return String(Number(value.toFixed(6)));
}
