/**
 * The manifest's way into place by a hand-over (core/handover.ts), and back when that fails. While the old manifest is
 * aside the folder has none: so the record names it before, and the guard is set.
 *
 * The rule it keeps: it ends with a manifest in place, ours or somebody else's, or says that there is none.
 */
import { messageOf } from '../core/errors';
import {
  advanceHandover,
  askedToEnd,
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
import { shutdownDelayOf } from './manifest';
import { wasWritten, type FileImage, type Ports } from './ports';
import type { Change } from './settle';

const LOOK_EVERY_MS = 50;

export type HandOverEnd =
  /** The next manifest stands. `at` is when it was put there. */
  | { state: 'in'; at: number }
  /** The old manifest is still aside: interrupted, or the next one could not be written. */
  | { state: 'aside'; why: 'interrupted' }
  | { state: 'aside'; why: 'failed'; error: unknown }
  /** Somebody else's manifest stands there. */
  | { state: 'overtaken' };

/** Where the manifest waits, under a name that the kubelet does not read. */
export function asidePath(manifestPath: string, id: string): string {
  return manifestPath.replace(/[^/]*$/, `.kube-auditctl-aside-${id}`);
}

/**
 * Puts `next` in the manifest's place. Rejects only as long as the old one stands there.
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
  const { manifestPath } = change.record;
  const plan = await planOf(ports, change);
  const aside = asidePath(manifestPath, change.record.id);
  const record: ChangeRecord = { ...change.record, handOver: { aside, processes: plan.processes.map(identity) } };
  // On the disk before there is no manifest: whoever finds the folder empty must find out whose doing that is.
  await saved(() => change.store.save(record));
  change.record = record;
  await saved(() => files.move(manifestPath, aside));
  const begun = clock.now();
  change.begunAt ??= begun;

  let state = startHandover(begun);
  let told = 0;
  const report: Mutable<HandOverReport> = { state: 'done', ended: [] };
  for (;;) {
    for (const { step, at } of state.steps.slice(told)) tell(ports, change, step, at);
    told = state.steps.length;
    const sight = await change.point.look();
    change.carried = countAway(change.carried, sight.health, begun);
    const advanced = advanceHandover(state, sight, plan);
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
    for (const { step, at } of state.steps.slice(told)) tell(ports, change, step, at);
    if (action.do === 'stop') {
      await removeAside(ports, change);
      return { state: 'overtaken' };
    }
    if (action.why === 'late') {
      report.state = 'late';
      report.why = LATE[action.step];
      change.notes.push(`the hand-over took the plain way: ${report.why}`);
    }
    change.handOver = report;
    const at = clock.now();
    try {
      await saved(() => files.writeAtomic(manifestPath, next));
    } catch (error) {
      return { state: 'aside', why: 'failed', error };
    }
    await removeAside(ports, change);
    ports.report({ kind: 'waiting', stage: 'written', afterMs: at - begun, awayMs: awayMs(change.carried, at) });
    return { state: 'in', at };
  }
}

/** Brings the manifest that was moved aside back under its name. By a rename: it needs no room on the disk. */
export async function bringBack(ports: Ports, change: Change, attempts = 3): Promise<{ why?: string }> {
  const { manifestPath } = change.record;
  const aside = asidePath(manifestPath, change.record.id);
  for (let attempt = 1; ; attempt++) {
    try {
      await saved(() => ports.files.move(aside, manifestPath));
      return {};
    } catch (error) {
      if (attempt === attempts) return { why: messageOf(error) };
      await ports.clock.sleep(200);
    }
  }
}

/** What waits aside has served its turn: its bytes are in the record. The kubelet does not read it, so that it can stay. */
export async function removeAside(ports: Ports, change: Pick<Change, 'record' | 'notes'>): Promise<void> {
  const path = change.record.handOver?.aside;
  if (path === undefined) return;
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
  return {
    processes,
    podUids: [...own],
    drainMs: change.record.fast?.drainMs ?? 0,
    shutdownDelaySeconds: Math.max(shutdownDelayOf(change.old), shutdownDelayOf(change.wanted)),
  };
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
