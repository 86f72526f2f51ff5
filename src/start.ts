/** The second half of main.ts, loaded when there is something to do: builds the world and runs a command in it. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { realpathSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { runProgram } from './cli/program';
import type { CommandKind, Context, Streams } from './cli/context';
import type { Interrupts, RunSelf } from './change/ports';
import { messageOf, UserError } from './core/errors';
import { createClock } from './system/clock';
import { createEditor } from './system/editor';
import { createFiles } from './system/files';
import { ownedAsRoot } from './system/own-files';
import { nodeFsCalls } from './system/fs-calls';
import { createGuard } from './system/guard';
import { inputLines, readInput } from './system/input';
import { createCluster } from './system/lazy-cluster';
import { createLock } from './system/lock';
import { writeOutput } from './system/output-file';
import { openTerminal } from './system/terminal';
import { createRehearsal } from './system/rehearsal/rehearsal';
import { createNode } from './system/watch';
import type { enterSandbox } from './sandbox/world';

export async function start(args: readonly string[]): Promise<void> {
  let sandbox: (() => ReturnType<typeof enterSandbox>) | undefined;
  const { interrupts, hold, begin } = listenForSignals();
  let kind: CommandKind | undefined;
  let isUnwritten = false;
  const context: Context = {
    streams: openStreams(() => {
      isUnwritten = true;
      // What changes something answers for the change: 2 would say that nothing was written.
      if (kind !== 'changes') process.exitCode = 2;
    }),
    begin(what) {
      kind = what;
      begin(what);
    },
    world({ root, nodeName, manifestPath, stateDir }, report) {
      const stand = sandbox?.();
      const at = stand?.root ?? resolve(root);
      const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
      const files = createFiles(stand ? ownedAsRoot(nodeFsCalls(), own) : nodeFsCalls(), { root: at });
      const name = nodeName ?? stand?.nodeName;
      const command = [process.execPath, scriptPath()];
      const options = [
        '--manifest',
        manifestPath,
        '--state-dir',
        stateDir,
        ...(nodeName ? ['--node-name', nodeName] : []),
      ];
      return {
        files,
        clock: createClock(),
        lock: createLock({ root: at }),
        guard: stand?.guard(command, options) ?? createGuard({ root: at, command, options }),
        node: createNode({
          root: at,
          ...(name ? { nodeName: name } : {}),
          ...(stand
            ? {
                eyes: { ...stand.eyes, restartKubelet: () => restartSandboxKubelet(stand.dir) },
                uid: stand.uid,
                hostname: () => stand.nodeName,
              }
            : {}),
        }),
        cluster: createCluster({ root: at }),
        certificates: async (asked) => (await import('./system/doctor/certificates')).readCertificates(at, asked),
        listeners: async (port) => (await import('./system/doctor/machine')).holdersOf(join(at, 'proc'), port),
        rehearsal: stand?.rehearsal ?? createRehearsal({ root: at }),
        interrupts,
        report,
      };
    },
    async doctor({ root, nodeName }) {
      const stand = sandbox?.();
      if (stand) {
        const { createStandInPorts } = await import('./system/doctor/stand-in');
        return createStandInPorts({
          ...stand,
          startKubelet: (anew) => (anew ? restartSandboxKubelet(stand.dir) : startSandboxKubelet(stand.dir)),
        });
      }
      const { createDoctorPorts } = await import('./system/doctor/ports');
      return createDoctorPorts({ root: resolve(root), ...(nodeName ? { nodeName } : {}) });
    },
    readInput,
    inputLines,
    writeOutput,
    logs: async () =>
      (await import('./system/log/reader')).createLogReader({ script: join(__dirname, 'workers', 'log.cjs') }),
    writeParquet: async (path, events) => (await import('./system/log/parquet')).writeParquet(path, events),
    now: () => Date.now(),
    editor: ({ root }) =>
      createEditor({ root: resolve(root), env: process.env, output: process.stdout.isTTY ? 1 : 2, hold }),
    terminal: () =>
      process.stdin.isTTY && process.stderr.isTTY
        ? openTerminal(process.stdin, (text) => void process.stderr.write(text))
        : undefined,
    replayLogs: async (paths, replay) => (await import('./system/replay-reader')).replayFiles(paths, replay),
    sandboxDirs: sandboxDirs(),
    async enterSandbox(dir) {
      const { enterSandbox } = await import('./sandbox/world');
      const isDefault = dir === context.sandboxDirs.standard;
      sandbox = () => enterSandbox(dir, { programs: PROGRAMS, isDefault });
      return resolve(dir);
    },
    sandboxes: async () => (await import('./sandbox/manage')).createSandboxes(PROGRAMS),
    runSelf,
    interrupts,
    exit(code) {
      process.exitCode = isUnwritten && kind !== 'changes' ? 2 : code;
    },
  };
  await runProgram(context, args);
  // A request that a hanging API server never answers would keep this process for ever. Everything has been said by now.
  setInterval(() => {
    // eslint-disable-next-line no-restricted-syntax -- only when something hangs, and all output has been flushed
    if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  }, 3000).unref();
}

/** The kubelet and the servers of the sandbox are programs of their own, beside this one. */
const PROGRAMS = join(__dirname, 'sandbox');

async function restartSandboxKubelet(dir: string): Promise<void> {
  const { createSandboxes } = await import('./sandbox/manage');
  const sandboxes = createSandboxes(PROGRAMS);
  await sandboxes.kubelet(dir, 'stop');
  await sandboxes.kubelet(dir, 'start');
}

async function startSandboxKubelet(dir: string): Promise<void> {
  const { createSandboxes } = await import('./sandbox/manage');
  await createSandboxes(PROGRAMS).kubelet(dir, 'start');
}

function sandboxDirs(): Context['sandboxDirs'] {
  const { XDG_STATE_HOME: state, KUBE_AUDITCTL_SANDBOX: environment } = process.env;
  const standard = join(state ? resolve(state) : join(homedir(), '.local/state'), 'kube-auditctl/sandbox');
  return { standard, ...(environment ? { environment: resolve(environment) } : {}) };
}

const runSelf: RunSelf = (args, { env, print }) =>
  new Promise((resolved, reject) => {
    const child = spawn(process.execPath, [scriptPath(), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (text: string): void => {
      output += text;
      print(text);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', reject);
    child.on('close', (code) => {
      resolved({ code: code ?? -1, output });
    });
  });

/** What the guard runs when we are gone: it must be there by its absolute path, whatever its working folder. */
function scriptPath(): string {
  const script = process.argv[1];
  if (script === undefined) throw new UserError('no-script', 'the path of kube-auditctl itself is not known');
  return realpathSync(script);
}

/** @param onUnwritten the answer is lost, and somebody may wait for it. */
function openStreams(onUnwritten: () => void): Streams {
  const { stdout, stderr, env } = process;
  // A reader that has gone (`| head`, a closed SSH session) must not end a change half-way.
  let closed = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!closed && error.code !== 'EPIPE') {
      stderr.write(`the answer could not be written to its end: ${messageOf(error)}\n`);
      onUnwritten();
    }
    closed = true;
  });
  stderr.on('error', () => undefined);
  const colour = (stream: NodeJS.WriteStream): boolean =>
    env.NO_COLOR === undefined || env.NO_COLOR === '' ? stream.isTTY && env.TERM !== 'dumb' : false;
  const clear = '\r\u001b[2K';
  let live = false;
  let full: Promise<void> | undefined;
  return {
    out(text) {
      if (live) stderr.write(clear);
      live = false;
      if (stdout.write(text) || closed) return;
      full ??= new Promise((resolve) => {
        // A reader that goes away drains nothing.
        for (const event of ['drain', 'close', 'error']) stdout.once(event, resolve);
      }).then(() => {
        full = undefined;
      });
    },
    talk(text) {
      stderr.write(live ? clear + text : text);
      live = false;
    },
    live(text) {
      if (!stderr.isTTY) return;
      stderr.write(clear + text.slice(0, Math.max(20, stderr.columns * 2)));
      live = true;
    },
    outColour: colour(stdout),
    ...(stdout.isTTY ? { columns: stdout.columns } : {}),
    outClosed: () => closed,
    outDrained: () => full,
    talkColour: colour(stderr),
  };
}

/**
 * What changes something is asked: the first signal asks for an end in good order, the second for one at once, a lost terminal
 * for nothing. What only reads has nothing to put in order, and ends at the first one. While it is held, a Ctrl-C is somebody
 * else's: the terminal sends it to every program in front.
 */
function listenForSignals(): {
  interrupts: Interrupts;
  hold: () => () => void;
  begin: (kind: CommandKind) => void;
} {
  const first = new AbortController();
  const second = new AbortController();
  let held = 0;
  let kind: CommandKind | undefined;
  let heard: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const again = first.signal.aborted;
    heard ??= signal;
    if (kind === 'reads' || (kind === 'follows' && (again || signal === 'SIGHUP'))) end(signal);
    if (signal === 'SIGHUP') return;
    if (again) second.abort();
    first.abort();
  };
  process.on('SIGINT', (signal) => {
    if (held === 0) onSignal(signal);
  });
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  return {
    interrupts: { first: first.signal, second: second.signal },
    hold: () => {
      held++;
      return () => {
        held--;
      };
    },
    begin(what) {
      kind = what;
      if (heard !== undefined && (kind === 'reads' || (kind === 'follows' && heard === 'SIGHUP'))) end(heard);
    },
  };
}

/** As a shell tells the end by a signal. Files that were begun are removed by who began them (system/temporary.ts). */
function end(signal: NodeJS.Signals): never {
  // eslint-disable-next-line no-restricted-syntax -- nobody waits for the rest of the output
  process.exit(128 + constants.signals[signal]);
}
