/**
 * The API server's container logs below /var/log/pods. Rule: only the newest lines are kept, only what was added since
 * the last look is read, and nothing rejects: a log that cannot be read has no lines.
 */
import { open, readdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerLog, PodFolder } from '../core/evidence';
import { createLineParser, type LineParser } from './container-lines';
import { nodeFsCalls } from './fs-calls';
import { inRoot } from './root';

const PODS = '/var/log/pods';
const TAIL_BYTES = 64 * 1024;
/** The kubelet rotates a log at ten. */
const DUMP_BYTES = 10 * 1024 * 1024;

export interface PodLogsOptions {
  root?: string;
  namespace: string;
  /** The static pod's own name, without the node's. */
  podName: string;
  nodeName?: string;
}

interface Tail {
  inode: number;
  offset: number;
  /** Bytes after the last line break. */
  rest: Buffer;
  parser: LineParser;
}

export function createPodLogs(options: PodLogsOptions): { look(): Promise<PodFolder[]> } {
  const root = options.root ?? '/';
  const calls = nodeFsCalls();
  const tails = new Map<string, Tail>();

  const log = async (uid: string, container: string, restart: number, path: string): Promise<ContainerLog> => {
    try {
      // With Docker the log is a link into /var/lib/docker.
      await follow(tails, path, await inRoot(calls, root, path, { followLast: true }));
    } catch {
      // Gone between the listing and the reading, or a link to nowhere: what was read of it stays.
    }
    return { uid, container, restart, path, lines: tails.get(path)?.parser.lines() ?? [] };
  };

  return {
    async look() {
      const folder = await inRoot(calls, root, PODS, { followLast: true }).catch(() => PODS);
      const pods = await Promise.all(
        (await names(folder)).flatMap((name) => {
          const uid = uidOf(name, options);
          return uid === undefined ? [] : [pod(folder, name, uid, log)];
        }),
      );
      const present = new Set(pods.flatMap(({ logs }) => logs.map(({ path }) => path)));
      for (const path of tails.keys()) if (!present.has(path)) tails.delete(path);
      return pods;
    },
  };
}

/** The static pod's uid in a folder name NS_NAME-NODE_UID; undefined when it is another pod's. */
function uidOf(folder: string, { namespace, podName, nodeName }: PodLogsOptions): string | undefined {
  const [ns, name, uid, ...more] = folder.split('_');
  if (ns !== namespace || name === undefined || !uid || more.length > 0) return undefined;
  if (nodeName !== undefined) return name === `${podName}-${nodeName.toLowerCase()}` ? uid : undefined;
  // Without the node's name kube-apiserver-proxy-x7k2p looks alike; but its uid is the API's, and has dashes.
  return name.startsWith(`${podName}-`) && !uid.includes('-') ? uid : undefined;
}

async function pod(
  folder: string,
  name: string,
  uid: string,
  log: (uid: string, container: string, restart: number, path: string) => Promise<ContainerLog>,
): Promise<PodFolder> {
  const path = join(PODS, name);
  const logs: Promise<ContainerLog>[] = [];
  for (const container of await names(join(folder, name))) {
    const restarts = (await names(join(folder, name, container))).flatMap((file) => {
      const number = /^(\d+)\.log$/.exec(file)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
    for (const restart of restarts.sort((a, b) => a - b)) {
      logs.push(log(uid, container, restart, join(path, container, `${restart}.log`)));
    }
  }
  return { uid, path, logs: await Promise.all(logs) };
}

async function follow(tails: Map<string, Tail>, path: string, real: string): Promise<void> {
  const handle = await open(real, 'r');
  try {
    const { size, ino } = await handle.stat();
    let tail = tails.get(path);
    if (!tail) tails.set(path, (tail = { inode: ino, offset: 0, rest: Buffer.alloc(0), parser: createLineParser() }));
    // Rotated or truncated: the rest of the old file is lost, its lines are not.
    if (tail.inode !== ino || size < tail.offset) Object.assign(tail, { inode: ino, offset: 0, rest: Buffer.alloc(0) });
    if (size === tail.offset) return;
    const from = Math.max(tail.offset, size - TAIL_BYTES);
    const buffer = Buffer.allocUnsafe(size - from);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    let fresh = buffer.subarray(0, bytesRead);
    // Begun in the middle of a line: what stands before the first break is not one.
    if (from > tail.offset) {
      for (const line of await fatalLines(handle, Math.max(tail.offset, from - DUMP_BYTES), from))
        tail.parser.add(line);
      tail.rest = Buffer.alloc(0);
      fresh = fresh.subarray(fresh.indexOf(10) + 1);
    }
    const bytes = Buffer.concat([tail.rest, fresh]);
    const end = bytes.lastIndexOf(10) + 1;
    tail.offset = from + bytesRead;
    tail.rest = Buffer.from(bytes.subarray(Math.max(end, bytes.length - TAIL_BYTES)));
    if (end > 0) for (const line of bytes.toString('utf8', 0, end - 1).split('\n')) tail.parser.add(line);
  } finally {
    await handle.close();
  }
}

/**
 * The words that a server ended on, in the part of its log that is not read: it dumps all its goroutines after them, which is
 * megabytes. At most one line, with the one behind it, by which a JSON line is known for what it is.
 */
async function fatalLines(handle: FileHandle, from: number, to: number): Promise<string[]> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(to - from), 0, to - from, from);
  const text = buffer.toString('utf8', 0, bytesRead);
  const found =
    /^\S+ std(?:out|err) \S+ (?:F\d{4} \d\d:|panic: |fatal error: |\{.*\n\S+ std(?:out|err) \S+ goroutine \d+ \[).*$/m.exec(
      text,
    );
  return found?.[0].split('\n') ?? [];
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).then(
    (found) => found.sort(),
    () => [],
  );
}
