/**
 * Mistakes that reach the node (apply -f, with what preflight finds ignored): each is named by its true cause, and the old
 * server is back. From the moment the evidence exists to the old manifest back in place it takes at most 2 s.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { edit, type Edit } from './edit';
import { install, leave, MANIFEST, observe, on, pristine, ready, REPO, reset, sh, toolCommand } from './node';

const SCENARIOS = join(REPO, 'test/scenario');

interface OnNode {
  before?: string[][];
  after?: string[][];
  code: string;
  title: string;
  /** A line of the evidence that is the cause; its time is when it could be known. */
  evidence: string;
  /** Seconds more, where the tool rightly waits for a second sign. */
  grace?: number;
}

function json(name: string, file: string): unknown {
  return JSON.parse(readFileSync(join(SCENARIOS, name, file), 'utf8'));
}

const names = readdirSync(SCENARIOS).filter((name) => existsSync(join(SCENARIOS, name, 'on-node.json')));

afterAll(leave);

beforeAll(async () => {
  await install();
  await reset();
});

test.each(names)('%s', async (name) => {
  const scenario = json(name, 'on-node.json') as OnNode;
  await reset();
  for (const command of scenario.before ?? []) expect((await on(command)).code).toBe(0);
  try {
    const bad = edit(await pristine(), json(name, 'edit.json') as Edit);
    await sh('cat > /root/e2e-bad.yaml', bad);
    const ignored = await preflightCodes();
    const seen = await observe(
      toolCommand('apply', '--no-rehearse', '-f', '/root/e2e-bad.yaml', '-o', 'json', ...ignored),
    );
    expect([seen.code, seen.stderr]).toEqual([3, expect.any(String)]);
    const report = JSON.parse(seen.stdout) as {
      outcome: string;
      cause: { code: string; title: string };
      evidence: string;
      apiAwaySeconds: number;
    };
    expect(report).toMatchObject({ outcome: 'rolled-back', changed: false, cause: { code: scenario.code } });
    expect(report.cause.title).toContain(scenario.title);
    expect(await sh(`cat ${MANIFEST}`)).toBe(await pristine());
    expect(await ready()).toBe(true);
    expect(seen.visibleNames).toEqual(['kube-apiserver.yaml']);

    const known = await firstEvidence(report.evidence, scenario.evidence);
    const restored = seen.manifestEvents.at(-1)?.at ?? 0;
    const seconds = (restored - known) / 1000;
    console.info(`${name}: evidence -> old manifest ${seconds.toFixed(2)} s; API away ${report.apiAwaySeconds} s`);
    expect(seconds).toBeLessThan(2 + (scenario.grace ?? 0));
  } finally {
    for (const command of scenario.after ?? []) await on(command);
  }
});

/** `--ignore` for every error that preflight finds; where it finds one, nothing was written and the API was never away. */
async function preflightCodes(): Promise<string[]> {
  const seen = await observe(
    toolCommand('apply', '--no-rehearse', '-f', '/root/e2e-bad.yaml', '-o', 'json', '--dry-run'),
  );
  const { findings } = JSON.parse(seen.stdout) as { findings: { code: string; severity: string }[] };
  const codes = findings.filter(({ severity }) => severity === 'error').map(({ code }) => code);
  expect([seen.code, seen.failedPolls, seen.manifestEvents]).toEqual([codes.length > 0 ? 1 : 0, 0, []]);
  return codes.flatMap((code) => ['--ignore', code]);
}

/** Time of the first line in the saved evidence that matches. */
async function firstEvidence(folder: string, pattern: string): Promise<number> {
  // No processes are there to be told of where the old pod had to end first.
  const lines = (await sh(`cat $(find ${folder} -name "*.log" -o -name "*.txt")`))
    .split('\n')
    .filter((line) => new RegExp(pattern).test(line));
  const times = lines.map((line) => Date.parse(line.slice(0, 24)));
  expect(times.length).toBeGreaterThan(0);
  return Math.min(...times);
}
