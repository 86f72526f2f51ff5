/**
 * The rehearsal on a real node: mistakes are refused before the write, without one failed /readyz; and nothing of it is
 * left, also when the tool is killed in the middle of it.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { edit, type Edit } from './edit';
import { install, leave, MANIFEST, observe, on, pristine, REPO, reset, sh, toolCommand } from './node';

const SCENARIOS = join(REPO, 'test/scenario');
/** What no server can say of its own arguments: docs/rehearsal.md tells who finds these. */
const NOT_ITS_OWN = new Set(['image-does-not-exist', 'mount-without-volume']);

interface OnNode {
  before?: string[][];
  after?: string[][];
  code: string;
  title: string;
}

interface Report {
  outcome: string;
  findings: { code: string; title: string; severity: string }[];
  rehearsal?: { state: string; seconds: number; version: string };
}

const json = (name: string, file: string): unknown => JSON.parse(readFileSync(join(SCENARIOS, name, file), 'utf8'));
const names = readdirSync(SCENARIOS)
  .filter((name) => existsSync(join(SCENARIOS, name, 'on-node.json')))
  .filter((name) => !NOT_ITS_OWN.has(name));

/** All that a rehearsal could leave: processes, listening ports, mounts, files. */
const traces = (): Promise<string> =>
  sh(
    [
      'ps -eo args | grep -e "[.]rehearsal" -e "[u]nshare" -e "[n]senter" || true',
      'ss -Hltn | sort',
      'cut -d" " -f4- /proc/self/mountinfo | sort',
      'find /mnt /media /srv /tmp /dev/shm -xdev 2>/dev/null | grep -v systemd-private | sort',
    ].join('; '),
  );

afterAll(leave);

beforeAll(async () => {
  await install();
  await reset();
});

test.each(names)('%s: refused before the write', async (name) => {
  const scenario = json(name, 'on-node.json') as OnNode;
  for (const command of scenario.before ?? []) expect((await on(command)).code).toBe(0);
  try {
    await sh('cat > /root/e2e-bad.yaml', edit(await pristine(), json(name, 'edit.json') as Edit));
    const before = await traces();
    const seen = await observe(toolCommand('apply', '-f', '/root/e2e-bad.yaml', '-o', 'json'));
    expect([seen.code, seen.failedPolls, seen.manifestEvents, seen.visibleNames]).toEqual([1, 0, [], []]);
    const report = JSON.parse(seen.stdout) as Report;
    expect(report.outcome).toBe('refused');
    // What preflight knows is not rehearsed, unless it is let through.
    const errors = report.findings.filter(({ severity }) => severity === 'error').map(({ code }) => code);
    const ignored = report.rehearsal ? [] : errors.flatMap((code) => ['--ignore', code]);
    const tried = await observe(
      toolCommand('apply', '-f', '/root/e2e-bad.yaml', '--dry-run', '-o', 'json', ...ignored),
    );
    const { rehearsal } = JSON.parse(tried.stdout) as Report;
    expect([tried.failedPolls, tried.manifestEvents]).toEqual([0, []]);
    expect(rehearsal).toMatchObject({
      state: 'rejected',
      cause: { code: scenario.code, title: expect.stringContaining(scenario.title) as string },
    });
    console.info(
      `${name}: ${report.rehearsal ? 'refused' : `${errors.join()}; rehearsed`} after ${rehearsal?.seconds ?? 0} s`,
    );
    // Two trials, the planned arguments' and today's.
    expect(rehearsal?.seconds).toBeLessThan(4);
    expect(await sh(`cat ${MANIFEST}`)).toBe(await pristine());
    expect(await traces()).toBe(before);
  } finally {
    for (const command of scenario.after ?? []) await on(command);
  }
});

test('what is right is accepted within 2 s, at less than 400 MiB, and the running server answers all the while', async () => {
  const before = await traces();
  const sampler =
    'peak=0; for i in $(seq 300); do for f in /proc/[0-9]*/comm; do if grep -qx .rehearsal $f 2>/dev/null; then k=$(awk "/VmHWM/{print \\$2}" ${f%comm}status 2>/dev/null || true); if [ "${k:-0}" -gt $peak ]; then peak=$k; fi; fi; done; sleep 0.01; done; echo $peak';
  const [seen, peak] = await Promise.all([observe(toolCommand('enable', '--dry-run', '-o', 'json')), sh(sampler)]);
  const report = JSON.parse(seen.stdout) as Report;
  expect([seen.code, seen.failedPolls, seen.stderr]).toEqual([0, 0, '']);
  expect(report.rehearsal).toMatchObject({ state: 'accepted', version: expect.stringMatching(/^v1\./) as string });
  const seconds = report.rehearsal?.seconds ?? NaN;
  console.info(`accepted after ${seconds} s; the rehearsed server took ${Number(peak) / 1024} MiB`);
  expect(seconds).toBeLessThan(2);
  expect(Number(peak)).toBeGreaterThan(0);
  expect(Number(peak) / 1024).toBeLessThan(400);
  expect(await traces()).toBe(before);
});

test('killed at any moment of it: nothing is left', async () => {
  const before = await traces();
  const tool = toolCommand('enable', '--dry-run').join(' ');
  await sh(
    `for d in 0.10 0.14 0.18 0.22 0.26 0.30 0.35 0.40 0.45 0.50 0.60; do ${tool} >/dev/null 2>&1 & p=$!; sleep $d; kill -9 $p 2>/dev/null || true; wait $p 2>/dev/null || true; done; sleep 0.5`,
  );
  expect(await traces()).toBe(before);
});

test('the live log and etcd are not touched', async () => {
  await sh('mkdir -p /var/log/kubernetes/audit && echo live > /var/log/kubernetes/audit/audit.log');
  const stat = 'stat -c "%i %s %Y" /var/log/kubernetes/audit /var/log/kubernetes/audit/audit.log';
  const before = await sh(stat);
  const seen = await observe(toolCommand('enable', '--dry-run', '-o', 'json'));
  expect((JSON.parse(seen.stdout) as Report).rehearsal?.state).toBe('accepted');
  expect(await sh(stat)).toBe(before);
  await sh('rm -rf /var/log/kubernetes/audit');
});
