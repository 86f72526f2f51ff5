/** The second half of main.ts, loaded when there is something to do: builds the world and runs a command in it. */
import { resolve } from 'node:path';
import { realpathSync } from 'node:fs';
import { runProgram } from './cli/program';
import type { Context, Streams } from './cli/context';
import type { Interrupts } from './change/ports';
import { UserError } from './core/errors';
import { createClock } from './system/clock';
import { createEditor } from './system/editor';
import { createFiles } from './system/files';
import { nodeFsCalls } from './system/fs-calls';
import { createGuard } from './system/guard';
import { inputLines, readInput } from './system/input';
import { createCluster } from './system/lazy-cluster';
import { createLock } from './system/lock';
import { writeOutput } from './system/output-file';
import { openTerminal } from './system/terminal';
import { createNode } from './system/watch';

export async function start(args: readonly string[]): Promise<void> {
  const { interrupts, hold } = listenForSignals();
  const context: Context = {
    streams: openStreams(),
    world({ root, nodeName, manifestPath, stateDir }, report) {
      const at = resolve(root);
      const files = createFiles(nodeFsCalls(), { root: at });
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
        guard: createGuard({ root: at, command: [process.execPath, scriptPath()], options }),
        node: createNode({ root: at, ...(nodeName ? { nodeName } : {}) }),
        cluster: createCluster({ root: at }),
        interrupts,
        report,
      };
    },
    async doctor({ root, nodeName }) {
      const { createDoctorPorts } = await import('./system/doctor/ports');
      return createDoctorPorts({ root: resolve(root), ...(nodeName ? { nodeName } : {}) });
    },
    readInput,
    inputLines,
    writeOutput,
    editor: ({ root }) =>
      createEditor({ root: resolve(root), env: process.env, output: process.stdout.isTTY ? 1 : 2, hold }),
    terminal: () =>
      process.stdin.isTTY && process.stderr.isTTY
        ? openTerminal(process.stdin, (text) => void process.stderr.write(text))
        : undefined,
    replayLogs: async (paths, replay) => (await import('./system/replay-reader')).replayFiles(paths, replay),
    exit(code) {
      process.exitCode = code;
    },
  };
  await runProgram(context, args);
}

/** What the guard runs when we are gone: it must be there by its absolute path, whatever its working folder. */
function scriptPath(): string {
  const script = process.argv[1];
  if (script === undefined) throw new UserError('no-script', 'the path of kube-auditctl itself is not known');
  return realpathSync(script);
}

function openStreams(): Streams {
  const { stdout, stderr, env } = process;
  // A reader that has gone (`| head`, a closed SSH session) must not end a change half-way.
  stdout.on('error', () => undefined);
  stderr.on('error', () => undefined);
  const colour = (stream: NodeJS.WriteStream): boolean =>
    env.NO_COLOR === undefined || env.NO_COLOR === '' ? stream.isTTY && env.TERM !== 'dumb' : false;
  const clear = '\r\u001b[2K';
  let live = false;
  return {
    out(text) {
      if (live) stderr.write(clear);
      live = false;
      stdout.write(text);
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
    talkColour: colour(stderr),
  };
}

/**
 * The first signal asks for an end in good order, the second for one at once. A lost terminal asks for nothing. While it is
 * held, a Ctrl-C is somebody else's: the terminal sends it to every program in front.
 */
function listenForSignals(): { interrupts: Interrupts; hold: () => () => void } {
  const first = new AbortController();
  const second = new AbortController();
  let held = 0;
  const onSignal = (): void => {
    if (first.signal.aborted) second.abort();
    first.abort();
  };
  process.on('SIGINT', () => {
    if (held === 0) onSignal();
  });
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', () => undefined);
  return {
    interrupts: { first: first.signal, second: second.signal },
    hold: () => {
      held++;
      return () => {
        held--;
      };
    },
  };
}
