/**
 * `sandbox start`: makes the folder when there is none, runs the kubelet in it, and waits for the API. Rule: what is found
 * is started again with its data; nothing that others put there is touched.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { UserError } from '../core/errors';
import { shellWord } from '../core/text';
import type { SandboxState } from '../change/ports';
import { livingProcesses } from './alive';
import { readAccess, send, type Access } from './client';
import { isAlive, readJson, startTicksOf, type ProcessId } from './kubelet/runtime/process-files';
import { layoutOf, readSandboxFile, type Layout, type Like, type SandboxFile } from './layout';
import { makeSandbox } from './make';
import { VERSIONS, type Ports } from './manifests';
import { kubeletOf, statusOf } from './status';
import { lastWords } from './last-words';
import { endEverything } from './stop';
import { TIMINGS } from './timings';
import { grants } from './users';

const LOOK_MS = 50;
const KUBELET_MS = 20_000;
/** Servers that may end before the start is given up. */
const TRIES = 3;
/** Real nodes take seconds; a machine that is busy with other things takes longer. */
const PATIENCE_MS: Record<Like, number> = {
  fast: 60_000,
  'fast-1.20': 60_000,
  '1.20': 120_000,
  '1.36': 180_000,
};

export interface StartOptions {
  /** The folder of the sandbox's programs. */
  programs: string;
  like?: string;
  /** For a new one; 0: any that is free. 6443 when that is free, else any. */
  port?: number;
  report: (line: string) => void;
  signal: AbortSignal;
}

export async function startSandbox(
  path: string,
  options: StartOptions,
): Promise<{ was: SandboxState['state']; state: SandboxState }> {
  const layout = layoutOf(path);
  const like = likeOf(options.like);
  const found = readSandboxFile(layout);
  if (found && like !== undefined && like !== found.like) {
    throw new UserError('sandbox-like', `the sandbox at ${layout.dir} is like ${found.like}, not ${like}`, {
      hints: [
        `kube-auditctl sandbox stop --delete ${shellWord(layout.dir)}`,
        `kube-auditctl sandbox start --like ${like} ANOTHER-FOLDER`,
      ],
    });
  }
  // Its manifests and kubeconfigs name the port, and so may what others made of them.
  if (found && options.port !== undefined && options.port !== 0 && options.port !== found.port) {
    throw new UserError('sandbox-port', `the sandbox at ${layout.dir} has port ${found.port}, not ${options.port}`, {
      hints: [
        `kube-auditctl sandbox stop --delete ${shellWord(layout.dir)}   and start it anew, with that port`,
        `kube-auditctl sandbox start --port ${options.port} ANOTHER-FOLDER`,
      ],
    });
  }
  if (!found) options.report(`making a control plane like ${like ?? 'fast'} in ${layout.dir}`);
  const file = found ?? (await makeOrTake(layout, like ?? 'fast', options.port));
  const was = !found ? 'none' : livingProcesses(layout.processes).length > 0 ? 'running' : 'stopped';
  const release = holdStart(layout);
  try {
    await bringUp(layout, file, options);
  } catch (error) {
    // A new one that does not come has nothing to lose; an old one may be broken by its owner, who wants to mend it.
    if (was === 'none') await endEverything(layout);
    throw error;
  } finally {
    release();
  }
  return { was, state: await statusOf(layout, file) };
}

/** Another start may have been faster: then its sandbox is ours too. */
async function makeOrTake(layout: Layout, like: Like, port: number | undefined): Promise<SandboxFile> {
  try {
    return await makeSandbox(layout, like, await freePorts(port));
  } catch (error) {
    const theirs = error instanceof UserError && error.code === 'sandbox-folder-in-use' && readSandboxFile(layout);
    if (theirs) return theirs;
    throw error;
  }
}

async function bringUp(layout: Layout, file: SandboxFile, options: StartOptions): Promise<void> {
  if (livingProcesses(layout.processes).length === 0) await refuseTakenPorts(layout, file);
  if (!kubeletOf(layout)) {
    options.report('starting the kubelet');
    await startKubelet(layout, options.programs);
  }
  const admin = readAccess(join(layout.node, 'etc/kubernetes', adminFile(file)));
  await ready(layout, file, admin, options);
  for (const { path, object } of grants()) await create(layout, admin, path, object);
}

/** system:masters: what the others are allowed is what this one writes. */
export function adminFile({ like }: SandboxFile): string {
  return VERSIONS[like].old ? 'admin.conf' : 'super-admin.conf';
}

/** Resolves when the kubelet has noted itself: what is not noted could not be stopped. */
export async function startKubelet(layout: Layout, programs: string): Promise<void> {
  if (livingProcesses(layout.processes).length === 0) {
    // As after a boot: what stood in memory is gone, what stood on the disk is not.
    for (const name of ['containers', 'processes', 'listening', 'guards']) {
      const folder = join(layout.run, name);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true, mode: name === 'containers' ? 0o700 : 0o755 });
    }
  }
  const log = openSync(layout.kubeletLog, 'a', 0o600);
  try {
    const kubelet = spawn(process.execPath, [join(programs, 'kubelet.cjs'), '--dir', layout.dir], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: layout.dir,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TZ: process.env['TZ'] },
    });
    let ended = '';
    kubelet.on('error', (error) => (ended = error.message));
    kubelet.on('exit', (code, signalled) => (ended = `it ended with ${signalled ?? `exit code ${code ?? ''}`}`));
    kubelet.unref();
    const begun = performance.now();
    while (kubeletOf(layout)?.pid !== kubelet.pid) {
      if (ended === '' && performance.now() - begun < KUBELET_MS) await sleep(LOOK_MS);
      else {
        kubelet.kill('SIGKILL');
        const words = [ended === '' ? 'it does not say that it runs' : ended, ...lastWords(layout).slice(0, 4)];
        throw new UserError('sandbox-not-ready', `the kubelet of the sandbox does not start: ${words.join('; ')}`, {
          hints: [`cat ${shellWord(layout.kubeletLog)}`],
        });
      }
    }
  } finally {
    closeSync(log);
  }
}

async function ready(layout: Layout, file: SandboxFile, admin: Access, options: StartOptions): Promise<void> {
  const begun = performance.now();
  const limit = PATIENCE_MS[file.like];
  let why = '';
  let said = 0;
  const servers = new Set<number>();
  let over: string | undefined;
  while (performance.now() - begun < limit) {
    if (options.signal.aborted) throw new UserError('interrupted', 'interrupted before the sandbox was ready');
    try {
      const { status, body } = await send(admin, { method: 'GET', path: '/readyz', timeoutMs: 5_000 });
      if (status === 200) return;
      why = `/readyz answers ${status}: ${body.split('\n', 1)[0] ?? ''}`;
    } catch (error) {
      why = (error as Error).message;
    }
    const living = livingProcesses(layout.processes).filter(({ argv }) => basename(argv[0] ?? '') === 'kube-apiserver');
    for (const { pid } of living) servers.add(pid);
    // The first may have come before etcd; what ends again and again, or is never started, will not come.
    if (servers.size - living.length >= TRIES) over = `${servers.size - living.length} servers have ended`;
    else if (servers.size === 0 && performance.now() - begun > limit / 4) over = 'its kubelet starts no server';
    if (over !== undefined) break;
    const seconds = Math.floor((performance.now() - begun) / 1000);
    if (seconds >= said + 5) options.report(`waiting for its API server (${(said = seconds)} s): ${why}`);
    await sleep(LOOK_MS);
  }
  const words = lastWords(layout);
  for (const line of words) options.report(line);
  throw new UserError(
    'sandbox-not-ready',
    over === undefined
      ? `the API server of the sandbox is not ready after ${limit / 1000} s: ${why}`
      : `the API server of the sandbox does not come up (${over})${words.length > 0 ? `: ${words.at(-1) ?? ''}` : ''}`,
    {
      hints: [
        `kube-auditctl doctor --sandbox=${shellWord(layout.dir)}`,
        `kube-auditctl sandbox journal ${shellWord(layout.dir)}`,
        `ls ${shellWord(join(layout.node, 'var/log/pods'))}`,
      ],
    },
  );
}

async function create(layout: Layout, admin: Access, path: string, object: object): Promise<void> {
  const { status, body } = await send(admin, { method: 'POST', path, body: JSON.stringify(object) });
  if (status < 300 || status === 409) return;
  throw new UserError(
    'sandbox-not-ready',
    `the sandbox's API server refuses to make its users: HTTP ${status} ${body}`,
    {
      hints: [`kube-auditctl sandbox stop --delete ${shellWord(layout.dir)}`],
    },
  );
}

function likeOf(value: string | undefined): Like | undefined {
  if (value === undefined || value in TIMINGS) return value as Like | undefined;
  throw new UserError('usage', `--like takes ${Object.keys(TIMINGS).join(', ')}`);
}

/** Two at once would run two kubelets. */
function holdStart(layout: Layout): () => void {
  const own: ProcessId = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? '' };
  for (;;) {
    try {
      writeFileSync(layout.startLock, JSON.stringify(own), { flag: 'wx' });
      return () => {
        rmSync(layout.startLock, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const other = readJson(layout.startLock) as ProcessId | undefined;
      if (other && isAlive(other))
        throw new UserError('sandbox-busy', `the sandbox at ${layout.dir} is being started by process ${other.pid}`, {
          hints: [`kube-auditctl sandbox status ${shellWord(layout.dir)}`],
        });
      rmSync(layout.startLock, { force: true });
    }
  }
}

/** A connection that is just being taken down can hold a port for a moment longer than the server lives. */
const LET_GO_MS = 3_000;

async function refuseTakenPorts(layout: Layout, file: SandboxFile): Promise<void> {
  const end = performance.now() + LET_GO_MS;
  for (const port of [file.port, file.etcdPort, file.etcdMetricsPort]) {
    let free = await isFree(port);
    while (!free && performance.now() < end) {
      await sleep(100);
      free = await isFree(port);
    }
    if (free) continue;
    throw new UserError(
      'sandbox-port-taken',
      `port ${port} of the sandbox at ${layout.dir} is taken by another program`,
      {
        hints: [`ss -ltnp 'sport = :${port}'`, 'kube-auditctl sandbox start ANOTHER-FOLDER'],
      },
    );
  }
}

async function freePorts(wanted: number | undefined): Promise<Ports> {
  if (wanted !== undefined && wanted !== 0 && !(await isFree(wanted)))
    throw new UserError('sandbox-port-taken', `port ${wanted} is taken by another program`, {
      hints: [`ss -ltnp 'sport = :${wanted}'`],
    });
  const taken = new Set<number>();
  const pick = async (usual: number): Promise<number> => {
    let port = usual !== 0 && (await isFree(usual)) ? usual : await anyPort();
    while (taken.has(port)) port = await anyPort();
    taken.add(port);
    return port;
  };
  // With a port of its own it stands beside others, who may want etcd's usual ones back.
  const usual = wanted === undefined;
  return {
    port: await pick(wanted ?? 6443),
    etcdPort: await pick(usual ? 2379 : 0),
    etcdMetricsPort: await pick(usual ? 2381 : 0),
  };
}

function isFree(port: number): Promise<boolean> {
  return listen(port).then(
    () => true,
    () => false,
  );
}

/**
 * Not one of those that the kernel gives to connections (from 32768 on): while the sandbox is stopped, any program on the
 * machine could be given it, and the sandbox could not be started again.
 */
async function anyPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
  return listen(0);
}

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('no address'));
      });
    });
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function readJournal(layout: Layout): string {
  try {
    return readFileSync(layout.journal, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
