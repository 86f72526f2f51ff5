/**
 * Judging a restart. One pure function takes everything seen so far and answers: wait, healthy, failed, or overtaken.
 *
 * The rules it keeps:
 * - Only the right process counts: started after the write (or, when going back, the one that never stopped), with
 *   exactly the wanted arguments, holding the port. A green /readyz of anybody else proves nothing.
 * - A certain failure ends the wait at once; an uncertain one is kept as the best guess for the deadline.
 * - Bytes that are not ours are never judged, and never rolled back over.
 */
import { diagnose, type Scene } from './diagnosis/diagnose';
import type { HealthSample, ServerProcess, Sight } from './evidence';
import type { Finding } from './finding';
import { matchesArgv, type ArgPattern } from './manifest/server';

/**
 * By hand-over first: aside (there is no manifest), deaf (nobody listens any more), ended (the old process is gone).
 * written: the manifest is in place. noticed: the kubelet acts on it. away: the old server no longer listens.
 * started: the new process runs. ready: /readyz answers ok through it. steady: it has stayed so. proven: an event of
 * ours was found in the log. On the way back: restoring (the old manifest is in place), restarted, ready, restored.
 */
export type Stage =
  | 'aside'
  | 'deaf'
  | 'ended'
  | 'written'
  | 'noticed'
  | 'away'
  | 'started'
  | 'ready'
  | 'steady'
  | 'proven'
  | 'restoring'
  | 'restarted'
  | 'restored';

/** What ran before the write. */
export interface Before {
  processes: readonly { pid: number; startTicks: string; podUid?: string }[];
  /** Pod uids with the highest restart number whose log existed. */
  pods: readonly { uid: string; restart: number }[];
  /** Uid of the running pod as the API's mirror of it says (config.hash). */
  mirrorUid?: string;
  kubeletPid?: number;
  /** Where the new manifest wants its log, there stood a folder. */
  logWasFolder?: boolean;
}

export interface Expectation {
  /** change: a new process must come. restore: the old one may still be there, or come back. */
  goal: 'change' | 'restore';
  /** Going back, and the old manifest stood there already: whoever runs with its arguments is right. */
  standing?: boolean;
  writtenAt: number;
  manifestSha256: string;
  manifestPath: string;
  wanted: readonly ArgPattern[];
  /** False when the kubelet has no reason to restart the pod (comments, key order). */
  restarts: boolean;
  /** The old server was ended before the manifest was written (hand-over): that it is away is no sign of anything. */
  handedOver?: boolean;
  before: Before;
  /** Seconds that the old server may go on serving after it was told to stop (--shutdown-delay-duration). */
  shutdownDelaySeconds: number;
  /** What the diagnosis may use of the change: see Scene. */
  facts: Scene['facts'];
}

export type Verdict =
  | { state: 'waiting'; stage: Stage; doubt?: Finding }
  | { state: 'healthy'; process: ServerProcess }
  | { state: 'failed'; cause: Finding }
  | { state: 'overtaken'; cause: Finding };

/** What is remembered between looks. */
export interface WatchState {
  stages: readonly { stage: Stage; at: number }[];
  /** The run of consecutive ok samples through one process. */
  run?: { pid: number; startTicks: string; count: number; firstAt: number; lastAt: number };
  /** Novel processes seen, by pid and ticks. */
  seen: readonly { pid: number; startTicks: string; firstAt: number; lastAt: number; matches: boolean }[];
  awayMs: number;
  awaySince?: number;
  lastHealthAt?: number;
}

/** An ok run must span this long, in at least this many samples. */
export const STEADY_MS = 1200;
export const STEADY_SAMPLES = 3;
/**
 * One that was never seen to stop must show for longer that it stays: the kubelet may have read the bad manifest at its
 * poll, and be about to tell it to stop.
 */
export const STEADY_UNSTOPPED_MS = 3000;
/** The kubelet polls its folder every 20 s; after three polls without a sign it will not act. */
const NOTICE_MS = 65_000;
/** How long a server with other arguments may serve before it counts as what the kubelet really runs. */
const STRANGER_MS = 4_000;

/** @param carried the state of the watch before: the API's time away is counted on. */
export function startWatch(writtenAt: number, carried?: WatchState): WatchState {
  return {
    stages: [{ stage: 'written', at: writtenAt }],
    seen: [],
    awayMs: carried?.awayMs ?? 0,
    ...(carried?.awaySince === undefined ? {} : { awaySince: carried.awaySince }),
  };
}

/** Takes one look into account. Pure: the state is replaced, never changed. */
export function judge(state: WatchState, sight: Sight, expected: Expectation): { state: WatchState; verdict: Verdict } {
  const next = observe(state, sight, expected);
  return { state: next, verdict: conclude(next, sight, expected) };
}

/** The API's time away, with an absence that still lasts counted until `now`. */
export function awayMs(state: WatchState, now: number): number {
  return state.awayMs + (state.awaySince === undefined ? 0 : Math.max(0, now - state.awaySince));
}

/**
 * The API's time away, counted where nothing is judged yet.
 * @param at when the change began, in milliseconds since the epoch.
 */
export function countAway(state: WatchState | undefined, samples: readonly HealthSample[], at: number): WatchState {
  return accountHealth(state ?? startWatch(at), samples);
}

function observe(state: WatchState, sight: Sight, expected: Expectation): WatchState {
  const candidate = servingCandidate(sight, expected);
  const next: WatchState = { ...accountHealth(state, sight.health), seen: accountProcesses(state, sight, expected) };
  const run = accountRun(state.run, sight.health, candidate);
  if (run === undefined) delete next.run;
  else next.run = run;

  const reached = (stage: Stage, yes: boolean): void => {
    if (yes && !next.stages.some((known) => known.stage === stage)) {
      next.stages = [...next.stages, { stage, at: sight.at }];
    }
  };
  const old = sight.processes.filter((process) => wasBefore(process, expected));
  const novel = next.seen.some((process) => process.matches);
  const podsNew = sight.pods.some((pod) => !expected.before.pods.some((known) => known.uid === pod.uid));
  const away =
    !expected.handedOver && expected.before.processes.length > 0 && !old.some((process) => process.listening);
  reached('noticed', podsNew || away || novel);
  reached('away', away && next.awayMs + (next.awaySince === undefined ? 0 : 1) > 0);
  reached('started', novel);
  reached('ready', next.run !== undefined);
  reached('steady', isSteady(next, expected));
  return next;
}

function conclude(state: WatchState, sight: Sight, expected: Expectation): Verdict {
  const stolen = overtaken(sight, expected);
  if (stolen) return { state: 'overtaken', cause: stolen };

  if (isSteady(state, expected)) {
    const process = servingCandidate(sight, expected);
    if (process && process.pid === state.run?.pid) return { state: 'healthy', process };
  }

  const scene = sceneOf(state, sight, expected);
  const { certain, doubt } = diagnose(scene);
  // Going back, nothing is certain: what the node suffers from may pass, and there is nothing older to return to.
  if (expected.goal === 'change' && certain) return { state: 'failed', cause: certain };
  const stage = state.stages.at(-1)?.stage ?? 'written';
  const guess = certain ?? doubt;
  return guess ? { state: 'waiting', stage, doubt: guess } : { state: 'waiting', stage };
}

/** The process whose health counts: the right one, alive, and holding the port. */
function servingCandidate(sight: Sight, expected: Expectation): ServerProcess | undefined {
  const right = sight.processes.filter((process) => acceptable(process, expected));
  return right.find((process) => process.listening);
}

function acceptable(process: ServerProcess, expected: Expectation): boolean {
  if (!matchesArgv(expected.wanted, process.argv)) return false;
  if (expected.standing) return true;
  if (wasBefore(process, expected)) return expected.goal === 'restore' || !expected.restarts;
  return isNovel(process, expected);
}

function wasBefore(process: ServerProcess, expected: Expectation): boolean {
  return expected.before.processes.some(
    (known) => known.pid === process.pid && known.startTicks === process.startTicks,
  );
}

/** Start times have the resolution of a clock tick, and the boot time they rest on is rounded to a second. */
const START_SLACK_MS = 1500;

function isNovel(process: ServerProcess, expected: Expectation): boolean {
  if (wasBefore(process, expected)) return false;
  return process.startedAt >= expected.writtenAt - START_SLACK_MS;
}

function accountHealth(state: WatchState, samples: readonly HealthSample[]): WatchState {
  const next = { ...state };
  for (const sample of samples) {
    if (sample.state === 'ok') {
      if (next.awaySince !== undefined) next.awayMs += Math.max(0, sample.at - next.awaySince);
      delete next.awaySince;
    } else {
      next.awaySince ??= sample.at;
    }
    next.lastHealthAt = sample.at;
  }
  return next;
}

function accountProcesses(state: WatchState, sight: Sight, expected: Expectation): WatchState['seen'] {
  const seen = state.seen.map((known) => ({ ...known }));
  for (const process of sight.processes) {
    if (!isNovel(process, expected)) continue;
    const known = seen.find((entry) => entry.pid === process.pid && entry.startTicks === process.startTicks);
    if (known) known.lastAt = sight.at;
    else {
      const matches = matchesArgv(expected.wanted, process.argv);
      seen.push({ pid: process.pid, startTicks: process.startTicks, firstAt: sight.at, lastAt: sight.at, matches });
    }
  }
  return seen;
}

function accountRun(
  run: WatchState['run'],
  samples: readonly HealthSample[],
  candidate: ServerProcess | undefined,
): WatchState['run'] {
  if (!candidate) return undefined;
  let current = run?.pid === candidate.pid && run.startTicks === candidate.startTicks ? run : undefined;
  // A sample taken before this look belongs to the candidate only if it was already there at the look before, or if it
  // is the newest: with nobody listening the API would have refused.
  for (const sample of samples) {
    if (sample.state !== 'ok' || sample.at < candidate.startedAt - START_SLACK_MS) {
      current = undefined;
      continue;
    }
    current = {
      pid: candidate.pid,
      startTicks: candidate.startTicks,
      count: (current?.count ?? 0) + 1,
      firstAt: current?.firstAt ?? sample.at,
      lastAt: sample.at,
    };
  }
  return current;
}

function isSteady({ run }: WatchState, expected: Expectation): boolean {
  if (run === undefined || run.count < STEADY_SAMPLES) return false;
  const unstopped = expected.before.processes.some(
    (known) => known.pid === run.pid && known.startTicks === run.startTicks,
  );
  return run.lastAt - run.firstAt >= (unstopped ? STEADY_UNSTOPPED_MS : STEADY_MS);
}

function overtaken(sight: Sight, expected: Expectation): Finding | undefined {
  const { manifest } = sight;
  // A manifest that cannot be read for a moment is not somebody else's: wait for a sight.
  if (manifest.state === 'unreadable') return undefined;
  if (manifest.state === 'present' && manifest.sha256 === expected.manifestSha256) return undefined;
  const what = manifest.state === 'absent' ? 'removed' : 'changed';
  return {
    code: 'manifest-overtaken',
    severity: 'error',
    title: `somebody else ${what} ${expected.manifestPath} while the API server was restarting`,
    detail: 'Their bytes were left as they are; nothing was rolled back over them.',
    remedy: [
      'find out who edits the manifest (a colleague, Ansible, kubeadm) and let them finish',
      'kube-auditctl history',
      'kube-auditctl status',
    ],
  };
}

function sceneOf(state: WatchState, sight: Sight, expected: Expectation): Scene {
  const known = new Map(expected.before.pods.map((pod) => [pod.uid, pod.restart]));
  const stale = oldUids(expected.before);
  const dying = dyingUids(expected);
  const logs = sight.pods
    .filter((pod) => !dying.has(pod.uid))
    .flatMap((pod) => pod.logs)
    .filter((log) => log.restart > (known.get(log.uid) ?? -1))
    .map((log) => ({ ...log, lines: log.lines.filter((line) => line.at >= expected.writtenAt - START_SLACK_MS) }))
    .filter((log) => log.lines.length > 0);
  const novel = sight.processes.filter((process) => isNovel(process, expected));
  const strangers = novel.filter((process) => !matchesArgv(expected.wanted, process.argv));
  const old = sight.processes.filter((process) => wasBefore(process, expected));
  const stranger = strangers.find((process) => {
    const seen = state.seen.find((entry) => entry.pid === process.pid && entry.startTicks === process.startTicks);
    return process.listening && seen !== undefined && sight.at - seen.firstAt >= STRANGER_MS;
  });
  const oldServes = old.some((process) => process.listening);
  const patience = NOTICE_MS + expected.shutdownDelaySeconds * 1000;
  return {
    at: sight.at,
    writtenAt: expected.writtenAt,
    manifestPath: expected.manifestPath,
    logs,
    // Only lines about the new pod, or about files: what the kubelet says of the old pod's end is no failure.
    kubelet: sight.kubelet.filter(
      (line) =>
        line.at >= expected.writtenAt - 50 && (expected.goal === 'restore' || !mentionsOnlyOldPods(line.text, stale)),
    ),
    running: novel.filter((process) => matchesArgv(expected.wanted, process.argv)),
    oldAlive: old.length > 0,
    starts: state.seen.filter((entry) => entry.matches).length,
    ...(stranger ? { stranger } : {}),
    ignored: expected.restarts && expected.goal === 'change' && oldServes && sight.at - expected.writtenAt > patience,
    facts: { ...expected.facts, logWasFolder: expected.before.logWasFolder ?? false },
  };
}

/** Uids of the pods that ran before; a folder alone may be the remains of an earlier try with the same manifest. */
function oldUids(before: Before): ReadonlySet<string> {
  const running = runningUids(before);
  return new Set(running.length > 0 ? running : before.pods.map((pod) => pod.uid));
}

/**
 * Pods that the kubelet is to replace: when one of them is restarted once more before that, its words tell nothing of the
 * new manifest.
 */
function dyingUids({ goal, restarts, before }: Expectation): ReadonlySet<string> {
  return new Set(goal === 'change' && restarts ? runningUids(before) : []);
}

function runningUids(before: Before): readonly string[] {
  const running = before.processes.flatMap((process) => process.podUid ?? []);
  return running.length > 0 || before.mirrorUid === undefined ? running : [before.mirrorUid];
}

function mentionsOnlyOldPods(text: string, old: ReadonlySet<string>): boolean {
  const uids = text.match(/\b[0-9a-f]{32}\b/g);
  return uids !== null && uids.every((uid) => old.has(uid));
}
