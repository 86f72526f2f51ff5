/** `doctor` and `edit` in a sandbox: they look at the sandbox, mend the sandbox, and say nothing of this machine. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Box } from './box';

const box = new Box();
const MANIFEST = join(box.dir, 'node/etc/kubernetes/manifests/kube-apiserver.yaml');

interface Cause {
  code: string;
  remedy: string[];
  evidence: { text: string }[];
}

const causes = (document: Record<string, unknown>): Cause[] => document.causes as Cause[];

beforeAll(() => box.start());
afterAll(() => box.leave());

test('a healthy one: exit code 0, nothing found, and it says that this is no node', async () => {
  const { code, stdout } = await box.tool('doctor');
  expect([code, stdout]).toEqual([0, expect.stringContaining('The API server is healthy.')]);
  expect(stdout).toContain(`In the sandbox ${box.dir}: no real node was touched. Its paths lie under ${box.dir}/node.`);
  expect(await box.json('doctor')).toMatchObject({
    ...{ exitCode: 0, healthy: true, apiServer: 'ready', kubelet: 'running', etcd: 'healthy' },
    ...{ causes: [], notes: [], sandbox: box.dir },
  });
});

test('a tab in the manifest is named, and mended', async () => {
  const before = readFileSync(MANIFEST, 'utf8');
  writeFileSync(MANIFEST, before.replace(/^( *)- --secure-port=/m, '\t- --secure-port='));
  const ill = await box.json('doctor');
  expect([ill.exitCode, causes(ill).map(({ code }) => code)]).toEqual([1, expect.arrayContaining(['manifest-syntax'])]);
  writeFileSync(MANIFEST, before);
  for (let left = 60; (await box.tool('doctor')).code !== 0 && left > 0; left--)
    await new Promise((resolve) => setTimeout(resolve, 250));
  expect((await box.tool('doctor')).code).toBe(0);
});

test('a kubelet that is stopped: named with a remedy for a sandbox, which works', async () => {
  await box.tool('sandbox', 'kubelet', 'stop');
  const ill = await box.json('doctor');
  expect(ill).toMatchObject({ exitCode: 1, kubelet: 'down' });
  const stopped = causes(ill).find(({ code }) => code === 'kubelet-stopped');
  expect(stopped?.remedy).toEqual([`kube-auditctl sandbox start ${box.dir}`]);
  expect(JSON.stringify(ill)).not.toMatch(/systemctl (?:start|restart|enable)|journalctl|crictl|containerd/);
  await box.tool(...stopped!.remedy[0]!.split(' ').slice(1));
  expect((await box.tool('doctor')).code).toBe(0);
});

test('--fix starts the sandbox’s kubelet', async () => {
  await box.tool('sandbox', 'kubelet', 'stop');
  expect(await box.json('doctor', '--fix', '--yes')).toMatchObject({ exitCode: 0, mended: { outcome: 'kept' } });
  expect((await box.json('sandbox', 'status')).kubelet).toMatchObject({ pid: expect.any(Number) as number });
});

test('remedies of other commands are for a sandbox, too', async () => {
  await box.tool('sandbox', 'kubelet', 'stop');
  const refused = await box.tool('enable');
  expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining(`sandbox start ${box.dir}`)]);
  expect(refused.stdout + refused.stderr).not.toMatch(/systemctl|journalctl|crictl|sudo/);
  await box.tool('sandbox', 'start');
});

test('a sandbox without its kubelet is not whole: exit code 1, and what is missing', async () => {
  await box.tool('sandbox', 'kubelet', 'stop');
  const { code, stdout } = await box.tool('sandbox', 'status');
  expect([code, stdout]).toEqual([1, expect.stringContaining('running, its kubelet does not run')]);
  expect((await box.tool('sandbox', 'start')).code).toBe(0);
  expect((await box.tool('sandbox', 'status')).code).toBe(0);
});

test('a start with a flag misspelt ends early, with the server’s last words', async () => {
  const before = readFileSync(MANIFEST, 'utf8');
  await box.tool('sandbox', 'stop');
  writeFileSync(MANIFEST, before.replace('--secure-port=', '--secure-prt='));
  const at = Date.now();
  const { code, stderr } = await box.tool('sandbox', 'start');
  expect([code, stderr]).toEqual([2, expect.stringContaining('unknown flag: --secure-prt')]);
  expect(Date.now() - at).toBeLessThan(30_000);
  await box.tool('sandbox', 'stop');
  writeFileSync(MANIFEST, before);
  expect((await box.tool('sandbox', 'start')).code).toBe(0);
});

test('request: a patch has a type by itself, or the one it is given', async () => {
  const path = '/api/v1/namespaces/production';
  const patch = async (...more: string[]) => (await box.json('sandbox', 'request', 'PATCH', path, ...more)).status;
  expect(await patch('--data', '{"metadata":{"labels":{"a":"1"}}}')).toBe(200);
  expect(await patch('--data', '[{"op":"remove","path":"/metadata/labels/a"}]')).toBe(200);
  expect(await patch('--data', '{"metadata":{"labels":{"a":"2"}}}', '--type', 'strategic')).toBe(200);
  expect(await patch('--data', '{}', '--type', 'text/plain')).toBe(415);
  for (const bad of [
    ['GET', 'api'],
    ['TAKE', '/api'],
    ['GET', '/api', '--user', 'noone'],
  ])
    expect(await box.json('sandbox', 'request', ...bad)).toMatchObject({
      error: { code: expect.stringMatching(/^(?:usage|sandbox-no-user)$/) as string },
    });
});

test('a folder of that name which is empty, or gone', async () => {
  expect((await box.tool('sandbox', 'start', '')).code).toBe(2);
  const gone = join(box.home, 'gone');
  const tool = `${process.execPath} ${join(__dirname, '../../bin/kube-auditctl')}`;
  const ran = await box.run('sh', ['-c', `mkdir ${gone} && cd ${gone} && rmdir ${gone} && ${tool} sandbox status .`]);
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('[no-working-folder]')]);
});

test('demo without a place for its folder', async () => {
  const tool = join(__dirname, '../../bin/kube-auditctl');
  const ran = await box.run(process.execPath, [tool, 'demo'], { env: { TMPDIR: '/nonexistent' } });
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('[demo-no-folder]')]);
});

/** A terminal is asked for: python3 has one in its library. What the editor is handed lies in the sandbox. */
test('edit opens the sandbox’s manifest', async () => {
  const editor = join(box.home, 'editor');
  const seen = join(box.home, 'seen');
  writeFileSync(
    editor,
    `#!/bin/sh\nprintf '%s' "$1" > ${seen}\nsed -i 's/^\\( *- \\)--secure-port=.*/&\\n\\1--v=1/' "$1"\n`,
    { mode: 0o755 },
  );
  const program = 'import pty, sys, os; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
  const tool = [process.execPath, join(__dirname, '../../bin/kube-auditctl'), 'edit'];
  const ran = await box.run('timeout', ['60', 'python3', '-c', program, ...tool], {
    env: { EDITOR: editor, TERM: 'dumb' },
    input: 'a\n',
  });
  expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('Done.')]);
  expect(readFileSync(seen, 'utf8').startsWith(`${box.dir}/node/`)).toBe(true);
  expect(readFileSync(MANIFEST, 'utf8')).toContain('- --v=1');
});
