/** What the manifest says, by the same pure checks that stand before every change. */
import type { Finding } from '../../finding';
import { nearestAuditFlag } from '../../audit-flags';
import { strictFindings } from '../../manifest/strict';
import { apiReferences } from '../../preflight/api-references';
import { auditFlags } from '../../preflight/audit-flags';
import type { Judge, Judged } from '../../preflight/judged';
import { kubeletRules } from '../../preflight/kubelet-rules';
import { mirrorDump } from '../../preflight/mirror-dump';
import { probeFindings } from '../../preflight/probes';
import { rotation } from '../../preflight/rotation';
import type { Cause, ManifestFix, Mend } from '../cause';
import { journalEvidence, kubeletSaid, manifestEvidence, type Patient } from '../patient';
import { renamed } from './flags';

/** What the kubelet reads past without a word is not what was meant, though the server may run all the same. */
const READING: readonly Judge[] = [({ doc, minor }) => strictFindings(doc, minor), mirrorDump];
/** What a running server has got over: it shows at the next start. */
const RUNNING: readonly Judge[] = [kubeletRules, apiReferences, auditFlags, rotation, killing];

/** A probe that can never succeed has the kubelet kill a server that runs well, again and again. */
function killing(judged: Judged): Finding[] {
  // The port has a rule of its own (flags.ts); whose an address is, is not looked at here.
  const told = new Set(['probe-not-authorized', 'probe-not-https', 'probe-path-not-health', 'host-network-off']);
  return probeFindings(judged, { addresses: [] }).filter(({ code }) => told.has(code));
}

export function contentRules(patient: Patient): Cause[] {
  const { doc, server, audit, sight } = patient;
  if (!doc || !server || !audit) return [];
  const minor = Number(/:v?\d+\.(\d+)\./.exec(server.image ?? '')?.[1] ?? Number.NaN);
  const folder = sight.manifestPath.replace(/\/[^/]*$/, '');
  const judged = { doc, server, audit, folder, minor: Number.isNaN(minor) ? undefined : minor };
  return [
    ...READING.flatMap((judge) => judge(judged)).map((finding) => causeOf(patient, finding, true)),
    // A flag given twice is told for all flags, not only for those of auditing.
    ...RUNNING.flatMap((judge) => judge(judged))
      .filter(({ code }) => code !== 'flag-given-twice')
      .map((finding) => causeOf(patient, finding, !patient.healthy)),
  ];
}

function causeOf(patient: Patient, finding: Finding, now: boolean): Cause {
  const when = now && finding.severity === 'error' ? 'now' : 'later';
  const rejected = REJECTED.has(finding.code);
  const said = rejected ? kubeletSaid(patient, /invalid pod|couldn't parse as pod/, patient.changedAt) : undefined;
  const mend = mendOf(patient, finding);
  return {
    finding: { ...finding, severity: when === 'now' ? 'error' : 'warning' },
    certain: true,
    when,
    evidence: [
      ...(finding.place ? [manifestEvidence(patient, finding.place)] : []),
      ...(said ? [journalEvidence('kubelet', said)] : []),
    ],
    ...(mend ? { mend } : {}),
    brings: [
      'server-not-started',
      'not-as-configured',
      'kubelet-wedged',
      ...(rejected ? ['manifest-rejected'] : []),
      ...(finding.code === 'manifest-unknown-field' ? DROPPED : []),
    ],
  };
}

/** What a server says whose mounts or flags were under a name that the kubelet does not know. */
const DROPPED = ['certificate-unreadable', 'audit-policy-missing', 'audit-policy-not-mounted', 'server-refused'];

/** The kubelet takes no pod with these. */
const REJECTED = new Set(['manifest-wrong-type', 'manifest-invalid', 'api-reference']);

function mendOf(patient: Patient, { code, place, remedy, title }: Finding): Mend | undefined {
  const [first = ''] = remedy;
  const text = place?.lineText?.slice(place.column - 1, place.column - 1 + (place.length ?? 0));
  const write = (to: string): Mend | undefined =>
    place && text
      ? {
          kind: 'edit-manifest',
          what: first,
          edits: [{ do: 'replace-text', line: place.line, column: place.column, from: text, to }],
        }
      : undefined;
  switch (code) {
    case 'manifest-unknown-field': {
      const [, to, from] = /^write `([^`]+)` instead of `([^`]+)`/.exec(first) ?? [];
      return to !== undefined && text === from ? write(to) : undefined;
    }
    case 'manifest-wrong-type': {
      const quoted = /^put it in quotes: (".*")$/.exec(first)?.[1] ?? /^take the quotes away: (\S+)$/.exec(first)?.[1];
      return quoted === undefined ? RESTORE : write(quoted);
    }
    case 'manifest-invalid':
      return /`([^`]+)`/.test(first) && text ? write(/`([^`]+)`/.exec(first)?.[1] ?? text) : RESTORE;
    case 'manifest-uid':
      return removal('remove metadata.uid', [['metadata', 'uid']]);
    case 'mirror-pod-dump': {
      const annotations = Object.keys(patient.pod?.annotations ?? {})
        .filter((name) => /^kubernetes\.io\/config\.(?:mirror|hash|source|seen)$/.test(name))
        .map((name) => ['metadata', 'annotations', name]);
      return annotations.length > 0 ? removal('remove the annotations of a mirror pod', annotations) : undefined;
    }
    case 'unknown-flag': {
      const name = /flag --([\w.-]+)/i.exec(title)?.[1];
      const flag = patient.server?.flags.find((each) => each.name === name);
      const meant = name === undefined ? undefined : nearestAuditFlag(name);
      return flag && meant !== undefined ? renamed(patient, flag, meant) : undefined;
    }
    case 'invalid-flag-value':
    case 'api-reference':
      return RESTORE;
    default:
      return undefined;
  }
}

const RESTORE: Mend = { kind: 'restore-manifest', what: 'put the last good manifest back' };

function removal(what: string, paths: readonly (string | number)[][]): Mend {
  return { kind: 'edit-manifest', what, edits: paths.map((path): ManifestFix => ({ do: 'remove', path })) };
}
