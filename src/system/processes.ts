/**
 * Processes as /proc shows them. Rule: what ends while it is looked at was not there; nothing here rejects or throws.
 * The calls are synchronous: procfs answers from memory, and 300 processes cost a few milliseconds.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ServerProcess } from '../core/evidence';

/** USER_HZ, which is 100 wherever Kubernetes runs, whatever the kernel's own HZ. */
const TICKS_PER_SECOND = 100;
const KERNEL_THREAD = 0x00200000;
/** A stat line has about 400 bytes. */
const SCRATCH = Buffer.alloc(4096);

export interface Process {
  pid: number;
  startTicks: string;
  /** Milliseconds since the epoch, true to about 10 ms. */
  startedAt: number;
  argv: readonly string[];
}

export interface Processes {
  /** Processes whose argv[0] has this base name, by pid. */
  named(name: string): Process[];
  /** The kube-apiserver processes; `port` is the one asked after in `listening` where their arguments name none. */
  servers(port: number): ServerProcess[];
}

export function createProcesses({ proc = '/proc', now = () => Date.now() } = {}): Processes {
  /** The base name of argv[0] by pid, for as long as the process's stat line keeps its key. */
  let known = new Map<number, { key: string; name: string }>();
  const boot = bootClock(proc);

  const named = (name: string): Process[] => {
    const found: Process[] = [];
    const seen: typeof known = new Map();
    let bootAt: number | undefined;
    for (const entry of names(proc)) {
      const pid = Number(entry);
      if (!Number.isInteger(pid)) continue;
      const stat = parseStat(firstBytes(`${proc}/${entry}/stat`));
      if (!stat || stat.state === 'Z' || stat.state === 'X' || (stat.flags & KERNEL_THREAD) !== 0) continue;
      // exec keeps pid and start time: the container's first process is `runc init` before it becomes kube-apiserver.
      // The command name changes with it, so it is part of the key; without it a new server would stay unseen.
      const key = `${stat.startTicks} ${stat.comm}`;
      const before = known.get(pid);
      if (before?.key === key && before.name !== name) {
        seen.set(pid, before);
        continue;
      }
      const argv = parseArgv(text(join(proc, entry, 'cmdline')));
      // Empty while it ends, and for a moment while it execs: nothing to remember.
      if (argv[0] === undefined) continue;
      seen.set(pid, { key, name: basename(argv[0]) });
      if (basename(argv[0]) !== name) continue;
      bootAt ??= boot(now());
      const startedAt = Math.round(bootAt + (Number(stat.startTicks) / TICKS_PER_SECOND) * 1000);
      found.push({ pid, startTicks: stat.startTicks, startedAt, argv });
    }
    known = seen;
    return found.sort((a, b) => a.pid - b.pid);
  };

  return {
    named,
    servers: (port) =>
      named('kube-apiserver').map((each) => {
        const folder = join(proc, String(each.pid));
        const podUid = podOf(text(join(folder, 'cgroup')));
        return {
          ...each,
          ...(podUid === undefined ? {} : { podUid }),
          listening: listens(folder, securePort(each.argv) ?? port),
        };
      }),
  };
}

/**
 * `…/kubepods/burstable/pod<uid>/<container>` (cgroupfs) or `…-pod<uid>.slice/…` (systemd, dashes as underscores).
 * Source: pkg/kubelet/cm/pod_container_manager_linux.go.
 */
function podOf(cgroup: string): string | undefined {
  return /[/-]pod([0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?(?:\/|$)/m
    .exec(cgroup)?.[1]
    ?.replaceAll('_', '-');
}

function parseStat(line: string): { comm: string; state: string; flags: number; startTicks: string } | undefined {
  // comm is whatever the process calls itself, blanks and parentheses included: the last ')' ends it.
  const open = line.indexOf('(');
  const end = line.lastIndexOf(')');
  if (open === -1 || end === -1) return undefined;
  const fields = line.slice(end + 2).split(' ');
  const [state, flags, startTicks] = [fields[0], fields[6], fields[19]];
  if (!state || !flags || !startTicks) return undefined;
  return { comm: line.slice(open + 1, end), state, flags: Number(flags), startTicks };
}

function parseArgv(cmdline: string): readonly string[] {
  if (cmdline === '') return [];
  return (cmdline.endsWith('\0') ? cmdline.slice(0, -1) : cmdline).split('\0');
}

/**
 * When the machine was booted, by its clock of now. Asked at every look: when the clock is set, the boot moves with it, and
 * a process started a moment later would otherwise seem to be older than it is.
 */
function bootClock(proc: string): (now: number) => number {
  let useUptime: boolean | undefined;
  const fine = (now: number): number => now - Number(text(join(proc, 'uptime')).split(' ')[0] || Number.NaN) * 1000;
  const coarse = (): number => Number(/^btime (\d+)/m.exec(text(join(proc, 'stat')))?.[1] ?? Number.NaN) * 1000;
  return (now) => {
    // btime counts whole seconds, too coarse to tell before from after an edit; uptime has hundredths. But in some
    // containers uptime is the container's own, which the start times are not counted from.
    if (useUptime === undefined) {
      const whole = coarse();
      useUptime = Number.isNaN(whole) || Math.abs(fine(now) - whole) < 1500;
    }
    const found = useUptime ? fine(now) : coarse();
    return Number.isNaN(found) ? 0 : found;
  };
}

/** The last one counts, as for the server itself. */
function securePort(argv: readonly string[]): number | undefined {
  for (let at = argv.length - 1; at > 0; at--) {
    const [, inline] = /^--secure[-_]port(?:=(\d+))?$/.exec(argv[at] ?? '') ?? [];
    const value = inline ?? (/^--secure[-_]port$/.test(argv[at] ?? '') ? argv[at + 1] : undefined);
    if (value !== undefined && /^\d+$/.test(value)) return Number(value);
  }
  return undefined;
}

/** Whether the process holds a socket that listens on the port, in its own network namespace. */
function listens(folder: string, port: number): boolean {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((file) => listeningInodes(join(folder, 'net', file), port)));
  if (inodes.size === 0) return false;
  return names(join(folder, 'fd')).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(link(join(folder, 'fd', fd)))?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

function listeningInodes(path: string, port: number): string[] {
  const found: string[] = [];
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of leadingLines(path)) {
    const fields = line.trim().split(/\s+/);
    if (fields[0] === 'sl') continue;
    // The kernel lists the listening sockets first; a busy node has thousands of others behind them.
    if (fields[3] !== '0A') break;
    if (fields[1]?.endsWith(suffix) && fields[9] !== undefined) found.push(fields[9]);
  }
  return found;
}

/** The lines of a file, read as far as they are asked for. */
function* leadingLines(path: string): Generator<string> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const buffer = Buffer.allocUnsafe(32 * 1024);
    let rest = '';
    for (let n = read(fd, buffer); n > 0; n = read(fd, buffer)) {
      const lines = (rest + buffer.toString('latin1', 0, n)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    closeSync(fd);
  }
}

function read(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer, 0, buffer.length, null);
  } catch {
    return 0;
  }
}

/** Three calls to the kernel instead of readFile's five: this one is made for every process at every look. */
function firstBytes(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    return SCRATCH.toString('latin1', 0, read(fd, SCRATCH));
  } finally {
    closeSync(fd);
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
