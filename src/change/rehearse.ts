/**
 * The rehearsal: the node's own kube-apiserver is started with the planned arguments before anything is written. Rule: it
 * can refuse a change or say nothing of it, never make it fail; whatever goes wrong here is `not-possible`.
 */
import { messageOf } from '../core/errors';
import type { RehearsalReport } from '../core/outcome';
import { listMounts } from '../core/manifest/mounts';
import { sameMeaning } from '../core/manifest/semantics';
import { expectedArgv, matchesArgv } from '../core/manifest/server';
import { canAsk, etcdAccess, etcdCause, etcdCauseToday, sameAccess } from '../core/rehearsal/etcd';
import { judgeControl, judgeTrial, wouldNotStartAgain, type RehearsalFacts } from '../core/rehearsal/judge';
import { planTrial, socketFiles, withoutSockets } from '../core/rehearsal/plan-trial';
import type { TrialEnd, TrialFile } from '../core/rehearsal/trial';
import { describe, expectationOf, type Described, type LiveManifest } from './manifest';
import type { Plan, PlannedFile } from './plan';
import type { Ports } from './ports';

/** Larger than any file that names the sockets of plugins. */
const SOCKET_FILE_LIMIT = 1 << 20;

export interface Rehearsed {
  plan: Plan;
  live: LiveManifest;
  changed: readonly PlannedFile[];
  folders: readonly { path: string }[];
}

/** Undefined when the server would not restart: there is nothing to rehearse. */
export async function rehearse(ports: Ports, subject: Rehearsed): Promise<RehearsalReport | undefined> {
  const wanted = describe(subject.plan.manifestText, subject.live.path);
  // Of one that cannot be read nothing is known but its bytes.
  if (!subject.live.broken && sameMeaning(subject.live.doc, wanted.doc)) return undefined;
  const begun = ports.clock.now();
  let report: Omit<RehearsalReport, 'ms'>;
  try {
    const [start, etcd] = await Promise.all([tryBoth(ports, subject, wanted), askEtcd(ports, subject.live, wanted)]);
    report = start.state !== 'rejected' && etcd ? { ...start, ...etcd } : start;
  } catch (error) {
    report = { state: 'not-possible', summary: `not rehearsed: ${messageOf(error)}` };
  }
  return { ...report, ms: Math.max(0, ports.clock.now() - begun) };
}

async function tryBoth(ports: Ports, subject: Rehearsed, wanted: Described): Promise<Omit<RehearsalReport, 'ms'>> {
  const { live } = subject;
  const facts = { ...factsOf(live, wanted), comparable: isWhole(live) && (await runsNow(ports, live)) };
  const written = subject.changed.flatMap(({ path, after }) => (after ? [{ hostPath: path, ...after }] : []));
  const folders = subject.folders.map(({ path }) => path);
  const planned = judgeTrial(await tryOut(ports, live, wanted, { files: written, folders }), facts);
  if (!('undecided' in planned)) return planned;
  // There are no arguments of today to compare with.
  if (live.broken) {
    const { undecided: cause, ...about } = planned;
    return {
      state: 'rejected',
      summary: 'the node\u2019s own kube-apiserver refuses the new arguments',
      cause,
      ...about,
    };
  }
  // Only now: nearly always the first trial is the last, and two servers at once would need twice the memory.
  return judgeControl(planned, await tryOut(ports, live, live, { files: [], folders: [] }), facts);
}

async function tryOut(
  ports: Ports,
  live: LiveManifest,
  described: Described,
  after: { files: readonly TrialFile[]; folders: readonly string[] },
): Promise<TrialEnd> {
  const servers = await ports.node.processes(live.endpoint.port);
  const running = servers.find(({ listening }) => listening) ?? servers.at(-1);
  const { image } = described.server;
  const program =
    running && image === live.server.image ? { pid: running.pid } : image === undefined ? undefined : { image };
  if (!program) return { state: 'not-possible', why: 'no kube-apiserver runs here whose program could be taken' };
  const files = [...after.files, ...(await harmlessFiles(ports, described, after.files))];
  const trial = planTrial(described.server, program, { files, folders: after.folders });
  if ('why' in trial) return { state: 'not-possible', why: trial.why };
  return ports.rehearsal.start(trial, ports.interrupts.first);
}

/** Copies of the files that name sockets of plugins, without the sockets: a key service must not be asked for keys. */
async function harmlessFiles(ports: Ports, { server }: Described, planned: readonly TrialFile[]): Promise<TrialFile[]> {
  const copies = socketFiles(server).map(async (hostPath): Promise<TrialFile[]> => {
    const own = planned.find((file) => file.hostPath === hostPath);
    // One that is missing or unreadable is for the server to complain about.
    const file = own ?? (await ports.files.read(hostPath, SOCKET_FILE_LIMIT).catch(() => undefined));
    if (!file) return [];
    const text = withoutSockets(new TextDecoder().decode(file.bytes));
    return [{ ...file, hostPath, bytes: new TextEncoder().encode(text) }];
  });
  return (await Promise.all(copies)).flat();
}

type Refusal = Pick<RehearsalReport, 'state' | 'summary' | 'control' | 'cause'>;

async function askEtcd(ports: Ports, live: LiveManifest, wanted: Described): Promise<Refusal | undefined> {
  const [today, planned] = [etcdAccess(live.server), etcdAccess(wanted.server)];
  if (!today || !planned) return undefined;
  const signal = ports.interrupts.first;
  if (sameAccess(today, planned)) {
    if (!canAsk(live.server) || !(await runsNow(ports, live))) return undefined;
    const cause = etcdCauseToday(await ports.rehearsal.etcd(planned, signal));
    return cause && wouldNotStartAgain(cause);
  }
  const answers = await ports.rehearsal.etcd(planned, signal);
  // As with the server: today's is only asked when the plan's does not answer.
  const cause = etcdCause(
    answers,
    answers.every(({ failure }) => failure !== undefined) ? await ports.rehearsal.etcd(today, signal) : [],
  );
  const summary = 'the etcd of the new arguments does not answer, and today\u2019s does';
  return cause && { state: 'rejected', summary, control: 'accepted', cause };
}

/** Whether a server with exactly today's arguments listens: it has read its files, whatever has become of them. */
async function runsNow(ports: Ports, live: LiveManifest): Promise<boolean> {
  const expected = expectedArgv(live.server);
  const servers = await ports.node.processes(live.endpoint.port);
  return servers.some(({ listening, argv }) => listening && matchesArgv(expected, argv));
}

/** Whether a trial sees all that the server sees: what only the kubelet can fill, it would miss. */
function isWhole({ server }: LiveManifest): boolean {
  return listMounts(server).every(({ hostSource }) => hostSource !== undefined);
}

function factsOf(live: LiveManifest, wanted: Described): Omit<RehearsalFacts, 'comparable'> {
  const { facts } = expectationOf(wanted, live, {
    goal: 'change',
    restarts: true,
    writtenAt: 0,
    manifestPath: live.path,
    manifestSha256: '',
    before: { processes: [], pods: [] },
  });
  return {
    manifestPath: live.path,
    version: /:(v\d+\.\d+\.\d+[\w.-]*)/.exec(wanted.server.image ?? '')?.[1],
    scene: facts,
  };
}
