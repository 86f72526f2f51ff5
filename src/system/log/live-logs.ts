/** Which logs there are to follow: of each the file that is written to now, whether it is there yet or not. */
import { dirname } from 'node:path';
import { logsOf, type NamedFile } from '../../core/auditlog/files';
import { isGzip } from './live-file';
import { glob, logsIn, statOf } from './open-logs';

export interface LiveLog {
  /** What makes it this log: the name of its file, or the folder of a container that may start anew. */
  log: string;
  path: string;
}

/** @param names as typed: files, folders, patterns. Throws a UserError for a folder that cannot be looked into. */
export function liveLogs(names: readonly string[]): LiveLog[] {
  const logs = names.flatMap((name) => {
    if (statOf(name)?.isDirectory() === true) return inFolders(logsIn(name));
    const isPattern = /[*?]/.test(name) && statOf(name) === undefined;
    return isPattern ? inFolders(glob(name)) : [{ log: name, path: name }];
  });
  return [...new Map(logs.map((live) => [live.log, live])).values()];
}

/** What nothing but gzipped files is left of will not be written to any more. */
function inFolders(paths: readonly string[]): LiveLog[] {
  return logsOf(paths)
    .filter((files) => files.some(({ path }) => !isGzip(path)))
    .map((files) => {
      const { log } = files[0] as NamedFile;
      return { log, path: log.endsWith('/') || log === '' ? lastStart(files) : log };
    });
}

/** Of the container's last start: `1.log`, also when only `1.log.20260115-103000` is there. */
function lastStart(files: readonly NamedFile[]): string {
  const { path } = files.at(-1) as NamedFile;
  return path.replace(/(\.log)\.[^/]*$/, '$1');
}

/** Where its rotated files lie. */
export function folderOf({ path }: LiveLog): string {
  return dirname(path);
}
