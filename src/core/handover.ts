/**
 * The hand-over: what a new kubelet would do by itself in 30 to 60 seconds, done in about five. The manifest has been
 * moved aside; step by step this decides when the old process may be ended, and when the next manifest goes in.
 *
 * The rules it keeps:
 * - It is total: whatever is seen, every step has a limit, and after the last one the next manifest goes in.
 * - Only a recorded process is ever ended, and only once nothing answers on its port and its grace is over.
 * - A manifest that somebody else puts there is theirs: it is never replaced.
 */
import type { HealthSample, ServerProcess, Sight } from './evidence';

/**
 * aside: there is no manifest; the kubelet has yet to tell the old server to stop. deaf: nobody listens any more; requests
 * that are under way may end. ended: the old process is gone. The kubelet has yet to let go of its pod.
 */
export type HandoverStep = 'aside' | 'deaf' | 'ended';

/** Names a process for good. */
export interface ProcessId {
  pid: number;
  startTicks: string;
}

export interface HandoverPlan {
  /** The servers that run the manifest which was moved aside; nothing else is ever ended. */
  processes: readonly (ProcessId & { argv: readonly string[] })[];
  /** Their pods, each with its newest container log (by restart number): the kubelet removes that when it lets go. */
  pods: readonly { uid: string; restart: number }[];
  /** How long requests under way may take once nobody listens, in milliseconds. */
  drainMs: number;
  /** Seconds that the server may go on listening after it was told to stop (--shutdown-delay-duration). */
  shutdownDelaySeconds: number;
}

export interface HandoverState {
  step: HandoverStep;
  /** When this step began, in milliseconds since the epoch. */
  since: number;
  /** Processes whose end was asked for. */
  asked: readonly ProcessId[];
  /** The newest answer on the port, or failure to get one. */
  lastHealth?: HealthSample;
  /** Since when nobody listens, without a break, in milliseconds since the epoch. */
  deafSince?: number;
  /** When each step began. */
  steps: readonly { step: HandoverStep; at: number }[];
}

export type HandoverAction =
  | { do: 'wait' }
  /** End this process now, without mercy: it is deaf, and its grace is over. */
  | { do: 'end'; process: ServerProcess }
  /** Put the next manifest in place. `late`: a limit was reached; it is done the plain way, and no harm is done. */
  | { do: 'put-in'; why: 'released' | 'late'; step: HandoverStep }
  /** Somebody else's manifest stands there. */
  | { do: 'stop' };

/** The kubelet polls its folder every 20 s, should it miss the event. */
const NOTICE_MS = 22_000;
/** A process that was sent SIGKILL is gone at once, unless it hangs in the kernel. */
const END_MS = 3_000;
/** The kubelet lets go 0.6 to 1.1 s after the process's end. */
const RELEASE_MS = 6_000;
/** Where no pod's folder is known there is no sign to wait for. */
const RELEASE_BLIND_MS = 1_500;
/** A second SIGKILL, when the first one is not seen to have worked. */
const ASK_AGAIN_MS = 1_000;

/** The longest that a hand-over can leave the folder without a manifest, in milliseconds. */
export function longestHandover(plan: Pick<HandoverPlan, 'drainMs' | 'shutdownDelaySeconds'>): number {
  return NOTICE_MS + plan.shutdownDelaySeconds * 1000 + plan.drainMs + END_MS + RELEASE_MS;
}

/** @param at when the manifest was moved aside, in milliseconds since the epoch. */
export function startHandover(at: number): HandoverState {
  return { step: 'aside', since: at, asked: [], steps: [{ step: 'aside', at }] };
}

/** Takes one look into account, and says what to do. Pure: the state is replaced, never changed. */
export function advanceHandover(
  state: HandoverState,
  sight: Sight,
  plan: HandoverPlan,
): { state: HandoverState; action: HandoverAction } {
  const lastHealth = sight.health.at(-1) ?? state.lastHealth;
  const { deafSince, ...before } = state;
  const isDeafNow = isDeaf(
    sight.processes.filter((process) => isRecorded(process, plan)),
    lastHealth,
  );
  let next: HandoverState = {
    ...before,
    ...(lastHealth === undefined ? {} : { lastHealth }),
    ...(isDeafNow ? { deafSince: deafSince ?? sight.at } : {}),
  };
  // One that cannot be read for a moment is nobody's: only bytes that are there are.
  if (sight.manifest.state === 'present') return { state: next, action: { do: 'stop' } };
  for (;;) {
    const outcome = conclude(next, sight, plan);
    if (outcome.do !== 'next') return { state: next, action: outcome };
    if (outcome.asked) next = { ...next, asked: outcome.asked };
    next = {
      ...next,
      step: outcome.step,
      since: sight.at,
      steps: [...next.steps, { step: outcome.step, at: sight.at }],
    };
  }
}

type Conclusion = HandoverAction | { do: 'next'; step: HandoverStep; asked?: readonly ProcessId[] };

function conclude(state: HandoverState, sight: Sight, plan: HandoverPlan): Conclusion {
  const alive = sight.processes.filter((process) => isRecorded(process, plan));
  const waited = sight.at - state.since;
  const orLate = (limit: number): Conclusion =>
    waited >= limit ? { do: 'put-in', why: 'late', step: state.step } : { do: 'wait' };
  switch (state.step) {
    case 'aside':
      if (alive.length === 0) return { do: 'next', step: 'ended' };
      if (state.deafSince !== undefined) return { do: 'next', step: 'deaf' };
      return orLate(NOTICE_MS + plan.shutdownDelaySeconds * 1000);
    case 'deaf': {
      if (alive.length === 0) return { do: 'next', step: 'ended' };
      // Somebody answers again: the grace is counted anew from when nobody does.
      if (state.deafSince === undefined) return orLate(plan.drainMs + END_MS);
      const quiet = sight.at - state.deafSince;
      if (quiet < plan.drainMs) return orLate(plan.drainMs + END_MS);
      const times = quiet < plan.drainMs + ASK_AGAIN_MS ? 1 : 2;
      const due = alive.find((process) => state.asked.filter((asked) => same(asked, process)).length < times);
      if (due && waited < plan.drainMs + END_MS) return { do: 'end', process: due };
      return orLate(plan.drainMs + END_MS);
    }
    case 'ended': {
      if (plan.pods.length === 0)
        return waited >= RELEASE_BLIND_MS ? { do: 'put-in', why: 'released', step: state.step } : { do: 'wait' };
      if (isReleased(sight, plan)) return { do: 'put-in', why: 'released', step: state.step };
      return orLate(RELEASE_MS);
    }
  }
}

/** Remembers that a process was asked to end. */
export function askedToEnd(state: HandoverState, { pid, startTicks }: ProcessId): HandoverState {
  return { ...state, asked: [...state.asked, { pid, startTicks }] };
}

function isRecorded(process: ServerProcess, plan: HandoverPlan): boolean {
  return plan.processes.some(
    (known) =>
      same(known, process) &&
      known.argv.length === process.argv.length &&
      known.argv.every((value, at) => value === process.argv[at]),
  );
}

function same(a: ProcessId, b: ProcessId): boolean {
  return a.pid === b.pid && a.startTicks === b.startTicks;
}

/** Neither the kernel nor a client finds anybody on the port. */
function isDeaf(alive: readonly ServerProcess[], lastHealth: HealthSample | undefined): boolean {
  if (alive.some(({ listening }) => listening)) return false;
  return lastHealth === undefined || lastHealth.state === 'refused' || lastHealth.state === 'unreachable';
}

/** Measured on nodes of 1.36: a pod that the kubelet has let go of has no container log any more. */
function isReleased(sight: Sight, plan: HandoverPlan): boolean {
  // The log of an earlier life of the same pod may stay for a while: it is no sign.
  return !sight.pods.some((pod) =>
    plan.pods.some(({ uid, restart }) => uid === pod.uid && pod.logs.some((log) => log.restart >= restart)),
  );
}
