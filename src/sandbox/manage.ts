/** Everything that `sandbox` and `demo` do, in one chunk that only they load. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors';
import { shellWord } from '../core/text';
import type { Sandboxes } from '../change/ports';
import { readAccess, send } from './client';
import { runDemo } from './demo';
import { layoutOf, readSandboxFile, type Layout, type SandboxFile } from './layout';
import { adminFile, readJournal, startKubelet, startSandbox } from './start';
import { kubeletOf, statusOf } from './status';
import { stopKubelet, stopSandbox } from './stop';
import { USERS } from './users';

/** @param programs the folder of the sandbox's programs: kubelet.cjs and the others. */
export function createSandboxes(programs: string): Sandboxes {
  return {
    start: (dir, options) => startSandbox(dir, { ...options, programs }),
    stop: (dir, options) => stopSandbox(dir, options),
    async status(dir) {
      const layout = layoutOf(dir);
      return statusOf(layout, readSandboxFile(layout));
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- async, so that what is thrown is a rejection
    async kubeconfig(dir, user) {
      const { layout, file } = existing(dir);
      const path = kubeconfigPath(layout, file, user);
      return { path, text: readFileSync(path, 'utf8') };
    },
    async request(dir, { user, ...request }) {
      const { layout, file } = existing(dir);
      const access = readAccess(kubeconfigPath(layout, file, user));
      try {
        return await send(access, request);
      } catch (error) {
        throw new UserError(
          'sandbox-no-answer',
          `the sandbox's API server does not answer: ${(error as Error).message}`,
          {
            hints: [`kube-auditctl sandbox status ${shellWord(layout.dir)}`],
            cause: error,
          },
        );
      }
    },
    async kubelet(dir, verb) {
      const { layout } = existing(dir);
      if (verb === 'stop') await stopKubelet(layout);
      else if (!kubeletOf(layout)) await startKubelet(layout, programs);
    },
    demo: runDemo,
    // eslint-disable-next-line @typescript-eslint/require-await -- async, so that what is thrown is a rejection
    journal: async (dir) => readJournal(existing(dir).layout),
  };
}

function existing(dir: string): { layout: Layout; file: SandboxFile } {
  const layout = layoutOf(dir);
  const file = readSandboxFile(layout);
  if (file) return { layout, file };
  throw new UserError('no-sandbox', `there is no sandbox at ${layout.dir}`, {
    hints: [`kube-auditctl sandbox start ${shellWord(layout.dir)}`],
  });
}

function kubeconfigPath(layout: Layout, file: SandboxFile, user: string | undefined): string {
  if (user === undefined || user === 'admin') return join(layout.node, 'etc/kubernetes', adminFile(file));
  if (USERS.some(({ name }) => name === user)) return join(layout.users, `${user}.conf`);
  throw new UserError('sandbox-no-user', `the sandbox has no user ${user}`, {
    hints: [`its users: admin, ${USERS.map(({ name }) => name).join(', ')}`],
  });
}
