/** `demo`: what it runs, what it shows, and that nothing is left of it, however it ends. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RunSelf } from '../../src/change/ports';
import { runDemo } from '../../src/sandbox/demo';
import { startTicksOf } from '../../src/sandbox/kubelet/runtime/process-files';

interface Played {
  lines: string[];
  dir: string;
  shown: string;
  bad: string;
}

/** A tool that answers as it should, but for the command that begins with `odd`. */
async function play(odd?: string, code = 7, abort?: AbortController) {
  const played: Played = { lines: [], dir: '', shown: '', bad: '' };
  const run: RunSelf = (args, { env, print }) => {
    const line = args.join(' ');
    played.lines.push(line);
    played.dir = env['KUBE_AUDITCTL_SANDBOX'] ?? '';
    const manifest = join(played.dir, 'node/etc/kubernetes/manifests/kube-apiserver.yaml');
    if (line === 'sandbox start') {
      mkdirSync(dirname(manifest), { recursive: true });
      writeFileSync(manifest, '    - --audit-log-maxbackup=10\n');
    }
    if (args[0] === 'apply') played.bad = readFileSync(args[2] ?? '', 'utf8');
    const output =
      line === 'enable' ? 'output of enable\nproven: event kube-auditctl-0123456789abcdef\n' : `output of ${line}\n`;
    print(output);
    if (odd !== undefined && line.startsWith(odd)) abort?.abort();
    const wrong = odd !== undefined && line.startsWith(odd) && !abort;
    return Promise.resolve({
      code: wrong ? code : args[0] !== 'apply' ? 0 : args.includes('--ignore') ? 3 : 1,
      output,
    });
  };
  const signal = abort?.signal ?? new AbortController().signal;
  const report = await runDemo({ run, show: (text) => (played.shown += text), signal });
  return { ...played, report };
}

test('all goes well: each command is shown before its output, and the sandbox goes last', async () => {
  const { lines, shown, report, dir, bad } = await play();
  expect(report.outcome).toBe('shown');
  expect(lines[0]).toBe('sandbox start');
  expect(lines.at(-1)).toBe('sandbox stop --delete');
  expect(shown).toContain('\n$ kube-auditctl enable\noutput of enable\n');
  expect(shown).toContain(`$ export KUBE_AUDITCTL_SANDBOX=${dir}\n`);
  expect(lines).toContain('log show kube-auditctl-0123456789abcdef');
  expect(bad).toBe('    - --audit-log-maxbackups=10\n');
  expect(report.steps.map(({ exitCode, expectedExitCode }) => exitCode - expectedExitCode)).toEqual(
    report.steps.map(() => 0),
  );
  expect(existsSync(dirname(dir))).toBe(false);
});

test('what is typed can be typed: JSON stands in quotes', async () => {
  const { shown } = await play();
  expect(shown).toMatch(/--data '\{"apiVersion":"v1","kind":"Secret".*\}'$/m);
});

test.each(['sandbox start', 'enable', 'apply', 'log who'])('%s goes wrong: told, and cleaned up', async (odd) => {
  const { lines, report, dir } = await play(odd);
  expect(report.outcome).toBe('failed');
  expect(lines.at(-2)!.startsWith(odd)).toBe(true);
  expect(lines.at(-1)).toBe('sandbox stop --delete');
  expect(existsSync(dirname(dir))).toBe(false);
});

test('Ctrl-C: what runs is waited for, nothing more is begun, and all is cleaned up', async () => {
  const { lines, report, dir } = await play('enable', 0, new AbortController());
  expect(report.outcome).toBe('interrupted');
  expect(lines).toEqual(['sandbox start', 'enable', 'sandbox stop --delete']);
  expect(existsSync(dirname(dir))).toBe(false);
});

test('the sandbox cannot be stopped: its folder stays, for who has to look', async () => {
  const { report, dir } = await play('sandbox stop');
  expect([report.outcome, existsSync(dir)]).toEqual(['failed', true]);
  rmSync(dirname(dir), { recursive: true });
});

test('what a demo left that was killed is swept by the next one; that of one at work stays', async () => {
  const left = mkdtempSync(join(tmpdir(), 'kube-auditctl-demo-'));
  const other = mkdtempSync(join(tmpdir(), 'kube-auditctl-demo-'));
  const own = { pid: process.pid, startTicks: startTicksOf(process.pid) };
  writeFileSync(join(left, 'demo.json'), JSON.stringify({ ...own, startTicks: '1' }));
  writeFileSync(join(other, 'demo.json'), JSON.stringify(own));
  await play();
  expect([existsSync(left), existsSync(other)]).toEqual([false, true]);
  rmSync(other, { recursive: true });
});
