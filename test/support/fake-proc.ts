/** A /proc of our own making, as the kernel writes it. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from './temp-folder';

export interface FakeProcess {
  argv: string[];
  comm?: string;
  state?: string;
  flags?: number;
  startTicks?: number;
  /** File descriptors: number to link target. */
  fds?: Record<number, string>;
  /** Lines of net/tcp and net/tcp6 without their heading. */
  tcp?: string[];
  tcp6?: string[];
}

export interface FakeProc {
  path: string;
  put(pid: number, process: FakeProcess): void;
  end(pid: number): void;
}

/** Booted at `bootAt` (milliseconds), up for `uptime` seconds. */
export function fakeProc({ bootAt = 1_700_000_000_000, uptime = '1000.00' } = {}): FakeProc {
  const path = tempFolder();
  writeFileSync(join(path, 'stat'), `cpu  1 2 3\nbtime ${Math.floor(bootAt / 1000)}\nprocesses 9\n`);
  writeFileSync(join(path, 'uptime'), `${uptime} 3999.00\n`);
  mkdirSync(join(path, 'sys'));
  return {
    path,
    put(pid, { argv, comm = 'x', state = 'S', flags = 0x400100, startTicks = 100, fds = {}, tcp = [], tcp6 = [] }) {
      const folder = join(path, String(pid));
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(join(folder, 'fd'), { recursive: true });
      mkdirSync(join(folder, 'net'));
      const head = `${pid} (${comm}) ${state} 1 ${pid} ${pid} 0 -1 ${flags} 1 2 3 4 5 6 7 8 20 0 9 0`;
      writeFileSync(join(folder, 'stat'), `${head} ${startTicks} 1029724000 77414 18446744073709551615 1 1 0 0 0\n`);
      writeFileSync(join(folder, 'cmdline'), argv.map((each) => `${each}\0`).join(''));
      for (const [fd, target] of Object.entries(fds)) symlinkSync(target, join(folder, 'fd', fd));
      for (const [name, lines] of [['tcp', tcp] as const, ['tcp6', tcp6] as const]) {
        writeFileSync(join(folder, 'net', name), ['  sl  local_address rem_address   st', ...lines, ''].join('\n'));
      }
    },
    end: (pid) => {
      rmSync(join(path, String(pid)), { recursive: true });
    },
  };
}

/** A line of net/tcp: state 0A listens, 01 is an open connection. */
export function tcpLine(port: number, inode: number, state = '0A', address = '0100007F'): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return `   0: ${address}:${hex} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000 100 0`;
}
