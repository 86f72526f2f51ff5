/**
 * Named checks before anything is touched. Each answers with findings that carry their remedy; all are asked, not only
 * until the first. `--ignore NAME` lowers an error to a warning.
 */
import type { Finding } from '../../core/finding';
import type { LiveManifest } from '../manifest';
import type { PlannedFile } from '../plan';
import type { Ports } from '../ports';
import { apiAnswers } from './api-answers';
import { handOverSafe } from './hand-over-safe';
import { kubeletRuns } from './kubelet-runs';
import { onlyManifest } from './only-manifest';
import { roomOnDisk } from './room-on-disk';
import { writable } from './writable';

export interface Subject {
  live: LiveManifest;
  changed: readonly PlannedFile[];
  folders: readonly { path: string; mode: number }[];
  stateDir: string;
  /** Only looking: what costs time and is asked again before a real change may be asked more cheaply. */
  dryRun: boolean;
  /** By hand-over: what it must not be done on is looked at as well. */
  fast: boolean;
}

export type Check = (ports: Ports, subject: Subject) => Promise<Finding[]>;

const CHECKS: readonly Check[] = [onlyManifest, writable, roomOnDisk, kubeletRuns, apiAnswers, handOverSafe];

export async function preflight(ports: Ports, subject: Subject): Promise<Finding[]> {
  const found = await Promise.all(CHECKS.map((check) => check(ports, subject)));
  return found.flat();
}

/** Errors that are ignored by name become warnings. */
export function lower(findings: readonly Finding[], ignore: ReadonlySet<string>): Finding[] {
  return findings.map((finding) =>
    finding.severity === 'error' && ignore.has(finding.code) ? { ...finding, severity: 'warning' } : finding,
  );
}
