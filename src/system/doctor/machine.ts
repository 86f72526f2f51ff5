/** The machine: disks, swap, kinds of paths, sockets, and who listens on a port. Nothing here rejects. */
import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { Disk, HostPath, PortHolder, RuntimeSight } from '../../core/diagnosis/node-sight';
import { messageOf } from '../../core/errors';
import { hasCode } from '../file-errors';
import { nodeFsCalls } from '../fs-calls';
import { inRoot } from '../root';

export async function lookAtPath(root: string, path: string): Promise<HostPath> {
  try {
    const found = await stat(await inRoot(nodeFsCalls(), root, path, { followLast: true }));
    return { path, kind: found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other' };
  } catch (error) {
    return { path, kind: hasCode(error, 'ENOENT', 'ENOTDIR') ? 'missing' : 'unknown' };
  }
}

/** Time of the last change of the inode, a rename included. */
export async function changedAt(root: string, path: string): Promise<number | undefined> {
  try {
    return (await stat(await inRoot(nodeFsCalls(), root, path))).ctimeMs;
  } catch {
    return undefined;
  }
}

/** Of the file system where the path lies; of its nearest parent when it is not there. */
export async function lookAtDisk(root: string, path: string): Promise<Disk | undefined> {
  for (let at = path; ; at = at.replace(/\/[^/]*$/, '') || '/') {
    try {
      const real = await inRoot(nodeFsCalls(), root, at, { followLast: true });
      const { bsize, blocks, bavail, files, ffree } = await statfs(real);
      const readOnly = await access(real, constants.W_OK).then(
        () => false,
        (error: unknown) => hasCode(error, 'EROFS'),
      );
      return {
        path,
        freeBytes: bavail * bsize,
        totalBytes: blocks * bsize,
        freeInodes: ffree,
        totalInodes: files,
        readOnly,
      };
    } catch {
      if (at === '/') return undefined;
    }
  }
}

/** Lines of /proc/swaps without its head. */
export function swapOf(proc: string): string[] {
  return text(join(proc, 'swaps')).split('\n').slice(1).filter(Boolean);
}

/** The first of these sockets that is there; the first named one when none is. */
export async function probeRuntime(
  root: string,
  sockets: readonly string[],
): Promise<Omit<RuntimeSight, 'unit'> | undefined> {
  let first: Omit<RuntimeSight, 'unit'> | undefined;
  for (const socket of sockets) {
    const answer = await probeSocket(root, socket);
    if (answer.state === 'answers') return answer;
    if (!first || first.state === 'missing') first = answer.state === 'missing' && first ? first : answer;
  }
  return first;
}

async function probeSocket(root: string, socket: string): Promise<Omit<RuntimeSight, 'unit'>> {
  let path: string;
  try {
    path = await inRoot(nodeFsCalls(), root, socket, { followLast: true });
  } catch {
    return { socket, state: 'missing' };
  }
  return new Promise((resolve) => {
    const connection = createConnection({ path, timeout: 2000 });
    const end = (state: RuntimeSight['state'], detail?: string): void => {
      connection.destroy();
      resolve({ socket, state, ...(detail === undefined ? {} : { detail }) });
    };
    connection.on('connect', () => {
      end('answers');
    });
    connection.on('timeout', () => {
      end('refused', 'no answer within 2 s');
    });
    connection.on('error', (error) => {
      if (hasCode(error, 'ENOENT')) end('missing', 'there is no socket');
      else end('refused', messageOf(error));
    });
  });
}

/** Processes in the node's own network namespace that listen on the port. */
export function holdersOf(proc: string, port: number): PortHolder[] {
  const addresses = new Map<string, string>();
  for (const file of ['tcp', 'tcp6']) {
    for (const line of text(join(proc, '1/net', file)).split('\n')) {
      const fields = line.trim().split(/\s+/);
      const [address = '', number = ''] = (fields[1] ?? '').split(':');
      if (fields[3] !== '0A' || parseInt(number, 16) !== port || fields[9] === undefined) continue;
      addresses.set(fields[9], `${readable(address)}:${port}`);
    }
  }
  if (addresses.size === 0) return [];
  return names(proc).flatMap((entry): PortHolder[] => {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) return [];
    for (const fd of names(join(proc, entry, 'fd'))) {
      const inode = /^socket:\[(\d+)\]$/.exec(link(join(proc, entry, 'fd', fd)))?.[1];
      const address = inode === undefined ? undefined : addresses.get(inode);
      if (address === undefined) continue;
      const argv = text(join(proc, entry, 'cmdline'))
        .split('\0')
        .filter(Boolean);
      return [{ pid, argv, address }];
    }
    return [];
  });
}

/** `0100007F` -> `127.0.0.1`; IPv6 as `[::]`, `[::1]` or the kernel's own words. */
function readable(hex: string): string {
  if (hex.length === 8)
    return (hex.match(/../g) ?? [])
      .reverse()
      .map((byte) => parseInt(byte, 16))
      .join('.');
  if (/^0+$/.test(hex)) return '[::]';
  return /^0{24}01000000$/.test(hex) ? '[::1]' : `[${hex}]`;
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
