/** A read-only file system is found by asking, not by failing half-way. */
import type { Check } from './preflight';

export const writable: Check = async ({ files }, { changed, folders, stateDir }) => {
  const findings = [];
  const places = new Set([...changed.map(({ path }) => path), ...folders.map(({ path }) => path), stateDir]);
  for (const path of places) {
    if (!(await files.free(path)).readOnly) continue;
    findings.push({
      code: 'read-only-file-system',
      severity: 'error' as const,
      title: `${path} lies on a file system that is mounted read-only`,
      remedy: [`findmnt -T ${path}`, 'dmesg --level=err,warn | tail'],
    });
  }
  return findings;
};
