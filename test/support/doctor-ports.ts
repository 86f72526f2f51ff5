/** Doctor's eyes and hands on a node in memory: all is well but for what the node itself shows. */
import type { DoctorPorts } from '../../src/change/doctor-ports';
import type { FakeNode } from './fake-node';

export interface FakeDoctor extends DoctorPorts {
  /** What the hands were asked to do, in order. */
  done: string[];
}

export function fakeDoctor(node: FakeNode): FakeDoctor {
  const done: string[] = [];
  const sight = async (endpoint = { host: '127.0.0.1', port: 6443 }) =>
    (await node.ports().node.watch({ endpoint } as never)).look();
  const stat = async (path: string) => node.fs.lstat(path).catch(() => undefined);
  return {
    done,
    eyes: {
      journal: () => Promise.resolve({ lines: [...node.journal] }),
      unit: (name) =>
        Promise.resolve({ name, load: 'loaded', active: node.kubeletRuns ? 'active' : 'inactive', sub: 'x' }),
      podLogs: async (_namespace, podName) => (podName === 'etcd' ? [] : (await sight()).pods),
      programs: (name) =>
        Promise.resolve(
          name === 'kubelet' && !node.kubeletRuns ? [] : [{ pid: 50, startedAt: node.now - 86_400_000, argv: [name] }],
        ),
      holders: () => Promise.resolve([]),
      certificates: () => Promise.resolve([]),
      etcd: (url) => Promise.resolve({ url, state: 'healthy' }),
      runtime: (sockets) => Promise.resolve({ socket: sockets[0] ?? '', state: 'answers' }),
      hostPath: async (path) => {
        const kind = (await stat(path))?.kind;
        return { path, kind: kind === undefined ? 'missing' : kind === 'symlink' ? 'other' : kind };
      },
      disk: (path) =>
        Promise.resolve({
          path,
          freeBytes: 5e10,
          totalBytes: 1e11,
          freeInodes: 1e6,
          totalInodes: 2e6,
          readOnly: false,
        }),
      swap: () => Promise.resolve([]),
      changedAt: async (path) => (await stat(path))?.mtimeMs,
      health: async (endpoint) => (await sight(endpoint)).health[0] ?? { at: node.now, state: 'refused' },
    },
    hands: {
      startUnit: (name) => {
        done.push(`start ${name}`);
        node.kubeletRuns = true;
        return Promise.resolve();
      },
      restartUnit: (name) => {
        done.push(`restart ${name}`);
        return Promise.resolve();
      },
      removePods: (uids) => {
        done.push(`remove ${uids.length} pods`);
        return Promise.resolve([]);
      },
    },
  };
}
