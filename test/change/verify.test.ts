/** The proof, its limits, and what is said when nothing can be proven. */
import { describe as takeApart } from '../../src/change/manifest';
import { proveAudit } from '../../src/change/verify';
import type { ProofReport } from '../../src/core/outcome';
import { fixture } from '../support/manifests';
import { FakeNode, MANIFEST, type TestPorts } from '../support/fake-node';
import { enable, METADATA_POLICY, policyFile } from '../support/flows';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const POLICY = '/etc/kubernetes/audit-policy.yaml';

async function enabled(policy = METADATA_POLICY): Promise<FakeNode> {
  const node = new FakeNode(PRISTINE);
  expect((await enable(node.ports(), { policy: policyFile(policy) }, { verify: false })).outcome).toBe('kept');
  return node;
}

async function prove(node: FakeNode, change: (ports: TestPorts) => void = () => undefined): Promise<ProofReport> {
  const ports = node.ports();
  change(ports);
  return proveAudit(ports, takeApart(node.manifest() ?? '', MANIFEST));
}

const without = (node: FakeNode, pattern: RegExp): void => {
  node.fs.put(MANIFEST, (node.manifest() ?? '').replace(pattern, ''));
};

test('proven: our own event, in the file on the host, at the level of the policy', async () => {
  const node = await enabled();
  const proof = await prove(node);
  expect(proof).toMatchObject({
    state: 'proven',
    logPath: '/var/log/kubernetes/audit/audit.log',
    canary: { level: 'Metadata', foundAfterMs: expect.any(Number), request: expect.stringMatching(/^(GET|POST) \//) },
    secret: { state: 'metadata-only' },
  });
  expect(proof.canary?.event).toMatchObject({ auditID: proof.canary?.auditId, stage: 'ResponseComplete' });
});

test('every proof asks with an id of its own', async () => {
  const node = await enabled();
  const ids = [await prove(node), await prove(node)].map(({ canary }) => canary?.auditId);
  expect(new Set(ids).size).toBe(2);
});

test("an event that was in the log before, or anybody else's, proves nothing", async () => {
  const node = await enabled();
  const proof = await prove(node, (ports) => {
    ports.node.tail = () =>
      Promise.resolve({
        next: () =>
          Promise.resolve(['{"kind":"Event","auditID":"kube-auditctl-0000000000000000","stage":"ResponseComplete"}']),
        close: () => Promise.resolve(),
      });
  });
  expect(proof).toMatchObject({ state: 'failed', cause: { code: 'no-event-in-log' } });
});

test('lines of another stage, and lines that are no JSON, are passed over', async () => {
  const node = await enabled();
  let sent = '';
  const proof = await prove(node, (ports) => {
    const request = ports.node.request.bind(ports.node);
    ports.node.request = (endpoint, asked) => {
      sent = asked.headers?.['Audit-ID'] ?? sent;
      return request(endpoint, asked);
    };
    ports.node.tail = () =>
      Promise.resolve({
        next: () =>
          Promise.resolve([
            `half a line with ${sent} {`,
            JSON.stringify({ auditID: sent, stage: 'RequestReceived', level: 'None' }),
            `2026-01-01T12:00:00Z stdout F ${JSON.stringify({ auditID: sent, stage: 'ResponseComplete', level: 'Metadata' })}`,
          ]),
        close: () => Promise.resolve(),
      });
  });
  expect(proof.state).toBe('proven');
});

test('the log is closed again, whatever happens', async () => {
  const node = await enabled();
  node.logsNothing = true;
  node.boot();
  let closed = 0;
  const proof = await prove(node, (ports) => {
    const tail = ports.node.tail.bind(ports.node);
    ports.node.tail = async (path) => {
      const opened = await tail(path);
      return { ...opened, close: () => (closed++, opened.close()) };
    };
  });
  expect([proof.state, closed]).toEqual(['failed', 1]);
});

describe('without a request', () => {
  test.each([
    ['nothing is configured', () => Promise.resolve(new FakeNode(PRISTINE)), { state: 'skipped' }],
    [
      'a log without a policy',
      async () => {
        const node = await enabled();
        without(node, / +- --audit-policy-file=.*\n/);
        return node;
      },
      { state: 'failed', cause: { code: 'no-policy' } },
    ],
    [
      'a log that stays inside the container',
      async () => {
        const node = await enabled();
        without(node, / +- mountPath: \/var\/log\/kubernetes\/audit\n +name: audit-log\n/);
        return node;
      },
      { state: 'failed', cause: { code: 'log-not-on-host' } },
    ],
    [
      'a policy that is gone',
      async () => {
        const node = await enabled();
        await node.fs.unlink(POLICY);
        return node;
      },
      { state: 'not-possible' },
    ],
    [
      'a policy that logs nothing',
      async () => {
        const node = await enabled();
        node.fs.put(POLICY, METADATA_POLICY.replace('Metadata', 'None'));
        return node;
      },
      { state: 'failed', cause: { code: 'logs-nothing' } },
    ],
  ])('%s', async (_name, make, expected) => {
    const node = await make();
    const asked: string[] = [];
    const proof = await prove(node, (ports) => {
      ports.node.request = (_endpoint, { path }) => {
        asked.push(path);
        return Promise.reject(new Error('unasked'));
      };
    });
    expect(proof).toMatchObject(expected);
    expect(asked).toEqual([]);
  });

  test('no admin certificate', async () => {
    const proof = await prove(await enabled(), (ports) => {
      ports.node.identity = () => Promise.resolve(undefined);
    });
    expect(proof).toEqual({ state: 'not-possible', summary: expect.stringContaining('no admin certificate') });
  });
});

describe('the Secret', () => {
  test('is never stored: the request is a dry run', async () => {
    const node = await enabled();
    const posted: string[] = [];
    await prove(node, (ports) => {
      const request = ports.node.request.bind(ports.node);
      ports.node.request = (endpoint, asked) => {
        if (asked.body?.includes('"Secret"')) posted.push(asked.path);
        return request(endpoint, asked);
      };
    });
    expect(posted).toEqual(['/api/v1/namespaces/default/secrets?dryRun=All']);
  });

  test('whose value is found makes the proof fail', async () => {
    const node = await enabled();
    node.leaksSecrets = true;
    expect(await prove(node)).toMatchObject({
      state: 'failed',
      cause: { code: 'secret-in-log' },
      secret: { state: 'leaked' },
    });
  });

  test('which the policy does not log is said', async () => {
    const quiet = METADATA_POLICY.replace(
      'rules:\n',
      'rules:\n- level: None\n  resources: [{group: "", resources: [secrets]}]\n',
    );
    expect(await prove(await enabled(quiet))).toMatchObject({
      state: 'proven',
      secret: { state: 'not-logged', detail: 'the policy does not log the creation of Secrets' },
    });
  });
});
