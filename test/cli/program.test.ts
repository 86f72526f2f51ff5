/** The command line as users and scripts meet it: options reach the plan, exit codes, streams, colour, help. */
import { buildProgram } from '../../src/cli/program';
import { EXIT_CODES } from '../../src/core/outcome';
import { run, type RunOptions } from '../support/command-line';
import { webhookKubeconfig } from '../../src/core/webhook-kubeconfig';
import { FakeNode, MANIFEST, STATE } from '../support/fake-node';
import { METADATA_POLICY } from '../support/flows';
import { fixture } from '../support/manifests';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const POLICY = '/etc/kubernetes/audit-policy.yaml';
const ESC = '\u001b[';

const fresh = (): FakeNode => new FakeNode(PRISTINE);
const enabled = async (): Promise<FakeNode> => {
  const node = fresh();
  expect((await run(node, ['enable'])).code).toBe(0);
  node.pass(40_000);
  return node;
};

describe('options reach the plan', () => {
  test('of enable', async () => {
    const node = fresh();
    const args =
      'enable --policy - --policy-path /etc/kubernetes/audit/p.yaml --log-path /var/log/kube/a.log --max-age 7 --max-backup 3 ' +
      '--max-size 50 --compress --mode blocking-strict --flag audit-log-format=json --flag --audit-log-version=audit.k8s.io/v1';
    const { code, out } = await run(node, args.split(' '), { input: { '-': METADATA_POLICY } });
    expect([code, out]).toEqual([0, expect.stringContaining('proven: ')]);
    for (const flag of [
      '--audit-policy-file=/etc/kubernetes/audit/p.yaml',
      '--audit-log-path=/var/log/kube/a.log',
      '--audit-log-maxage=7',
      '--audit-log-maxbackup=3',
      '--audit-log-maxsize=50',
      '--audit-log-compress=true',
      '--audit-log-mode=blocking-strict',
      '--audit-log-format=json',
      '--audit-log-version=audit.k8s.io/v1',
    ])
      expect(node.manifest()).toContain(`- ${flag}\n`);
    expect(node.fs.text('/etc/kubernetes/audit/p.yaml')).toBe(METADATA_POLICY);
  });

  test('of the webhook', async () => {
    const node = fresh();
    const args = 'enable --webhook-url https://receiver.example/ --webhook-mode batch --webhook-backoff 1m30s';
    expect((await run(node, args.split(' '))).code).toBe(0);
    expect(node.manifest()).toContain('--audit-webhook-initial-backoff=90s\n');
    expect(node.manifest()).toContain('--audit-webhook-mode=batch\n');
  });

  test('a webhook kubeconfig of the user is installed as it is', async () => {
    const node = fresh();
    const input = { 'hook.yaml': webhookKubeconfig('https://receiver.example/') };
    expect((await run(node, ['enable', '--webhook-config', 'hook.yaml'], { input })).code).toBe(0);
    expect(node.fs.text('/etc/kubernetes/audit-webhook.yaml')).toBe(input['hook.yaml']);
  });

  test('--ignore takes several names, in one option or more', async () => {
    const node = fresh();
    node.kubeletRuns = false;
    node.fs.put('/etc/kubernetes/manifests/old.yaml', PRISTINE);
    const refused = await run(node, ['enable', '--dry-run']);
    expect(refused.code).toBe(1);
    for (const names of [
      ['--ignore', 'kubelet-not-running,second-manifest'],
      ['--ignore', 'kubelet-not-running', '--ignore', 'second-manifest'],
    ])
      expect((await run(node, ['enable', '--dry-run', ...names])).code).toBe(0);
  });

  test('global options stand before the command or after it', async () => {
    for (const args of [
      ['--root', '/host', '--node-name', 'n1', '--manifest', MANIFEST, '--state-dir', STATE, 'status'],
      ['status', '--root', '/host', '--node-name', 'n1', '--manifest', MANIFEST, '--state-dir', STATE],
    ]) {
      const { world, code } = await run(fresh(), args);
      expect([code, world]).toEqual([0, { root: '/host', nodeName: 'n1', manifestPath: MANIFEST, stateDir: STATE }]);
    }
  });

  test('apply, rollback and disable: what they are told', async () => {
    const node = await enabled();
    const next = (node.manifest() ?? '').replace('cpu: 250m', 'cpu: 300m');
    expect((await run(node, ['apply', '-f', 'new.yaml'], { input: { 'new.yaml': next } })).code).toBe(0);
    expect(node.manifest()).toBe(next);
    const { json } = await run(node, ['history', '-o', 'json']);
    const [first] = (json() as { changes: { id: string }[] }).changes;
    expect((await run(node, ['rollback', '--to', first?.id ?? '', '--no-verify'])).code).toBe(0);
    expect(node.manifest()).not.toContain('300m');
    expect((await run(node, ['disable'])).code).toBe(0);
    expect(node.manifest()).toBe(PRISTINE);
  });

  test('--timeout, --no-verify and --guard', async () => {
    const node = fresh();
    node.kubeletIsDeaf = true;
    const began = node.now;
    const args = ['enable', '--timeout', '10s', '--guard', '0', '--no-verify', '-o', 'json'];
    const { code, json, talk } = await run(node, args);
    expect([code, json()]).toEqual([
      3,
      expect.objectContaining({ cause: expect.objectContaining({ code: 'not-ready-in-time' }) }),
    ]);
    expect(node.now - began).toBeLessThan(30_000);
    expect(talk).not.toContain('guard set');
  });
});

describe('exit codes', () => {
  const bad = PRISTINE.replace(/^( +- )--secure-port=.*$/m, '$&\n$1--audit-log-maxbackups=3');
  const input = { 'bad.yaml': bad, 'empty.yaml': 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n' };
  const cases: [number, string, string, ((node: FakeNode) => void)?][] = [
    [0, 'planned', 'enable --dry-run'],
    [0, 'kept', 'enable'],
    [0, 'nothing recorded', 'history'],
    [0, 'nothing to recover', 'recover'],
    [0, 'nothing to disable', 'disable'],
    [0, 'status', 'status'],
    [1, 'refused', 'enable --policy empty.yaml'],
    [1, 'status --check, off', 'status --check'],
    [1, 'verify, nothing configured', 'verify'],
    [2, 'no manifest', 'status --manifest /nowhere.yaml'],
    [2, 'nothing to roll back', 'rollback'],
    [3, 'rolled back', 'apply -f bad.yaml --ignore unknown-flag'],
    [4, 'kept on failure', 'apply -f bad.yaml --keep-on-failure --ignore unknown-flag'],
  ];
  test.each(cases)('%i: %s', async (code, _name, line) => {
    expect((await run(fresh(), line.split(' '), { input })).code).toBe(code);
    const json = await run(fresh(), [...line.split(' '), '-o', 'json'], { input });
    expect(json.json()).toMatchObject({ exitCode: code });
    expect(json.code).toBe(code);
  });

  test('status --check is 0 where audit logging is on and nothing is found', async () => {
    const node = await enabled();
    node.fs.put('/var/log/kubernetes/audit/audit.log', '{}\n');
    const lstat = node.fs.lstat.bind(node.fs);
    node.fs.lstat = async (path) => ({ ...(await lstat(path)), mtimeMs: node.now });
    expect((await run(node, ['status', '--check', '--cis'])).code).toBe(0);
    expect((await run(node, ['verify'])).code).toBe(0);
  });
});

describe('usage errors: 2, nothing on standard output, nothing asked of the node', () => {
  test.each([
    ['enable --max-size 0'],
    ['enable --max-age many'],
    ['enable --nope'],
    ['enable --mode sometimes'],
    ['enable --timeout soon'],
    ['enable --timeout 0'],
    ['enable --flag secure-port=1'],
    ['enable --policy p.yaml --preset recommended'],
    ['enable --webhook-url https://a/ --webhook-config b'],
    ['enable surplus'],
    ['apply'],
    ['stauts'],
    ['status -o yaml'],
    [''],
  ])('%s', async (line) => {
    const result = await run(fresh(), line === '' ? [] : line.split(' '));
    expect({ code: result.code, out: result.out, world: result.world }).toEqual({ code: 2, out: '', world: undefined });
    expect(result.talk).not.toBe('');
  });

  test('a misspelt command or option names the one that was meant', async () => {
    expect((await run(fresh(), ['stauts'])).talk).toContain('status');
    expect((await run(fresh(), ['enable', '--max-sise', '5'])).talk).toContain('--max-size');
  });

  test('with -o json there is a document all the same', async () => {
    for (const args of [
      ['enable', '--max-size', '0', '-o', 'json'],
      ['-ojson', 'enable', '--nope'],
      ['--output=json', 'nope'],
    ])
      expect((await run(fresh(), args)).json()).toMatchObject({
        outcome: 'error',
        changed: false,
        exitCode: 2,
        error: { code: 'usage', message: expect.any(String), place: null },
      });
  });
});

describe('streams', () => {
  test('the answer on standard output, the talk on standard error', async () => {
    const { out, talk } = await run(fresh(), ['enable']);
    expect(out).toMatch(/^Done\. The API was away for \d/m);
    expect(out).toContain('to go back: kube-auditctl rollback');
    expect(out).not.toContain('backed up to');
    expect(talk).toContain('backed up to /var/lib/kube-auditctl/changes/');
    expect(talk).toContain('guard set');
  });

  test('--quiet: the answer only', async () => {
    const { out, talk, live } = await run(fresh(), ['enable', '--quiet']);
    expect(out).toMatch(/^Done\./m);
    expect([talk, live]).toEqual(['', []]);
  });

  test('-o json: one document and nothing else on standard output, and no live line', async () => {
    const { json, talk, live } = await run(fresh(), ['enable', '-o', 'json']);
    expect(json()).toMatchObject({ command: 'enable', outcome: 'kept', changed: true });
    expect(talk).toContain('backed up to');
    expect(live).toEqual([]);
  });

  test('an error is told with its place and its hints', async () => {
    const input = { 'new.yaml': PRISTINE.replace('  name: kube-apiserver\n  namespace', '  name: other\n  namespace') };
    const { code, out, talk } = await run(fresh(), ['apply', '-f', 'new.yaml'], { input });
    expect([code, out]).toEqual([2, '']);
    expect(talk).toMatch(/\[other-pod\]\n {4}new\.yaml:\d+:\d+\n {4}\d+ \| {3}name: other\n {4} +\^+\n/);
    expect(talk).toContain('\u2192 keep the name and the namespace');
  });

  test('what nobody foresaw says that it is a bug, with the stack', async () => {
    const ports: RunOptions['ports'] = (each) => {
      each.files.look = () => Promise.reject(new TypeError('x is not a function'));
    };
    const { code, out, talk } = await run(fresh(), ['status'], { ports });
    expect([code, out]).toEqual([2, '']);
    expect(talk).toMatch(/has a bug: this should not have happened\.\n {4}TypeError: x is not a function\n {8}at /);
    expect((await run(fresh(), ['status', '-o', 'json'], { ports })).json()).toMatchObject({ error: { code: 'bug' } });
  });
});

describe('colour', () => {
  test('where the streams take it, in answer and talk', async () => {
    const { out, talk } = await run(fresh(), ['enable'], { colour: true });
    expect(out).toContain(ESC);
    expect(talk).toContain(ESC);
  });

  test.each([
    ['--no-color', ['enable', '--no-color'], true],
    ['streams that take none: no terminal, NO_COLOR', ['enable'], false],
  ])('none with %s', async (_name, args, colour) => {
    const { out, talk } = await run(fresh(), args, { colour });
    expect(out + talk).not.toContain(ESC);
  });

  test('none in errors with --no-color', async () => {
    const { talk } = await run(fresh(), ['rollback', '--no-color'], { colour: true });
    expect(talk).toContain('[nothing-to-roll-back]');
    expect(talk).not.toContain(ESC);
  });

  test('never in JSON', async () => {
    const { out } = await run(fresh(), ['status', '-o', 'json'], { colour: true });
    expect(out).not.toContain(ESC);
  });
});

describe('root', () => {
  test('is needed for the node itself', async () => {
    for (const command of ['enable', 'disable', 'status', 'verify', 'history', 'rollback', 'recover', 'doctor']) {
      const { code, talk } = await run(fresh(), [command], { uid: 1000 });
      expect([command, code, talk]).toEqual([command, 2, expect.stringContaining('[not-root]')]);
    }
  });

  test('is not for a node that lies in a folder', async () => {
    expect((await run(fresh(), ['status', '--root', '/tmp/node'], { uid: 1000 })).code).toBe(0);
  });
});

describe('help', () => {
  const unused = (): never => {
    throw new Error('not to be called');
  };
  const program = buildProgram({
    streams: { out: unused, talk: unused, live: unused, outColour: false, talkColour: false },
    world: unused,
    doctor: unused,
    readInput: unused,
    inputLines: unused,
    begin: unused,
    writeOutput: unused,
    editor: unused,
    terminal: unused,
    replayLogs: unused,
    sandboxDirs: { standard: '/none' },
    enterSandbox: unused,
    sandboxes: unused,
    runSelf: unused,
    interrupts: { first: new AbortController().signal, second: new AbortController().signal },
    logs: unused,
    writeParquet: unused,
    now: unused,
    exit: unused,
  });

  test.each(['', ...program.commands.map((command) => command.name())])(
    '%s --help: exit codes, and 0',
    async (command) => {
      const { code, out, talk } = await run(fresh(), [...(command === '' ? [] : [command]), '--help']);
      expect([code, talk]).toEqual([0, '']);
      for (const [number, meaning] of Object.entries(EXIT_CODES)) expect(out).toContain(`  ${number}  ${meaning}`);
    },
  );

  test('--version: the version alone', async () => {
    expect(await run(fresh(), ['--version'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
    });
  });
});

test('the policy on the node is not touched by a plan that reads one from standard input', async () => {
  const node = await enabled();
  const before = node.fs.text(POLICY);
  const { out } = await run(node, ['enable', '--policy', '-', '--dry-run', '--diff'], {
    input: { '-': METADATA_POLICY },
  });
  expect(node.fs.text(POLICY)).toBe(before);
  expect(out).toContain(`replace ${POLICY} (-)`);
  expect(out).toContain('+- level: Metadata');
});

describe('edit', () => {
  const saving = (node: FakeNode, text: string) => ({
    name: 'ed',
    locate: (path: string) => path,
    open: (path: string) => {
      node.fs.put(path, text);
      return Promise.resolve({ state: 'ended' as const });
    },
  });

  test('without a terminal it asks nobody, and starts no editor', async () => {
    const node = new FakeNode(PRISTINE);
    const editor = { ...saving(node, ''), open: () => Promise.reject(new Error('opened')) };
    const { code, talk } = await run(node, ['edit'], { editor });
    expect([code, talk]).toEqual([2, expect.stringMatching(/\[no-terminal\][^]*kube-auditctl apply -f FILE/)]);
    expect(node.manifest()).toBe(PRISTINE);
  });

  test('findings and questions are talk, how it ended is the answer', async () => {
    const node = new FakeNode(PRISTINE);
    const editor = saving(node, PRISTINE.replace('hostNetwork: true', 'hostNetwrk: true'));
    const { code, out, talk, json } = await run(node, ['-o', 'json', 'edit'], { editor, answers: ['d', 'q'] });
    expect([code, json()]).toMatchObject([1, { command: 'edit', outcome: 'refused', changed: false }]);
    expect(talk).toMatch(/write `hostNetwork` instead[^]*-  hostNetwork: true\n\+  hostNetwrk: true[^]*\(q\)uit\? /);
    expect(out).not.toContain('hostNetwrk');
  });
});
