/** How long a rotated log holds: by size, by number of files and by age, whichever comes first. */

export interface RotationSettings {
  /** --audit-log-maxsize, in MiB. 0: files are not rotated. */
  maxSize: number;
  /** --audit-log-maxbackup: rotated files that are kept. 0: all. */
  maxBackup: number;
  /** --audit-log-maxage, in days. 0: for ever. */
  maxAge: number;
}

export interface Retention {
  bytesPerDay: number;
  /** How far back the log reaches just after a rotation, in days; Infinity when nothing is ever removed. */
  days: number;
  /** What limits it. */
  limit: 'size' | 'age' | 'nothing';
  /** Most bytes on disk at this rate; Infinity when nothing bounds them. */
  bytesOnDisk: number;
}

const MIB = 1024 * 1024;
const DAY = 86400;

/** @param bytes written within `seconds`; `seconds` is greater than 0. */
export function retentionOf(bytes: number, seconds: number, rotation: RotationSettings): Retention {
  const bytesPerDay = (bytes / seconds) * DAY;
  const { maxSize, maxBackup, maxAge } = rotation;
  // Without rotation there is one file, and neither age nor number removes it.
  if (maxSize === 0) return { bytesPerDay, days: Infinity, limit: 'nothing', bytesOnDisk: Infinity };
  const file = maxSize * MIB;
  const bySize = maxBackup === 0 || bytesPerDay === 0 ? Infinity : (maxBackup * file) / bytesPerDay;
  const byAge = maxAge === 0 ? Infinity : maxAge;
  const days = Math.min(bySize, byAge);
  const limit = days === Infinity ? 'nothing' : bySize < byAge ? 'size' : 'age';
  const bytesOnDisk =
    limit === 'nothing' ? Infinity : limit === 'size' ? (maxBackup + 1) * file : Math.ceil(byAge * bytesPerDay) + file;
  return { bytesPerDay, days, limit, bytesOnDisk };
}
