import { createGuard } from '../../src/system/guard';
import { tempFolder } from '../support/temp-folder';

function systemd(answers: Partial<Record<string, { code?: number; stderr?: string } | Error>> = {}) {
  const ran: string[][] = [];
  const guard = createGuard({
    command: ['/usr/bin/node', '/opt/kube auditctl/dist/main.js'],
    options: ['--manifest', '/etc/m.yaml'],
    booted: tempFolder(),
    execute: (program, args) => {
      ran.push([program, ...args]);
      const answer = answers[program] ?? {};
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve({ code: 0, stdout: '', stderr: '', ...answer });
    },
  });
  return { ran, guard };
}
const missing = Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' });

test('a timer that repeats, collects itself, and runs recover with its own id', async () => {
  const { ran, guard } = systemd();
  expect(await guard.arm('20240115-1', 59.2)).toEqual({ armed: true });
  expect(ran).toEqual([
    [
      'systemd-run',
      '--unit=kube-auditctl-guard-20240115-1',
      '--description=kube-auditctl: finish or undo change 20240115-1',
      '--on-active=60s',
      '--on-unit-active=60s',
      '--timer-property=AccuracySec=1s',
      '--collect',
      '--quiet',
      '--',
      '/usr/bin/node',
      '/opt/kube auditctl/dist/main.js',
      'recover',
      '--guard',
      '20240115-1',
      '--manifest',
      '/etc/m.yaml',
    ],
  ]);
});

test('disarmed by stopping the timer, never the service that may be asking', async () => {
  const { ran, guard } = systemd({ systemctl: { code: 5, stderr: 'Unit not loaded.' } });
  await guard.disarm('20240115-1');
  const unit = 'kube-auditctl-guard-20240115-1';
  expect(ran).toEqual([
    ['systemctl', 'stop', `${unit}.timer`],
    ['systemctl', 'reset-failed', `${unit}.timer`, `${unit}.service`],
  ]);
  await systemd({ systemctl: missing }).guard.disarm('20240115-1');
  await guard.disarm('not an id');
});

test('systemd that refuses is an error with its words', async () => {
  const { guard } = systemd({ 'systemd-run': { code: 1, stderr: 'Failed to start transient timer unit: no\n' } });
  await expect(guard.arm('a', 60)).rejects.toMatchObject({
    code: 'guard-refused',
    message: 'systemd refused the guard: Failed to start transient timer unit: no',
  });
});

test('where there is none it says why', async () => {
  const none = { command: [], execute: () => Promise.reject(new Error('must not run')) };
  expect(await createGuard({ ...none, booted: '/nonexistent' }).arm('a', 60)).toEqual({
    armed: false,
    why: 'systemd does not run here',
  });
  const other = createGuard({ ...none, root: '/host', booted: tempFolder() });
  expect(await other.arm('a', 60)).toMatchObject({ armed: false });
  await other.disarm('a');
  expect(await systemd({ 'systemd-run': missing }).guard.arm('a', 60)).toEqual({
    armed: false,
    why: 'there is no systemd-run here',
  });
});

test('an id that is none never reaches a command', async () => {
  const { ran, guard } = systemd();
  await expect(guard.arm('../x', 60)).rejects.toThrow('not a change id');
  expect(ran).toEqual([]);
});
