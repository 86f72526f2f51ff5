/**
 * `demo`: what the tool is for, in under a minute. Rule: every line that is shown as output is that of a real run of this
 * program against a sandbox made for it; whatever happens, the sandbox is gone afterwards.
 */
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../core/errors';
import { shellWord } from '../core/text';
import { isAlive, namesIn, readJson, startTicksOf, type ProcessId } from './kubelet/runtime/process-files';
import { stopSandbox } from './stop';
import type { DemoReport, DemoStep, RunSelf } from '../change/ports';

interface Scene {
  says: string;
  /** Done before the command; told in `says`. */
  before?: () => void;
  /** May rest on what the steps before it printed. */
  args: readonly string[] | ((before: readonly DemoStep[]) => readonly string[]);
  expected?: number;
}

const PREFIX = 'kube-auditctl-demo-';
/** Which process the folder is of: of a demo that was killed nobody else would clear up. */
const OWNER = 'demo.json';

const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'important' },
  stringData: { password: 'hunter2' },
};
const SECRETS = '/api/v1/namespaces/production/secrets';

export async function runDemo({
  run,
  show,
  signal,
}: {
  run: RunSelf;
  show: (text: string) => void;
  signal: AbortSignal;
}): Promise<DemoReport> {
  await sweep();
  const folder = makeFolder();
  const dir = join(folder, 'sandbox');
  const env = { KUBE_AUDITCTL_SANDBOX: dir, NO_COLOR: '1' };
  const steps: DemoStep[] = [];
  const begun = performance.now();

  const play = async ({ says, before, args: wanted, expected = 0 }: Scene): Promise<boolean> => {
    before?.();
    const args = typeof wanted === 'function' ? wanted(steps) : wanted;
    const command = ['kube-auditctl', ...args.map(shellWord)].join(' ');
    show(`\n# ${says}\n$ ${command}\n`);
    const at = performance.now();
    const { code, output } = await run(args, { env, print: show });
    steps.push({ says, command, exitCode: code, expectedExitCode: expected, ms: performance.now() - at, output });
    return code === expected;
  };

  let good = true;
  try {
    show(`# Everything below happens in a sandbox, a stand-in for a control-plane node; no cluster is touched.\n`);
    show(`$ export KUBE_AUDITCTL_SANDBOX=${dir}\n`);
    for (const scene of scenes(dir, folder)) {
      good = await play(scene);
      if (!good || signal.aborted) break;
    }
  } finally {
    // Also after Ctrl-C: nothing is left running, and nothing on the disk.
    const ended = await play({ says: 'And all of it is gone again.', args: ['sandbox', 'stop', '--delete'] });
    good = good && ended;
    if (ended) rmSync(folder, { recursive: true, force: true });
  }
  const outcome = signal.aborted ? 'interrupted' : good ? 'shown' : 'failed';
  return { outcome, totalMs: performance.now() - begun, steps };
}

/** Ends and removes what demos left that were killed. */
async function sweep(): Promise<void> {
  for (const name of namesIn(tmpdir()).filter((each) => each.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name);
    // What lies in another's says which processes are to be ended: root would end whichever that user likes.
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found?.isDirectory() !== true || found.uid !== process.geteuid?.()) continue;
    const owner = readJson(join(folder, OWNER)) as ProcessId | undefined;
    if (owner === undefined || isAlive(owner)) continue;
    try {
      await stopSandbox(join(folder, 'sandbox'), { remove: true });
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another demo is at it, or it cannot be ended: the next one tries again.
    }
  }
}

function makeFolder(): string {
  try {
    const folder = mkdtempSync(join(tmpdir(), PREFIX));
    writeFileSync(
      join(folder, OWNER),
      JSON.stringify({ pid: process.pid, startTicks: startTicksOf(process.pid) ?? '' }),
    );
    return folder;
  } catch (error) {
    throw new UserError('demo-no-folder', `the demo can make no folder in ${tmpdir()}: ${(error as Error).message}`, {
      hints: ['TMPDIR=/var/tmp kube-auditctl demo'],
      cause: error,
    });
  }
}

function scenes(dir: string, folder: string): Scene[] {
  const manifest = join(dir, 'node/etc/kubernetes/manifests/kube-apiserver.yaml');
  const bad = join(folder, 'bad.yaml');
  const request = (user: string, method: string, path: string, ...more: string[]): string[] => [
    ...['sandbox', 'request', '--user', user, '--quiet'],
    ...[method, path, ...more],
  ];
  return [
    { says: 'A control plane to play with: a kubelet, etcd and an API server.', args: ['sandbox', 'start'] },
    {
      says: 'Audit logging on, watched until the server is back, and proven by an event found in the log.',
      args: ['enable'],
    },
    {
      says: 'That event, as it stands in the log.',
      args: (steps) => ['log', 'show', /\bkube-auditctl-[0-9a-f]{16}\b/.exec(steps.at(-1)?.output ?? '')?.[0] ?? ''],
    },
    {
      says: 'Now to something that goes wrong: the same manifest, with a flag misspelt. It is refused before anything is written.',
      before: () => {
        const text = readFileSync(manifest, 'utf8');
        writeFileSync(bad, text.replace('--audit-log-maxbackup=', '--audit-log-maxbackups='));
      },
      args: ['apply', '-f', bad],
      expected: 1,
    },
    {
      says: 'And when it gets through all the same? It is rolled back, with its cause.',
      args: ['apply', '-f', bad, '--ignore', 'unknown-flag', '--no-rehearse'],
      expected: 3,
    },
    {
      says: 'An investigation. There is a Secret in production ...',
      args: request('admin', 'POST', SECRETS, '--data', JSON.stringify(SECRET)),
    },
    { says: '... which dave reads ...', args: request('dave', 'GET', `${SECRETS}/important`) },
    { says: '... and deletes.', args: request('dave', 'DELETE', `${SECRETS}/important`) },
    { says: 'Who was it?', args: ['log', 'who', 'deleted', 'secret/important', '-n', 'production'] },
    { says: 'What is on, what runs, and whether anything has drifted.', args: ['status'] },
  ];
}
