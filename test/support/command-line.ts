/** The command line on a node in memory: arguments in; exit code, standard output and standard error out. */
import type { Editor } from '../../src/change/edit';
import type { Context, WorldOptions } from '../../src/cli/context';
import type { Sandboxes } from '../../src/change/ports';
import { runProgram } from '../../src/cli/program';
import { inputLines, readInput } from '../../src/system/input';
import { writeOutput } from '../../src/system/output-file';
import { createLogReader, type ReaderOptions } from '../../src/system/log/reader';
import { replayFiles } from '../../src/system/replay-reader';
import type { DoctorPorts } from '../../src/change/doctor-ports';
import { fakeDoctor } from './doctor-ports';
import type { FakeNode, TestPorts } from './fake-node';

export interface Run {
  code: number | undefined;
  out: string;
  talk: string;
  live: string[];
  /** Files written outside the node, unless with `disk`. */
  written: Record<string, string>;
  json: () => Record<string, unknown>;
  /** What the world was asked to be; undefined when it was not asked for. */
  world?: WorldOptions;
  /** The sandbox that became the world. */
  entered?: string;
}

export interface RunOptions {
  /** Files of the user's machine, by name; `-` is standard input. */
  input?: Record<string, string>;
  /** Names are those of real files, instead of `input`. */
  disk?: boolean;
  /** With `disk`: what is written is kept here all the same. */
  collectWritten?: boolean;
  colour?: boolean;
  uid?: number;
  /** How logs are read. */
  reader?: ReaderOptions;
  /** Milliseconds since the epoch. */
  now?: number;
  /** Of the terminal. */
  columns?: number;
  ports?: (ports: TestPorts) => void;
  /** KUBE_AUDITCTL_SANDBOX. */
  environment?: string;
  /** The calls that the test expects. */
  sandboxes?: Partial<Sandboxes>;
  doctor?: DoctorPorts;
  /** What is typed at the questions; absent: there is no terminal. */
  answers?: readonly string[];
  editor?: Editor;
}

/** Where the sandbox lies when nobody says otherwise. */
export const SANDBOX = '/home/alice/.local/state/kube-auditctl/sandbox';

const unexpected = (): never => {
  throw new Error('the test expects no such call');
};
const NO_SANDBOXES: Sandboxes = {
  start: unexpected,
  stop: unexpected,
  status: unexpected,
  kubeconfig: unexpected,
  request: unexpected,
  kubelet: unexpected,
  journal: unexpected,
  demo: unexpected,
};

/** Not written here: Jest has no loader for what is a module only. test/system/log/parquet.test.ts does. */
export const importParquet: Context['writeParquet'] = () => Promise.resolve({ rows: 0, bytes: 0 });

export async function run(node: FakeNode, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const result: Run = {
    code: undefined,
    out: '',
    talk: '',
    live: [],
    written: {},
    json: () => JSON.parse(result.out) as never,
  };
  const context: Context = {
    streams: {
      out: (text) => void (result.out += text),
      talk: (text) => void (result.talk += text),
      live: (text) => void result.live.push(text),
      outColour: options.colour ?? false,
      talkColour: options.colour ?? false,
      ...(options.columns === undefined ? {} : { columns: options.columns }),
    },
    begin: () => undefined,
    world(world, report) {
      result.world = world;
      const ports = node.ports();
      if (options.uid !== undefined) ports.node.uid = () => options.uid ?? 0;
      ports.report = report;
      options.ports?.(ports);
      return ports;
    },
    doctor: () => Promise.resolve(options.doctor ?? fakeDoctor(node)),
    readInput(path, limit) {
      if (options.disk) return readInput(path, limit);
      const text = options.input?.[path];
      if (text === undefined) return Promise.reject(new Error(`the test has no file ${path}`));
      return Promise.resolve({ bytes: new TextEncoder().encode(text), from: path });
    },
    async *inputLines(path) {
      if (options.disk) yield* inputLines(path);
      else yield (options.input?.[path] ?? '').split('\n');
    },
    editor: () =>
      options.editor ?? { name: 'vi', locate: (path) => path, open: () => Promise.resolve({ state: 'ended' }) },
    terminal() {
      if (!options.answers) return undefined;
      const answers = [...options.answers];
      return {
        ask: (question) => {
          result.talk += question;
          return Promise.resolve(answers.shift());
        },
      };
    },
    writeOutput:
      options.disk && !options.collectWritten
        ? writeOutput
        : (path, bytes) => {
            result.written[path] = new TextDecoder().decode(bytes);
            return Promise.resolve();
          },
    replayLogs: replayFiles,
    sandboxDirs: {
      standard: SANDBOX,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    },
    enterSandbox(dir) {
      result.entered = dir;
      return Promise.resolve(dir);
    },
    sandboxes: () => Promise.resolve({ ...NO_SANDBOXES, ...options.sandboxes }),
    runSelf: () => Promise.reject(new Error('the test runs no other process')),
    interrupts: { first: new AbortController().signal, second: new AbortController().signal },
    logs: () => Promise.resolve(createLogReader(options.reader)),
    writeParquet: (path, events) => importParquet(path, events),
    now: () => options.now ?? Date.now(),
    exit(code) {
      result.code = code;
    },
  };
  await runProgram(context, args);
  return result;
}
