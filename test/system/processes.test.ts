import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createProcesses } from '../../src/system/processes';
import { fakeProc, tcpLine } from '../support/fake-proc';

const BOOT = 1_700_000_000_000;
const server = { comm: 'kube-apiserver', argv: ['kube-apiserver', '--secure-port=6443', '--audit-log-path='] };
const look = (proc: string, now = BOOT + 1_000_000) => createProcesses({ proc, now: () => now });

test('a server: pid, start, arguments as they are', () => {
  const proc = fakeProc();
  proc.put(42, { ...server, startTicks: 12_345 });
  expect(look(proc.path).servers(6443)).toEqual([
    { pid: 42, startTicks: '12345', startedAt: BOOT + 123_450, argv: server.argv, listening: false },
  ]);
});

test.each([
  ['started through a path', { comm: 'kube-apiserver', argv: ['/usr/local/bin/kube-apiserver', '-v=2'] }, 1],
  ['a name with blanks and parentheses', { comm: 'a) S (b c', argv: ['kube-apiserver'] }, 1],
  ['a zombie', { ...server, state: 'Z' }, 0],
  ['dead', { ...server, state: 'X' }, 0],
  ['without a command line', { comm: 'kube-apiserver', argv: [] }, 0],
  ['a kernel thread', { ...server, flags: 0x208040 }, 0],
  ['another program that names it', { comm: 'grep', argv: ['grep', 'kube-apiserver'] }, 0],
  ['a longer name', { comm: 'kube-apiserver-', argv: ['kube-apiserver-proxy'] }, 0],
] as const)('%s', (_, process, count) => {
  const proc = fakeProc();
  proc.put(7, { ...process, argv: [...process.argv] });
  expect(look(proc.path).servers(6443)).toHaveLength(count);
});

describe('between two looks', () => {
  test('the process that becomes the server by exec is seen, with the same pid and start time', () => {
    const proc = fakeProc();
    const processes = look(proc.path);
    proc.put(9, { comm: 'runc:[2:INIT]', argv: ['runc', 'init'] });
    expect(processes.servers(6443)).toEqual([]);
    proc.put(9, server);
    expect(processes.servers(6443)).toHaveLength(1);
  });

  test('a pid that is used again is another process', () => {
    const proc = fakeProc();
    const processes = look(proc.path);
    proc.put(9, { comm: 'kube-apiserver', argv: ['something-else'], startTicks: 1 });
    expect(processes.servers(6443)).toEqual([]);
    proc.put(9, { ...server, startTicks: 2 });
    expect(processes.servers(6443)).toMatchObject([{ pid: 9, startTicks: '2' }]);
    proc.end(9);
    expect(processes.servers(6443)).toEqual([]);
  });

  test('the command line of what is neither is read once', () => {
    const proc = fakeProc();
    const processes = look(proc.path);
    proc.put(9, { comm: 'etcd', argv: ['etcd'] });
    processes.servers(6443);
    writeFileSync(join(proc.path, '9/cmdline'), 'kube-apiserver\0');
    expect(processes.servers(6443)).toEqual([]);
  });
});

test.each([
  ['its own socket', { fds: { 0: '/dev/null', 7: 'socket:[555]' }, tcp6: [tcpLine(6443, 555)] }, true],
  ['IPv4', { fds: { 7: 'socket:[555]' }, tcp: [tcpLine(6443, 555)] }, true],
  ['somebody else has the port', { fds: { 7: 'socket:[555]' }, tcp: [tcpLine(6443, 556)] }, false],
  ['another port', { fds: { 7: 'socket:[555]' }, tcp: [tcpLine(6444, 555)] }, false],
  ['connected, not listening', { fds: { 7: 'socket:[555]' }, tcp: [tcpLine(6443, 555, '01')] }, false],
])('listening: %s', (_, sockets, listening) => {
  const proc = fakeProc();
  proc.put(42, { ...server, ...sockets });
  expect(look(proc.path).servers(6443)).toMatchObject([{ listening }]);
});

test('listening is found behind more sockets than one read holds, and not looked for behind the open connections', () => {
  const many = Array.from({ length: 1000 }, (_, i) => tcpLine(10_000 + i, i + 1));
  const proc = fakeProc();
  proc.put(42, { ...server, fds: { 7: 'socket:[5555]' }, tcp: [...many, tcpLine(6443, 5555)] });
  expect(look(proc.path).servers(6443)).toMatchObject([{ listening: true }]);
  proc.put(42, { ...server, fds: { 7: 'socket:[5555]' }, tcp: [tcpLine(1, 1, '01'), tcpLine(6443, 5555)] });
  expect(look(proc.path).servers(6443)).toMatchObject([{ listening: false }]);
});

test("start times are as fine as uptime, unless that is another machine's", () => {
  const proc = fakeProc({ bootAt: BOOT + 700, uptime: '1000.25' });
  proc.put(42, { ...server, startTicks: 100 });
  expect(look(proc.path, BOOT + 700 + 1_000_250).servers(1)).toMatchObject([{ startedAt: BOOT + 700 + 1000 }]);
  writeFileSync(join(proc.path, 'uptime'), '5.00 1.00\n');
  expect(look(proc.path, BOOT + 700 + 1_000_250).servers(1)).toMatchObject([{ startedAt: BOOT + 1000 }]);
});

test('where there is no /proc there are no processes', () => {
  expect(look('/nonexistent').servers(6443)).toEqual([]);
});

const linux = process.platform === 'linux';
test('the real /proc: a process named so, when it started and whether it listens', async () => {
  if (!linux) return;
  const begun = Date.now();
  const listener = `const s=require('net').createServer().listen(0,'127.0.0.1',()=>console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', listener], { argv0: '/x/kube-apiserver', stdio: ['ignore', 'pipe', 2] });
  try {
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    const port = Number(chunk.toString());
    const own = createProcesses()
      .servers(port)
      .find(({ pid }) => pid === child.pid);
    expect(own).toMatchObject({ argv: ['/x/kube-apiserver', '-e', listener], listening: true });
    expect(Math.abs((own?.startedAt ?? 0) - begun)).toBeLessThan(500);
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).toContain(` ${own?.startTicks} `);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = (other.address() as { port: number }).port;
    expect(
      createProcesses()
        .servers(taken)
        .find(({ pid }) => pid === child.pid)?.listening,
    ).toBe(false);
    other.close();
  } finally {
    child.kill('SIGKILL');
  }
});
