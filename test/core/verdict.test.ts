/** Sequences of sights and what is made of them: only the right process counts, and only once it has stayed ready. */
import type { HealthSample, ManifestSight, PodFolder, ServerProcess, Sight } from '../../src/core/evidence';
import { awayMs, judge, startWatch, type Expectation, type Verdict, type WatchState } from '../../src/core/verdict';

const WRITTEN = Date.UTC(2026, 0, 1, 12);
const NEW = ['kube-apiserver', '--secure-port=6443', '--audit-policy-file=/p'];
const OLD = ['kube-apiserver', '--secure-port=6443'];
const OLD_UID = 'a'.repeat(32);
const NEW_UID = 'b'.repeat(32);

/** A look, so many seconds after the write. */
interface Look {
  at: number;
  processes?: readonly ServerProcess[];
  /** The API's answer at the look, or several with their own times. */
  api?: HealthSample['state'] | readonly [number, HealthSample['state']][];
  manifest?: ManifestSight;
  pods?: readonly PodFolder[];
}

function server(pid: number, start: number, more: Partial<ServerProcess> = {}): ServerProcess {
  return {
    pid,
    startTicks: String(start * 100),
    startedAt: WRITTEN + start * 1000,
    argv: NEW,
    podUid: NEW_UID,
    listening: true,
    ...more,
  };
}

const old = (more: Partial<ServerProcess> = {}): ServerProcess =>
  server(10, -3600, { argv: OLD, podUid: OLD_UID, ...more });

function expectation(more: Partial<Expectation> = {}): Expectation {
  return {
    goal: 'change',
    writtenAt: WRITTEN,
    manifestSha256: 'ours',
    manifestPath: '/etc/kubernetes/manifests/kube-apiserver.yaml',
    wanted: NEW.map((argument) => [argument]),
    restarts: true,
    before: {
      processes: [{ pid: 10, startTicks: String(-360_000), podUid: OLD_UID }],
      pods: [{ uid: OLD_UID, restart: 0 }],
    },
    shutdownDelaySeconds: 0,
    facts: { etcdServers: [], etcdChanged: false, wantedArgv: NEW },
    ...more,
  };
}

function watch(
  looks: readonly Look[],
  more: Partial<Expectation> = {},
  carried?: WatchState,
): { verdict: Verdict; state: WatchState; decidedAt: number } {
  const expected = expectation(more);
  let state = startWatch(expected.writtenAt, carried);
  let verdict: Verdict = { state: 'waiting', stage: 'written' };
  for (const look of looks) {
    const judged = judge(state, sightOf(look), expected);
    ({ state, verdict } = judged);
    if (verdict.state !== 'waiting') return { verdict, state, decidedAt: look.at };
  }
  return { verdict, state, decidedAt: NaN };
}

function sightOf({ at, processes = [], api = 'refused', manifest, pods = [] }: Look): Sight {
  const samples = typeof api === 'string' ? [[at, api] as const] : api;
  return {
    at: WRITTEN + at * 1000,
    manifest: manifest ?? { state: 'present', sha256: 'ours' },
    processes,
    pods,
    kubelet: [],
    health: samples.map(([seconds, state]) => ({ at: WRITTEN + seconds * 1000, state })),
  };
}

/** A look every half second. */
function every(from: number, to: number, look: Omit<Look, 'at'>): Look[] {
  return Array.from({ length: Math.round((to - from) * 2) + 1 }, (_, half) => ({ at: from + half / 2, ...look }));
}

const outcome = (looks: readonly Look[], more: Partial<Expectation> = {}) => {
  const { verdict, decidedAt } = watch(looks, more);
  switch (verdict.state) {
    case 'healthy':
      return { healthy: verdict.process.pid, at: decidedAt };
    case 'waiting':
      return { waiting: verdict.stage, ...(verdict.doubt ? { doubt: verdict.doubt.code } : {}) };
    case 'failed':
      return { failed: verdict.cause.code, at: decidedAt };
    case 'overtaken':
      return { overtaken: verdict.cause.title.split(' /')[0], at: decidedAt };
  }
};

describe('the right process', () => {
  const cases: [string, Look[], Partial<Expectation>, unknown][] = [
    [
      'old kubelet: the new server beside the old one, which no longer listens',
      [
        ...every(0, 0.5, { processes: [old()], api: 'ok' }),
        ...every(1, 3.5, { processes: [old({ listening: false }), server(20, 0.6, { listening: false })] }),
        ...every(4, 8, { processes: [old({ listening: false }), server(20, 0.6)], api: 'ok' }),
      ],
      {},
      { healthy: 20, at: 5.5 },
    ],
    [
      'new kubelet: nothing for 37 seconds',
      [
        ...every(0, 0, { processes: [old()], api: 'ok' }),
        ...every(0.5, 30, { processes: [old({ listening: false })] }),
        ...every(30.5, 37, {}),
        ...every(37.5, 39, { processes: [server(20, 37.4, { listening: false })] }),
        ...every(39.5, 45, { processes: [server(20, 37.4)], api: 'ok' }),
      ],
      {},
      { healthy: 20, at: 41 },
    ],
    [
      "the old server's green /readyz never counts",
      every(0, 30, { processes: [old()], api: 'ok' }),
      {},
      { waiting: 'written' },
    ],
    [
      'nor while the new process is alive, but the old one holds the port',
      every(1, 30, { processes: [old(), server(20, 0.6, { listening: false })], api: 'ok' }),
      {},
      { waiting: 'started' },
    ],
    [
      'nor when the new server has the very same arguments as the old one',
      every(0, 30, { processes: [old({ argv: NEW })], api: 'ok' }),
      {},
      { waiting: 'written' },
    ],
    [
      'same arguments, but a new process: a policy changed',
      [
        ...every(0, 0, { processes: [old({ argv: NEW })], api: 'ok' }),
        ...every(1, 3, { processes: [old({ argv: NEW, listening: false }), server(20, 0.8)], api: 'ok' }),
      ],
      {},
      { healthy: 20, at: 2.5 },
    ],
    [
      'a pid that was used before, with other start ticks, is a new process',
      every(1, 4, { processes: [server(10, 0.8)], api: 'ok' }),
      {},
      { healthy: 10, at: 2.5 },
    ],
    [
      'a process of unknown past that started long before the write is not new',
      every(1, 10, { processes: [server(15, -60)], api: 'ok' }),
      {},
      { waiting: 'noticed' },
    ],
    [
      'the resolution of the clock tick: started a second before the write by the clock',
      every(1, 4, { processes: [server(20, -1)], api: 'ok' }),
      {},
      { healthy: 20, at: 2.5 },
    ],
    [
      'the pid changes during the run of green answers: counted from the start',
      [
        ...every(1, 2, { processes: [server(20, 0.8)], api: 'ok' }),
        ...every(2.5, 6, { processes: [server(21, 2.2)], api: 'ok' }),
      ],
      {},
      { healthy: 21, at: 4 },
    ],
    [
      'one answer that is not ok begins the run anew',
      [
        ...every(1, 2, { processes: [server(20, 0.8)], api: 'ok' }),
        ...every(2.5, 2.5, { processes: [server(20, 0.8)], api: 'not-ready' }),
        ...every(3, 6, { processes: [server(20, 0.8)], api: 'ok' }),
      ],
      {},
      { healthy: 20, at: 4.5 },
    ],
    [
      'three green answers within a moment are not steady yet',
      [{ at: 2, processes: [server(20, 0.8)], api: Array.from({ length: 9 }, (_, n) => [1 + n / 10, 'ok'] as const) }],
      {},
      { waiting: 'ready' },
    ],
    [
      'two green answers far apart are not steady yet',
      [
        { at: 1, processes: [server(20, 0.8)], api: 'ok' },
        { at: 9, processes: [server(20, 0.8)], api: 'ok' },
      ],
      {},
      { waiting: 'ready' },
    ],
    [
      "samples from before the new server's start are the old server's",
      [
        {
          at: 9,
          processes: [server(20, 8)],
          api: [
            [1, 'ok'],
            [2, 'ok'],
            [3, 'ok'],
            [9, 'ok'],
          ],
        },
      ],
      {},
      { waiting: 'ready' },
    ],
    [
      'cosmetic change: the kubelet has no reason to restart, the old process is right',
      every(0, 3, { processes: [old({ argv: NEW })], api: 'ok' }),
      { restarts: false },
      { healthy: 10, at: 3 },
    ],
    [
      'cosmetic change, but the server that runs is not the one described',
      every(0, 3, { processes: [old()], api: 'ok' }),
      { restarts: false },
      { waiting: 'written' },
    ],
  ];
  test.each(cases)('%s', (_name, looks, more, expected) => {
    expect(outcome(looks, more)).toEqual(expected);
  });
});

describe('somebody with other arguments', () => {
  const stranger = server(30, 0.8, { argv: OLD });

  test('serving for four seconds is what the kubelet really runs', () => {
    expect(outcome(every(1, 9, { processes: [stranger], api: 'ok' }))).toEqual({
      failed: 'other-manifest-wins',
      at: 5,
    });
  });

  test('as long as it does not listen it proves nothing', () => {
    expect(outcome(every(1, 30, { processes: [{ ...stranger, listening: false }] }))).toEqual({ waiting: 'away' });
  });

  test('replaced in time by the right one it is forgotten', () => {
    const looks = [
      ...every(1, 3, { processes: [stranger], api: 'ok' }),
      ...every(3.5, 6, { processes: [server(31, 3.2)], api: 'ok' }),
    ];
    expect(outcome(looks)).toEqual({ healthy: 31, at: 5 });
  });
});

describe('a kubelet that does nothing', () => {
  const serving = { processes: [old()], api: 'ok' } as const;

  test('gets three polls', () => {
    expect(outcome(every(0, 120, serving))).toEqual({ failed: 'kubelet-ignores-manifest', at: 65.5 });
  });

  test('and the time that the old server may go on serving', () => {
    expect(outcome(every(0, 120, serving), { shutdownDelaySeconds: 20 })).toEqual({
      failed: 'kubelet-ignores-manifest',
      at: 85.5,
    });
  });

  test('is no failure where nothing needs to restart', () => {
    expect(outcome(every(0, 120, serving), { restarts: false })).toEqual({ waiting: 'written' });
  });
});

describe('bytes that are not ours', () => {
  const good = { processes: [server(20, 0.8)], api: 'ok' } as const;
  const changed: ManifestSight = { state: 'present', sha256: 'theirs' };

  test('changed: judged no further, however healthy the server', () => {
    const looks = [...every(1, 2, good), ...every(2.5, 3, { ...good, manifest: changed })];
    expect(outcome(looks)).toEqual({ overtaken: 'somebody else changed', at: 2.5 });
  });

  test('removed', () => {
    expect(outcome(every(1, 2, { ...good, manifest: { state: 'absent' } }))).toEqual({
      overtaken: 'somebody else removed',
      at: 1,
    });
  });

  test('unreadable for a moment is nobody else', () => {
    const unreadable: ManifestSight = { state: 'unreadable', detail: 'EIO' };
    expect(outcome(every(1, 3, { ...good, manifest: unreadable }))).toEqual({ healthy: 20, at: 2.5 });
  });

  test('also on the way back', () => {
    expect(outcome(every(1, 2, { ...good, manifest: changed }), { goal: 'restore' })).toMatchObject({
      overtaken: 'somebody else changed',
    });
  });
});

describe('on the way back', () => {
  const restore: Partial<Expectation> = { goal: 'restore', wanted: OLD.map((argument) => [argument]) };

  test('the old process that never stopped is right', () => {
    expect(outcome(every(0, 3, { processes: [old()], api: 'ok' }), restore)).toEqual({ healthy: 10, at: 3 });
  });

  test('so is one that was started for the old manifest', () => {
    const looks = [
      ...every(0, 4, { processes: [server(20, -5)] }),
      ...every(4.5, 8, { processes: [server(21, 4.2, { argv: OLD, podUid: OLD_UID })], api: 'ok' }),
    ];
    expect(outcome(looks, restore)).toEqual({ healthy: 21, at: 6 });
  });

  test('the bad server is not, even with the same arguments: it started before the old bytes were back', () => {
    const bad = server(20, -10, { argv: OLD });
    expect(outcome(every(0, 20, { processes: [bad], api: 'ok' }), restore)).toMatchObject({
      waiting: expect.anything(),
    });
  });

  test('unless the old manifest stood there all the while', () => {
    const looks = every(0, 3, { processes: [server(20, -10, { argv: OLD })], api: 'ok' });
    expect(outcome(looks, { ...restore, standing: true })).toEqual({ healthy: 20, at: 1.5 });
  });

  test('nothing is certain: what a node suffers from may pass', () => {
    const looks = [
      ...every(1, 9, { processes: [server(30, 0.8)], api: 'ok' }),
      ...every(10, 13, { processes: [server(31, 9.8, { argv: OLD })], api: 'ok' }),
    ];
    expect(outcome(looks.slice(0, -7), restore)).toEqual({ waiting: 'noticed', doubt: 'other-manifest-wins' });
    expect(outcome(looks, restore)).toEqual({ healthy: 31, at: 11.5 });
  });
});

describe('stages and the time away', () => {
  const looks = [
    ...every(0, 1, { processes: [old()], api: 'ok' }),
    ...every(1.5, 30, { processes: [old({ listening: false })] }),
    ...every(30.5, 37, {}),
    ...every(37.5, 39, { processes: [server(20, 37.4, { listening: false })], api: 'unreachable' }),
    ...every(39.5, 40, { processes: [server(20, 37.4)], api: 'not-ready' }),
    ...every(40.5, 44, { processes: [server(20, 37.4)], api: 'ok' }),
  ];

  test('each stage is told once, when it was first seen', () => {
    expect(watch(looks).state.stages.map(({ stage, at }) => [stage, (at - WRITTEN) / 1000])).toEqual([
      ['written', 0],
      ['noticed', 1.5],
      ['away', 1.5],
      ['started', 37.5],
      ['ready', 40.5],
      ['steady', 42],
    ]);
  });

  test('a new pod folder is the first sign that the kubelet has noticed', () => {
    const pods = [{ uid: NEW_UID, path: '/x', logs: [] }];
    const { state } = watch([{ at: 1, processes: [old()], api: 'ok', pods }]);
    expect(state.stages.map(({ stage }) => stage)).toEqual(['written', 'noticed']);
  });

  test('away is from the first answer that was not ok to the next that was', () => {
    const { state } = watch(looks);
    expect(awayMs(state, WRITTEN + 42_000)).toBe(39_000);
  });

  test('an absence that lasts is counted up to now, and carried into the watch of the way back', () => {
    const { state } = watch([
      { at: 0, processes: [old()], api: 'ok' },
      { at: 2, api: 'refused' },
      { at: 5, api: 'refused' },
    ]);
    expect(awayMs(state, WRITTEN + 6_000)).toBe(4_000);
    const back = watch([{ at: 9, processes: [old()], api: 'ok' }], { goal: 'restore' }, state);
    expect(awayMs(back.state, WRITTEN + 20_000)).toBe(7_000);
  });

  test('two absences add up', () => {
    const { state } = watch([
      {
        at: 2,
        api: [
          [0, 'ok'],
          [1, 'refused'],
          [2, 'ok'],
        ],
      },
      {
        at: 5,
        api: [
          [3, 'unreachable'],
          [4, 'not-ready'],
          [5, 'ok'],
        ],
      },
    ]);
    expect(awayMs(state, WRITTEN + 9_000)).toBe(3_000);
  });

  test('judging changes neither state nor sight', () => {
    const state = Object.freeze(startWatch(WRITTEN));
    const sight = Object.freeze(sightOf({ at: 1, processes: [server(20, 0.8)], api: 'ok' }));
    const before = JSON.stringify([state, sight]);
    judge(state, sight, expectation());
    expect(JSON.stringify([state, sight])).toBe(before);
  });
});
