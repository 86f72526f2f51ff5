/** What today's manifest says as well is no reason to refuse a change: the server runs with it, and it is a warning. */
import type { Finding } from '../../core/finding';
import type { Judged } from '../../core/preflight/judged';
import { kubeVersionOf, type Described } from '../manifest';

/** Errors that `live` has too become warnings. It is only judged when there are errors. */
export function shared(findings: readonly Finding[], live: () => readonly Finding[]): Finding[] {
  if (!findings.some(({ severity }) => severity === 'error')) return [...findings];
  const today = new Set(live().map(sameness));
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
