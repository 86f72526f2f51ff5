/**
 * The rehearsal on a sandbox: its own server's program, as a container that nobody else sees. Rule: it leaves no process and
 * no file behind, and opens nothing of the node's for writing. (It has no network of its own: it listens on a free port of
 * 127.0.0.1 for as long as it lives.)
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, posix } from 'node:path';
import { connect } from 'node:tls';
import { readFile } from 'node:fs/promises';
import type { Rehearsal } from '../change/ports';
import { messageOf } from '../core/errors';
import type { EtcdAnswer } from '../core/rehearsal/etcd';
import { isPastAudit, type Trial, type TrialEnd, type TrialMount } from '../core/rehearsal/trial';
import { livingProcesses } from './alive';
import { resolveInside, type Container, type ContainerMount } from './container';
import { readJson } from './kubelet/runtime/process-files';
import { readSandboxFile, type Layout } from './layout';
import { TIMINGS } from './timings';

const LIMIT_MS = 2_000;
const LOOK_MS = 25;

/** @param programs the folder of the sandbox's programs. */
export function createSandboxRehearsal(layout: Layout, programs: string): Rehearsal {
  return {
    async start(trial, signal) {
      let scratch: string | undefined;
      try {
        const image = imageOf(layout, trial);
        if (image === undefined) return { state: 'not-possible', why: 'the sandbox has no such image' };
        scratch = mkdtempSync(join(layout.run, 'rehearsal-'));
        return await play(layout, programs, trial, image, scratch, signal);
      } catch (error) {
        if (error instanceof Unmountable) return { state: 'unmountable', mount: error.mount, why: error.message };
        return { state: 'not-possible', why: messageOf(error) };
      } finally {
        if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
      }
    },
    async etcd({ servers, ...files }, signal) {
      const read = (path: string | undefined): Promise<Buffer | undefined> =>
        path === undefined ? Promise.resolve(undefined) : readFile(join(layout.node, path));
      try {
        const [ca, cert, key] = await Promise.all([files.ca, files.cert, files.key].map(read));
        return await Promise.all(servers.map((server) => knock(server, { ca, cert, key }, signal)));
      } catch (error) {
        return servers.map((server) => ({ server, failure: messageOf(error) }));
      }
    },
  };
}

class Unmountable extends Error {
  constructor(
    readonly mount: TrialMount,
    why: string,
  ) {
    super(`hostPath type check failed: ${mount.source ?? ''} ${why}`);
  }
}

function imageOf(layout: Layout, { program }: Trial): string | undefined {
  if ('image' in program)
    return readSandboxFile(layout)?.images[program.image] === 'kube-apiserver' ? program.image : undefined;
  const { containerId } = livingProcesses(layout.processes).find(({ pid }) => pid === program.pid) ?? {};
  if (containerId === undefined) return undefined;
  return (readJson(join(layout.run, 'containers', containerId, 'container.json')) as Container | undefined)?.image;
}

async function play(
  layout: Layout,
  programs: string,
  trial: Trial,
  image: string,
  scratch: string,
  signal: AbortSignal,
): Promise<TrialEnd> {
  const port = await freePort();
  const args = [...trial.args];
  const end = args.indexOf('--');
  // pflag lets the last one win.
  args.splice(end === -1 ? args.length : end, 0, `--secure-port=${port}`, '--bind-address=127.0.0.1');
  const like = readSandboxFile(layout)?.like ?? 'fast';
  const container: Container = {
    id: 'rehearsal',
    podUid: 'rehearsal',
    podName: 'rehearsal',
    namespace: 'kube-system',
    name: 'kube-apiserver',
    image,
    argv: ['kube-apiserver', ...args],
    mounts: stage(layout, trial, scratch),
    rootfs: folder(scratch, 'rootfs'),
    runDir: scratch,
    timings: TIMINGS[like],
  };
  folder(scratch, 'listening');
  const file = join(scratch, 'container.json');
  writeFileSync(file, JSON.stringify(container), { mode: 0o600 });
  const child = spawn(process.execPath, [join(programs, 'apiserver.cjs'), ...args], {
    // The program ends when this pipe does, and so with this process, however it ends.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...trial.environment, PATH: process.env['PATH'], CONTAINER_FILE: file, ENDS_WITH_STDIN: 'yes' },
  });
  let output = '';
  const take = (text: string): void => void (output += text);
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  child.stdin.on('error', () => undefined);
  let failure: Error | undefined;
  child.on('error', (error) => (failure = error));
  const closed = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, how) => {
      resolve({ code, signal: how });
    });
  });
  let ended: Awaited<typeof closed> | undefined;
  void closed.then((how) => (ended = how));
  const log = trial.logPath === undefined ? undefined : resolveInside(container, trial.logPath).path;
  const begun = performance.now();
  const lines = (): string[] => output.split('\n').filter((line) => line !== '');
  try {
    for (;;) {
      if (failure) return { state: 'not-possible', why: messageOf(failure) };
      if (ended) return { state: 'ended', ...ended, lines: lines() };
      if (signal.aborted) return { state: 'not-possible', why: 'interrupted' };
      if (isPastAudit(output)) return { state: 'lives', reached: 'admission', lines: lines() };
      if (performance.now() - begun > LIMIT_MS) {
        const reached = log !== undefined && existsSync(log) ? 'log' : 'nothing';
        return { state: 'lives', reached, lines: lines() };
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    child.kill('SIGKILL');
    if (!failure) await closed;
  }
}

/** What the container would see: the node's files, those of the plan over them, and an empty folder for the log. */
function stage(layout: Layout, trial: Trial, scratch: string): ContainerMount[] {
  const mounts: ContainerMount[] = [];
  const planned = trial.files.map(({ hostPath, bytes }, index) => {
    const path = join(scratch, `file-${index}`);
    writeFileSync(path, bytes, { mode: 0o600 });
    return { hostPath, path };
  });
  for (const [index, mount] of trial.mounts.entries()) {
    const { mountPath, source, readOnly, type } = mount;
    const file = planned.find(({ hostPath }) => hostPath === source);
    const real = source === undefined ? undefined : join(layout.node, source);
    const kind = file ? 'file' : real === undefined ? undefined : kindOf(real);
    if (type === 'File' && kind !== 'file') throw new Unmountable(mount, 'is not a file');
    if (type?.startsWith('Directory') && kind === 'file') throw new Unmountable(mount, 'is not a directory');
    if (type === 'Directory' && kind === undefined && !trial.folders.includes(source ?? ''))
      throw new Unmountable(mount, 'is not a directory');
    const hostPath = file?.path ?? (kind === undefined ? folder(scratch, `empty-${index}`) : (real ?? ''));
    mounts.push({ containerPath: mountPath, hostPath, readOnly, kind: kind ?? 'folder' });
    for (const inside of planned) {
      if (source === undefined || !inside.hostPath.startsWith(`${source}/`)) continue;
      const containerPath = join(mountPath, posix.relative(source, inside.hostPath));
      mounts.push({ containerPath, hostPath: inside.path, readOnly, kind: 'file' });
    }
  }
  return [...mounts, ...placeOfLog(trial, mounts, scratch)];
}

/** The live log is not for a rehearsal: its folder is an empty one, writable or not as the plan says. */
function placeOfLog({ logPath }: Trial, mounts: readonly ContainerMount[], scratch: string): ContainerMount[] {
  if (logPath === undefined) return [];
  const { path, readOnly, mounted, fileMount } = resolveInside({ mounts, rootfs: scratch }, logPath);
  if (!mounted || (!fileMount && kindOf(path) === 'folder')) return [];
  const hostPath = folder(scratch, 'log');
  if (!fileMount) return [{ containerPath: dirname(logPath), hostPath, readOnly, kind: 'folder' }];
  const own = join(hostPath, basename(logPath));
  writeFileSync(own, '', { mode: 0o600 });
  return [{ containerPath: logPath, hostPath: own, readOnly, kind: 'file' }];
}

function kindOf(path: string): 'file' | 'folder' | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && (stat.isDirectory() ? 'folder' : 'file');
}

function folder(scratch: string, name: string): string {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

/** The stand-in's client port speaks no HTTP: a handshake with the right certificates is what can be had. */
function knock(
  server: string,
  files: { ca: Buffer | undefined; cert: Buffer | undefined; key: Buffer | undefined },
  signal: AbortSignal,
): Promise<EtcdAnswer> {
  return new Promise((resolve) => {
    try {
      const { hostname, port } = new URL(server);
      const socket = connect({ host: hostname, port: Number(port || 2379), ...files, timeout: 1500 });
      const done = (failure?: string): void => {
        socket.destroy();
        resolve(failure === undefined ? { server } : { server, failure });
      };
      signal.addEventListener('abort', () => {
        done('interrupted');
      });
      socket.on('secureConnect', () => {
        done();
      });
      socket.on('timeout', () => {
        done('no answer within 1.5 s');
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        done(error.code === 'ECONNREFUSED' ? 'connection refused' : messageOf(error));
      });
    } catch (error) {
      resolve({ server, failure: messageOf(error) });
    }
  });
}
