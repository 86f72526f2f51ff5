/**
 * The node as a whole: all eyes together. Rule: looking never rejects, never changes anything, and after close() nothing
 * of it is left running.
 */
import { createHash } from 'node:crypto';
import { hostname, networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../core/errors';
import type { ManifestSight } from '../core/evidence';
import type { Node, WatchPoint, WatchTarget } from '../change/ports';
import { ask } from './api';
import { findCredentials, type Credentials } from './credentials';
import { explain, hasCode } from './file-errors';
import { nodeFsCalls } from './fs-calls';
import { pollHealth } from './health';
import { openJournal } from './journal';
import { createPodLogs } from './pod-logs';
import { leasePath, renewTime } from './kubelet-lease';
import { openTail } from './log-tail';
import { createProcesses } from './processes';
import { reach } from './reach';
import { inRoot, readBelow } from './root';

/** The kubelet reads no larger one (pkg/kubelet/config/common.go, maxConfigLength). */
const MAX_MANIFEST = 10 * 1024 * 1024;

export interface NodeOptions {
  /** Where the node's file system lies on this machine. */
  root?: string;
  /** The name the node has in the cluster; without it the API server's pod is known by its form. */
  nodeName?: string;
  journalUnit?: string;
  /** Where the node's processes are shown; ROOT/proc when absent. */
  proc?: string;
}

export function createNode(options: NodeOptions = {}): Node {
  const { root = '/', nodeName, journalUnit, proc = join(root, 'proc') } = options;
  const processes = createProcesses({ proc });

  let found: Credentials | undefined;
  const credentials = async (): Promise<Credentials> => {
    found ??= await findCredentials({ root });
    if (found) return found;
    throw new UserError('no-credentials', `no administrator's kubeconfig below ${join(root, '/etc/kubernetes')}`, {
      hints: ['sudo ls -l /etc/kubernetes/admin.conf', 'sudo kubeadm init phase kubeconfig admin'],
    });
  };

  const watch = async ({ manifestPath, podName, namespace, endpoint, since }: WatchTarget): Promise<WatchPoint> => {
    const logs = createPodLogs({ root, namespace, podName, nodeName });
    const health = pollHealth(endpoint, credentials);
    const journal = await openJournal({ root, unit: journalUnit, ...(since === undefined ? {} : { since }) });
    return {
      async look() {
        const [manifest, pods] = await Promise.all([lookAtManifest(root, manifestPath), logs.look()]);
        const note = journal.note();
        return {
          at: Date.now(),
          manifest,
          processes: processes.servers(endpoint.port),
          pods,
          kubelet: journal.lines(),
          health: health.drain(),
          ...(note === undefined ? {} : { notes: [`kubelet journal: ${note}`] }),
        };
      },
      async close() {
        await Promise.all([health.close(), journal.close()]);
      },
    };
  };

  return {
    watch,
    request: async (endpoint, request) => ask(endpoint, await credentials(), request),
    async identity() {
      const own = await findCredentials({ root }).catch(() => undefined);
      return own?.user === undefined ? undefined : { user: own.user, groups: own.groups, source: own.source };
    },
    processes: (port) => Promise.resolve(processes.servers(port)),
    tail: (path) => openTail(root, path),
    kubelet() {
      const [kubelet] = processes.named('kubelet');
      return Promise.resolve(kubelet && { pid: kubelet.pid, startedAt: kubelet.startedAt, argv: kubelet.argv });
    },
    async kubeletRenewed(endpoint) {
      const path = leasePath(nodeName ?? hostname().toLowerCase());
      try {
        return renewTime(await ask(endpoint, await credentials(), { method: 'GET', path, timeoutMs: 5000 }));
      } catch {
        return undefined;
      }
    },
    readInside: (pid, path, limit) => readInside(proc, pid, path, limit),
    addresses: () =>
      Object.values(networkInterfaces()).flatMap((each) =>
        (each ?? []).map(({ address }) => address.replace(/%.*$/, '')),
      ),
    reach,
    uid: () => process.geteuid?.() ?? 0,
    operator,
    pid: () => process.pid,
    hostname,
    name: () => nodeName ?? hostname().toLowerCase(),
  };
}

async function lookAtManifest(root: string, path: string): Promise<ManifestSight> {
  try {
    const bytes = await readBelow(root, path, MAX_MANIFEST);
    return { state: 'present', sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { state: 'absent' };
    return { state: 'unreadable', detail: messageOf(explain(error, 'read', path)) };
  }
}

/**
 * The process's own file system stands under /proc/PID/root; the kernel would follow an absolute link in it to our root,
 * so links are followed by hand.
 */
async function readInside(proc: string, pid: number, path: string, limit: number): Promise<Uint8Array | undefined> {
  const calls = nodeFsCalls();
  try {
    const real = await inRoot(calls, join(proc, String(pid), 'root'), path, { followLast: true });
    return (await calls.readFile(real, limit)).bytes;
  } catch {
    return undefined;
  }
}

function operator(): { uid: number; user: string; sudoUser?: string } {
  const uid = process.getuid?.() ?? 0;
  const sudoUser = process.env['SUDO_USER'];
  return { uid, user: userName(uid), ...(sudoUser ? { sudoUser } : {}) };
}

function userName(uid: number): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in passwd.
    return String(uid);
  }
}
