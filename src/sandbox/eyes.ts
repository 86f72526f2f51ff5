/**
 * What /proc and the journal show of a real node, read from the files of the sandbox. Rule: nothing here rejects or throws:
 * what cannot be seen is not there.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Node } from '../change/ports';
import { messageOf } from '../core/errors';
import type { ServerProcess } from '../core/evidence';
import { livingProcesses, portsOf } from './alive';
import { resolveInside, type Container, type ProcessEntry } from './container';
import { readJson } from './kubelet/runtime/process-files';
import { readSandboxFile, type Layout } from './layout';

export function createEyes(layout: Layout) {
  const named = (name: string): ProcessEntry[] =>
    livingProcesses(layout.processes).filter(({ argv }) => basename(argv[0] ?? '') === name);
  return {
    processes: {
      named,
      servers: (port: number): ServerProcess[] =>
        named('kube-apiserver').map(({ pid, startTicks, startedAt, argv, podUid }) => ({
          pid,
          startTicks,
          startedAt,
          argv,
          ...(podUid === undefined ? {} : { podUid }),
          listening: portsOf(layout.listening, pid).includes(port),
        })),
    },
    listeners: (port: number) =>
      livingProcesses(layout.processes)
        .filter(({ pid }) => portsOf(layout.listening, pid).includes(port))
        .map(({ pid, argv }) => ({ pid, argv })),
    journal: createJournal(layout.journal),
    /** The stand-in's program is Node.js: what it behaves as stands in the sandbox's own file. */
    kubeletVersion() {
      const match = /^v(\d+)\.(\d+)\./.exec(readSandboxFile(layout)?.kubernetesVersion ?? '');
      const version = match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
      return Promise.resolve(named('kubelet').length > 0 ? version : undefined);
    },
    etcdHealth: () => etcdHealth(readSandboxFile(layout)?.etcdMetricsPort),
    readInside: (pid: number, path: string, limit: number) => readInside(layout, pid, path, limit),
  };
}

/** The stand-in's client port speaks a protocol of its own; it tells of its health where its probes ask. */
async function etcdHealth(port: number | undefined): ReturnType<Node['etcdHealth']> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port ?? 0}/health`, { signal: AbortSignal.timeout(2_000) });
    if (answer.ok) return { state: 'healthy' };
    return { state: 'unhealthy', detail: `HTTP ${answer.status}` };
  } catch (error) {
    return { state: 'unhealthy', detail: messageOf(error) };
  }
}

async function readInside(layout: Layout, pid: number, path: string, limit: number): Promise<Uint8Array | undefined> {
  const { containerId } = livingProcesses(layout.processes).find((each) => each.pid === pid) ?? {};
  if (containerId === undefined) return undefined;
  const container = readJson(join(layout.run, 'containers', containerId, 'container.json')) as Container | undefined;
  if (container === undefined) return undefined;
  try {
    const inside = resolveInside(container, path).path;
    const { size } = await stat(inside);
    return size > limit ? undefined : new Uint8Array(await readFile(inside));
  } catch {
    return undefined;
  }
}

/** The kubelet's journal: a JSON object a line, oldest first; its older half is dropped by a rename now and then. */
export function createJournal(path: string) {
  let read: { inode: number; offset: number; cursor: string | undefined } | undefined;

  /** The whole lines from `offset` on. */
  const linesFrom = async (offset: number): Promise<{ lines: string[]; inode: number; end: number }> => {
    let handle;
    try {
      handle = await open(path, 'r');
    } catch {
      return { lines: [], inode: 0, end: 0 };
    }
    try {
      const { size, ino } = await handle.stat();
      const from = read?.inode === ino && size >= offset ? offset : 0;
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(size - from), 0, size - from, from);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
      const lines = buffer.toString('utf8', 0, end).split('\n').slice(0, -1);
      return { lines, inode: ino, end: from + end };
    } finally {
      await handle.close();
    }
  };

  return {
    name: path,
    async newest(): Promise<string | undefined> {
      const { lines, inode, end } = await linesFrom(0);
      read = { inode, offset: end, cursor: cursorOf(lines.at(-1)) };
      return read.cursor;
    },
    async entries(from: { after: string } | { since: number }): Promise<string> {
      const known = 'after' in from && from.after === read?.cursor ? read : undefined;
      const { lines, inode, end } = await linesFrom(known?.offset ?? 0);
      const again = known !== undefined && known.inode === inode;
      // A cursor that is not there any more was in the half that was dropped: all that is left came after it.
      const fresh = 'after' in from && !again ? lines.slice(1 + indexOfCursor(lines, from.after)) : lines;
      read = { inode, offset: end, cursor: cursorOf(lines.at(-1)) ?? ('after' in from ? from.after : undefined) };
      return fresh.join('\n');
    },
  };
}

function indexOfCursor(lines: readonly string[], cursor: string): number {
  return lines.findLastIndex((line) => cursorOf(line) === cursor);
}

function cursorOf(line: string | undefined): string | undefined {
  try {
    const { __CURSOR: cursor } = JSON.parse(line ?? '') as { __CURSOR?: unknown };
    return typeof cursor === 'string' ? cursor : undefined;
  } catch {
    return undefined;
  }
}
