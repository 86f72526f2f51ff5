/** status: what is configured, what runs, what is logged, and what differs from what was left. It writes nothing. */
import { readStatus, type StatusReport } from '../../src/change/status';
import { fixture } from '../support/manifests';
import { Crash, FakeNode, MANIFEST, STATE } from '../support/fake-node';
import { enable, METADATA_POLICY, writesOf } from '../support/flows';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const POLICY = '/etc/kubernetes/audit-policy.yaml';
const LOG = '/var/log/kubernetes/audit/audit.log';

async function status(node: FakeNode, cis = false): Promise<StatusReport> {
  let report: StatusReport | undefined;
  const writes = await writesOf(node, async () => {
    report = await readStatus(node.ports(), { manifestPath: MANIFEST, stateDir: STATE, cis });
  });
  expect(writes).toEqual([]);
  return report!;
}

async function enabled(): Promise<FakeNode> {
  const node = new FakeNode(PRISTINE);
  expect((await enable(node.ports())).outcome).toBe('kept');
  node.fs.put(LOG, '{}\n');
  const lstat = node.fs.lstat.bind(node.fs);
  const writtenAt = node.now - 5000;
  node.fs.lstat = async (path) => ({ ...(await lstat(path)), ...(path === LOG ? { mtimeMs: writtenAt } : {}) });
  return node;
}

const codes = (report: StatusReport): string[] => report.findings.map(({ code }) => code);

test('off', async () => {
  expect(await status(new FakeNode(PRISTINE))).toMatchObject({
    configured: 'off',
    version: '1.36',
    settings: {},
    running: { asConfigured: true, ready: true },
    policy: null,
    log: null,
    lastChange: null,
    drift: null,
    findings: [],
  });
});

test('on', async () => {
  const report = await status(await enabled(), true);
  expect(report).toMatchObject({
    configured: 'on',
    settings: { 'audit-log-maxage': '30', 'audit-log-path': LOG },
    policy: { path: POLICY, onHost: POLICY, sha256: expect.stringMatching(/^[0-9a-f]{64}$/), runs: 'this' },
    log: { path: LOG, onHost: LOG, bytes: 3, lastWriteSecondsAgo: 5 },
    lastChange: { command: 'enable', state: 'kept' },
    unfinished: null,
    drift: '',
    findings: [],
  });
  expect(report.cis?.checks.filter(({ pass }) => !pass)).toEqual([]);
});

describe('what is found', () => {
  const cases: [string, (node: FakeNode) => unknown, string[]][] = [
    [
      'a log without a policy',
      (node) => edit(node, / +- --audit-policy-file=.*\n/, ''),
      ['audit-incomplete', 'not-as-configured', 'drift'],
    ],
    [
      'a policy without a log',
      (node) => edit(node, / +- --audit-log-path=.*\n/, ''),
      ['audit-incomplete', 'not-as-configured', 'drift'],
    ],
    [
      'the policy was edited since the start',
      (node) => {
        node.fs.put(POLICY, METADATA_POLICY);
      },
      ['policy-not-running'],
    ],
    ['the policy is gone', (node) => node.fs.unlink(POLICY), ['policy-unreadable']],
    [
      'the policy is no longer good',
      (node) => {
        node.fs.put(POLICY, 'rules: []');
      },
      ['missing-api-version', 'policy-not-running'],
    ],
    ['nothing has been logged yet', (node) => node.fs.unlink(LOG), ['log-missing']],
    [
      'nothing has been logged for two hours',
      (node) => {
        node.now += 7_200_000;
      },
      ['log-silent'],
    ],
    [
      'no server runs',
      (node) => {
        node.processes = [];
      },
      ['server-not-running'],
    ],
    [
      'the server is not ready',
      (node) => {
        for (const process of node.processes) process.readyAt = Infinity;
      },
      ['api-not-ready'],
    ],
    ['the manifest was edited', (node) => edit(node, 'cpu: 250m', 'cpu: 1'), ['drift']],
    [
      'kubeadm has upgraded, and written the manifest anew',
      (node) => {
        node.fs.put(MANIFEST, PRISTINE.replace(/(kube-apiserver:v1\.)\d+\.\d+/, '$199.0'));
      },
      ['not-as-configured', 'audit-flags-gone'],
    ],
    [
      'the flags were taken out by hand',
      (node) => {
        node.fs.put(MANIFEST, PRISTINE);
      },
      ['not-as-configured', 'drift'],
    ],
    [
      'the policy was replaced by a rename: the container has the old one',
      (node) => {
        const ports = node.ports.bind(node);
        node.ports = () => {
          const own = ports();
          return { ...own, node: { ...own.node, readInside: () => Promise.resolve(Buffer.from('old')) } };
        };
      },
      ['policy-not-running'],
    ],
    [
      'a record cannot be read',
      (node) => {
        node.fs.put(`${STATE}/changes/20250101T000000Z-abcdef/record.json`, '{');
      },
      ['record-unreadable'],
    ],
  ];
  test.each(cases)('%s', async (_name, make, expected) => {
    const node = await enabled();
    await make(node);
    expect(codes(await status(node))).toEqual(expected);
  });

  const edit = (node: FakeNode, from: RegExp | string, to: string): void => {
    node.fs.put(MANIFEST, (node.manifest() ?? '').replace(from, to));
  };

  test('a change that was never finished', async () => {
    const node = new FakeNode(PRISTINE);
    await enable(
      node.ports((_n, name) => {
        if (name.startsWith('rename') && name.endsWith(MANIFEST)) throw new Crash('kill -9');
      }),
    ).catch(() => undefined);
    const report = await status(node);
    expect(report).toMatchObject({ unfinished: report.lastChange?.id, lastChange: { state: 'prepared' } });
    expect(codes(report)).toContain('change-unfinished');
  });

  test('the drift is a diff from what was left', async () => {
    const node = await enabled();
    node.fs.put(MANIFEST, (node.manifest() ?? '').replace('cpu: 250m', 'cpu: 1'));
    const { drift } = await status(node);
    expect(drift).toMatch(/^-\s+cpu: 250m$/m);
    expect(drift).toMatch(/^\+\s+cpu: 1$/m);
  });

  test('which arguments the running server lacks', async () => {
    const node = await enabled();
    for (const process of node.processes) process.argv = process.argv.filter((each) => !each.includes('maxage'));
    const { findings, running } = await status(node);
    expect(running?.asConfigured).toBe(false);
    expect(findings[0]).toMatchObject({ code: 'not-as-configured', detail: '- --audit-log-maxage=30' });
  });

  test('without our annotation, a policy that was replaced under a running server is told by what the container sees', async () => {
    const node = await enabled();
    const text = (node.manifest() ?? '').replace(/ +kube-auditctl\/policy-sha256: .*\n/, '');
    node.fs.put(MANIFEST, text);
    node.pass(60_000);
    const ports = node.ports();
    ports.node.readInside = () => Promise.resolve(new TextEncoder().encode('an older policy'));
    const report = await readStatus(ports, { manifestPath: MANIFEST, stateDir: STATE, cis: false });
    expect(report.policy?.runs).toBe('another');
  });
});
