/** Every file is written beside the old one first, and the record holds copies: both need room before anything starts. */
import type { Check } from './preflight';

/** What the record, its evidence and the log's first minutes need beyond the files themselves. */
const SPARE = 8 << 20;

export const roomOnDisk: Check = async ({ files }, { changed, folders, stateDir }) => {
  const size = changed.reduce(
    (sum, { before, after }) => sum + (before?.bytes.length ?? 0) + (after?.bytes.length ?? 0),
    0,
  );
  const findings = [];
  const places = new Set([stateDir, ...changed.map(({ path }) => path), ...folders.map(({ path }) => path)]);
  for (const path of places) {
    const { bytes } = await files.free(path);
    if (bytes >= size + SPARE) continue;
    findings.push({
      code: 'disk-full',
      severity: 'error' as const,
      title: `only ${Math.floor(bytes / 1024)} KiB are free where ${path} lies; the change needs ${Math.ceil((size + SPARE) / 1024)} KiB`,
      remedy: [`df -h ${path.replace(/\/[^/]*$/, '') || '/'}`],
    });
  }
  return findings;
};
