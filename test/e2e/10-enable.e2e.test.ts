/** `enable` and its way back on a real node, watched from outside: the folder, /readyz, memory. */
import { install, leave, MANIFEST, observe, on, pristine, reset, sh, tool, toolCommand } from './node';

afterAll(leave);

beforeAll(async () => {
  await install();
  await reset();
});

interface Kept {
  outcome: string;
  changed: boolean;
  changeId: string;
  diff: string;
  apiAwaySeconds: number;
  totalSeconds: number;
  stages: { stage: string; seconds: number }[];
  proof: { state: string; canary: { auditId: string; foundAfterMs: number }; secret: { state: string } };
}

let enabled: string;

test('on a fresh node: kept and proven, at most 5 s after /readyz is 200 for good; one rename into place', async () => {
  const seen = await observe(toolCommand('enable', '-o', 'json'));
  expect([seen.code, seen.stderr]).toEqual([0, expect.any(String)]);
  const report = JSON.parse(seen.stdout) as Kept;
  expect(report).toMatchObject({
    outcome: 'kept',
    changed: true,
    proof: { state: 'proven', secret: { state: 'metadata-only' } },
  });

  const readyForGood = seen.health.findLast(({ ok }) => ok)?.at ?? 0;
  const after = (seen.endedAt - readyForGood) / 1000;
  console.info(
    `ready for good -> end: ${after.toFixed(2)} s; API away ${report.apiAwaySeconds} s; peak ${seen.peakMib.toFixed(0)} MiB`,
  );
  expect(after).toBeLessThan(5);
  expect(seen.peakMib).toBeLessThan(150);

  // A rename into place is one event of that kind; a write in place would be `change` events.
  expect(seen.visibleNames).toEqual(['kube-apiserver.yaml']);
  expect(seen.manifestEvents.map(({ kind }) => kind)).toEqual(['rename']);

  const log = await sh('cat /var/log/kubernetes/audit/audit.log');
  expect(log).toContain(report.proof.canary.auditId);
  expect(report.diff).not.toMatch(/^-(?!-)/m);
  expect(await sh(`stat -c %a:%u:%g ${MANIFEST} /etc/kubernetes/audit-policy.yaml /var/log/kubernetes/audit`)).toBe(
    '600:0:0\n600:0:0\n700:0:0\n',
  );
  enabled = await sh(`cat ${MANIFEST}`);
});

test('again: unchanged, nothing restarted', async () => {
  const before = await sh('pgrep -x kube-apiserver | sort | tail -1');
  const seen = await observe(toolCommand('enable', '-o', 'json'), { settleMs: 2000 });
  expect(JSON.parse(seen.stdout)).toMatchObject({ outcome: 'unchanged', changed: false, exitCode: 0 });
  expect([seen.code, seen.failedPolls, seen.manifestEvents]).toEqual([0, 0, []]);
  expect(await sh('pgrep -x kube-apiserver | sort | tail -1')).toBe(before);
  expect(await sh(`cat ${MANIFEST}`)).toBe(enabled);
});

test('status and verify say that it is on', async () => {
  const status = await tool('status', '--check', '--cis', '-o', 'json');
  expect(JSON.parse(status.stdout)).toMatchObject({
    configured: 'on',
    running: { asConfigured: true, ready: true },
    policy: { runs: 'this' },
    drift: '',
    unfinished: null,
    findings: [],
  });
  expect(status.code).toBe(0);
  const verify = await tool('verify', '-o', 'json');
  expect([verify.code, JSON.parse(verify.stdout)]).toMatchObject([
    0,
    { state: 'proven', secret: { state: 'metadata-only' } },
  ]);
});

test('a changed policy file alone restarts the server, and the new one runs', async () => {
  await sh('sed -i "s/^  # Everything else.*/  # Edited./" /etc/kubernetes/audit-policy.yaml');
  expect((await tool('status', '--check')).code).toBe(1);
  const seen = await observe(toolCommand('enable', '-o', 'json'));
  const report = JSON.parse(seen.stdout) as Kept;
  expect(report).toMatchObject({ outcome: 'kept', proof: { state: 'proven' } });
  expect(report.diff.split('\n').filter((line) => /^[+-](?![+-])/.test(line))).toHaveLength(2);
  expect((await tool('status', '--check')).code).toBe(0);
  // The next tests go back to where this file began.
  await sh(
    'sed -i "s/^  # Edited.*/  # Everything else: who, what, when, and with which result./" /etc/kubernetes/audit-policy.yaml',
  );
});

test('disable gives back the same bytes, after an edit of the user as well', async () => {
  await sh(
    `cp ${MANIFEST} /etc/kubernetes/.e2e && sed -i '1i # mine' /etc/kubernetes/.e2e && mv /etc/kubernetes/.e2e ${MANIFEST}`,
  );
  const seen = await observe(toolCommand('disable', '-o', 'json'));
  expect([seen.code, JSON.parse(seen.stdout)]).toMatchObject([0, { outcome: 'kept', changed: true }]);
  expect(await sh(`cat ${MANIFEST}`)).toBe(`# mine\n${await pristine()}`);
  expect(seen.visibleNames).toEqual(['kube-apiserver.yaml']);
});

test('history and rollback lead back', async () => {
  await reset();
  expect((await tool('enable')).code).toBe(0);
  const history = JSON.parse((await tool('history', '-o', 'json')).stdout) as { changes: { state: string }[] };
  expect(history.changes.map(({ state }) => state)).toEqual(['kept']);
  const rolled = await tool('rollback', '-o', 'json');
  expect([rolled.code, JSON.parse(rolled.stdout)]).toMatchObject([0, { outcome: 'kept' }]);
  expect(await sh(`cat ${MANIFEST}`)).toBe(await pristine());
  expect((await on(['test', '-e', '/etc/kubernetes/audit-policy.yaml'])).code).toBe(1);
});

test('dry-run works where nothing at all can be written', async () => {
  const readOnly =
    'for m in $(findmnt -rno TARGET | grep -v -e ^/proc -e ^/sys -e ^/dev); do mount -o remount,ro,bind $m 2>/dev/null || true; done';
  const script = `${readOnly}; if touch /etc/kubernetes/x /tmp/x /run/x 2>/dev/null; then exit 99; fi; ${toolCommand('enable', '--dry-run', '--ignore', 'read-only-file-system', '-o', 'json').join(' ')}`;
  const ran = await on(['unshare', '-m', 'sh', '-c', script]);
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect(JSON.parse(ran.stdout)).toMatchObject({ outcome: 'planned', changed: false, wouldChange: true });
});
