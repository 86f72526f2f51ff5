/** The hand-over's decisions, whatever is seen. */
import fc from 'fast-check';
import type { ServerProcess, Sight } from '../../src/core/evidence';
import {
  advanceHandover,
  askedToEnd,
  longestHandover,
  startHandover,
  type HandoverPlan,
  type HandoverState,
} from '../../src/core/handover';

const ARGV = ['kube-apiserver', '--secure-port=6443'];
const OLD: ServerProcess = { pid: 10, startTicks: '100', startedAt: 0, argv: ARGV, podUid: 'a', listening: true };
const PLAN: HandoverPlan = {
  processes: [OLD],
  pods: [{ uid: 'a', restart: 0 }],
  drainMs: 1000,
  shutdownDelaySeconds: 0,
};

function sight(at: number, more: Partial<Sight> = {}): Sight {
  return { at, manifest: { state: 'absent' }, processes: [], pods: [], kubelet: [], health: [], ...more };
}

const LOG = { uid: 'a', container: 'kube-apiserver', restart: 0, path: '/l', lines: [] };
const POD = { uid: 'a', path: '/p', logs: [LOG] };
const DEAF = { ...OLD, listening: false };
const refused = (at: number) => [{ at, state: 'refused' as const }];

test('the usual course: aside, deaf, ended by us after the grace, let go of, in', () => {
  let state = startHandover(0);
  const steps: string[] = [];
  const look = (seen: Sight): void => {
    const advanced = advanceHandover(state, seen, PLAN);
    state = advanced.state;
    steps.push(`${seen.at} ${state.step} ${advanced.action.do}`);
    if (advanced.action.do === 'end') state = askedToEnd(state, advanced.action.process);
  };
  look(sight(50, { processes: [OLD], pods: [POD], health: [{ at: 40, state: 'ok' }] }));
  look(sight(100, { processes: [DEAF], pods: [POD], health: [{ at: 90, state: 'ok' }] }));
  look(sight(150, { processes: [DEAF], pods: [POD], health: refused(140) }));
  look(sight(1149, { processes: [DEAF], pods: [POD] }));
  look(sight(1150, { processes: [DEAF], pods: [POD] }));
  look(sight(1200, { processes: [DEAF], pods: [POD] }));
  look(sight(1250, { pods: [POD] }));
  look(sight(2000, { pods: [{ ...POD, logs: [] }] }));
  expect(steps).toEqual([
    '50 aside wait',
    '100 aside wait',
    '150 deaf wait',
    '1149 deaf wait',
    '1150 deaf end',
    '1200 deaf wait',
    '1250 ended wait',
    '2000 ended put-in',
  ]);
  expect(state.steps).toEqual([
    { step: 'aside', at: 0 },
    { step: 'deaf', at: 150 },
    { step: 'ended', at: 1250 },
  ]);
});

test('the log of an earlier life of the same pod does not hold it up', () => {
  const plan = { ...PLAN, pods: [{ uid: 'a', restart: 1 }] };
  const both = { ...POD, logs: [LOG, { ...LOG, restart: 1 }] };
  const state: HandoverState = { ...startHandover(0), step: 'ended' };
  expect(advanceHandover(state, sight(100, { pods: [both] }), plan).action.do).toBe('wait');
  expect(advanceHandover(state, sight(200, { pods: [POD] }), plan).action).toMatchObject({
    do: 'put-in',
    why: 'released',
  });
});

test.each<[string, Partial<Sight>, string]>([
  ['another process with its pid', { processes: [{ ...DEAF, startTicks: '101' }] }, 'ended'],
  ['the same process with other arguments', { processes: [{ ...DEAF, argv: ['kube-apiserver', '--x'] }] }, 'ended'],
  ['a process that listens', { processes: [OLD] }, 'aside'],
  [
    'a deaf process on whose port somebody answers',
    { processes: [DEAF], health: [{ at: 5, state: 'not-ready' }] },
    'aside',
  ],
])('never ended: %s', (_name, seen, step) => {
  for (const at of [10, 5_000, 21_000]) {
    const { state, action } = advanceHandover(startHandover(0), sight(at, { pods: [POD], ...seen }), PLAN);
    expect([state.step, action.do]).toEqual([step, 'wait']);
  }
});

test("somebody else's manifest ends it at every step", () => {
  for (const step of ['aside', 'deaf', 'ended'] as const) {
    const state: HandoverState = { ...startHandover(0), step };
    const seen = sight(10, { manifest: { state: 'present', sha256: 'x' }, processes: [DEAF] });
    expect(advanceHandover(state, seen, PLAN).action).toEqual({ do: 'stop' });
  }
});

const processes = fc.array(
  fc.record({
    pid: fc.constantFrom(10, 11, 12),
    startTicks: fc.constantFrom('100', '101'),
    startedAt: fc.constant(0),
    argv: fc.constantFrom(ARGV, ['kube-apiserver']),
    listening: fc.boolean(),
  }),
  { maxLength: 3 },
);
const looks = fc.array(
  fc.record({
    after: fc.integer({ min: 1, max: 4000 }),
    processes,
    logs: fc.boolean(),
    health: fc.constantFrom('ok', 'not-ready', 'refused', 'unreachable', undefined),
  }),
  { minLength: 1, maxLength: 80 },
);

test('whatever is seen: only recorded, deaf processes are ended, after their grace; it ends in time, with the manifest in', () => {
  fc.assert(
    fc.property(looks, fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 70 }), (seen, drainMs, delay) => {
      const plan: HandoverPlan = { ...PLAN, drainMs, shutdownDelaySeconds: delay };
      let state = startHandover(0);
      let at = 0;
      let deafSince: number | undefined;
      // What was seen repeats itself for ever: the worst that can be.
      for (let n = 0; ; n++) {
        const look = seen[n % seen.length]!;
        at += look.after;
        const health = look.health === undefined ? [] : [{ at, state: look.health } as const];
        const pods = look.logs ? [POD] : [];
        const before = state.step;
        const advanced = advanceHandover(state, sight(at, { processes: look.processes, pods, health }), plan);
        state = advanced.state;
        if (before === 'aside' && state.step !== 'aside') deafSince = at;
        const { action } = advanced;
        if (action.do === 'end') {
          expect(action.process).toMatchObject({ pid: 10, startTicks: '100', listening: false });
          expect(state.lastHealth?.state ?? 'refused').toMatch(/refused|unreachable/);
          expect(at - (deafSince ?? NaN)).toBeGreaterThanOrEqual(drainMs);
          state = askedToEnd(state, action.process);
        } else if (action.do === 'put-in') {
          // Each of the three steps may be seen to be over one look late.
          expect(at).toBeLessThanOrEqual(longestHandover(plan) + 3 * 4000);
          expect(state.asked.length).toBeLessThanOrEqual(2);
          return;
        } else expect(action).toEqual({ do: 'wait' });
      }
    }),
    { numRuns: 300 },
  );
});
