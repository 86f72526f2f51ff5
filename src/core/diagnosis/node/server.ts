/** The server itself: what its last words say (the watch's rules), or why there are none. */
import type { ContainerLog, ServerProcess } from '../../evidence';
import { expectedArgv, shutdownSeconds } from '../../manifest/server';
import { lastWords } from '../../klog';
import { cause, type Cause, type Evidence } from '../cause';
import { diagnoseAll, type Diagnosis, type Scene } from '../diagnose';
import { at, flagAt, journalEvidence, kubeletSaid, type Patient } from '../patient';
import { renamed } from './flags';
import { namedOtherwise } from './manifest-file';
import { volumeIndex } from './volumes';
import { nearestAuditFlag } from '../../audit-flags';

/** The clocks of the file system and of the container's log are one, but the write and the first line race. */
const SLACK_MS = 1500;
/** After an edit the old server may go on for the grace period, and the kubelet waits before it starts the new one. */
const CHANGING_MS = 75_000;

export function serverRules(patient: Patient): Cause[] {
  const { sight } = patient;
  if (patient.healthy) return [];
  // Its manifest is elsewhere: what the logs tell is not of this one, and to restore this one would be to replace that.
  if (sight.manifest.state === 'absent' && (sight.health.state === 'ok' || namedOtherwise(patient) !== undefined))
    return [];
  // The kubelet says nothing more, and servers end for good: what the logs tell is of another time.
  const scene = sceneOf(patient);
  const said = diagnoseAll(scene).map((diagnosis) => told(patient, scene, diagnosis));
  if (said.length > 0) return said;
  if (patient.problem || sight.manifest.state !== 'present') return [];
  return stranger(patient) ?? silent(patient);
}

/** The newest server's words; older ones are of another manifest. */
function sceneOf(patient: Patient): Scene {
  const { sight, server, audit } = patient;
  const changedAt = patient.changedAt ?? 0;
  const recent = (log: ContainerLog): boolean => (log.lines.at(-1)?.at ?? 0) >= changedAt - SLACK_MS;
  const all = sight.pods.flatMap(({ logs }) => logs).filter(({ lines }) => lines.length > 0);
  const dying = dyingUids(patient);
  const logs = all.filter((log) => recent(log) && !dying.has(log.uid));
  const argv = server ? server.argv.map(({ value }) => value) : [];
  // The last server's farewell comes after the change too: a pod whose log began before it is not the one that was asked for,
  // and what the kubelet says of the new one, which may never get as far as a log, must not be taken for somebody else's.
  const begun = logs.filter(({ lines }) => (lines[0]?.at ?? 0) >= changedAt - SLACK_MS);
  const newestUid = [...begun].sort((a, b) => (b.lines.at(-1)?.at ?? 0) - (a.lines.at(-1)?.at ?? 0))[0]?.uid;
  const policy = audit?.policy;
  const log = audit?.log;
  return {
    at: sight.at,
    writtenAt: changedAt,
    manifestPath: sight.manifestPath,
    logs: logs.map((each) => ({ ...each, lines: each.lines.filter((line) => line.at >= changedAt - SLACK_MS) })),
    kubelet: sight.kubelet.journal.filter((line) => line.at >= changedAt - 50 && !ofOthers(line.text, newestUid)),
    running: patient.right,
    oldAlive: false,
    starts: Math.max(0, ...logs.map(({ restart }) => restart + 1)),
    ignored: false,
    facts: {
      ...(policy ? { policyPath: policy.containerPath, policyMounted: policy.mount !== undefined } : {}),
      ...(policy?.hostPath === undefined ? {} : { policyHostPath: policy.hostPath }),
      ...(log ? { logPath: log.containerPath, logMounted: log.mount !== undefined } : {}),
      etcdServers: (patient.flag('etcd-servers') ?? '').split(',').filter(Boolean),
      etcdChanged: false,
      wantedArgv: argv,
      ...(server?.image === undefined ? {} : { image: server.image }),
    },
  };
}

/** Pods whose server still runs with other arguments than the manifest has: their words tell nothing of it. */
function dyingUids({ sight, right, server }: Patient): ReadonlySet<string> {
  if (!server) return new Set();
  const alive = new Set(right.map(({ pid }) => pid));
  return new Set(sight.servers.filter(({ pid }) => !alive.has(pid)).flatMap(({ podUid }) => podUid ?? []));
}

/** Lines that name only other pods than the newest one. */
function ofOthers(text: string, uid: string | undefined): boolean {
  const uids = text.match(/\b[0-9a-f]{32}\b/g);
  return uid !== undefined && uids !== null && !uids.includes(uid);
}

/** The watch's finding with its evidence, its place in the manifest, and what mends it. */
function told(patient: Patient, scene: Scene, { finding, certain }: Diagnosis): Cause {
  const line = scene.kubelet.findLast(({ text }) => finding.detail === text);
  const log = scene.logs.find(({ path }) => finding.detail?.startsWith(path));
  const spoken = log?.lines.findLast(({ text }) => finding.detail?.includes(text));
  const evidence: Evidence[] = line
    ? [journalEvidence('kubelet', line)]
    : log
      ? [
          {
            source: 'container-log',
            where: log.path,
            ...(spoken ? { at: new Date(spoken.at).toISOString() } : {}),
            text: spoken?.text ?? finding.detail ?? '',
          },
        ]
      : [];
  const place = firstPlace(patient, finding.title, finding.detail ?? '');
  const mend = mendOf(patient, finding.code, finding.title);
  return {
    finding: { ...finding, ...('place' in place ? { place: place.place } : {}) },
    certain,
    when: 'now',
    evidence: [...evidence, ...place.evidence],
    ...(mend ? { mend } : {}),
    brings: ['server-not-started', 'api-not-ready', 'server-starting'],
  };
}

/** What the title names comes first: the words it was made of can name half the manifest. */
function firstPlace(patient: Patient, ...texts: readonly string[]): ReturnType<typeof at> {
  for (const text of texts) {
    const found = placeOf(patient, text);
    if ('place' in found) return found;
  }
  return { evidence: [] };
}

/** The flag or the volume that the words name, in the manifest. */
function placeOf(patient: Patient, text: string): ReturnType<typeof at> {
  const flag = /--([a-z][\w-]+)/.exec(text)?.[1];
  if (flag !== undefined) {
    const found = flagAt(patient, flag);
    if ('place' in found) return found;
  }
  const volume = /volume (?:\\*")?([a-z0-9-]+)/.exec(text)?.[1];
  const index = volume === undefined ? undefined : volumeIndex(patient, volume);
  if (index !== undefined) return at(patient, ['spec', 'volumes', index]);
  if (/image/.test(text) && patient.server) return at(patient, [...patient.server.path, 'image']);
  return { evidence: [] };
}

function mendOf(patient: Patient, code: string, title: string): Cause['mend'] {
  const name = code === 'unknown-flag' ? /flag -*([\w-]+)/.exec(title)?.[1] : undefined;
  const flag = name === undefined ? undefined : patient.server?.flags.find((each) => each.name === name);
  const meant = name === undefined ? undefined : nearestAuditFlag(name);
  if (flag && meant !== undefined) return renamed(patient, flag, meant);
  return PRECISE.has(code) ? undefined : { kind: 'restore-manifest', what: 'put the last good manifest back' };
}

/** Causes that another manifest does not mend. */
const PRECISE = new Set([
  'port-in-use',
  'etcd-unreachable',
  'audit-events-lost',
  'audit-log-disk-full',
  'held-back',
  'certificate-unreadable',
]);

/** A server serves, with other arguments than the manifest has. */
function stranger(patient: Patient): Cause[] | undefined {
  const { sight, server } = patient;
  const other = sight.servers.find((process) => process.listening && !patient.right.includes(process));
  if (!other || !server) return undefined;
  const wanted = expectedArgv(server).map((pieces) => pieces.join(''));
  const lacks = wanted.slice(1).filter((argument) => !other.argv.includes(argument));
  const extra = other.argv.slice(1).filter((argument) => !wanted.includes(argument));
  const since = sight.at - (patient.changedAt ?? 0);
  const patience = CHANGING_MS + shutdownSeconds(server).delay * 1000;
  const evidence: Evidence[] = [
    {
      source: 'process',
      where: `/proc/${other.pid}`,
      at: new Date(other.startedAt).toISOString(),
      text: [...lacks.map((argument) => `without ${argument}`), ...extra.map((argument) => `with ${argument}`)].join(
        ', ',
      ),
    },
  ];
  return [
    cause('not-as-configured', {
      title: `the API server (pid ${other.pid}) does not run with the manifest’s arguments`,
      detail: evidence[0]?.text ?? '',
      evidence,
      certain: since > patience,
      remedy:
        since > patience
          ? ['journalctl -u kubelet -n 100', `ls -la ${sight.manifestPath.replace(/\/[^/]*$/, '')}`]
          : [`the manifest was changed ${Math.round(since / 1000)} s ago: look again in a minute`],
    }),
  ];
}

/** Nobody says anything. */
function silent(patient: Patient): Cause[] {
  const { sight } = patient;
  const [running] = patient.right;
  if (running?.listening) {
    return [
      cause('api-not-ready', {
        title: `the API server runs (pid ${running.pid}) and is not ready: ${sight.health.detail ?? sight.health.state}`,
        certain: false,
        evidence: [
          { source: 'probe', where: '/readyz', text: sight.health.detail ?? sight.health.state },
          ...newestLine(sight.pods.flatMap(({ logs }) => logs)),
        ],
        remedy: ['kubectl get --raw "/readyz?verbose"', 'kube-auditctl doctor   again in half a minute'],
      }),
    ];
  }
  if (running) return [starting(patient, running)];
  const back = kubeletSaid(patient, /back-off (\S+) restarting failed container=kube-apiserver/, patient.changedAt);
  const since = sight.at - (patient.changedAt ?? 0);
  const lost = lostPod(patient, since);
  const old = sight.pods.flatMap(({ logs }) => logs).filter(({ lines }) => lastWords(lines.map(({ text }) => text)));
  return [
    cause('server-not-started', {
      title: `no kube-apiserver runs, and the manifest shows no reason for it (changed ${ago(since)} ago)`,
      certain: false,
      evidence: [...(back ? [journalEvidence('kubelet', back)] : []), ...newestLine(old)],
      remedy: [
        ...(since < CHANGING_MS ? ['the kubelet may take a minute to start it: look again then'] : []),
        'crictl ps -a --name kube-apiserver',
        'journalctl -u kubelet -n 100',
      ],
    }),
    ...lost,
  ];
}

/** The kubelet polls, stops and starts well within this time: what it has not begun by then it does not know of. */
const LOST_MS = 180_000;

/**
 * Kubelets of 1.22, and some after editors that write in place, lose a static pod: nothing runs, nothing is said, and the
 * manifest is as it should be. To restart a kubelet while the API is down is what makes one wedge, so it is the last thing.
 */
function lostPod({ sight, changedAt = 0 }: Patient, since: number): Cause[] {
  const { process, journal, metApi } = sight.kubelet;
  // Without a journal nothing is known of what was not said.
  if (!process || journal.length === 0 || process.startedAt > changedAt || since < LOST_MS || metApi === 'never')
    return [];
  if (sight.pods.some(({ logs }) => logs.some(({ lines }) => (lines.at(-1)?.at ?? 0) >= changedAt))) return [];
  if (journal.some(({ at, text }) => at >= changedAt && text.includes('kube-apiserver'))) return [];
  return [
    cause('static-pod-lost', {
      title: `the kubelet seems to have lost the pod: not a word of it since the manifest was edited ${ago(since)} ago`,
      certain: false,
      evidence: [
        {
          source: 'process',
          where: `/proc/${process.pid}`,
          text: 'the kubelet runs since before the edit; no container',
        },
      ],
      remedy: [
        `first, so that it is another pod to the kubelet: add an annotation below metadata in ${sight.manifestPath}`,
        'as a last resort: systemctl restart kubelet   (only with the right manifest in place: it lets go of nothing until the API answers)',
      ],
    }),
  ];
}

function starting({ sight }: Patient, running: ServerProcess): Cause {
  return cause('server-starting', {
    title: `the API server started ${ago(sight.at - running.startedAt)} ago (pid ${running.pid}) and does not listen yet`,
    certain: false,
    evidence: [
      {
        source: 'process',
        where: `/proc/${running.pid}`,
        at: new Date(running.startedAt).toISOString(),
        text: 'not listening',
      },
    ],
    remedy: ['kube-auditctl doctor   again in half a minute'],
  });
}

function newestLine(logs: readonly ContainerLog[]): Evidence[] {
  const log = [...logs].sort((a, b) => (b.lines.at(-1)?.at ?? 0) - (a.lines.at(-1)?.at ?? 0))[0];
  const line = log?.lines.at(-1);
  return log && line
    ? [{ source: 'container-log', where: log.path, at: new Date(line.at).toISOString(), text: line.text }]
    : [];
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
