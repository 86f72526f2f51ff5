/**
 * What the new manifest says, by the pure checks of core. What today's manifest says as well is a warning, since the server
 * runs with it; but what the kubelet reads past is an error whoever wrote it, unless the way is back.
 */
import type { Finding } from '../../core/finding';
import { strictFindings } from '../../core/manifest/strict';
import { apiReferences } from '../../core/preflight/api-references';
import { auditFlags } from '../../core/preflight/audit-flags';
import { auditPaths } from '../../core/preflight/audit-paths';
import type { Judge, Judged } from '../../core/preflight/judged';
import { kubeletRules } from '../../core/preflight/kubelet-rules';
import { mirrorDump } from '../../core/preflight/mirror-dump';
import { rotation } from '../../core/preflight/rotation';
import { kubeVersionOf, type Described } from '../manifest';
import { goesBack, type Check } from './preflight';

const READING: readonly Judge[] = [({ doc, minor }) => strictFindings(doc, minor), mirrorDump];
const RUNNING: readonly Judge[] = [kubeletRules, apiReferences, auditFlags, auditPaths, rotation];

// Not async: every step is at hand, and a cold process pays for each turn of its loop.
export const content: Check = (_ports, subject) => {
  const next = judgedOf(subject.next, subject.live.folder);
  const live = (): Judged => judgedOf(subject.live, subject.live.folder);
  return Promise.resolve([
    ...READING.flatMap((judge) => (goesBack(subject) ? shared(judge, next, live) : judge(next))),
    ...RUNNING.flatMap((judge) => shared(judge, next, live)),
  ]);
};

/** Errors of today's manifest too become warnings. */
function shared(judge: Judge, next: Judged, live: () => Judged): Finding[] {
  const findings = judge(next);
  if (!findings.some(({ severity }) => severity === 'error')) return findings;
  const today = new Set(judge(live()).map(sameness));
  return findings.map((finding) =>
    finding.severity === 'error' && today.has(sameness(finding)) ? { ...finding, severity: 'warning' } : finding,
  );
}

/** Indices move when something is put in before them. */
function sameness({ code, title, place }: Finding): string {
  return JSON.stringify([code, title.replace(/\[\d+\]/g, '[]'), place?.lineText?.trim()]);
}

/** A manifest as the pure checks see it. */
export function judgedOf({ doc, server, audit }: Described, folder: string): Judged {
  return { doc, server, audit, folder, minor: kubeVersionOf(server)?.minor };
}
