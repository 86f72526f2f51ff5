/** `demo`, as a newcomer runs it. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Box } from './box';

const box = new Box();
afterAll(() => box.leave());

const leftovers = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('kube-auditctl-demo-'));

test('under a minute, every step as it should be, and nothing left', async () => {
  const before = leftovers();
  const report = (await box.json('demo')) as unknown as {
    outcome: string;
    totalSeconds: number;
    steps: { command: string; output: string; exitCode: number }[];
  };
  const wrong = report.steps.find((step) => /^(?!.*apply).*$/.test(step.command) && step.exitCode !== 0);
  expect([report.outcome, wrong]).toEqual(['shown', undefined]);
  expect(report.totalSeconds).toBeLessThan(60);
  const output = (command: string): string => report.steps.find((step) => step.command.includes(command))?.output ?? '';
  expect(output('enable')).toContain('proven: event');
  expect(output('apply -f')).toContain('write --audit-log-maxbackup instead of --audit-log-maxbackups');
  expect(output('log who')).toContain('dave');
  expect(leftovers()).toEqual(before);
});
