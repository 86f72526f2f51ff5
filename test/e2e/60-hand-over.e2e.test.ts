/**
 * `--fast` on a real node: nothing that was acknowledged is lost, only the old process is ended, and whatever the tool is
 * killed at, there is a manifest and a server again. `always`, since an old kubelet has nothing to hasten.
 */
import {
  install,
  leave,
  MANIFEST,
  nodeScript,
  observe,
  on,
  pristine,
  ready,
  reset,
  settled,
  sh,
  tool,
  toolCommand,
  until,
} from './node';

const GUARD_SECONDS = 5;
const KUBECTL = 'kubectl --kubeconfig /etc/kubernetes/admin.conf';

afterAll(leave);

beforeAll(async () => {
  await install();
});

beforeEach(reset);

interface Kept {
  outcome: string;
  apiAwaySeconds: number;
  handOver?: { state: string; why?: string; ended: { pid: number }[] };
  stages: { stage: string; seconds: number }[];
}

const ASIDE = 'ls -A /etc/kubernetes/manifests | grep -c kube-auditctl-aside || true';

test('--fast says whether there is anything to hasten', async () => {
  const seen = await observe(toolCommand('enable', '--fast', '-o', 'json'));
  const report = JSON.parse(seen.stdout) as Kept;
  expect([seen.code, report.outcome]).toEqual([0, 'kept']);
  if (report.handOver?.state === 'not-needed') {
    expect(report.handOver).toEqual({
      state: 'not-needed',
      why: expect.stringMatching(/^a kubelet of 1\.(\d|1\d|2[01]) starts the new server beside the old one$/),
      ended: [],
    });
    expect(seen.manifestEvents).toHaveLength(1);
  } else expect(report.handOver).toMatchObject({ state: 'done', ended: [{}] });
  console.info(`--fast: ${report.handOver?.why ?? 'done'}; API away ${report.apiAwaySeconds} s`);
});

test.each(['plain', 'fast'])('%s: every acknowledged object is there afterwards', async (way) => {
  const flags = /--advertise-address=(\S+)[^]*--secure-port=(\d+)/.exec(await pristine());
  const label = `e2e-${way}`;
  const stop = `/root/${label}.stop`;
  await sh(`rm -f ${stop}`);
  const settings = { host: flags?.[1], port: Number(flags?.[2]), stop, namespace: 'default', label };
  const writing = on([...nodeScript('writer.mjs'), JSON.stringify(settings)]);
  const seen = await observe(
    // Shorter than the grace of any kubelet here, a sandbox's second included: the process is to be ended by us.
    toolCommand('enable', ...(way === 'fast' ? ['--fast', 'always', '--drain', '500ms'] : []), '-o', 'json'),
  );
  await sh(`sleep 1; touch ${stop}`);
  const written = JSON.parse((await writing).stdout) as {
    acknowledged: string[];
    failures: number;
    longestGapMs: number;
  };
  const there = (await sh(`${KUBECTL} get configmaps -n default -l ${label}=yes -o name`)).split('\n');
  await sh(`${KUBECTL} delete configmaps -n default -l ${label}=yes --wait=false; rm -f ${stop}`);
  const report = JSON.parse(seen.stdout) as Kept;
  console.info(
    `${way}: ${written.acknowledged.length} acknowledged, longest gap ${written.longestGapMs} ms, API away ${report.apiAwaySeconds} s`,
  );
  expect(report.outcome).toBe('kept');
  // An old kubelet keeps the logs of the pod for longer, and the limit is reached: the process was ended all the same.
  if (way === 'fast') expect(report.handOver).toMatchObject({ ended: [{}] });
  expect(written.failures).toBeGreaterThan(0);
  const missing = written.acknowledged.filter((name) => !there.includes(`configmap/${name}`));
  expect(missing).toEqual([]);
});

test.each([
  ['the manifest is aside', 'rolled-back'],
  ['has stopped listening', 'rolled-back'],
  ['its process has ended', 'rolled-back'],
  ['new manifest in place', 'kept'],
])('kill -9 at "%s": the guard leads to a healthy server', async (text, ends) => {
  const seen = await observe(toolCommand('enable', '--fast', 'always', '--guard', `${GUARD_SECONDS}s`), {
    killOn: { text, signals: ['SIGKILL'] },
  });
  expect(seen.signal).toBe('SIGKILL');
  const back = await until('ready', ready, 120);
  await until('recorded', async () => (await tool('history', '-o', 'json')).stdout.includes(`"${ends}"`), 120);
  console.info(`killed at "${text}": ready again ${back.toFixed(1)} s later`);
  expect((await on(['test', '-s', MANIFEST])).code).toBe(0);
  if (ends === 'rolled-back') expect(await sh(`cat ${MANIFEST}`)).toBe(await pristine());
  expect((await sh(ASIDE)).trim()).toBe('0');
  await settled();
});

test('a broken manifest by hand-over: rolled back, and by hand-over', async () => {
  await sh(`sed 's/^\\( *- \\)--secure-port=.*/&\\n\\1--audit-log-maxbackups=3/' ${MANIFEST} > /root/e2e-bad.yaml`);
  const through = ['--ignore', 'unknown-flag', '--no-rehearse'];
  const seen = await observe(
    toolCommand('apply', '-f', '/root/e2e-bad.yaml', '--fast', 'always', ...through, '-o', 'json'),
  );
  const report = JSON.parse(seen.stdout) as Kept;
  expect([seen.code, report.outcome]).toEqual([3, 'rolled-back']);
  expect(await sh(`cat ${MANIFEST}`)).toBe(await pristine());
  expect((await sh(ASIDE)).trim()).toBe('0');
  console.info(`broken, by hand-over: API away ${report.apiAwaySeconds} s`);
});
