/**
 * The manifest's way into place by a hand-over (core/handover.ts), and back when that fails. While a manifest is aside the
 * folder has none: so the record names its place before, and the guard is set.
 *
 * The rules it keeps:
 * - It ends with a manifest in place, ours or somebody else's, or says that there is none.
 * - What appears in the folder meanwhile is never replaced, and what was moved aside is looked at once more: it may have
 *   been saved by somebody in the moment before.
 * - The old manifest waits under its dot name until the change is over: the way back needs no room on the disk.
 */
import { UserError, messageOf } from '../core/errors';
import {
  advanceHandover,
  askedToEnd,
  longestHandover,
  startHandover,
  type HandoverAction,
  type HandoverPlan,
  type HandoverState,
  type HandoverStep,
} from '../core/handover';
import { expectedArgv, matchesArgv } from '../core/manifest/server';
import type { HandOverReport } from '../core/outcome';
import type { ChangeRecord } from '../core/record';
import { awayMs, countAway, type Stage } from '../core/verdict';
import { asidePath, manifestStands } from './aside';
import { shutdownDelayOf } from './manifest';
import { wasWritten, type FileImage, type Ports } from './ports';
import type { Change } from './settle';

const LOOK_EVERY_MS = 50;
/** What the guard allows beyond the longest hand-over before it takes a process that lives for one that hangs. */
const STUCK_AFTER_MS = 10_000;

export type HandOverEnd =
  /** The next manifest stands. `at` is when it was put there. */
  | { state: 'in'; at: number }
  /**
   * The old manifest is still aside: interrupted, or the next one could not be written. stuck: the guard has brought the
   * old one back, since nothing had moved for too long.
   */
  | { state: 'aside'; why: 'interrupted' | 'stuck' }
  | { state: 'aside'; why: 'failed'; error: unknown }
  /** Somebody else's manifest stands there. */
  | { state: 'overtaken' };

/**
 * Puts `next` in the manifest's place. Rejects only as long as the one that stood there still does.
 * @param stop when it fires the way is given up: going forth the old manifest is to come back, going back the next one
 *   goes in at once.
 */
export async function handOver(
  ports: Ports,
  change: Change,
  next: FileImage,
  going: 'forth' | 'back',
  stop: AbortSignal,
): Promise<HandOverEnd> {
  const { files, clock, node } = ports;
  const { manifestPath, id } = change.record;
  const from = going === 'forth' ? change.old : change.wanted;
  // Whether the server still listens is to be asked where it listened.
  await change.point.aim(from.endpoint);
  const plan = await planOf(ports, change);
  const aside = asidePath(manifestPath, id, going);
  const until = new Date(clock.now() + longestHandover(plan) + STUCK_AFTER_MS).toISOString();
  const processes = [...(change.record.handOver?.processes ?? []), ...plan.processes.map(identity)];
  const record: ChangeRecord = { ...change.record, handOver: { aside: asidePath(manifestPath, id), until, processes } };
  const expected = change.record.files.find(({ role }) => role === 'manifest')?.[
    going === 'forth' ? 'before' : 'after'
  ];
  // On the disk before there is no manifest: whoever finds the folder empty must find out whose doing that is.
  await saved(() => change.store.save(record));
  change.record = record;
  await saved(() => files.move(manifestPath, aside));
  const begun = clock.now();
  change.begunAt ??= begun;
  const report: Mutable<HandOverReport> = { state: 'broken-off', ended: change.handOver?.ended ?? [] };
  change.handOver = report;
  const moved = await shaAt(ports, aside);
  if (moved !== undefined && expected && moved !== expected.sha256) {
    // Saved in the very moment before the move: it is theirs, and goes back under its name.
    const back = await bringBack(ports, change, aside);
    if (back.why !== undefined) return { state: 'aside', why: 'failed', error: new Error(back.why) };
    await removeQuietly(ports, change, aside);
    return { state: 'overtaken' };
  }

  // Not the time of day: somebody may set it meanwhile, and there is no manifest.
  const started = clock.elapsed();
  const steadily = (): number => begun + (clock.elapsed() - started);
  let state = startHandover(begun);
  let told = 0;
  const tellSteps = (): void => {
    for (const { step, at } of state.steps.slice(told)) tell(ports, change, step, at);
    told = state.steps.length;
  };
  for (;;) {
    tellSteps();
    const seen = await change.point.look();
    change.carried = countAway(change.carried, seen.health, begun);
    if (seen.manifest.state === 'present') {
      const { sha256 } = seen.manifest;
      if (sha256 === files.sha256(next.bytes)) return { state: 'in', at: clock.now() };
      if (going === 'forth' && sha256 === expected?.sha256) return { state: 'aside', why: 'stuck' };
    }
    const advanced = advanceHandover(state, { ...seen, at: steadily() }, plan);
    state = advanced.state;
    const action = given(advanced.action, stop, going, state);
    if (action === 'back') return { state: 'aside', why: 'interrupted' };
    if (action.do === 'wait') {
      await clock.sleep(LOOK_EVERY_MS, stop);
      continue;
    }
    if (action.do === 'end') {
      state = askedToEnd(state, action.process);
      try {
        const how = await node.endServer(action.process);
        if (how === 'asked') report.ended = [...report.ended, identity(action.process)];
      } catch (error) {
        change.notes.push(`process ${action.process.pid} could not be ended: ${messageOf(error)}`);
      }
      continue;
    }
    tellSteps();
    if (action.do === 'stop') return { state: 'overtaken' };
    const at = clock.now();
    try {
      await putIn(ports, change, next, going);
    } catch (error) {
      // Somebody was a moment faster: the next look sees whose it is.
      if (error instanceof UserError && error.code === 'exists') continue;
      return { state: 'aside', why: 'failed', error };
    }
    report.state = action.why === 'late' ? 'late' : 'done';
    if (action.why === 'late') {
      report.why = LATE[action.step];
      change.notes.push(`the hand-over took the plain way: ${report.why}`);
    }
    if (going === 'back') await removeQuietly(ports, change, aside);
    ports.report({ kind: 'waiting', stage: 'written', afterMs: at - begun, awayMs: awayMs(change.carried, at) });
    return { state: 'in', at };
  }
}

/** The old manifest waits aside on the way back: its name is all it needs. */
async function putIn({ files }: Ports, change: Change, next: FileImage, going: 'forth' | 'back'): Promise<void> {
  const { manifestPath, id } = change.record;
  if (going === 'back') {
    const old = asidePath(manifestPath, id);
    try {
      if (files.sha256((await files.read(old, 64 << 20)).bytes) === files.sha256(next.bytes)) {
        await saved(() => files.link(old, manifestPath));
        return;
      }
    } catch (error) {
      if (error instanceof UserError && error.code === 'exists') throw error;
      // It is not there, or cannot be had: its bytes are in the record.
    }
  }
  await saved(() => files.writeNew(manifestPath, next));
}

/**
 * Brings a manifest that was moved aside (the old one when none is named) back under its name, which needs no room on the
 * disk. What stands there by now stays: whose it is, the next look tells.
 */
export async function bringBack(
  ports: Ports,
  change: Pick<Change, 'record'>,
  aside = asidePath(change.record.manifestPath, change.record.id),
  attempts = 3,
): Promise<{ why?: string; stood?: true }> {
  const { manifestPath } = change.record;
  for (let attempt = 1; ; attempt++) {
    try {
      await saved(() => ports.files.link(aside, manifestPath));
      return {};
    } catch (error) {
      if (error instanceof UserError && error.code === 'exists') return { stood: true };
      if (attempt === attempts) return { why: messageOf(error) };
      await ports.clock.sleep(200);
    }
  }
}

/**
 * What waits aside has served its turn: its bytes are in the record. But as long as there is no manifest it may be all that a
 * person has; the kubelet does not read it, so that it can stay.
 */
export async function removeAside(ports: Ports, change: Pick<Change, 'record' | 'notes'>): Promise<void> {
  const { handOver, manifestPath, id } = change.record;
  if (handOver === undefined || !(await manifestStands(ports.files, manifestPath))) return;
  for (const path of [handOver.aside, asidePath(manifestPath, id, 'back')]) await removeQuietly(ports, change, path);
}

async function removeQuietly(ports: Ports, change: Pick<Change, 'notes'>, path: string): Promise<void> {
  try {
    await ports.files.remove(path);
  } catch (error) {
    if (!wasWritten(error)) change.notes.push(`${path} could not be removed, and does no harm: ${messageOf(error)}`);
  }
}

const LATE: Record<HandoverStep, string> = {
  aside: 'the kubelet did not tell the old server to stop',
  deaf: 'the old server did not end',
  ended: 'the kubelet did not let go of the old pod',
};

const STAGES: Record<HandoverStep, Stage> = { aside: 'aside', deaf: 'deaf', ended: 'ended' };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function tell(ports: Ports, change: Change, step: HandoverStep, at: number): void {
  const from = change.begunAt ?? at;
  change.handOverStages.push({ stage: STAGES[step], at });
  ports.report({ kind: 'stage', stage: STAGES[step], afterMs: at - from });
}

/** An interrupt cuts the way short; a decision that has been made already stands. */
function given(
  action: HandoverAction,
  stop: AbortSignal,
  going: 'forth' | 'back',
  state: HandoverState,
): HandoverAction | 'back' {
  if (!stop.aborted || action.do === 'stop' || action.do === 'put-in') return action;
  return going === 'forth' ? 'back' : { do: 'put-in', why: 'late', step: state.step };
}

/** The servers that the manifest in place stands for: those with its arguments, or of the pod's own folders. */
async function planOf(ports: Ports, change: Change): Promise<HandoverPlan> {
  const sight = await change.point.look();
  change.carried = countAway(change.carried, sight.health, ports.clock.now());
  const patterns = [change.old, change.wanted].map(({ server }) => expectedArgv(server));
  const uids = new Set(sight.pods.map(({ uid }) => uid));
  const processes = sight.processes.filter(
    (process) =>
      patterns.some((pattern) => matchesArgv(pattern, process.argv)) ||
      (process.podUid !== undefined && uids.has(process.podUid)),
  );
  const own = new Set(processes.flatMap(({ podUid }) => podUid ?? []));
  // A pod that fails has no process most of the time: then its log is the newest.
  const known = new Map(change.record.before.pods.map(({ uid, restart }) => [uid, restart]));
  for (const pod of sight.pods) {
    if (pod.logs.some(({ restart }) => restart > (known.get(pod.uid) ?? -1))) own.add(pod.uid);
  }
  // Logs that were never seen (a kubelet with another podLogsDir) cannot be seen to go.
  const pods = sight.pods
    .filter(({ uid, logs }) => own.has(uid) && logs.length > 0)
    .map(({ uid, logs }) => ({ uid, restart: Math.max(...logs.map(({ restart }) => restart)) }));
  return {
    processes,
    pods,
    drainMs: change.record.fast?.drainMs ?? 0,
    shutdownDelaySeconds: Math.max(shutdownDelayOf(change.old), shutdownDelayOf(change.wanted)),
  };
}

/** undefined when it is not there, or cannot be read. */
async function shaAt({ files }: Ports, path: string): Promise<string | undefined> {
  try {
    return files.sha256((await files.read(path, 64 << 20)).bytes);
  } catch {
    return undefined;
  }
}

function identity({ pid, startTicks, argv }: { pid: number; startTicks: string; argv: readonly string[] }) {
  return { pid, startTicks, argv: [...argv] };
}

/** In place but not flushed is in place. */
async function saved(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!wasWritten(error)) throw error;
  }
}
