/** What a server that runs well will suffer from later. */
import { cause, type Cause } from '../cause';
import { flagAt, manifestEvidence, type Patient } from '../patient';
import { eventsLostRules } from './events-lost';

const HOUR = 3_600_000;

export function laterRules(patient: Patient): Cause[] {
  return [
    ...eventsLostRules(patient),
    ...webhookRules(patient),
    ...oldPolicy(patient),
    ...logSilent(patient),
    ...rotation(patient),
    ...record(patient),
  ];
}

/** The server reads its policy once. A copy that was saved over it is not even seen in the container. */
function oldPolicy({ sight, audit, right, healthy }: Patient): Cause[] {
  const { policy } = sight;
  const started = right[0]?.startedAt;
  if (!healthy || !policy || policy.changedAt === undefined || started === undefined) return [];
  if (audit?.annotation === policy.sha256 || policy.changedAt < started + 1000) return [];
  const changed = new Date(policy.changedAt).toISOString();
  return [
    cause('policy-not-running', {
      title: `${policy.path} was changed after the API server was started: the server still runs the old policy`,
      when: 'later',
      evidence: [
        {
          source: 'file',
          where: policy.path,
          at: changed,
          text: `changed; the server runs since ${new Date(started).toISOString()}`,
        },
      ],
      remedy: ['kube-auditctl enable'],
    }),
  ];
}

/** What preflight would say of the webhook: whether the node knows and reaches its receiver. */
function webhookRules(patient: Patient): Cause[] {
  return (patient.sight.webhook ?? []).map((finding): Cause => {
    // A kubeconfig that cannot be loaded ends the server at its start; one that runs has loaded another.
    const now = finding.code === 'webhook-config-invalid' && !patient.healthy;
    return {
      finding: { ...finding, severity: now ? 'error' : 'warning' },
      certain: true,
      when: now ? 'now' : 'later',
      evidence: finding.place ? [manifestEvidence(patient, finding.place)] : [],
      brings: ['server-refused', 'server-not-started'],
    };
  });
}

function logSilent({ sight, audit, healthy }: Patient): Cause[] {
  const { log } = sight;
  if (!healthy || !audit?.policy || !log || sight.at - log.writtenAt < HOUR) return [];
  return [
    cause('log-silent', {
      title: `nothing has been written to ${log.path} for ${Math.round((sight.at - log.writtenAt) / 60_000)} minutes`,
      when: 'later',
      evidence: [
        { source: 'file', where: log.path, at: new Date(log.writtenAt).toISOString(), text: `${log.bytes} bytes` },
      ],
      remedy: ['kube-auditctl verify'],
    }),
  ];
}

/** All of the rotated files together reach back less than a day. */
function rotation(patient: Patient): Cause[] {
  const { log } = patient.sight;
  const most = patient.audit?.log?.maxBackup;
  if (!log || log.oldestRotatedAt === undefined || most === undefined || most === 0 || log.rotated < most) return [];
  const hours = (patient.sight.at - log.oldestRotatedAt) / HOUR;
  if (hours >= 24) return [];
  return [
    cause('log-too-short', {
      title: `the audit log reaches back only ${hours.toFixed(1)} hours: its ${log.rotated} rotated files are all there is`,
      when: 'later',
      ...flagAt(patient, 'audit-log-maxbackup'),
      remedy: [
        'kube-auditctl enable --max-backup 50',
        'or log less of what nobody asks for: kube-auditctl policy replay --log ' + log.path,
      ],
    }),
  ];
}

function record({ sight }: Patient): Cause[] {
  const { unfinished, lastKept } = sight.record;
  const found: Cause[] = [];
  if (unfinished !== undefined) {
    found.push(
      cause('change-unfinished', {
        title: `change ${unfinished} was begun and never finished`,
        evidence: [{ source: 'file', where: `${sight.stateDir}/changes/${unfinished}/record.json`, text: 'not final' }],
        remedy: ['kube-auditctl recover'],
      }),
    );
  }
  if (lastKept && sight.manifest.state === 'present' && sight.manifest.sha256 !== lastKept.sha256) {
    found.push(
      cause('drift', {
        title: `${sight.manifestPath} is not as kube-auditctl last left it (change ${lastKept.id})`,
        when: 'later',
        evidence: [{ source: 'file', where: sight.manifestPath, text: `sha256 ${sight.manifest.sha256.slice(0, 12)}` }],
        remedy: ['kube-auditctl status --verbose'],
      }),
    );
  }
  return found;
}
