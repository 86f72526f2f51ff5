/** A disk that the log can fill takes the node down with it: what the limits allow must fit. */
import { folderOf, joinPath } from '../../core/manifest/paths';
import type { Files } from '../ports';
import type { Check } from './preflight';

const MIB = 1 << 20;

export const roomForLog: Check = async ({ files }, { next }) => {
  const { log } = next.audit;
  if (log?.hostPath === undefined || log.containerPath.startsWith('/dev/')) return [];
  const { maxBackup, maxSize } = log;
  if (!maxBackup || !maxSize) return [];
  const most = (maxBackup + 1) * maxSize * MIB;
  const { bytes: free } = await files.free(folderOf(log.hostPath));
  if (free >= most) return [];
  const used = await sizeOfLogs(files, log.hostPath);
  if (free + used >= most) return [];
  const fits = Math.max(1, Math.floor(((free + used) * 0.8) / MIB / (maxBackup + 1)));
  return [
    {
      code: 'log-disk-small',
      severity: 'warning',
      title: `the audit log may grow to ${Math.ceil(most / MIB)} MiB; its disk has room for ${Math.floor((free + used) / MIB)} MiB`,
      detail: `${maxBackup} rotated files and the current one, of ${maxSize} MB each, at ${log.hostPath}`,
      remedy: [`df -h ${folderOf(log.hostPath)}`, `lower the limits: --max-size ${fits}`],
    },
  ];
};

/** What the log and its rotated files hold already: they count into the limits. */
async function sizeOfLogs(files: Files, path: string): Promise<number> {
  const folder = folderOf(path);
  const stem = path.slice(folder.length + 1).replace(/\.[^.]*$/, '');
  const names = await files.list(folder).catch(() => []);
  const entries = await Promise.all(
    names
      .filter((name) => name.startsWith(stem))
      .map((name) => files.look(joinPath(folder, name)).catch(() => undefined)),
  );
  return entries.reduce((sum, entry) => sum + (entry?.kind === 'file' ? entry.size : 0), 0);
}
