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
import { etcdHealth } from './etcd';
import { explain, hasCode } from './file-errors';
import { nodeFsCalls } from './fs-calls';
import { pollHealth } from './health';
import { openJournal, type JournalSource } from './journal';
import { createPodLogs } from './pod-logs';
import { leasePath, renewTime } from './kubelet-lease';
import { openTail } from './log-tail';
import { createProcesses, type Processes } from './processes';
import { reach } from './reach';
import { inRoot, readBelow } from './root';
import { run } from './run';

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
  /** Other eyes than /proc and journalctl, where the node is a stand-in. */
  eyes?: Eyes;
  /** Who we are on it, and what the host is called, where it is a stand-in. */
  uid?: () => number;
  hostname?: () => string;
}

export interface Eyes {
  processes: Processes;
  journal: JournalSource;
  readInside: Node['readInside'];
  restartKubelet: Node['restartKubelet'];
  kubeletVersion: Node['kubeletVersion'];
  etcdHealth: Node['etcdHealth'];
}

export function createNode(options: NodeOptions = {}): Node {
  const { root = '/', nodeName, journalUnit, proc = join(root, 'proc'), eyes } = options;
  const processes = eyes?.processes ?? createProcesses({ proc });
  // With --root the node's processes may be numbered otherwise than ours, and a signal goes by our numbers.
  const own = proc === '/proc' || eyes ? processes : createProcesses();
  const host = options.hostname ?? hostname;

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
    let aimed = endpoint;
    let health = pollHealth(endpoint, credentials);
    const journal = await openJournal({
      root,
      unit: journalUnit,
      ...(eyes ? { source: eyes.journal } : {}),
      ...(since === undefined ? {} : { since }),
    });
    return {
      async look() {
        const [manifest, pods] = await Promise.all([lookAtManifest(root, manifestPath), logs.look()]);
        const note = journal.note();
        return {
          at: Date.now(),
          manifest,
          processes: processes.servers(aimed.port),
          pods,
          kubelet: journal.lines(),
          health: health.drain(),
          ...(note === undefined ? {} : { notes: [`kubelet journal: ${note}`] }),
        };
      },
      async aim(next) {
        if (next.host === aimed.host && next.port === aimed.port) return;
        aimed = next;
        const before = health;
        health = pollHealth(next, credentials);
        await before.close();
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
    reachesServer({ pid, startTicks }) {
      return own.named('kube-apiserver').some((each) => each.pid === pid && each.startTicks === startTicks);
    },
    restartKubelet: eyes?.restartKubelet ?? restartKubelet,
    kubeletVersion: eyes?.kubeletVersion ?? (() => kubeletVersion(proc, processes)),
    async endServer({ pid, startTicks, argv }) {
      await Promise.resolve();
      // Looked at at the last moment: the pid may be somebody else's by now.
      const isThere = (there: Processes): boolean =>
        there
          .named('kube-apiserver')
          .some((each) => each.pid === pid && each.startTicks === startTicks && sameWords(each.argv, argv));
      if (!isThere(processes)) return 'gone';
      if (!isThere(own)) throw new Error(`process ${pid} of the node is not process ${pid} to us`);
      try {
        process.kill(pid, 'SIGKILL');
        return 'asked';
      } catch (error) {
        if (hasCode(error, 'ESRCH')) return 'gone';
        throw error;
      }
    },
    etcdHealth: eyes?.etcdHealth ?? ((server, files) => etcdHealth(root, server, files)),
    readInside: eyes?.readInside ?? ((pid, path, limit) => readInside(proc, pid, path, limit)),
    uid: options.uid ?? (() => process.geteuid?.() ?? 0),
    async kubeletRenewed(endpoint) {
      const path = leasePath(nodeName ?? host().toLowerCase());
      try {
        return renewTime(await ask(endpoint, await credentials(), { method: 'GET', path, timeoutMs: 5000 }));
      } catch {
        return undefined;
      }
    },
    addresses: () =>
      Object.values(networkInterfaces()).flatMap((each) =>
        (each ?? []).map(({ address }) => address.replace(/%.*$/, '')),
      ),
    reach,
    operator,
    pid: () => process.pid,
    hostname: host,
    name: () => nodeName ?? host().toLowerCase(),
  };
}

async function restartKubelet(): Promise<void> {
  const { code, stderr } = await run('systemctl', ['restart', 'kubelet'], { timeoutMs: 90_000 });
  if (code !== 0) throw new Error(`systemctl restart kubelet: ${stderr.trim() || `exit code ${code}`}`);
}

/** Asked of the running program itself, whatever stands under its name by now. */
async function kubeletVersion(proc: string, processes: Processes): ReturnType<Node['kubeletVersion']> {
  const [kubelet] = processes.named('kubelet');
  if (!kubelet) return undefined;
  const program = join(proc, String(kubelet.pid), 'exe');
  const ran = await run(program, ['--version'], { timeoutMs: 5_000 }).catch(() => undefined);
  const match = /^Kubernetes v(\d+)\.(\d+)\./.exec(ran?.stdout ?? '');
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at]);
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
