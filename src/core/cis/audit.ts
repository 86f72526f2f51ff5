/** The audit checks of the CIS Kubernetes Benchmark, with the ids of the edition that fits the server's version. */
import type { AuditSettings } from '../manifest/audit';

export interface CisCheck {
  id: string;
  title: string;
  pass: boolean;
  /** What is set, or what is missing. */
  found: string;
}

export interface CisSubject {
  settings: AuditSettings;
  manifest: { mode: number; uid: number; gid: number };
}

/** First id of the four that follow each other: log path, maxage, maxbackup, maxsize. */
const EDITIONS: readonly { name: string; from: number; first: number }[] = [
  { name: 'cis-1.9 to cis-1.12', from: 27, first: 16 },
  { name: 'cis-1.8', from: 26, first: 17 },
  { name: 'cis-1.7 and cis-1.24', from: 24, first: 18 },
  { name: 'cis-1.23', from: 22, first: 19 },
  { name: 'cis-1.20', from: 19, first: 21 },
  { name: 'cis-1.5 and cis-1.6', from: 0, first: 22 },
];

/**
 * @param minor of the Kubernetes version 1.x; the newest edition when it is not known.
 * Whether the policy covers the key concerns (3.2.2) is the policy engine's question, not the flags'.
 */
export function cisAuditChecks(
  subject: CisSubject,
  minor: number | undefined,
): { edition: string; checks: CisCheck[] } {
  const edition = EDITIONS.find(({ from }) => (minor ?? 99) >= from) ?? EDITIONS[0];
  const first = edition?.first ?? 16;
  const { log, policy } = subject.settings;
  const atLeast = (name: string, value: number | undefined, least: number, at: number): CisCheck => ({
    id: `1.2.${first + at}`,
    title: `--audit-log-${name} is ${least} or more`,
    pass: value !== undefined && value >= least,
    found: value === undefined ? 'not set' : String(value),
  });
  const { mode, uid, gid } = subject.manifest;
  return {
    edition: edition?.name ?? '',
    checks: [
      {
        id: '1.1.1',
        title: 'the manifest has mode 600 or stricter',
        pass: (mode & 0o177) === 0,
        found: mode.toString(8),
      },
      { id: '1.1.2', title: 'the manifest belongs to root:root', pass: uid === 0 && gid === 0, found: `${uid}:${gid}` },
      {
        id: `1.2.${first}`,
        title: '--audit-log-path is set',
        pass: log !== undefined,
        found: log?.containerPath ?? 'not set',
      },
      atLeast('maxage', log?.maxAge, 30, 1),
      atLeast('maxbackup', log?.maxBackup, 10, 2),
      atLeast('maxsize', log?.maxSize, 100, 3),
      {
        id: '3.2.1',
        title: '--audit-policy-file is set',
        pass: policy !== undefined,
        found: policy?.containerPath ?? 'not set',
      },
    ],
  };
}
