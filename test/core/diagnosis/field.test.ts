/**
 * What people run into in the field, one test each, named in words: doctor sees it on a node, or the watch does (then its
 * scenario is named). The breakages of test/scenario/doctor-* are not repeated here.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { examine } from '../../../src/core/diagnosis/examine';
import {
  breakNode,
  lookAtBroken,
  MANIFEST,
  soundNode,
  type Said,
  type Seen,
  type Step,
} from '../../support/broken-node';

const POLICY = '/etc/kubernetes/policy.yaml';
const LOGS = '/var/log/kubernetes';
const GOOD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n';
const RUNS: Seen = { api: 'ok', server: 'right' };

const volume = (name: string, path: string, type: string) => ({ name, hostPath: { path, type } });
const mount = (name: string, mountPath: string) => ({ name, mountPath });

/** Policy and log as they should be, but for what is given. */
function audit({
  policy = GOOD,
  log = `${LOGS}/audit.log`,
  logVolume = LOGS,
  type = 'DirectoryOrCreate',
} = {}): Step[] {
  return [
    { do: 'folder', path: LOGS },
    { do: 'write', path: POLICY, text: policy },
    {
      do: 'edit',
      addFlags: [`--audit-policy-file=${POLICY}`, `--audit-log-path=${log}`, '--audit-log-maxbackup=2'],
      addVolumes: [volume('policy', POLICY, 'File'), volume('log', logVolume, type)],
      addMounts: [{ ...mount('policy', POLICY), readOnly: true }, mount('log', logVolume)],
    },
  ];
}

interface Case {
  steps: Step[];
  seen?: Seen;
  said?: Said;
  code: string;
  /** It is a warning: the server runs. */
  later?: boolean;
  title?: string;
}

const CASES: Record<string, Case> = {
  'the log is mounted as a single file: rotation fails, the server stays healthy': {
    steps: [
      ...audit({ logVolume: `${LOGS}/audit.log`, type: 'FileOrCreate' }),
      { do: 'write', path: `${LOGS}/audit.log`, text: '' },
    ],
    seen: RUNS,
    code: 'audit-log-mounted-as-file',
    later: true,
  },
  'audit events are lost, and no health check shows it': {
    steps: audit(),
    seen: RUNS,
    said: {
      server: [
        `+50 E0101 12:00:50.000000       1 metrics.go:110] Error in audit plugin 'log' affecting 1 audit events: can't rename log file: rename ${LOGS}/audit.log: device or resource busy`,
      ],
    },
    code: 'audit-events-lost',
    title: 'device or resource busy',
  },
  'a policy with verb: instead of verbs: loads, and logs too much': {
    steps: audit({ policy: `${GOOD}  verb: [get]\n` }),
    seen: RUNS,
    code: 'audit-policy-questionable',
    later: true,
    title: 'verb',
  },
  'the half-written manifest of an editor that writes in place': {
    steps: [
      { do: 'write', path: MANIFEST, text: 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\nspec:\n' },
    ],
    code: 'manifest-no-containers',
  },
  'the side file of an editor (vi leaves kube-apiserver.yaml~)': {
    steps: [{ do: 'copy', from: MANIFEST, to: `${MANIFEST}~` }],
    seen: RUNS,
    code: 'second-manifest',
    title: 'kube-apiserver.yaml~',
  },
  'the audit log is /dev/stdout, which the server rotates': {
    steps: audit({ log: '/dev/stdout' }),
    seen: RUNS,
    code: 'audit-log-is-a-device',
    later: true,
  },
  'the flags of the benchmark text without its mounts: the log is inside the container': {
    steps: audit({ log: '/var/log/apiserver/audit.log' }),
    seen: RUNS,
    code: 'audit-log-not-on-host',
    later: true,
  },
  'no limit of age and number: the disk fills': {
    steps: [...audit(), { do: 'edit', addFlags: ['--audit-log-maxage=0'], setFlags: ['--audit-log-maxbackup=0'] }],
    seen: RUNS,
    code: 'log-limit-zero',
    later: true,
  },
  'SELinux keeps the server from its log': {
    steps: audit(),
    said: {
      server: [
        `+2 E0101 12:00:02.000000       1 run.go:72] "command failed" err="ensureLogFile: open ${LOGS}/audit.log: permission denied"`,
      ],
    },
    code: 'audit-log-denied',
  },
  'a server before 1.25 does not make the folder of its log': {
    steps: audit(),
    said: {
      server: [
        `+2 E0101 12:00:02.000000       1 run.go:72] "command failed" err="ensureLogFile: open ${LOGS}/audit.log: no such file or directory"`,
      ],
    },
    code: 'audit-log-folder-missing',
  },
  'words that no rule knows are shown as they stand': {
    steps: [],
    said: {
      server: ['+2 E0101 12:00:02.000000       1 run.go:72] "command failed" err="the moon is in the wrong house"'],
    },
    code: 'server-refused',
    title: 'the moon is in the wrong house',
  },
};

test.each(Object.entries(CASES))('%s', async (_, { steps, seen = {}, said, code, later = false, title = '' }) => {
  const root = soundNode();
  breakNode(root, steps);
  const { causes, warnings, healthy } = examine(await lookAtBroken(root, seen, said));
  const found = (later ? warnings : causes).find(({ finding }) => finding.code === code);
  expect([...causes, ...warnings].map(({ finding }) => finding.code)).toContain(code);
  expect(found?.finding.title).toContain(title);
  expect(found?.finding.remedy).not.toEqual([]);
  expect(healthy).toBe(later);
});

describe('events that are not delivered', () => {
  const CONFIG = '/etc/kubernetes/webhook.yaml';
  const kubeconfig = (server: string): string =>
    `clusters: [{name: a, cluster: {server: "${server}"}}]\ncontexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n`;
  const steps = (server: string): Step[] => [
    ...audit(),
    { do: 'write', path: CONFIG, text: kubeconfig(server) },
    {
      do: 'edit',
      addFlags: [`--audit-webhook-config-file=${CONFIG}`],
      addVolumes: [volume('webhook', CONFIG, 'File')],
      addMounts: [{ ...mount('webhook', CONFIG), readOnly: true }],
    },
  ];
  const WEBHOOK = `Error in audit plugin 'webhook' affecting 400 audit events: Post "https://sink.audit.svc:443/": dial tcp: lookup sink.audit.svc on 10.0.0.2:53: no such host`;
  const FULL = `Error in audit plugin 'buffered' affecting 1 audit events: audit buffer queue blocked`;
  /** As 1.20 writes it, as 1.36 does, several lines and one, and as JSON. */
  const forms = (words: string): string[][] => [
    [`E0101 12:00:50.000000       1 metrics.go:109] ${words}`, 'Impacted events:', 'x'],
    ['E0101 12:00:50.000000       1 metrics.go:110] "Unhandled Error" err=<', `\t${words}`, '\tImpacted events:', ' >'],
    [
      `E0101 12:00:50.000000       1 metrics.go:110] "Unhandled Error" err=${JSON.stringify(words)} logger="UnhandledError"`,
    ],
    [
      JSON.stringify({
        ...{ ts: 1767268850000.1, caller: 'a.go:1', msg: 'Unhandled Error', logger: 'UnhandledError' },
        err: `${words}\nImpacted events:\nx`,
      }),
    ],
  ];
  const look = async (lines: string[], { after = 60, server = 'https://127.0.0.1:1/' } = {}) => {
    const root = soundNode();
    breakNode(root, steps(server));
    const said = { server: lines.map((line) => `+1 ${line}`) };
    return examine(await lookAtBroken(root, { ...RUNS, later: after }, said));
  };

  test.each(forms(WEBHOOK))('the receiver’s name is one of the cluster’s DNS: %s', async (...lines) => {
    const { causes } = await look(lines);
    expect(causes).toHaveLength(1);
    expect(causes[0]?.finding).toMatchObject({
      code: 'audit-webhook-unreachable',
      title: expect.stringMatching(/no such host$/),
    });
    expect(causes[0]?.finding.remedy.join('\n')).toContain('kubectl get service sink -n audit');
    expect(causes[0]?.finding.remedy.join('\n')).not.toContain('df -h');
  });

  test.each(forms(FULL))('the receiver is too slow: %s', async (...lines) => {
    const { causes } = await look(lines);
    expect(causes.map(({ finding }) => finding.code)).toEqual(['audit-buffer-full']);
    expect(causes[0]?.finding.remedy.join('\n')).toContain('--audit-webhook-batch-buffer-size');
  });

  test('once, a while ago: a warning that says when', async () => {
    const { causes, warnings, healthy } = await look(forms(WEBHOOK)[0] ?? [], { after: 1200 });
    expect([healthy, causes]).toEqual([true, []]);
    expect(warnings.map(({ finding }) => finding.title).join('\n')).toMatch(/no such host \(last said 20 min ago\)/);
  });

  test.each([
    ['https://127.0.0.1:1/', 'webhook-unreachable'],
    ['https://sink.audit.svc/', 'webhook-cluster-dns'],
    ['no url', 'webhook-config-invalid'],
  ])('doctor asks for the receiver itself: %s', async (server, code) => {
    const { warnings } = await look([], { server });
    expect(warnings.map(({ finding }) => finding.code)).toContain(code);
  });
});

test('a policy that was edited is not read again until the server is started anew', async () => {
  const root = soundNode();
  breakNode(root, audit());
  writeFileSync(join(root, POLICY), `${GOOD}# more\n`);
  const { warnings } = examine(await lookAtBroken(root, { ...RUNS, later: 0 }));
  expect(warnings.map(({ finding }) => finding.code)).toContain('policy-not-running');
});

test('a policy that was replaced by a rename is another one to the server, whatever the clock and the annotation say', async () => {
  const root = soundNode();
  breakNode(root, audit());
  const look = async (policyInside: string) =>
    examine(await lookAtBroken(root, { ...RUNS, policyInside })).warnings.map(({ finding }) => finding.title);
  expect((await look('rules: []')).join()).toContain('still has the file of before mounted');
  expect(await look(GOOD)).toEqual([]);
});

test.each([
  'W0101 12:00:00.000000       1 reader.go:81] Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field "rules[0].verb"',
  '{"ts":1767268850000.1,"caller":"policy/reader.go:81","msg":"Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field \\"rules[0].verb\\"","v":0}',
])('the server says that it read the policy in part: %s', async (line) => {
  const root = soundNode();
  breakNode(root, audit());
  const { warnings, healthy } = examine(await lookAtBroken(root, RUNS, { server: [`+31 ${line}`] }));
  expect(healthy).toBe(true);
  expect(warnings.map(({ finding }) => [finding.code, finding.title])).toEqual([
    ['audit-policy-read-leniently', expect.stringMatching(/: unknown field "rules\[0\]\.verb"$/)],
  ]);
});

test('a mirror pod that cannot be deleted is a note, and no cause', async () => {
  const kubelet = [
    '+10 E0101 12:00:10.000000 1234 mirror_client.go:139] "Failed deleting a mirror pod" err="connection refused" pod="kube-system/kube-apiserver-cp1"',
  ];
  const { causes, warnings, healthy } = examine(await lookAtBroken(soundNode(), RUNS, { kubelet }));
  expect([healthy, causes]).toEqual([true, []]);
  expect(warnings.map(({ finding }) => finding.code)).toEqual(['mirror-pod-stale']);
});

describe('no container, and not a word from the kubelet, after an edit in place', () => {
  const codes = async (seen: Seen, kubelet: string[]): Promise<unknown[]> => {
    const met = '-3600 I0101 12:00:00.000000 1234 apiserver.go:52] "Watching apiserver"';
    const { causes } = examine(await lookAtBroken(soundNode(), seen, { kubelet: [met, ...kubelet] }));
    return causes.map(({ finding, certain, mend }) => [finding.code, certain, mend]);
  };
  const SILENT = ['server-not-started', false, undefined];

  test('the pod may be lost: a doubt, with the restart of the kubelet as the last thing', async () => {
    expect(await codes({ later: 300 }, [])).toEqual([SILENT, ['static-pod-lost', false, undefined]]);
  });

  test.each<[string, Seen, string[]]>([
    ['it is only a minute ago', { later: 60 }, []],
    [
      'the kubelet speaks of it',
      { later: 300 },
      ['+20 I0101 12:00:20.000000 1234 x.go:1] "x" pod="kube-system/kube-apiserver-cp1"'],
    ],
    [
      'the kubelet was started since',
      { later: 300, kubeletStarted: 100 },
      ['+100 I0101 12:00:00.000000 1234 apiserver.go:52] "Watching apiserver"'],
    ],
  ])('not when %s', async (_, seen, kubelet) => {
    expect(await codes(seen, kubelet)).toEqual([SILENT]);
  });
});

test('the rotated logs reach back a few hours only', async () => {
  const root = soundNode();
  breakNode(root, audit());
  const name = (hours: number): string =>
    `audit-${new Date(Date.now() - hours * 3_600_000).toISOString().replace(/:/g, '-').replace('Z', '')}.log`;
  for (const file of ['audit.log', name(1), name(2)]) writeFileSync(join(root, LOGS, file), '{}\n');
  const { warnings } = examine(await lookAtBroken(root, RUNS));
  expect(warnings.map(({ finding }) => finding.title).join('\n')).toMatch(/reaches back only 2\.\d hours/);
});

test('what a server said before the manifest was changed is not held against it', async () => {
  const said = { server: ['-30 Error: unknown flag: --audit-log-maxbackups'] };
  const { causes } = examine(await lookAtBroken(soundNode(), {}, said));
  expect(causes.map(({ finding }) => [finding.code, finding.title.includes('no kube-apiserver runs')])).toEqual([
    ['server-not-started', true],
  ]);
});

describe('a kubelet that was started while the API was away, and has written thousands of lines since', () => {
  const REFUSED = 'E0101 12:00:00.000000 1 reflector.go:1] "Unhandled Error" err="connection refused"';
  const noise = Array.from({ length: 3000 }, (_, n) => `${(-60 + n * 0.05).toFixed(2)} ${REFUSED}`);
  const seen: Seen = { api: 'refused', kubeletStarted: -60, later: 120 };
  const server = ['-70 I0101 12:00:00.000000 1 server.go:187] Version: v1.36.0'];
  const codes = async (kubelet: string[]): Promise<string[]> => {
    const root = soundNode();
    breakNode(root, [{ do: 'edit', annotations: { test: 'mended' } }]);
    return examine(await lookAtBroken(root, seen, { kubelet, server })).causes.map(({ finding }) => finding.code);
  };

  test('is seen to be wedged', async () => {
    expect(await codes(noise)).toContain('kubelet-wedged');
  });

  test('is not, when it said among them that it reached the API', async () => {
    const met = [`-59.99 I0101 12:00:00.000000 1 apiserver.go:52] "Watching apiserver"`, ...noise];
    expect(await codes(met)).not.toContain('kubelet-wedged');
  });
});

describe('an etcd that cannot be reached', () => {
  /** What is made of it; the manifest advertises 192.168.56.10, as etcd.yaml does. */
  const told = async (servers: string, { etcdYaml = true, advertise = '192.168.56.10' } = {}): Promise<string[]> => {
    const root = soundNode();
    breakNode(root, [
      { do: 'edit', setFlags: [`--etcd-servers=${servers}`, `--advertise-address=${advertise}`] },
      ...(etcdYaml
        ? []
        : [{ do: 'move' as const, from: '/etc/kubernetes/manifests/etcd.yaml', to: '/root/etcd.yaml' }]),
    ]);
    const { causes } = examine(await lookAtBroken(root, { etcd: 'unreachable', etcdRuns: false }));
    return causes.map(({ finding }) => finding.code).filter((code) => code.startsWith('etcd'));
  };

  test.each([
    ['https://192.168.56.1:2379', {}],
    ['https://92.168.56.10:2379', {}],
    ['https://[fd00::1]:2379', { advertise: 'fd00::10' }],
    ['https://etcd.example:2379', {}],
  ])('%s is another machine’s', async (servers, how) => {
    expect(await told(servers, { etcdYaml: false, ...how })).toEqual(['etcd-unreachable']);
  });

  test.each([
    ['https://192.168.56.10:2379', {}],
    ['https://localhost:2379', {}],
    ['https://[::1]:2379', {}],
    ['https://[fd00:0:0::1]:2379', { advertise: 'fd00::1' }],
  ])('%s is this node’s own', async (servers, how) => {
    expect(await told(servers, { etcdYaml: false, ...how })).toEqual(['etcd-manifest-missing']);
    expect(await told(servers, how)).toEqual(['etcd-not-running']);
  });
});

describe('the manifest stands there as kube-apiserver.yml', () => {
  const renamed: Step = { do: 'move', from: MANIFEST, to: MANIFEST.replace('.yaml', '.yml') };

  test.each(['ok', 'refused'] as const)('API %s: its name is told, and nothing is put beside it', async (api) => {
    const root = soundNode();
    breakNode(root, [renamed]);
    const said = { server: ['-30 Error: unknown flag: --audit-log-maxbackups'] };
    const { causes, warnings } = examine(await lookAtBroken(root, { api, server: 'right' }, said));
    expect(causes[0]?.finding).toMatchObject({
      code: 'manifest-under-another-name',
      title: expect.stringContaining('kube-apiserver.yml'),
      remedy: expect.arrayContaining([
        expect.stringContaining('--manifest /etc/kubernetes/manifests/kube-apiserver.yml'),
      ]),
    });
    expect([...causes, ...warnings].flatMap(({ mend }) => mend ?? [])).toEqual([]);
  });

  test('gone altogether, with a server that is well all the same: no old one is put there', async () => {
    const root = soundNode();
    breakNode(root, [{ do: 'move', from: MANIFEST, to: '/root/kube-apiserver.yaml' }]);
    const { causes } = examine(await lookAtBroken(root, { api: 'ok', server: 'right' }));
    expect(causes.map(({ finding, mend }) => [finding.code, mend])).toEqual([['manifest-missing', undefined]]);
  });
});

test.each([
  ['unknown flag: --network-plugin', 'the kubelet does not know the flag --network-plugin'],
  ["unknown shorthand flag: 'x' in -x", "the kubelet does not know the flag 'x'"],
  ["strconv.ParseBool: parsing 'y'", "the kubelet cannot read its flags: strconv.ParseBool: parsing 'y'"],
])('a kubelet that cannot parse its flags: %s', async (words, title) => {
  const kubelet = [
    `+5 E0101 12:00:05.000000    1234 run.go:72] "command failed" err="failed to parse kubelet flag: ${words}"`,
  ];
  const seen: Seen = { kubelet: { load: 'loaded', active: 'activating', sub: 'auto-restart', result: 'exit-code' } };
  const { causes } = examine(await lookAtBroken(soundNode(), seen, { kubelet }));
  expect(causes[0]?.finding).toMatchObject({ code: 'kubelet-unknown-flag', title });
});
