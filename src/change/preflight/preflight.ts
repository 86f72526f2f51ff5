/**
 * Named checks before anything is touched. Each answers with findings that carry their remedy; all are asked, not only
 * until the first. `--ignore NAME` lowers an error to a warning. docs/preflight.md lists them.
 */
import type { Finding } from '../../core/finding';
import { closest } from '../../core/policy/spelling';
import type { Described, LiveManifest } from '../manifest';
import type { PlannedFile } from '../plan';
import type { Ports } from '../ports';
import { apiAnswers } from './api-answers';
import { certificates } from './certificates';
import { handOverSafe } from './hand-over-safe';
import { content } from './content';
import { distribution } from './distribution';
import { filesOfFlags } from './files-of-flags';
import { hostPaths } from './host-paths';
import { kubeletContact } from './kubelet-contact';
import { kubeletRuns } from './kubelet-runs';
import { logFolder } from './log-folder';
import { onlyManifest } from './only-manifest';
import { otherControlPlanes } from './other-control-planes';
import { ownAddress } from './own-address';
import { policyLoads } from './policy-loads';
import { portFree } from './port-free';
import { probes } from './probes';
import { roomForLog } from './room-for-log';
import { roomOnDisk } from './room-on-disk';
import { staticPodPath } from './static-pod-path';
import { webhook } from './webhook';
import { writable } from './writable';

export interface Subject {
  command: string;
  live: LiveManifest;
  /** The manifest as it will be; its places name the file that the user knows. */
  next: Described;
  changed: readonly PlannedFile[];
  /** That are not there yet, and will be made. */
  folders: readonly { path: string; mode: number }[];
  stateDir: string;
  /** Only looking: what costs time and is asked again before a real change may be asked more cheaply, or not at all. */
  dryRun: boolean;
  /** By hand-over: what it must not be done on is looked at as well. */
  fast: boolean;
}

export type Check = (ports: Ports, subject: Subject) => Promise<Finding[]>;

const CHECKS: readonly Check[] = [
  content,
  probes,
  onlyManifest,
  distribution,
  staticPodPath,
  hostPaths,
  filesOfFlags,
  certificates,
  policyLoads,
  logFolder,
  roomForLog,
  webhook,
  writable,
  roomOnDisk,
  kubeletRuns,
  kubeletContact,
  ownAddress,
  portFree,
  apiAnswers,
  otherControlPlanes,
  handOverSafe,
];

/** @param planned what the plan has found already, which is not said twice. */
export async function preflight(ports: Ports, subject: Subject, planned: readonly Finding[]): Promise<Finding[]> {
  const seen = lookingOnce(ports);
  const found = (await Promise.all(CHECKS.map((check) => check(seen, subject)))).flat();
  return found.filter(({ code, title }) => !planned.some((other) => other.code === code && other.title === title));
}

/** Each thing is looked at once for all checks: on a busy node a look at /proc is half of a dry run. */
function lookingOnce(ports: Ports): Ports {
  const { files, node } = ports;
  return {
    ...ports,
    files: { ...files, free: once((path: string) => files.free(path)) },
    node: {
      ...node,
      kubelet: once(() => node.kubelet()),
      processes: once((port: number) => node.processes(port)),
    },
  };
}

function once<A extends unknown[], R>(ask: (...about: A) => Promise<R>): (...about: A) => Promise<R> {
  const answers = new Map<unknown, Promise<R>>();
  return (...about) => {
    const answer = answers.get(about[0]) ?? ask(...about);
    answers.set(about[0], answer);
    return answer;
  };
}

/** Whether a command goes back to what has run before: then what today's manifest shares with it stops nothing. */
export function goesBack({ command }: Pick<Subject, 'command'>): boolean {
  return command === 'disable' || command === 'rollback';
}

/** Names that let nothing through, while something stops the change: a word that is not right would go unnoticed. */
export function ignoredInVain(findings: readonly Finding[], ignore: ReadonlySet<string>): string[] {
  const codes = [...new Set(findings.map(({ code }) => code))];
  return [...ignore]
    .filter((name) => !codes.includes(name) && !BY_FORCE.has(name))
    .map((name) => {
      const meant = closest(name, codes);
      return `--ignore ${name}: nothing of that name was found${meant === undefined ? '' : `; did you mean ${meant}?`}`;
    });
}

/** What --force stands for, whether it is found or not. */
const BY_FORCE = new Set(['etcd-not-healthy', 'other-api-server-not-ready']);

/** Errors that are ignored by name become warnings. */
export function lower(findings: readonly Finding[], ignore: ReadonlySet<string>): Finding[] {
  return findings.map((finding) =>
    finding.severity === 'error' && ignore.has(finding.code) ? { ...finding, severity: 'warning' } : finding,
  );
}
