/**
 * The guard: a systemd timer that runs `recover` again and again until it is disarmed, so that a change is finished or
 * undone although the process that began it is gone (kill -9, the SSH session lost). Rule: it is told apart by the
 * change's id alone, and leaves nothing behind. It does not outlive a reboot: /run is empty then.
 */
import { existsSync } from 'node:fs';
import { UserError } from '../core/errors';
import type { Guard } from '../change/ports';
import { hasCode } from './file-errors';
import { run, type Ran } from './run';

const CHANGE_ID = /^[\w.-]+$/;

export interface GuardOptions {
  root?: string;
  /** The program and its first arguments that end in kube-auditctl: [node, script]. Absolute paths. */
  command: readonly string[];
  /** Global options that recover needs as well, e.g. ['--manifest', FILE]. */
  options?: readonly string[];
  /** Where systemd shows that it runs. */
  booted?: string;
  /** For tests. */
  execute?: (program: string, args: readonly string[]) => Promise<Ran>;
}

export function createGuard({
  root = '/',
  command,
  options = [],
  booted = '/run/systemd/system',
  execute = run,
}: GuardOptions): Guard {
  return {
    async arm(changeId, everySeconds) {
      const unit = unitOf(changeId);
      if (root !== '/')
        return { armed: false, why: `the node's file system lies under ${root}: its systemd is not ours` };
      if (!existsSync(booted)) return { armed: false, why: 'systemd does not run here' };
      const seconds = `${Math.max(1, Math.ceil(everySeconds))}s`;
      const args = [
        `--unit=${unit}`,
        `--description=kube-auditctl: finish or undo change ${changeId}`,
        `--on-active=${seconds}`,
        `--on-unit-active=${seconds}`,
        // The default accuracy is a minute: systemd may be that late.
        '--timer-property=AccuracySec=1s',
        // Otherwise a run that fails leaves the unit behind, and its name taken.
        '--collect',
        '--quiet',
        '--',
        ...command,
        'recover',
        '--guard',
        changeId,
        ...options,
      ];
      try {
        const { code, stderr } = await execute('systemd-run', args);
        if (code === 0) return { armed: true };
        throw new UserError('guard-refused', `systemd refused the guard: ${stderr.trim() || `exit code ${code}`}`, {
          hints: [`systemctl status ${unit}.timer`, 'systemctl --failed'],
        });
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return { armed: false, why: 'there is no systemd-run here' };
        throw error;
      }
    },

    async disarm(changeId) {
      if (root !== '/' || !existsSync(booted) || !CHANGE_ID.test(changeId)) return;
      const unit = unitOf(changeId);
      // The timer, never the service: recover disarms from inside the service, and would end itself.
      await execute('systemctl', ['stop', `${unit}.timer`]).catch(() => undefined);
      await execute('systemctl', ['reset-failed', `${unit}.timer`, `${unit}.service`]).catch(() => undefined);
    },
  };
}

function unitOf(changeId: string): string {
  if (!CHANGE_ID.test(changeId)) throw new Error(`not a change id: ${changeId}`);
  return `kube-auditctl-guard-${changeId}`;
}
