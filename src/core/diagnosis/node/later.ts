/** What a server that runs well will suffer from later. */
import { wordsOf } from '../../klog';
import { cause, type Cause, type Evidence } from '../cause';
import { flagAt, journalEvidence, kubeletSaid, manifestEvidence, type Patient } from '../patient';
import { eventsLostRules } from './events-lost';

const HOUR = 3_600_000;
/** Start times are rounded to a second, by way of the boot time. */
const START_SLACK_MS = 1500;

export function laterRules(patient: Patient): Cause[] {
  return [
    ...eventsLostRules(patient),
    ...webhookRules(patient),
    ...oldPolicy(patient),
    ...lenientPolicy(patient),
    ...mirrorPod(patient),
    ...logSilent(patient),
    ...rotation(patient),
    ...record(patient),
  ];
}

/** The server reads its policy once. A copy that was saved over it is not even seen in the container. */
function oldPolicy({ sight, audit, right, healthy }: Patient): Cause[] {
  const { policy } = sight;
  const started = right[0]?.startedAt;
  if (!healthy || !policy || started === undefined) return [];
  const since = new Date(started).toISOString();
  const old = (title: string, evidence: Evidence): Cause[] => [
    cause('policy-not-running', { title, when: 'later', evidence: [evidence], remedy: ['kube-auditctl enable'] }),
  ];
  const { inside, path } = policy;
  if (inside && inside.sha256 !== policy.sha256)
    return old(
      `${path} was replaced: the API server (pid ${inside.pid}) still has the file of before mounted, and runs that policy`,
      {
        source: 'process',
        where: `/proc/${inside.pid}/root${audit?.policy?.containerPath ?? ''}`,
        text: `sha256 ${inside.sha256.slice(0, 12)}; on the node ${policy.sha256.slice(0, 12)}; the server runs since ${since}`,
      },
    );
  if (policy.changedAt === undefined) return [];
  if (audit?.annotation === policy.sha256 || policy.changedAt < started + 1000) return [];
  return old(`${path} was changed after the API server was started: the server still runs the old policy`, {
    source: 'file',
    where: path,
    at: new Date(policy.changedAt).toISOString(),
    text: `changed; the server runs since ${since}`,
  });
}

const LENIENT = /falling back to lenient decoding: (?:strict decoding error: )?(.*)/;

/** One warning line at its start is all that the server says of a policy that means something else than it says. */
function lenientPolicy({ sight, right, audit }: Patient): Cause[] {
  const started = right[0]?.startedAt;
  if (started === undefined) return [];
  for (const log of sight.pods.flatMap(({ logs }) => logs)) {
    const line = log.lines.findLast(({ at, text }) => at >= started - START_SLACK_MS && LENIENT.test(text));
    const what = line && LENIENT.exec(wordsOf(line.text))?.[1];
    if (!line || what === undefined) continue;
    const path = audit?.policy?.hostPath ?? audit?.policy?.containerPath ?? 'FILE';
    return [
      cause('audit-policy-read-leniently', {
        title: `the API server runs a policy that it could read only in part: ${what}`,
        detail: 'What it does not know is left out: a rule without its filter matches everything.',
        when: 'later',
        evidence: [{ source: 'container-log', where: log.path, at: new Date(line.at).toISOString(), text: line.text }],
        remedy: [`kube-auditctl policy lint ${path}`, `then: kube-auditctl enable --policy ${path}`],
      }),
    ];
  }
  return [];
}

/** Harmless, and taken for the cause by whoever looks with kubectl. */
function mirrorPod(patient: Patient): Cause[] {
  const line = kubeletSaid(patient, /Failed (?:deleting|to delete) (?:a )?mirror pod/i, patient.sight.at - HOUR);
  if (!line) return [];
  return [
    cause('mirror-pod-stale', {
      title: 'the kubelet could not delete the API’s copy of a static pod: kubectl may show the pod of before',
      detail: 'It does not hold the pod itself back: the copy is for show, and follows once the API answers.',
      when: 'later',
      evidence: [journalEvidence('kubelet', line)],
      remedy: ['judge by the containers, not by kubectl: crictl ps -a --name kube-apiserver'],
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
