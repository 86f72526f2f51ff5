/**
 * Every breakage of test/scenario/doctor-NAME, made on the node by hand: doctor names its cause, and where expect.json says
 * so, doctor --fix mends it.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Break, Step } from '../support/broken-node';
import { edit } from './edit';
import { install, leave, MANIFEST, on, pristine, ready, REPO, reset, settled, sh, tool, until } from './node';

const SCENARIOS = join(REPO, 'test/scenario');
/** How long a breakage may take to show. The kubelet looks at its folder every 20 s, and pulls an image as long as it likes. */
const PATIENCE_SECONDS = 150;

interface Expected {
  code: string;
  title?: string;
  fix?: boolean;
  onNode?: { anyOf?: string[]; skip?: string };
}

interface Document {
  healthy: boolean;
  causes: { code: string; title: string; evidence: { where: string }[]; followsFrom?: string }[];
}

const read = (name: string, file: string): unknown => JSON.parse(readFileSync(join(SCENARIOS, name, file), 'utf8'));
const names = readdirSync(SCENARIOS).filter(
  (name) => name.startsWith('doctor-') && !(read(name, 'expect.json') as Expected).onNode?.skip,
);
const began = Date.now();

beforeAll(async () => {
  await install();
  await reset();
});

afterAll(async () => {
  await leave();
  console.info(`${names.length} breakages in ${Math.round((Date.now() - began) / 1000)} s`);
});

test('a sound node is healthy', async () => {
  const { code, stdout } = await tool('doctor', '-o', 'json');
  expect([code, (JSON.parse(stdout) as Document).causes]).toEqual([0, []]);
});

test.each(names)('%s', async (name) => {
  const scenario = read(name, 'break.json') as Break;
  const expected = read(name, 'expect.json') as Expected;
  const codes = expected.onNode?.anyOf ?? [expected.code];
  const before = await newest();
  await reset(() => startedAnew(before));
  try {
    await breakIt(scenario);
    let seen: Document | undefined;
    let lasted = 0;
    const shows = async (): Promise<boolean> => {
      const started = Date.now();
      const { code, stdout, stderr } = await tool('doctor', '-o', 'json');
      lasted = Date.now() - started;
      if (stdout === '') throw new Error(stderr);
      seen = JSON.parse(stdout) as Document;
      return code === 1 && seen.causes.some((cause) => codes.includes(cause.code) && cause.followsFrom === undefined);
    };
    const seconds = await until(`named (${codes.join(' or ')})`, shows, PATIENCE_SECONDS).catch((error: unknown) => {
      throw new Error(`${String(error)}; told: ${JSON.stringify(seen?.causes, null, 1)}`);
    });
    const cause = seen?.causes.find(({ code }) => codes.includes(code));
    console.info(
      `${name}: ${cause?.code ?? ''} after ${seconds.toFixed(1)} s; doctor took ${(lasted / 1000).toFixed(2)} s`,
    );
    expect(lasted).toBeLessThan(12_000);
    expect(cause?.evidence.length).toBeGreaterThan(0);
    if (codes.length === 1) expect(cause?.title).toContain(expected.title ?? '');
    if (expected.fix) {
      const fixed = await tool('doctor', '--fix', '--yes', '-o', 'json', '--timeout', '2m');
      expect([fixed.code, fixed.stderr]).toEqual([0, expect.any(String)]);
      expect(await ready()).toBe(true);
    }
  } finally {
    // The manifest first: a container that is still tried again makes a folder of a path that is gone.
    await put(MANIFEST, await pristine());
    for (const command of scenario.undo ?? []) await on(command);
  }
});

test('afterwards the node is healthy', async () => {
  await reset();
  await settled();
  expect((await tool('doctor')).code).toBe(0);
});

async function newest(): Promise<string> {
  return (await on(['pgrep', '-xn', 'kube-apiserver'])).stdout.trim();
}

/** Ready through a new process. The old one may linger for its grace period: doctor must know them apart. */
async function startedAnew(before: string): Promise<void> {
  await until('started anew', async () => (await newest()) !== before && (await ready()), 400);
}

async function breakIt({ steps, onNode = [] }: Break): Promise<void> {
  const byHand = async (): Promise<void> => {
    for (const command of onNode) {
      const { code, stderr } = await on(command);
      if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
    }
  };
  const inPlace = steps.some((step) => step.do === 'expired-certificate');
  for (const step of steps) {
    if (step.do === 'expired-certificate') await byHand();
    else await take(step);
  }
  if (!inPlace) await byHand();
}

async function take(step: Exclude<Step, { do: 'expired-certificate' }>): Promise<void> {
  switch (step.do) {
    case 'edit':
      return put(MANIFEST, edit(await sh(`cat ${MANIFEST}`), step));
    case 'replace': {
      const text = await sh(`cat ${MANIFEST}`);
      if (!text.includes(step.find)) throw new Error(`the manifest has no ${step.find}`);
      return put(MANIFEST, text.replace(step.find, step.by));
    }
    case 'write':
      // A container of the breakage before, tried once more after its mend, has made a folder of the path.
      await sh(`if [ -d ${step.path} ]; then rm -r ${step.path}; fi`);
      return put(step.path, step.text);
    case 'folder':
      await sh(`mkdir -p ${step.path}`);
      return;
    case 'copy':
      await sh(`cp -p ${step.from} ${step.to}`);
      return;
    case 'move':
      await sh(`mv ${step.from} ${step.to}`);
  }
}

/** By a rename from outside the folder, so that the kubelet sees nothing half-written. */
async function put(path: string, text: string): Promise<void> {
  await sh(
    `cat > /etc/kubernetes/.e2e-put && chmod 600 /etc/kubernetes/.e2e-put && mv /etc/kubernetes/.e2e-put ${path}`,
    text,
  );
}
