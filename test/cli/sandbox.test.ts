/** `sandbox`, `demo` and `--sandbox`: which sandbox is meant, what is said, and the exit codes. */
import type { DemoStep, SandboxState } from '../../src/change/ports';
import { run, SANDBOX, type RunOptions } from '../support/command-line';
import { FakeNode } from '../support/fake-node';
import { fixture } from '../support/manifests';

const node = (): FakeNode => new FakeNode(fixture('kubeadm-1.36.yaml'));
const RUNNING: SandboxState = {
  dir: SANDBOX,
  state: 'running',
  like: 'fast',
  kubernetesVersion: 'v1.36.0',
  nodeName: 'sandbox',
  port: 6443,
  createdAt: '2026-01-01T00:00:00.000Z',
  node: `${SANDBOX}/node`,
  kubelet: { pid: 71, startedAt: 1_700_000_000_000 },
  containers: [{ name: 'etcd', pid: 72, startedAt: 1_700_000_000_000 }],
  ready: true,
  users: [{ name: 'jane', about: 'looks around', kubeconfig: '/x' }],
};

describe('which sandbox is the world', () => {
  test.each<[args: string, environment: string | undefined, entered: string | undefined]>([
    ['status', undefined, undefined],
    ['status --sandbox', undefined, SANDBOX],
    ['--sandbox status', undefined, SANDBOX],
    ['status --sandbox /box', undefined, '/box'],
    ['--sandbox /box status', undefined, '/box'],
    ['--sandbox=status status', undefined, 'status'],
    ['status --sandbox ./status', undefined, './status'],
    ['status', '/env', '/env'],
    ['status --sandbox', '/env', SANDBOX],
    ['status --sandbox /box', '/env', '/box'],
    ['status --root /host', '/env', undefined],
    ['policy --sandbox presets', undefined, SANDBOX],
  ])('%s with KUBE_AUDITCTL_SANDBOX=%s: %s', async (args, environment, entered) => {
    const ran = await run(node(), args.split(' '), environment === undefined ? {} : { environment });
    expect([ran.code, ran.entered]).toEqual([0, entered]);
  });

  test('--sandbox and --root are two different nodes', async () => {
    const { code, talk, world } = await run(node(), ['status', '--sandbox', '/box', '--root', '/host']);
    expect([code, talk, world]).toEqual([2, expect.stringContaining("cannot be used with option '--root"), undefined]);
  });

  test('what follows -- is another program’s', async () => {
    const args = ['policy', 'explain', 'preset:quiet', '--', 'kubectl', 'get', 'pods', '--sandbox', 'status'];
    expect((await run(node(), args)).entered).toBeUndefined();
  });
});

describe('answers say that it is none of the real nodes', () => {
  test.each(['status --sandbox', 'enable --dry-run --sandbox'])('%s', async (line) => {
    const { out } = await run(node(), line.split(' '));
    expect(out).toMatch(/no real node/);
    expect((await run(node(), [...line.split(' '), '-o', 'json'])).json()).toMatchObject({ sandbox: SANDBOX });
  });

  test.each(['history', 'recover', 'verify'])('%s', async (line) => {
    expect((await run(node(), [line, '--sandbox', '-o', 'json'])).json()).toMatchObject({ sandbox: SANDBOX });
  });

  test('verify in text', async () => {
    expect((await run(node(), ['verify', '--sandbox'])).out).toMatch(/no real node/);
  });

  test('and on a real node nothing does', async () => {
    for (const line of ['status', 'enable --dry-run']) {
      expect((await run(node(), line.split(' '))).out).not.toContain('sandbox');
      expect((await run(node(), [...line.split(' '), '-o', 'json'])).json()).not.toHaveProperty('sandbox');
    }
  });
});

describe('sandbox', () => {
  const asked = async (line: string, options: RunOptions = {}) => {
    const calls: unknown[] = [];
    const note =
      <T>(answer: T) =>
      (...args: unknown[]) => {
        calls.push(args);
        return Promise.resolve(answer);
      };
    const ran = await run(node(), line.split(' '), {
      now: 1_700_000_060_000,
      sandboxes: {
        start: note({ was: 'none' as const, state: RUNNING }),
        stop: note({ was: 'running' as const, ended: [71, 72] }),
        status: note(RUNNING),
        kubeconfig: note({ path: '/x/jane.conf', text: 'kind: Config\n' }),
        request: note({ status: 200, body: '{}' }),
        kubelet: note(undefined),
        journal: note('{}\n'),
        ...options.sandboxes,
      },
      ...options,
    });
    return { ...ran, calls };
  };

  test.each<[line: string, call: unknown]>([
    ['sandbox start', [SANDBOX, expect.objectContaining({})]],
    ['sandbox start /box --like 1.20 --port 7000', ['/box', expect.objectContaining({ like: '1.20', port: 7000 })]],
    ['sandbox stop --delete /box', ['/box', { remove: true }]],
    ['sandbox stop --sandbox /other', ['/other', { remove: false }]],
    ['sandbox status', [SANDBOX]],
    ['sandbox kubeconfig --user jane', [SANDBOX, 'jane']],
    ['sandbox request delete /api --user dave', [SANDBOX, { user: 'dave', method: 'DELETE', path: '/api' }]],
    ['sandbox kubelet stop', [SANDBOX, 'stop']],
    ['sandbox journal', [SANDBOX]],
  ])('%s', async (line, call) => {
    const { code, calls, entered } = await asked(line);
    expect([code, calls, entered]).toEqual([0, [call], undefined]);
  });

  test('the environment names the folder for it too', async () => {
    const { calls } = await asked('sandbox status', { environment: '/env' });
    expect(calls).toEqual([['/env']]);
  });

  test('status shows what runs, and its exit code whether it does', async () => {
    expect((await asked('sandbox status')).out).toMatch(/^etcd +pid 72 for 1 min 0 s$/m);
    const stopped = { sandboxes: { status: () => Promise.resolve({ ...RUNNING, state: 'stopped' as const }) } };
    expect((await run(node(), ['sandbox', 'status'], stopped)).code).toBe(1);
  });

  test('start tells how to go on, for the folder that was named', async () => {
    expect((await asked('sandbox start')).out).toContain('kube-auditctl enable --sandbox\n');
    expect((await asked('sandbox start /box')).out).toContain(`kube-auditctl enable --sandbox ${SANDBOX}\n`);
  });

  test('an error status is an answer, and exit code 1', async () => {
    const sandboxes = { request: () => Promise.resolve({ status: 403, body: '{"reason":"Forbidden"}' }) };
    const { code, out } = await run(node(), ['sandbox', 'request', 'GET', '/api'], { sandboxes });
    expect([code, out]).toEqual([1, '{"reason":"Forbidden"}\n']);
  });

  test.each(['sandbox start --port 70000', 'sandbox request GET', 'sandbox nonsense'])('%s: usage', async (line) => {
    expect((await asked(line)).code).toBe(2);
  });
});

describe('demo', () => {
  const step: DemoStep = { says: 's', command: 'c', exitCode: 0, expectedExitCode: 0, ms: 1, output: 'o' };
  test.each([
    ['shown', 0],
    ['failed', 1],
    ['interrupted', 2],
  ] as const)('%s: exit code %d', async (outcome, code) => {
    const demo = ({ show }: { show: (text: string) => void }) => {
      show('$ c\n');
      return Promise.resolve({
        outcome,
        totalMs: 12_345,
        steps: [{ ...step, exitCode: outcome === 'failed' ? 7 : 0 }],
      });
    };
    const text = await run(node(), ['demo'], { sandboxes: { demo } });
    expect([text.code, text.out]).toEqual([code, expect.stringMatching(/^\$ c\n/)]);
    if (outcome === 'failed') expect(text.talk).toContain('c ended with exit code 7, not 0');
    const json = await run(node(), ['demo', '-o', 'json'], { sandboxes: { demo } });
    expect(json.json()).toMatchObject({ command: 'demo', outcome, exitCode: code, totalSeconds: 12.345 });
  });
});
