/**
 * Log files by their names: which ones are one log, and in which order. The API server renames a full log to
 * `audit-2024-01-15T10-30-00.000.log` (UTC; lumberjack), logrotate to `audit.log.1` or, with `dateext`, `audit.log-20240115`,
 * the kubelet rotates container logs to `0.log.20240115-103000`; each may be gzipped.
 */

export interface NamedFile {
  path: string;
  /** Equal for the files of one log. */
  log: string;
  /** Ascending from the oldest on. Below zero: a number, which another file has after the next rotation. */
  order: number;
  /** When the file was rotated, in microseconds: nothing in it is younger. */
  endsAt?: number;
}

const LUMBERJACK = /^(.*)-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)\.(\d{3})(\.[^.]*|)$/;
const KUBELET = /^(.*\.log)\.(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)$/;
const LOGROTATE = /^(.*)\.(\d{1,4})$/;
/** logrotate's `dateext`, with a `dateformat` of anyone's choice. */
const DATED = /^(.*\.(?:log|json|jsonl|ndjson))[-.](?:(20\d\d)-?(\d\d)-?(\d\d)-?(\d*)|(1\d{9}))$/;
const CONTAINER = /^(\d+)\.log$/;
const RESTART = 1e14;

export function nameFile(path: string): NamedFile {
  const slash = path.lastIndexOf('/') + 1;
  const folder = path.slice(0, slash);
  const name = path.slice(slash).replace(/\.gz$/, '');
  const lumberjack = LUMBERJACK.exec(name);
  if (lumberjack) {
    const [, base = '', day = '', hour = '', minute = '', second = '', ms = '', ext = ''] = lumberjack;
    const time = Date.parse(`${day}T${hour}:${minute}:${second}.${ms}Z`);
    if (!Number.isNaN(time)) return { path, log: folder + base + ext, order: time, endsAt: time * 1000 };
  }
  const kubelet = KUBELET.exec(name);
  if (kubelet) {
    const [, base = '', ...parts] = kubelet;
    const [year, month, day, hour, minute, second] = parts.map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return inContainer(path, folder, base, Date.UTC(year, month - 1, day, hour, minute, second));
  }
  const dated = DATED.exec(name);
  // No endsAt: the date is that of the local clock, and may be yesterday's.
  if (dated) return { path, log: folder + (dated[1] ?? ''), order: dateOf(dated) };
  const rotated = LOGROTATE.exec(name);
  if (rotated) return { path, log: folder + (rotated[1] ?? ''), order: -Number(rotated[2]) };
  return inContainer(path, folder, name, RESTART - 1);
}

function dateOf([, , year, month, day, rest = '', seconds]: readonly (string | undefined)[]): number {
  if (seconds !== undefined) return Number(seconds) * 1000;
  // `%s` behind the date; anything shorter is hours, minutes and seconds.
  if (rest.length >= 9) return Number(rest) * 1000;
  const [hour, minute, second] = [0, 2, 4].map((at) => Number(rest.slice(at, at + 2)));
  return Date.UTC(Number(year), Number(month) - 1, Number(day), hour, minute, second);
}

/** A container log's number counts the container's restarts: 0.log is older than 1.log. */
function inContainer(path: string, folder: string, base: string, order: number): NamedFile {
  const restart = CONTAINER.exec(base)?.[1];
  if (restart === undefined) return { path, log: folder + base, order };
  return { path, log: folder, order: Number(restart) * RESTART + order };
}

/** The files of each log in order, the logs as they came. Of two files of one place the gzipped one is the older. */
export function logsOf(paths: readonly string[]): NamedFile[][] {
  const logs = new Map<string, NamedFile[]>();
  for (const path of new Set(paths)) {
    const file = nameFile(path);
    logs.set(file.log, [...(logs.get(file.log) ?? []), file]);
  }
  return [...logs.values()].map((files) => files.sort((a, b) => a.order - b.order || (a.path < b.path ? 1 : -1)));
}
