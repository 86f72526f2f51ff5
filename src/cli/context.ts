/** What every command is handed: the world, the streams, and the options that all commands share. */
import type { Command } from 'commander';
import type { DoctorPorts } from '../change/doctor-ports';
import type { Editor, Person } from '../change/edit';
import type { Ports } from '../change/ports';
import type { ChangeEvent } from '../change/events';
import type { ReadLogs, ReplayedLog } from '../change/policy';
import type { ExitCode } from '../core/outcome';
import { createStyle, type Style } from '../output/style';

export interface Streams {
  /** The answer. */
  out(text: string): void;
  /** The talk: progress, warnings, errors. */
  talk(text: string): void;
  /** A line that the next talk replaces; does nothing where stderr is no terminal. */
  live(text: string): void;
  outColour: boolean;
  talkColour: boolean;
}

export interface WorldOptions {
  root: string;
  nodeName?: string;
  manifestPath: string;
  stateDir: string;
}

export interface Context {
  streams: Streams;
  /** Builds the adapters; nothing is opened until they are used. */
  world(options: WorldOptions, report: (event: ChangeEvent) => void): Ports;
  /** What doctor needs besides. */
  doctor(options: WorldOptions): Promise<DoctorPorts>;
  /** A file the user names on the command line; `-` is standard input. Rejects with a UserError. */
  readInput(path: string, limit: number): Promise<{ bytes: Uint8Array; from: string }>;
  /** The lines of such a file, as they come: blocks of whole lines, without their breaks. Rejects with a UserError. */
  inputLines(path: string): AsyncIterable<readonly string[]>;
  /**
   * A file of the user's, whole, by one rename; links are followed, mode and owner stay. `create` never replaces one.
   * Rejects with a UserError.
   */
  writeOutput(path: string, bytes: Uint8Array, how: 'create' | 'replace'): Promise<void>;
  /** The user's editor. Throws a UserError when their choice of it cannot be understood. */
  editor(options: { root: string }): Editor;
  /** The person at the terminal; undefined where there is none. */
  terminal(): Pick<Person, 'ask'> | undefined;
  replayLogs: ReadLogs<ReplayedLog>;
  exit(code: ExitCode): void;
}

export interface GlobalOptions {
  /** sarif: only for commands that say so. */
  output: 'text' | 'json' | 'sarif';
  quiet: boolean;
  verbose: boolean;
  color: boolean;
  root: string;
  manifest: string;
  nodeName?: string;
  stateDir: string;
}

export function globals(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** Colour for the answer and for the talk, as the streams and --no-color allow. */
export function styles(context: Context, options: GlobalOptions): { out: Style; talk: Style } {
  return {
    out: createStyle(options.color && context.streams.outColour),
    talk: createStyle(options.color && context.streams.talkColour),
  };
}

export function worldOf(options: GlobalOptions): WorldOptions {
  return {
    root: options.root,
    manifestPath: options.manifest,
    stateDir: options.stateDir,
    ...(options.nodeName === undefined ? {} : { nodeName: options.nodeName }),
  };
}
