/** The wait: look, judge, tell, again. Ends with a verdict, by an interrupt, or at the deadline with the best guess. */
import type { Sight } from '../core/evidence';
import type { Finding } from '../core/finding';
import {
  awayMs,
  judge,
  startWatch,
  type Expectation,
  type Stage,
  type Verdict,
  type WatchState,
} from '../core/verdict';
import type { Ports, WatchPoint } from './ports';

const LOOK_EVERY_MS = 100;
/** A steady interest in the live line, not a flood. */
const TELL_EVERY_MS = 200;

export type WatchEnd = {
  verdict: Exclude<Verdict, { state: 'waiting' }>;
  state: WatchState;
  sight: Sight;
  /** Stages as they are called on this way: forth or back. */
  stages: readonly { stage: Stage; at: number }[];
  awayMs: number;
};

/** Done once, when no server has started for so long. Must not reject. */
export interface Nudge {
  afterMs: number;
  act(): Promise<void>;
}

export async function watchServer(
  ports: Ports,
  point: WatchPoint,
  expected: Expectation,
  options: { timeoutMs: number; stop: AbortSignal; carried?: WatchState; from?: number; nudge?: Nudge },
): Promise<WatchEnd> {
  const { clock, report } = ports;
  const startedAt = clock.now();
  let state = startWatch(expected.writtenAt, options.carried);
  let told = 0;
  let nudged = false;
  let toldAt = 0;
  for (;;) {
    const sight = await point.look();
    const judged = judge(state, sight, expected);
    state = judged.state;
    const { verdict } = judged;
    // By hand-over the change began before the write.
    const after = (at: number): number => at - (options.from ?? expected.writtenAt);
    for (const { stage, at } of state.stages.slice(told))
      for (const name of label(stage, expected)) report({ kind: 'stage', stage: name, afterMs: after(at) });
    told = state.stages.length;

    const end = (final: WatchEnd['verdict']): WatchEnd => ({
      verdict: final,
      state,
      sight,
      stages: state.stages.flatMap(({ stage, at }) => label(stage, expected).map((name) => ({ stage: name, at }))),
      awayMs: awayMs(state, sight.at),
    });
    if (verdict.state !== 'waiting') return end(verdict);
    if (options.stop.aborted) return end({ state: 'failed', cause: interrupted() });
    if (options.nudge && !nudged && clock.now() - startedAt >= options.nudge.afterMs && state.run === undefined) {
      nudged = true;
      if (!state.stages.some(({ stage }) => stage === 'started')) await options.nudge.act();
    }
    const now = clock.now();
    if (now - startedAt >= options.timeoutMs)
      return end({ state: 'failed', cause: timedOut(state, verdict.doubt, now - startedAt) });
    if (now - toldAt >= TELL_EVERY_MS) {
      toldAt = now;
      report({
        kind: 'waiting',
        stage: label(verdict.stage, expected).at(0) ?? 'restoring',
        afterMs: after(now),
        awayMs: awayMs(state, now),
        ...(verdict.doubt ? { doubt: verdict.doubt } : {}),
      });
    }
    await clock.sleep(LOOK_EVERY_MS, options.stop);
  }
}

/** The same stages read differently on the way back, where only the old server's return is of interest. */
function label(stage: Stage, expected: Expectation): readonly Stage[] {
  if (expected.goal === 'change') return [stage];
  const name = BACK[stage];
  return name === undefined ? [] : [name];
}

const BACK: Partial<Record<Stage, Stage>> = {
  written: 'restoring',
  started: 'restarted',
  ready: 'ready',
  steady: 'restored',
};

export function interrupted(): Finding {
  return {
    code: 'interrupted',
    severity: 'error',
    title: 'stopped by a signal while the API server was restarting',
    remedy: ['run the same command again when the time is right'],
  };
}

function timedOut(state: WatchState, doubt: Finding | undefined, ms: number): Finding {
  const seconds = Math.round(ms / 1000);
  if (doubt) return { ...doubt, title: `${doubt.title} (still so after ${seconds} s)` };
  const reached = new Set(state.stages.map(({ stage }) => stage));
  const what = reached.has('ready')
    ? 'the new API server answers, but does not stay ready'
    : reached.has('started')
      ? 'the new API server runs, but does not get ready'
      : reached.has('noticed')
        ? 'the kubelet took the manifest, but no new API server has started'
        : 'the kubelet has not acted on the manifest';
  return {
    code: 'not-ready-in-time',
    severity: 'error',
    title: `${what} within ${seconds} s`,
    remedy: ['crictl ps -a --name kube-apiserver', 'journalctl -u kubelet -n 100', 'give it longer: --timeout 10m'],
  };
}
