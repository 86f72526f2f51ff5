/** The kubelet's side of the API: node, lease, mirror pods and events, with the API there and away; in virtual time. */
import { ApiAgent } from '../../../src/sandbox/kubelet/api/agent';
import { EventRecorder } from '../../../src/sandbox/kubelet/api/events';
import { Mirrors } from '../../../src/sandbox/kubelet/api/mirrors';
import { kubeletLog } from '../../../src/sandbox/kubelet/lines';
import { TIMINGS } from '../../../src/sandbox/timings';
import { FakeApi } from '../../support/fake-api';
import { manifest } from '../../support/sandbox-node';
import { podFrom, VirtualKubelet } from '../../support/virtual-kubelet';

const POD = '/api/v1/namespaces/kube-system/pods/kube-apiserver-cp1';
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/cp1';
const A = podFrom(manifest({ annotation: 'a' }));
const B = podFrom(manifest({ annotation: 'b' }));

function node(like: '1.20' | '1.36' = '1.36') {
  const kubelet = new VirtualKubelet(like, { apiSeen: false });
  const { clock, workers } = kubelet;
  const api = new FakeApi();
  const said: string[] = [];
  const log = kubeletLog(({ severity, text }) => said.push(`${severity} ${text}`), {
    structuredText: like !== '1.20',
    now: () => clock.now(),
    startedAt: clock.now(),
  });
  const facts = {
    name: 'cp1',
    ip: '127.0.0.1',
    version: 'v1.36.0',
    cpus: 2,
    memoryKib: 1000,
    kernel: '6',
    architecture: 'amd64',
  };
  const events = new EventRecorder('cp1', () => clock.now());
  let seen = 0;
  kubelet.changed = () => {
    agent.changed();
  };
  const agent = new ApiAgent({
    clock,
    timings: TIMINGS[like],
    log,
    node: facts,
    connect: () => api,
    mirrors: new Mirrors(workers, log, facts),
    events,
    seen: () => {
      seen++;
      workers.seeApi();
    },
  });
  const seconds = (s: number) => clock.passing(s * 1000);
  return { kubelet, workers, api, agent, events, said, seconds, seen: () => seen };
}

test('the first contact: the node is registered, leased, and known to be ready', async () => {
  const { agent, api, said, seconds, seen } = node();
  agent.start();
  await seconds(1);
  expect(seen()).toBe(1);
  expect(said).toEqual(['I "Successfully registered node" node="cp1"']);
  expect(api.get('/api/v1/nodes/cp1')).toMatchObject({
    kind: 'Node',
    metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } },
    status: { conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'True' })]) },
  });
  expect(api.get(LEASE).spec).toEqual({
    holderIdentity: 'cp1',
    leaseDurationSeconds: 40,
    renewTime: '2026-01-01T12:00:00.000000Z',
  });
  await seconds(30);
  expect(api.get(LEASE).spec.renewTime).toBe('2026-01-01T12:00:30.000000Z');
});

test('a node that is known already is registered all the same', async () => {
  const { agent, api, said, seconds } = node();
  await api.ask('POST', '/api/v1/nodes', { metadata: { name: 'cp1' } });
  agent.start();
  await seconds(1);
  expect([said, api.get(LEASE).metadata.ownerReferences[0].uid]).toEqual([
    ['I "Successfully registered node" node="cp1"'],
    'uid-1',
  ]);
});

test('a mirror pod: made a while after the API answers, brought up to date, owned by the node', async () => {
  const { agent, api, workers, said, seconds } = node();
  workers.update([A]);
  api.up = false;
  agent.start();
  await seconds(5);
  api.up = true;
  await seconds(9);
  expect(api.get(POD)).toBeUndefined();
  await seconds(4);
  expect(api.get(POD)).toMatchObject({
    metadata: {
      annotations: {
        note: 'a',
        'kubernetes.io/config.hash': A.uid,
        'kubernetes.io/config.mirror': A.uid,
        'kubernetes.io/config.source': 'file',
      },
      ownerReferences: [
        { kind: 'Node', name: 'cp1', uid: api.get('/api/v1/nodes/cp1').metadata.uid, controller: true },
      ],
    },
    spec: { nodeName: 'cp1' },
    status: {
      phase: 'Running',
      hostIP: '127.0.0.1',
      qosClass: 'BestEffort',
      containerStatuses: [{ ready: true, restartCount: 0, state: { running: { startedAt: expect.any(String) } } }],
    },
  });
  // The patch merges conditions by type: a reason that is not taken back stays.
  const conditions = api.get(POD).status.conditions as { type: string; status: string; reason?: string | null }[];
  expect(conditions.filter(({ reason }) => reason === null).map(({ type, status }) => [type, status])).toEqual([
    ['Ready', 'True'],
    ['ContainersReady', 'True'],
  ]);
  expect(said).toContain('I "Creating a mirror pod for static pod" pod="kube-system/kube-apiserver-cp1"');
});

test('1.36, the API server itself is replaced: its mirror follows ten seconds after it is back', async () => {
  const { agent, api, workers, said, seconds } = node();
  workers.update([A]);
  agent.start();
  await seconds(21);
  api.up = false;
  workers.update([B]);
  agent.changed();
  await seconds(1);
  api.up = true;
  await seconds(5);
  expect(api.get(POD).metadata.annotations.note).toBe('a');
  api.up = false;
  await seconds(34);
  expect(said).toContainEqual(
    expect.stringMatching(
      /^E "Failed deleting a mirror pod" err="Delete .*pods\/kube-apiserver-cp1\\": .*refused" pod=/,
    ),
  );
  api.up = true;
  await seconds(9);
  expect(api.get(POD).metadata.annotations.note).toBe('a');
  await seconds(3);
  expect(api.get(POD).metadata.annotations.note).toBe('b');
});

test('another hash: deleted and made anew; the same hash: left alone', async () => {
  const { agent, api, workers, said, seconds } = node();
  workers.update([A]);
  agent.start();
  await seconds(20);
  const first = api.get(POD).metadata.uid as string;
  agent.changed();
  await seconds(5);
  expect(api.get(POD).metadata.uid).toBe(first);
  workers.update([B]);
  await seconds(40);
  agent.changed();
  await seconds(1);
  expect(api.get(POD).metadata).toMatchObject({ annotations: { 'kubernetes.io/config.mirror': B.uid } });
  expect(api.get(POD).metadata.uid).not.toBe(first);
  expect(said.slice(-3)).toEqual([
    `I "Trying to delete pod" pod="kube-system/kube-apiserver-cp1" podUID="${first}"`,
    `I "Deleted mirror pod as it didn't match the static Pod" pod="kube-system/kube-apiserver-cp1"`,
    'I "Creating a mirror pod for static pod" pod="kube-system/kube-apiserver-cp1"',
  ]);
});

test('1.20 in its own words', async () => {
  const { agent, api, workers, said, seconds } = node('1.20');
  workers.update([A]);
  agent.start();
  await seconds(20);
  const first = api.get(POD).metadata.uid as string;
  workers.update([B]);
  agent.changed();
  await seconds(0.1);
  expect(said.slice(-2)).toEqual([
    `I Trying to delete pod kube-apiserver-cp1_kube-system ${first}`,
    `W Deleted mirror pod "kube-apiserver-cp1_kube-system(${first})" because it is outdated`,
  ]);
  api.up = false;
  workers.update([A]);
  agent.changed();
  await seconds(0.1);
  expect(said.at(-1)).toBe(
    `E Failed deleting a mirror pod "kube-apiserver-cp1_kube-system": Delete "https://api${POD}": dial tcp: connect: connection refused`,
  );
});

test('no manifest, no mirror', async () => {
  const { agent, api, workers, seconds } = node();
  workers.update([A]);
  agent.start();
  await seconds(20);
  workers.update([]);
  await seconds(40);
  agent.changed();
  await seconds(1);
  expect(api.get(POD)).toBeUndefined();
});

test('a mirror that somebody deleted comes back', async () => {
  const { agent, api, workers, seconds } = node();
  workers.update([A]);
  agent.start();
  await seconds(20);
  api.objects.delete(POD);
  await seconds(120);
  expect(api.get(POD)).toBeDefined();
});

test('away: said now and then, tried every second, and all well again afterwards', async () => {
  const { agent, api, said, seconds } = node();
  agent.start();
  await seconds(12);
  said.length = 0;
  api.up = false;
  await seconds(30);
  expect(said.length).toBeGreaterThan(1);
  expect(said.length).toBeLessThan(6);
  expect(said[0]).toBe(
    `E "Failed to update lease" err="Put \\"https://api${LEASE}\\": dial tcp: connect: connection refused"`,
  );
  api.up = true;
  await seconds(2);
  expect(Date.parse(api.get(LEASE).spec.renewTime)).toBeGreaterThan(Date.UTC(2026, 0, 1, 12, 0, 41));
});

test('never there: the API is not taken as seen', async () => {
  const { agent, api, said, seconds, seen } = node();
  api.up = false;
  agent.start();
  await seconds(20);
  expect([seen(), said[0]]).toEqual([
    0,
    expect.stringMatching(/^E "Unable to register node with API server" err="Get .*connection refused" node="cp1"$/),
  ]);
});

test('events wait for the API, and the same one again is counted', async () => {
  const { agent, api, events, seconds } = node();
  api.up = false;
  agent.start();
  const event = { type: 'Warning', reason: 'BackOff', message: 'again', container: 'kube-apiserver' } as const;
  events.record(A, event);
  events.record(A, event);
  await seconds(5);
  api.up = true;
  await seconds(20);
  const paths = [...api.objects.keys()].filter((path) => path.includes('/events/'));
  expect(paths).toHaveLength(1);
  expect(api.get(paths[0]!)).toMatchObject({
    count: 2,
    reason: 'BackOff',
    involvedObject: { name: 'kube-apiserver-cp1', uid: A.uid, fieldPath: 'spec.containers{kube-apiserver}' },
    source: { component: 'kubelet', host: 'cp1' },
  });
  events.record(A, event);
  await seconds(20);
  expect(api.get(paths[0]!).count).toBe(3);
});

test('stopped: nothing is asked any more', async () => {
  const { agent, api, seconds } = node();
  agent.start();
  await seconds(5);
  await agent.stop();
  api.up = true;
  const before = api.asked.length;
  agent.changed();
  await seconds(60);
  expect(api.asked).toHaveLength(before);
});
