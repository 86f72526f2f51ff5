/** What of a sandbox runs. Writes nothing; a sandbox that is none is a state like others. */
import { basename, join } from 'node:path';
import type { SandboxState } from '../change/ports';
import { livingProcesses } from './alive';
import { readAccess, send } from './client';
import type { Container, ProcessEntry } from './container';
import { readJson } from './kubelet/runtime/process-files';
import type { Layout, SandboxFile } from './layout';
import { USERS } from './users';

export async function statusOf(layout: Layout, file: SandboxFile | undefined): Promise<SandboxState> {
  const nothing = { kubelet: null, containers: [], ready: false, users: [] };
  if (!file) return { dir: layout.dir, state: 'none', ...nothing };
  const living = livingProcesses(layout.processes);
  const kubelet = kubeletOf(layout);
  return {
    dir: layout.dir,
    state: living.length > 0 ? 'running' : 'stopped',
    like: file.like,
    kubernetesVersion: file.kubernetesVersion,
    nodeName: file.nodeName,
    port: file.port,
    createdAt: file.createdAt,
    node: layout.node,
    kubelet: kubelet ? { pid: kubelet.pid, startedAt: kubelet.startedAt } : null,
    containers: living
      .filter(({ containerId }) => containerId !== undefined)
      .map(({ pid, startedAt, argv, containerId }) => ({ name: nameOf(layout, containerId, argv), pid, startedAt })),
    ready: living.length > 0 && (await isReady(layout)),
    users: USERS.map(({ name, about }) => ({ name, about, kubeconfig: join(layout.users, `${name}.conf`) })),
  };
}

export function kubeletOf(layout: Layout): ProcessEntry | undefined {
  return livingProcesses(layout.processes).find(({ argv }) => basename(argv[0] ?? '') === 'kubelet');
}

function nameOf(layout: Layout, id: string | undefined, argv: readonly string[]): string {
  const container = readJson(join(layout.run, 'containers', id ?? '', 'container.json')) as Container | undefined;
  return container?.name ?? basename(argv[0] ?? '');
}

async function isReady(layout: Layout): Promise<boolean> {
  try {
    const admin = readAccess(join(layout.node, 'etc/kubernetes/admin.conf'));
    return (await send(admin, { method: 'GET', path: '/readyz', timeoutMs: 3_000 })).status === 200;
  } catch {
    return false;
  }
}
