/** The pods' life in virtual time: who starts when, who waits for whom, and what the journal says of it. */
import { manifest } from '../../support/sandbox-node';
import { podFrom, VirtualKubelet } from '../../support/virtual-kubelet';

const A = podFrom(manifest({ annotation: 'a' }));
const B = podFrom(manifest({ annotation: 'b' }));
const SECOND = 1000;
const MINUTE = 60_000;
const [a, b] = [A, B].map(({ uid }) => uid.slice(0, 4)) as [string, string];

/** A runs since a while; times count from now. */
function running(like: '1.20' | '1.36' = '1.36', options = {}): VirtualKubelet {
  const kubelet = new VirtualKubelet(like, options);
  kubelet.workers.update([A]);
  kubelet.clock.pass(20 * MINUTE);
  kubelet.happened.length = 0;
  kubelet.log.length = 0;
  return kubelet;
}
const since = 20 * 60;
const rounded = (kubelet: VirtualKubelet, uid: string): number[] =>
  kubelet.starts(uid).map((at) => Math.round((at - since) * 10) / 10);

describe('a changed manifest', () => {
  test('1.36: the old pod gets its 30 s, then the new one waits for its next try', () => {
    const kubelet = running();
    kubelet.workers.update([B]);
    kubelet.clock.pass(MINUTE);
    // Tries at 12.5, 25 and 37.5 s; 0.4 s for volumes and container.
    expect(kubelet.story).toEqual([
      `1200.0 stop ${a}/0 within 30`,
      // Seen by the relist, and let go 0.85 s after its end.
      `1230.8 remove ${a}/0`,
      `1237.9 run ${b}/0`,
    ]);
  });

  test('1.36: the server that stops early makes the wait shorter, to the next try and no less', () => {
    const kubelet = running();
    kubelet.workers.update([B]);
    kubelet.clock.pass(2 * SECOND);
    kubelet.kill(`${a}/0`);
    kubelet.clock.pass(MINUTE);
    expect(rounded(kubelet, B.uid)).toEqual([12.9]);
  });

  test.each([
    ['at once, when the old pod has been let go of', 2.5, 2.9],
    ['after a try more, when it has not', 1.9, 14.8],
  ])('1.36, manifest aside and old process ended at 1.2 s: the new one starts %s', (_when, backAt, startsAt) => {
    const kubelet = running();
    kubelet.workers.update([]);
    kubelet.clock.pass(1.2 * SECOND);
    kubelet.kill(`${a}/0`);
    kubelet.clock.pass((backAt - 1.2) * SECOND);
    kubelet.workers.update([B]);
    kubelet.clock.pass(MINUTE);
    expect(rounded(kubelet, B.uid)).toEqual([startsAt]);
  });

  test('1.20: the new pod starts at once beside the old one', () => {
    const kubelet = running('1.20');
    kubelet.workers.update([B]);
    kubelet.clock.pass(10 * SECOND);
    expect(rounded(kubelet, B.uid)).toEqual([0.4]);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${a}/0`, `${b}/0`]);
    kubelet.clock.pass(MINUTE);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${b}/0`]);
  });

  test('what is wanted in the end counts: a pod that never started is forgotten', () => {
    const kubelet = running();
    kubelet.workers.update([B]);
    kubelet.clock.pass(5 * SECOND);
    const C = podFrom(manifest({ annotation: 'c' }));
    kubelet.workers.update([C]);
    kubelet.clock.pass(2 * MINUTE);
    expect([kubelet.starts(B.uid), kubelet.running().map(({ pod }) => pod.uid)]).toEqual([[], [C.uid]]);
  });

  test.each([
    [undefined, 30],
    [5, 5],
    [0, 1],
  ])('terminationGracePeriodSeconds %p: %d s', (grace, seconds) => {
    const kubelet = new VirtualKubelet();
    const pod = podFrom(manifest({ grace }));
    kubelet.workers.update([pod]);
    kubelet.clock.pass(MINUTE);
    kubelet.workers.update([]);
    kubelet.clock.pass(MINUTE);
    expect(kubelet.story[1]).toMatch(new RegExp(` within ${seconds}$`));
  });

  test('fast: thirty times as soon', () => {
    const kubelet = new VirtualKubelet('fast');
    kubelet.workers.update([A]);
    kubelet.clock.pass(MINUTE);
    kubelet.workers.update([B]);
    kubelet.clock.pass(3 * SECOND);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${b}/0`]);
  });

  test('the log folders of all other pods are cleared once a minute', () => {
    const kubelet = running();
    kubelet.workers.update([B]);
    kubelet.clock.pass(2 * MINUTE);
    expect(kubelet.happened.filter((line) => line.includes('clean'))).toEqual([
      `1260.0 clean but ${b}`,
      `1320.0 clean but ${b}`,
    ]);
  });
});

describe('the same pod again while it ends', () => {
  test('1.36: it ends all the same, and is started anew by the housekeeping, without a back-off', () => {
    const kubelet = running();
    kubelet.workers.update([]);
    kubelet.clock.pass(5 * SECOND);
    kubelet.workers.update([A]);
    kubelet.clock.pass(MINUTE);
    // Ended at 30, let go at 30.9, housekeeping every 2 s.
    expect(rounded(kubelet, A.uid)).toEqual([32.4]);
    expect(kubelet.log.join()).not.toContain('back-off');
  });

  test('1.20: its container is restarted where it stands; the second time it is held back', () => {
    const kubelet = running('1.20');
    kubelet.behaviour.set(A.uid, { stopsMs: 3 * SECOND });
    const again = (): void => {
      kubelet.workers.update([B]);
      kubelet.clock.pass(1 * SECOND);
      kubelet.workers.update([A]);
    };
    again();
    kubelet.clock.pass(30 * SECOND);
    expect(kubelet.starts(A.uid)).toHaveLength(1);
    again();
    kubelet.clock.pass(6 * SECOND);
    expect(kubelet.starts(A.uid)).toHaveLength(1);
    expect(kubelet.log.at(-1)).toContain(
      `with CrashLoopBackOff: "back-off 10s restarting failed container=kube-apiserver pod=kube-apiserver-cp1_kube-system(${A.uid})"`,
    );
    kubelet.clock.pass(10 * SECOND);
    expect(kubelet.starts(A.uid)).toHaveLength(2);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${a}/2`]);
  });
});

describe('a container that ends again and again', () => {
  const crashing = (livesMs: number): VirtualKubelet => {
    const kubelet = new VirtualKubelet();
    kubelet.behaviour.set(A.uid, { livesMs });
    kubelet.workers.update([A]);
    return kubelet;
  };

  test('restarted at once, then after 10, 20, 40, 80, 160 and 300 s, and no later than that', () => {
    const kubelet = crashing(300);
    kubelet.clock.pass(30 * MINUTE);
    const starts = kubelet.starts(A.uid);
    const waits = starts.slice(1).map((at, n) => at - starts[n]! - 0.3);
    const wanted = [0, 10, 20, 40, 80, 160, 300, 300];
    wanted.forEach((wait, n) => {
      expect(waits[n]).toBeGreaterThanOrEqual(wait);
      expect(waits[n]).toBeLessThan(wait + 2.5);
    });
  });

  test('the journal says how long it is held back, and nothing of the reason', () => {
    const kubelet = crashing(300);
    kubelet.clock.pass(40 * SECOND);
    const said = kubelet.log.filter((line) => line.includes('CrashLoopBackOff'));
    expect(said[0]).toMatch(
      `E "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"kube-apiserver\\" with CrashLoopBackOff: \\"back-off 10s restarting failed container=kube-apiserver pod=kube-apiserver-cp1_kube-system(${A.uid})\\"" pod="kube-system/kube-apiserver-cp1" podUID="${A.uid}"`,
    );
    expect(said.some((line) => line.includes('back-off 20s restarting'))).toBe(true);
  });

  test('of the dead ones only the newest is kept', () => {
    const kubelet = crashing(300);
    kubelet.clock.pass(3 * MINUTE);
    expect(kubelet.containers.length).toBeLessThanOrEqual(2);
    const restarts = kubelet.containers.map(({ restart }) => restart);
    expect(Math.max(...restarts)).toBe(kubelet.starts(A.uid).length - 1);
  });

  test('ten minutes of running are forgiven', () => {
    const kubelet = crashing(300);
    kubelet.clock.pass(2 * MINUTE);
    kubelet.behaviour.set(A.uid, { livesMs: 11 * MINUTE });
    kubelet.clock.pass(30 * MINUTE);
    const starts = kubelet.starts(A.uid);
    expect(starts.at(-1)! - starts.at(-2)! - 11 * 60).toBeLessThan(2);
  });

  test('a corrected manifest is another pod: no back-off', () => {
    const kubelet = crashing(300);
    kubelet.clock.pass(3 * MINUTE);
    kubelet.workers.update([B]);
    const at = kubelet.clock.now();
    kubelet.clock.pass(MINUTE);
    expect(kubelet.starts(B.uid)[0]! * 1000 + kubelet.startedAt - at).toBeLessThan(14 * SECOND);
  });

  test.each([
    ['Never', 1, 1],
    ['OnFailure', 0, 1],
    ['OnFailure', 1, 2],
  ])('restartPolicy %s, exit code %d: %d starts', (policy, exitCode, count) => {
    const pod = podFrom(manifest().replace('spec:\n', `spec:\n  restartPolicy: ${policy}\n`));
    const kubelet = new VirtualKubelet();
    kubelet.behaviour.set(pod.uid, { livesMs: 300, exitCode });
    kubelet.workers.update([pod]);
    kubelet.clock.pass(9 * SECOND);
    expect(kubelet.starts(pod.uid)).toHaveLength(count);
  });

  test('a failed probe ends it as SIGTERM would, and it comes back', () => {
    const kubelet = running();
    kubelet.behaviour.set(A.uid, { stopsMs: 2 * SECOND });
    kubelet.unhealthy.at(-1)!('startup');
    kubelet.clock.pass(10 * SECOND);
    expect(kubelet.story).toEqual([`1200.0 stop ${a}/0 within 30`, expect.stringContaining(`run ${a}/1`)]);
    expect(kubelet.events.map(({ event }) => event.message)).toContain(
      'Container kube-apiserver failed startup probe, will be restarted',
    );
  });
});

describe('what keeps a container from starting', () => {
  const POD = podFrom(
    manifest({ volumes: '[{name: policy, hostPath: {path: /p, type: File}}, {name: ok, hostPath: {path: /o}}]' }),
  );

  test('a volume: tried again after 0.5, 1, 2, 4 s, and no container before it is there', () => {
    const kubelet = new VirtualKubelet();
    kubelet.badVolumes.set('policy', 'hostPath type check failed: /p is not a file');
    kubelet.workers.update([POD]);
    kubelet.clock.pass(5 * SECOND);
    const failures = kubelet.log.filter((line) => line.includes('MountVolume.SetUp failed'));
    expect(failures.map((line) => line.split(' ')[0])).toEqual(['0.1', '0.6', '1.6', '3.6']);
    expect(failures[1]).toMatch(
      `0.6 E Operation for "{volumeName:kubernetes.io/host-path/${POD.uid}-policy podName:${POD.uid} nodeName:}" failed. No retries permitted until 2026-01-01 12:00:01.600000000 +0000 UTC m=+1.600000000 (durationBeforeRetry 1s). Error: MountVolume.SetUp failed for volume "policy" (UniqueName: "kubernetes.io/host-path/${POD.uid}-policy") pod "kube-apiserver-cp1" (UID: "${POD.uid}") : hostPath type check failed: /p is not a file`,
    );
    expect(kubelet.starts(POD.uid)).toEqual([]);
    kubelet.badVolumes.clear();
    kubelet.clock.pass(5 * SECOND);
    expect(kubelet.starts(POD.uid)).toEqual([7.9]);
  });

  test('every volume is named in the journal, with the pod it is for', () => {
    const kubelet = new VirtualKubelet();
    kubelet.workers.update([POD]);
    kubelet.clock.pass(SECOND);
    expect(kubelet.log.filter((line) => line.includes('VerifyControllerAttachedVolume'))).toEqual(
      ['policy', 'ok'].map(
        (name) =>
          `0.1 I "operationExecutor.VerifyControllerAttachedVolume started for volume \\"${name}\\" (UniqueName: \\"kubernetes.io/host-path/${POD.uid}-${name}\\") pod \\"kube-apiserver-cp1\\" (UID: \\"${POD.uid}\\") " pod="kube-system/kube-apiserver-cp1"`,
      ),
    );
  });

  test('a volume that stays away: said after two minutes as an error of the pod', () => {
    const kubelet = new VirtualKubelet();
    kubelet.badVolumes.set('policy', 'no');
    kubelet.workers.update([POD]);
    kubelet.clock.pass(124 * SECOND);
    expect(kubelet.log.at(-1)).toBe(
      `123.0 E "Error syncing pod, skipping" err="unmounted volumes=[policy], unattached volumes=[], failed to process volumes=[]: context deadline exceeded" pod="kube-system/kube-apiserver-cp1" podUID="${POD.uid}"`,
    );
  });

  test('an image: ErrImagePull, then ImagePullBackOff, then tried again', () => {
    const kubelet = new VirtualKubelet();
    kubelet.badImage = { state: 'failed', reason: 'ErrImagePull', message: 'not found' };
    kubelet.workers.update([A]);
    kubelet.clock.pass(20 * SECOND);
    const reasons = kubelet.log.flatMap((line) => /with (\w+): /.exec(line)?.[1] ?? []);
    expect(reasons.filter((reason, n) => reason !== reasons[n - 1])).toEqual([
      'ErrImagePull',
      'ImagePullBackOff',
      'ErrImagePull',
      'ImagePullBackOff',
    ]);
    kubelet.badImage = undefined;
    kubelet.clock.pass(MINUTE);
    expect(kubelet.running()).toHaveLength(1);
  });

  test('an image that is never pulled: said as often as a pod in trouble is looked at, no oftener', () => {
    const kubelet = new VirtualKubelet('fast');
    kubelet.badImage = { state: 'failed', reason: 'ErrImageNeverPull', message: 'no' };
    kubelet.workers.update([A]);
    kubelet.clock.pass(10 * SECOND);
    const said = kubelet.log.filter((line) => line.includes('Error syncing pod'));
    expect(said.length).toBeGreaterThan(15);
    expect(said.length).toBeLessThan(30);
  });

  test('a command that is not there: said, and held back like any other failure', () => {
    const kubelet = new VirtualKubelet();
    kubelet.startProblem = 'exec: "sh": executable file not found in $PATH';
    kubelet.workers.update([A]);
    kubelet.clock.pass(5 * SECOND);
    const text = kubelet.log.join('\n');
    expect(text).toContain('with RunContainerError: \\"exec: \\\\\\"sh\\\\\\": executable file not found in $PATH\\"');
    expect(text).toContain('with CrashLoopBackOff: \\"back-off 10s');
  });
});

describe('a kubelet that was started while the API is down', () => {
  test('keeps the old pod and lets the new one wait, until it sees the API', () => {
    const kubelet = running();
    kubelet.restart();
    kubelet.workers.update([A]);
    kubelet.clock.pass(10 * SECOND);
    kubelet.workers.update([B]);
    kubelet.clock.pass(30 * MINUTE);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${a}/0`]);
    kubelet.workers.seeApi();
    expect(kubelet.log.at(-1)).toMatch(/I "Watching apiserver"$/);
    kubelet.clock.pass(MINUTE);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${b}/0`]);
  });

  test('starts what is not there yet, and beside what no manifest names any more', () => {
    const kubelet = running();
    kubelet.restart();
    kubelet.workers.update([B]);
    kubelet.clock.pass(10 * SECOND);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${a}/0`, `${b}/0`]);
    kubelet.workers.seeApi();
    kubelet.clock.pass(MINUTE);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${b}/0`]);
  });

  test('once seen is enough: later edits need no API', () => {
    const kubelet = running();
    kubelet.workers.update([B]);
    kubelet.clock.pass(MINUTE);
    expect(kubelet.running().map(({ id }) => id)).toEqual([`${b}/0`]);
  });
});

test('a container that died while no kubelet ran is restarted, its number going on', () => {
  const kubelet = running();
  kubelet.workers.stop();
  kubelet.kill(`${a}/0`);
  kubelet.restart();
  kubelet.workers.update([A]);
  kubelet.clock.pass(5 * SECOND);
  expect(kubelet.running().map(({ id }) => id)).toEqual([`${a}/1`]);
});
