import { chmodSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { findPreset, PRESETS } from '../../src/core/policy/presets';
import { run, type Run, type RunOptions } from '../support/command-line';
import { FakeNode, MANIFEST } from '../support/fake-node';
import { enable } from '../support/flows';
import { fixture } from '../support/manifests';
import { tempFolder } from '../support/temp-folder';

const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n';
const GOOD = `${HEAD}rules:\n- level: None\n  verbs: [list]\n- level: Metadata\n`;
const BAD = `${HEAD}rules:\n- level: metadata # all\n`;
const LEAKY = `${HEAD}rules:\n- level: Request\n`;
const input = { 'good.yaml': GOOD, 'bad.yaml': BAD, 'leaky.yaml': LEAKY, '-': BAD };

/** No node: whoever touches the world fails. */
const policy = (line: string, options: RunOptions = {}): Promise<Run> =>
  run(new FakeNode(fixture('kubeadm-1.36.yaml')), ['policy', ...line.split(' ')], { input, uid: 1000, ...options });

describe('presets and init', () => {
  test('every preset by name', async () => {
    const { code, out } = await policy('presets');
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(' ')[0])).toEqual([...PRESETS.map(({ name }) => name), '']);
    const { json } = await policy('presets -o json');
    expect(json()).toEqual({ presets: PRESETS });
  });

  test('to standard output, or to a file', async () => {
    expect(await policy('init --preset cis')).toMatchObject({ code: 0, out: findPreset('cis')?.text, written: {} });
    const text = findPreset('recommended')?.text;
    expect(await policy('init new.yaml')).toMatchObject({ code: 0, out: '', written: { 'new.yaml': text } });
    expect(await policy('init --preset nothing')).toMatchObject({
      code: 2,
      talk: expect.stringMatching(/no policy preset nothing(.|\n)*minimal, recommended/) as string,
    });
  });

  test('never over a file that is there, unless forced', async () => {
    const folder = tempFolder();
    const file = `${folder}/p.yaml`;
    expect((await policy(`init ${file}`, { disk: true })).code).toBe(0);
    writeFileSync(file, 'mine');
    const { code, json } = await policy(`init ${file} -o json`, { disk: true });
    expect([code, json().error, readFileSync(file, 'utf8')]).toEqual([
      2,
      expect.objectContaining({ code: 'file-exists' }),
      'mine',
    ]);
    expect((await policy(`init ${file} --force --preset quiet`, { disk: true })).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(findPreset('quiet')?.text);
    expect(readdirSync(folder)).toEqual(['p.yaml']);
  });
});

describe('lint', () => {
  test.each([
    ['good.yaml', 0],
    ['preset:recommended', 0],
    ['bad.yaml', 1],
    ['-', 1],
    ['leaky.yaml', 1],
    ['leaky.yaml --ignore sensitive-bodies', 0],
    // What the server refuses is never clean, whatever is ignored.
    ['bad.yaml --ignore unknown-level', 1],
    ['good.yaml leaky.yaml', 1],
    ['preset:nothing', 2],
    ['good.yaml --kube-version new', 2],
    ['good.yaml -o yaml', 2],
    ['good.yaml --fix -o sarif', 2],
    ['good.yaml leaky.yaml --fix', 2],
  ])('%s: exit code %d', async (line, code) => {
    expect((await policy(`lint ${line}`)).code).toBe(code);
  });

  test('JSON: what the server would do, and the findings with their places', async () => {
    const { json } = await policy('lint bad.yaml -o json');
    const document = json();
    expect(Object.keys(document)).toEqual(['loads', 'lenient', 'serverMessage', 'findings']);
    expect(document).toMatchObject({
      loads: false,
      lenient: false,
      serverMessage: expect.stringContaining('rules[0].level: Unsupported value: "metadata"') as string,
      findings: [
        {
          code: 'unknown-level',
          severity: 'error',
          place: { file: 'bad.yaml', line: 5, column: 10, lineText: '- level: metadata # all', length: 8 },
          fixable: true,
        },
      ],
    });
    const several = await policy('lint good.yaml bad.yaml -o json');
    expect(several.json()).toMatchObject({
      files: [
        { file: 'good.yaml', loads: true },
        { file: 'bad.yaml', loads: false },
      ],
    });
  });

  test('the version of the server counts', async () => {
    const star = `${HEAD}rules: [{level: None, resources: [{group: "*"}]}, {level: Metadata}]\n`;
    const loads = async (more: string) =>
      (await policy(`lint star.yaml -o json${more}`, { input: { 'star.yaml': star } })).json().loads;
    expect([await loads(''), await loads(' --kube-version v1.34.2')]).toEqual([true, false]);
  });

  test.each(['-o sarif', '--format sarif'])('SARIF with %s', async (option) => {
    const { code, json } = await policy(`lint leaky.yaml ${option}`);
    expect(code).toBe(1);
    expect(json()).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          results: expect.arrayContaining([
            expect.objectContaining({ ruleId: 'sensitive-bodies', level: 'error' }),
          ]) as unknown,
        },
      ],
    });
  });

  test.each(['status', 'policy coverage preset:cis'])('%s knows no SARIF', async (line) => {
    const { code, talk } = await run(new FakeNode(fixture('kubeadm-1.36.yaml')), [...line.split(' '), '-o', 'sarif']);
    expect([code, talk]).toEqual([2, expect.stringContaining("argument 'sarif' is invalid")]);
  });
});

describe('lint --fix', () => {
  const FIXED = BAD.replace('metadata', 'Metadata');

  test('the file itself, by a rename: its mode stays, and a link to it stays a link', async () => {
    const folder = tempFolder();
    writeFileSync(`${folder}/real.yaml`, BAD);
    chmodSync(`${folder}/real.yaml`, 0o640);
    symlinkSync('real.yaml', `${folder}/p.yaml`);
    const { code, out } = await policy(`lint --fix ${folder}/p.yaml`, { disk: true });
    expect([code, out.split('\n')[0]]).toEqual([0, 'Mended: unknown-level']);
    expect(readFileSync(`${folder}/real.yaml`, 'utf8')).toBe(FIXED);
    expect(statSync(`${folder}/real.yaml`).mode & 0o777).toBe(0o640);
    expect(readlinkSync(`${folder}/p.yaml`)).toBe('real.yaml');
    expect(readdirSync(folder).sort()).toEqual(['p.yaml', 'real.yaml']);
  });

  test('nothing to mend: nothing is written', async () => {
    expect(await policy('lint --fix good.yaml')).toMatchObject({ code: 0, written: {} });
  });

  test('what is ignored is not mended either', async () => {
    const { code, json, written } = await policy('lint --fix leaky.yaml --ignore sensitive-bodies -o json');
    expect([code, written, json().fixed]).toEqual([0, {}, []]);
  });

  test('from standard input to standard output, the report beside it', async () => {
    const { code, out, talk } = await policy('lint --fix -');
    expect([code, out, talk]).toEqual([0, FIXED, expect.stringContaining('Mended: unknown-level') as string]);
    const { json } = await policy('lint --fix - -o json');
    expect(json()).toMatchObject({ loads: true, fixed: ['unknown-level'], text: FIXED });
  });

  test('never what is no text: it could not be put back', async () => {
    const file = `${tempFolder()}/p.yaml`;
    const bytes = Buffer.concat([Buffer.from(BAD), Buffer.from([0x23, 0xff, 0x0a])]);
    writeFileSync(file, bytes);
    expect((await policy(`lint --fix ${file}`, { disk: true })).code).toBe(2);
    expect(readFileSync(file)).toEqual(bytes);
  });
});

describe('explain', () => {
  const ALICE = '{"user":"alice","groups":[],"verb":"list","resource":"pods"}';

  test('in bulk: a JSON line for each, empty lines passed over', async () => {
    const lines = `${ALICE}\n\n{"user":null,"verb":"get","path":"/"}\n`;
    const { code, out } = await policy('explain good.yaml --requests r.jsonl', {
      input: { ...input, 'r.jsonl': lines },
    });
    expect([code, out]).toEqual([
      0,
      '{"level":"None","rule":1,"omitStages":["RequestReceived"],"omitManagedFields":false}\n' +
        '{"level":"Metadata","rule":2,"omitStages":["RequestReceived"],"omitManagedFields":false}\n',
    ]);
  });

  test('in bulk, across the blocks of a real file, without a last line break', async () => {
    const file = `${tempFolder()}/r.jsonl`;
    writeFileSync(file, Array.from({ length: 9000 }, () => ALICE.replace('alice', 'älice')).join('\n'));
    const { code, out } = await policy(`explain preset:recommended --requests ${file}`, { disk: true });
    expect([code, new Set(out.split('\n')).size, out.split('\n').length]).toEqual([0, 2, 9001]);
  });

  test('a line that is no request ends it, with its place, after the answers to the lines before', async () => {
    const options = { input: { ...input, 'r.jsonl': `${ALICE}\nnothing\n` } };
    const { code, out, talk } = await policy('explain good.yaml --requests r.jsonl', options);
    expect([code, out.split('\n').length]).toEqual([2, 2]);
    expect(talk).toMatch(/\[bad-request-line\]\n +r\.jsonl:2:1/);
  });

  test('one request, and why the rules before did not match', async () => {
    const { code, json } = await policy(
      'explain good.yaml --verb get --resource deployments.apps/scale --namespace a --name web --user bob --group dev -o json',
    );
    expect(code).toBe(0);
    expect(json()).toMatchObject({
      request: {
        user: 'bob',
        groups: ['dev', 'system:authenticated'],
        apiGroup: 'apps',
        resource: 'deployments',
        subresource: 'scale',
        namespace: 'a',
        name: 'web',
      },
      level: 'Metadata',
      rule: 2,
      skipped: [{ rule: 1 }],
    });
  });

  test('a kubectl command, whose options are its own', async () => {
    const { code, json } = await policy('explain good.yaml -o json -- kubectl get pods x -n prod -o yaml --as alice');
    expect(code).toBe(0);
    expect(json()).toMatchObject({
      requests: expect.arrayContaining([
        expect.objectContaining({ path: '/api/v1/namespaces/prod/pods/x', level: 'Metadata', rule: 2 }),
      ]) as unknown,
      notes: [expect.stringContaining('alice')],
    });
  });

  test('the -o json of kubectl is not ours, when it fails either', async () => {
    const { code, out, talk } = await policy('explain good.yaml -- kubectl gte pods -o json');
    expect([code, out, talk]).toEqual([2, '', expect.stringContaining('kubectl get pods')]);
  });

  test.each([
    'explain good.yaml',
    'explain good.yaml --verb get',
    'explain good.yaml --verb get --resource pods -- kubectl get pods',
    'explain - --requests -',
  ])('%s: a usage error', async (line) => {
    expect(await policy(line)).toMatchObject({ code: 2, talk: expect.stringContaining('[usage]') as string });
  });

  test('a policy that would not load cannot be explained', async () => {
    const { code, json } = await policy('coverage bad.yaml -o json');
    expect(code).toBe(2);
    expect(json()).toMatchObject({ command: 'policy coverage', error: { code: 'policy-refused', place: { line: 5 } } });
  });

  test("without a policy: that of this node's API server, for root", async () => {
    const node = new FakeNode(fixture('kubeadm-1.36.yaml'));
    const line = ['policy', 'explain', '-o', 'json', '--', 'kubectl', 'get', 'secrets'];
    const refused = async (uid: number) =>
      ((await run(node, line, { uid })).json().error as { code: string } | undefined)?.code;
    expect([await refused(1000), await refused(0)]).toEqual(['not-root', 'no-policy']);
    await enable(node.ports(), { preset: 'quiet' });
    expect(node.manifest()).toContain('--audit-policy-file');
    const { code, json, world } = await run(node, line);
    expect([code, world?.manifestPath]).toEqual([0, MANIFEST]);
    expect((json().requests as unknown[]).length).toBeGreaterThan(0);
  });
});

describe('replay', () => {
  const event = (verb: string, second: number): string =>
    `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"${verb}${second}","stage":"ResponseComplete",` +
    `"requestURI":"/api/v1/namespaces/a/pods","verb":"${verb}","user":{"username":"alice","groups":["system:authenticated"]},` +
    `"objectRef":{"resource":"pods","namespace":"a","apiVersion":"v1"},"requestReceivedTimestamp":"2026-01-01T00:00:0${second}.000000Z",` +
    `"stageTimestamp":"2026-01-01T00:00:0${second}.000000Z"}\n`;

  test('plain and gzipped logs: events now and then, and the rotation', async () => {
    const folder = tempFolder();
    writeFileSync(`${folder}/a.log`, event('list', 1) + event('get', 2));
    writeFileSync(`${folder}/b.log.gz`, gzipSync(event('create', 3)));
    const { code, json, talk } = await policy(
      `replay good.yaml -o json --max-size 1 --max-backup 2 --max-age 9 --log ${folder}/a.log ${folder}/b.log.gz`,
    );
    expect([code, talk]).toEqual([0, '']);
    expect(json()).toMatchObject({
      now: { events: 3 },
      then: { events: 2 },
      dropped: { events: 1 },
      seconds: 2,
      retention: { limit: 'size', bytesOnDisk: 3 << 20 },
      files: [
        { path: `${folder}/a.log`, problem: null },
        { path: `${folder}/b.log.gz`, problem: null },
      ],
    });
  });

  test('a log that is not there is an error, a damaged end is told', async () => {
    const folder = tempFolder();
    expect(await policy(`replay good.yaml --log ${folder}/none.log`)).toMatchObject({
      code: 2,
      out: '',
      talk: expect.stringContaining('[log-unreadable]') as string,
    });
    const events = Array.from({ length: 20000 }, (_, i) => event('get', i % 9)).join('');
    writeFileSync(`${folder}/cut.log.gz`, gzipSync(events).subarray(0, -20));
    expect(await policy(`replay good.yaml --log ${folder}/cut.log.gz`)).toMatchObject({
      code: 0,
      talk: expect.stringContaining('could not be read to its end') as string,
    });
  });

  test('needs a log', async () => {
    expect((await policy('replay good.yaml')).code).toBe(2);
  });
});

test('policy alone prints its help', async () => {
  const { code, out, talk } = await policy('--help');
  expect([code, talk]).toEqual([0, '']);
  for (const name of ['presets', 'init', 'lint', 'explain', 'coverage', 'replay']) expect(out).toContain(`  ${name}`);
});
