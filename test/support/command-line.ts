/** The command line on a node in memory: arguments in; exit code, standard output and standard error out. */
import type { Editor } from '../../src/change/edit';
import type { Context, WorldOptions } from '../../src/cli/context';
import { runProgram } from '../../src/cli/program';
import { inputLines, readInput } from '../../src/system/input';
import { writeOutput } from '../../src/system/output-file';
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
}

export interface RunOptions {
  /** Files of the user's machine, by name; `-` is standard input. */
  input?: Record<string, string>;
  /** Names are those of real files, instead of `input`. */
  disk?: boolean;
  colour?: boolean;
  uid?: number;
  ports?: (ports: TestPorts) => void;
  doctor?: DoctorPorts;
  /** What is typed at the questions; absent: there is no terminal. */
  answers?: readonly string[];
  editor?: Editor;
}

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
    },
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
    writeOutput: options.disk
      ? writeOutput
      : (path, bytes) => {
          result.written[path] = new TextDecoder().decode(bytes);
          return Promise.resolve();
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
    replayLogs: replayFiles,
    exit(code) {
      result.code = code;
    },
  };
  await runProgram(context, args);
  return result;
}
