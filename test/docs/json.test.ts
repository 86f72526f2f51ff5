/** docs/json.md is kept true: what commands print in all sorts of cases has the fields documented, no others, and none too few. */
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { SandboxState } from '../../src/change/ports';
import { run, SANDBOX, type RunOptions } from '../support/command-line';
import { asidePath } from '../../src/change/aside';
import { fakeDoctor } from '../support/doctor-ports';
import { line as auditLine } from '../support/audit-events';
import { Crash, FakeNode, MANIFEST, STATE } from '../support/fake-node';
import { enable, METADATA_POLICY } from '../support/flows';
import { fixture } from '../support/manifests';
import { tempFolder } from '../support/temp-folder';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const BAD = PRISTINE.replace(/^( +- )--secure-port=.*$/m, '$&\n$1--audit-log-maxbackups=3');
const POLICY = '/etc/kubernetes/audit-policy.yaml';
const LOG = '/var/log/kubernetes/audit/audit.log';

interface Field {
  name: string;
  always: boolean;
  type: string;
}

/** The documented fields, section by section. */
const documented = new Map<string, Field[]>(
  readFileSync('docs/json.md', 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      [...section.matchAll(/^\| `([^`]+)`( `\*`)? \| ([^|]+) \|/gm)].map(([, name = '', optional, type = '']) => ({
        name,
        always: optional === undefined,
        type: type.trim(),
      })),
    ]),
);

/** What was seen: section -> the fields of each document. */
const seen = new Map<string, Map<string, Set<string>>[]>();
const CHANGES = 'enable, disable, apply, edit, rollback';
const REFUSED = 'When a command could not ask (exit code 2)';
const SECTIONS: Record<string, string> = {
  causes: 'Cause',
  warnings: 'Cause',
  mended: CHANGES,
  findings: 'Finding',
  cause: 'Finding',
  problem: 'Finding',
  place: 'Place',
  proof: 'Proof',
  outcomes: CHANGES,
};
/** Whose content is somebody else's. */
const OPAQUE = new Set(['settings', 'event', 'bars']);
/** Lists of such. */
const OPAQUE_LISTS = new Set(['log query events', 'log show events', 'log top rows']);

function take(section: string, document: unknown): void {
  const fields = new Map<string, Set<string>>();
  const note = (path: string, type: string): void => {
    fields.set(path, (fields.get(path) ?? new Set()).add(type));
  };
  const walk = (value: unknown, path: string): void => {
    for (const [key, child] of Object.entries(value as Record<string, unknown>)) {
      const here = path === '' ? key : `${path}.${key}`;
      const inner = typeof child === 'object' ? SECTIONS[key] : undefined;
      if (OPAQUE_LISTS.has(`${section} ${here}`)) note(here, 'array');
      else if (Array.isArray(child)) {
        for (const item of child as unknown[]) {
          if (inner !== undefined) {
            note(`${here}[]`, inner === CHANGES ? 'object' : inner);
            take(inner, item);
          } else if (typeof item === 'object') walk(item, `${here}[]`);
          else note(`${here}[]`, typeof item);
        }
        if (child.length === 0) note(`${here}[]`, 'empty');
      } else if (child === null) note(here, 'null');
      else if (inner !== undefined) {
        note(here, inner === CHANGES ? 'object' : inner);
        take(inner, child);
      } else if (typeof child === 'object') {
        note(here, 'object');
        if (!OPAQUE.has(key)) walk(child, here);
      } else note(here, typeof child);
    }
  };
  walk(document, '');
  seen.set(section, [...(seen.get(section) ?? []), fields]);
}

async function json(node: FakeNode, line: string, options?: RunOptions): Promise<void> {
  const args = line.split(' ');
  const { json: parse } = await run(node, ['-o', 'json', ...args], options);
  const document = parse();
  if (args[0] === 'sandbox') take(`sandbox ${args[1] ?? ''}`, document);
  else if (args[0] === 'policy') take(`policy ${args[1] ?? ''}${args.includes('--') ? ' -- kubectl' : ''}`, document);
  else if (args[0] === 'log') take(`log ${args[1] ?? ''}`, document);
  else if (document.outcome === 'error') take(REFUSED, document);
  else if (args[0] === 'verify') {
    const { command, exitCode, sandbox, ...proof } = document;
    take('verify', { command, exitCode, ...(sandbox === undefined ? {} : { sandbox }) });
    take('Proof', proof);
  } else
    take(
      ['enable', 'disable', 'apply', 'edit', 'rollback'].includes(args[0] ?? '') ? CHANGES : (args[0] ?? ''),
      document,
    );
}

const operator: RunOptions['ports'] = (ports) => {
  ports.node.operator = () => ({ uid: 0, user: 'root', sudoUser: 'alice' });
};

beforeAll(async () => {
  const input = { 'bad.yaml': BAD, 'typo.yaml': `${METADATA_POLICY}  resource: []\n`, 'no.yaml': '{' };
  const fresh = (): FakeNode => new FakeNode(PRISTINE);
  await policyDocuments(input);
  await sandboxDocuments();
  await logDocuments();
  const node = fresh();
  await json(node, 'status');
  await json(node, 'history');
  await json(node, 'recover');
  await json(node, 'verify');
  await json(node, 'rollback');
  await json(node, 'enable --dry-run');
  await json(new FakeNode(PRISTINE, 'after'), 'enable --fast');
  await json(fresh(), 'enable --fast');
  await json(node, 'enable --policy typo.yaml', { input });
  await json(node, 'edit', { answers: [] });
  await json(node, 'enable --dry-run --no-rehearse');
  node.rehearsal = 'as-server';
  await json(node, 'apply -f bad.yaml --ignore unknown-flag', { input });
  node.rehearsal = 'not-possible';
  await json(node, 'apply -f no.yaml', { input });
  await json(node, 'enable --sandbox', { ports: operator });
  await json(node, 'status --sandbox');
  await json(node, 'verify --sandbox');
  await json(node, 'enable');
  node.fs.put(LOG, '{}\n');
  await json(node, 'status --cis');
  await json(node, 'verify');
  node.fs.put(
    POLICY,
    METADATA_POLICY.replace('rules:\n', 'rules:\n- level: None\n  resources: [{group: "", resources: [secrets]}]\n'),
  );
  await json(node, 'enable');
  await json(node, 'verify');
  for (const process of node.processes) process.readyAt = Infinity;
  await json(node, 'status --check');
  node.boot();
  await json(node, 'rollback');
  await json(node, 'disable');
  node.fs.put(`${STATE}/changes/20200101T000000Z-abcdef/record.json`, '{');
  await json(node, 'apply -f bad.yaml --ignore unknown-flag', { input });
  await json(node, 'apply -f bad.yaml --ignore unknown-flag --keep-on-failure', { input });
  await json(node, 'history --sandbox');
  await json(node, 'recover --sandbox');
  await doctorDocuments(fresh);
  const silent = fresh();
  silent.logsNothing = true;
  await json(silent, 'enable');
  const crashed = fresh();
  await enable(
    crashed.ports((_n, name) => {
      if (name.startsWith('rename') && name.endsWith(MANIFEST)) throw new Crash('kill -9');
    }),
  ).catch(() => undefined);
  await json(crashed, 'status');
  await json(crashed, 'history');
  const hung = new FakeNode(PRISTINE, 'after');
  let id = '';
  await enable(
    hung.ports((_n, name) => {
      id = /aside-(\S+)/.exec(name)?.[1] ?? id;
      if (name.startsWith('endServer')) throw new Crash('stopped');
    }),
    {},
    { fast: { drainMs: 1000 } },
  ).catch(() => undefined);
  hung.pass(60_000);
  await json(hung, `recover --guard ${id}`);
  const lost = fresh();
  lost.fs.put(asidePath(MANIFEST, '20260101T000000Z-abcdef'), PRISTINE);
  await lost.fs.unlink(MANIFEST);
  await json(lost, 'recover');
});

/** A sandbox that runs, one that is stopped, and none. */
async function sandboxDocuments(): Promise<void> {
  const none: SandboxState = { dir: SANDBOX, state: 'none', kubelet: null, containers: [], ready: false, users: [] };
  const stopped: SandboxState = {
    ...none,
    state: 'stopped',
    like: 'fast',
    kubernetesVersion: 'v1.36.0',
    nodeName: 'sandbox',
    port: 6443,
    createdAt: '2026-01-01T00:00:00.000Z',
    node: `${SANDBOX}/node`,
    users: [{ name: 'jane', about: 'looks', kubeconfig: `${SANDBOX}/users/jane.conf` }],
  };
  const running: SandboxState = {
    ...stopped,
    state: 'running',
    ready: true,
    kubelet: { pid: 1, startedAt: 1 },
    containers: [{ name: 'etcd', pid: 2, startedAt: 2 }],
  };
  const step = {
    says: 'see',
    command: 'kube-auditctl enable',
    exitCode: 0,
    expectedExitCode: 0,
    ms: 1234.5,
    output: '',
  };
  const sandboxes: RunOptions['sandboxes'] = {
    start: () => Promise.resolve({ was: 'none', state: running }),
    stop: () => Promise.resolve({ was: 'running', ended: [1, 2] }),
    status: (dir) => Promise.resolve({ none, stopped, running }[dir] ?? running),
    kubeconfig: () => Promise.resolve({ path: '/x', text: 'kind: Config\n' }),
    request: () => Promise.resolve({ status: 200, body: 'ok' }),
    demo: () => Promise.resolve({ outcome: 'shown', totalMs: 1000, steps: [step] }),
  };
  for (const line of [
    'sandbox start',
    'sandbox stop --delete',
    'sandbox status running',
    'sandbox status stopped',
    'sandbox status none',
    'sandbox kubeconfig --user jane',
    'sandbox request GET /readyz',
    'demo',
  ])
    await json(new FakeNode(PRISTINE), line, { sandboxes });
}

async function doctorDocuments(fresh: () => FakeNode): Promise<void> {
  const sick = fresh();
  sick.fs.put(MANIFEST, BAD);
  sick.pass(60_000);
  sick.fs.put(`${MANIFEST.replace(/[^/]*$/, '')}notes.txt`, 'a word');
  const doctor = fakeDoctor(sick);
  doctor.eyes.swap = () => Promise.reject(new Error('no answer'));
  doctor.eyes.etcd = (url) => Promise.resolve({ url, state: 'refused', detail: 'connection refused' });
  await json(sick, 'doctor --sandbox', { doctor });
  await json(sick, 'doctor --fix --yes');
  const stopped = fresh();
  stopped.processes = [];
  stopped.kubeletRuns = false;
  await json(stopped, 'doctor');
}

async function logDocuments(): Promise<void> {
  const folder = tempFolder();
  writeFileSync(`${folder}/cut.log.gz`, gzipSync(Buffer.from('{}')).subarray(0, -4));
  const gap = ['00', '30'].map((minute) => auditLine({ auditID: minute, time: `2026-01-01T00:${minute}:00.000000Z` }));
  writeFileSync(`${folder}/audit.log.2`, `${gap.join('\n')}\n`);
  writeFileSync(`${folder}/policy.yaml`, METADATA_POLICY.replace('rules:\n', 'rules:\n- level: None\n  users: [x]\n'));
  const course = 'fixtures/logs/course.log';
  const log = (line: string): Promise<void> => json(new FakeNode(PRISTINE), `log ${line}`, { disk: true, input: {} });
  await log(`query ${course} ${folder}/cut.log.gz --limit 2`);
  await log(`query ${course} -u nobody --sandbox`);
  await log(`top ${course} --sandbox`);
  await log(`who deleted secret/important -n production ${course} --sandbox`);
  await log(`who exec pod ${course} --policy ${folder}/policy.yaml`);
  await log(`who read secret/applied ${course} --policy preset:minimal`);
  await log(`show ${course} ${course} --sandbox`);
  await log(`report ${course} ${folder}/audit.log.2 --sandbox`);
  await log(`export ${course} --parquet ${folder}/x.parquet`);
}

async function policyDocuments(input: Record<string, string>): Promise<void> {
  const folder = tempFolder();
  const [log, still, cut] = ['audit.log', 'still.log', 'cut.log.gz'].map((name) => `${folder}/${name}`) as [
    string,
    string,
    string,
  ];
  const event = (second: number): string =>
    `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"${second}","stage":"ResponseComplete",` +
    '"requestURI":"/api/v1/namespaces/a/pods","verb":"list","user":{"username":"alice","groups":["system:authenticated"]},' +
    '"objectRef":{"resource":"pods","namespace":"a","apiVersion":"v1"},' +
    `"requestReceivedTimestamp":"2026-01-01T00:00:0${second}.000000Z","stageTimestamp":"2026-01-01T00:00:0${second}.000000Z"}\n`;
  writeFileSync(log, event(1) + event(2));
  writeFileSync(still, event(1));
  writeFileSync(
    cut,
    gzipSync(Buffer.from(Array.from({ length: 4000 }, (_, i) => event(i % 9)).join(''))).subarray(0, -20),
  );
  const node = new FakeNode(PRISTINE);
  for (const line of [
    'presets',
    'init',
    'init p.yaml',
    'lint typo.yaml',
    'lint preset:quiet',
    'lint --fix typo.yaml',
    'lint --fix preset:quiet',
    'explain preset:recommended --verb get --resource pods/log.x --namespace a',
    'explain preset:recommended --verb get --url /version',
    'explain preset:recommended -- kubectl exec -it web -- sh',
    'coverage preset:recommended',
    'coverage preset:quiet',
    `replay preset:quiet --log ${log} ${cut}`,
    `replay preset:quiet --log ${still}`,
    `replay preset:quiet --max-size 0 --log ${log}`,
  ])
    await json(node, `policy ${line}`, { input });
}

test.each([...documented.keys()])(
  '%s: every field that is printed is documented, and the other way round',
  (section) => {
    const printed = new Set((seen.get(section) ?? []).flatMap((fields) => [...fields.keys()]));
    const names = documented.get(section)!.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    // An object whose fields are documented one by one needs no row, and an empty list of objects shows none of them.
    const covered = (name: string): boolean => names.some((each) => each.startsWith(`${name}.`));
    expect([...printed].filter((name) => !names.includes(name) && !covered(name))).toEqual([]);
    expect(names.filter((name) => !printed.has(name))).toEqual([]);
  },
);

test.each([...documented.keys()])('%s: fields without a star are always there, and the types are right', (section) => {
  for (const { name, always, type } of documented.get(section)!) {
    for (const fields of seen.get(section)!) {
      const types = [...(fields.get(name) ?? [])];
      if (always) expect([name, types.length > 0]).toEqual([name, true]);
      for (const each of types)
        if (each !== 'empty' && !(each === 'null' && !type.includes('null') && !always))
          expect([name, type.split(' or ')]).toEqual([name, expect.arrayContaining([each])]);
    }
  }
});

test('times are seconds with at most three decimals', async () => {
  const { json: parse } = await run(new FakeNode(PRISTINE, 'after'), ['enable', '-o', 'json']);
  const { apiAwaySeconds, totalSeconds, stages } = parse() as {
    apiAwaySeconds: number;
    totalSeconds: number;
    stages: { seconds: number }[];
  };
  expect(apiAwaySeconds).toBeGreaterThan(37);
  expect(apiAwaySeconds).toBeLessThan(totalSeconds);
  for (const value of [apiAwaySeconds, totalSeconds, ...stages.map(({ seconds }) => seconds)])
    expect(value).toBe(Math.round(value * 1000) / 1000);
});
