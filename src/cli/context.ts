/** What every command is handed: the world, the streams, and the options that all commands share. */
import type { Command } from 'commander';
import type { Interrupts, Ports, RunSelf, Sandboxes } from '../change/ports';
import type { DoctorPorts } from '../change/doctor-ports';
import type { Editor, Person } from '../change/edit';
import type { ChangeEvent } from '../change/events';
import type { LogReader } from '../change/log';
import type { ReadLogs, ReplayedLog } from '../change/policy';
import type { AuditEvent } from '../core/auditlog/event';
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
  /** Of the terminal that stdout is; absent when it is none. */
  columns?: number;
  /** Nobody reads the answer any more (`| head`). */
  outClosed?: () => boolean;
  /** What has been answered and not been read yet piles up in memory: to be awaited between the parts of a long answer. */
  outDrained?: () => Promise<void> | undefined;
}

export interface WorldOptions {
  root: string;
  nodeName?: string;
  manifestPath: string;
  stateDir: string;
}

/** What a signal means to a command: `changes` ends in good order, `reads` at once, `follows` is ended by one and has done its work. */
export type CommandKind = 'changes' | 'reads' | 'follows';

export interface Context {
  streams: Streams;
  /** Said once, before the command does anything. */
  begin(kind: CommandKind): void;
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
   * @param mode of a new file, less the umask.
   */
  writeOutput(path: string, bytes: Uint8Array, how: 'create' | 'replace', mode?: number): Promise<void>;
  /** The user's editor. Throws a UserError when their choice of it cannot be understood. */
  editor(options: { root: string }): Editor;
  /** The person at the terminal; undefined where there is none. */
  terminal(): Pick<Person, 'ask'> | undefined;
  replayLogs: ReadLogs<ReplayedLog>;
  /** Where the sandbox lies by default, and the folder that the environment names, if any. */
  sandboxDirs: { standard: string; environment?: string };
  /**
   * From now on the world is this sandbox; answers its folder's full name. A sandbox that is none, or is stopped, is told
   * by `world`: who asks for no world needs none.
   */
  enterSandbox(dir: string): Promise<string>;
  sandboxes(): Promise<Sandboxes>;
  /** Runs this program again as a process of its own; what it prints, on either stream, is handed on as it comes. */
  runSelf: RunSelf;
  /** Ctrl-C and SIGTERM, for commands that have no world. */
  interrupts: Interrupts;
  /** What reads audit logs, loaded on first use. */
  logs(): Promise<LogReader>;
  /** Events as a Parquet file, whole or not at all; links are followed. Rejects with a UserError. */
  writeParquet(path: string, events: AsyncIterable<AuditEvent>): Promise<{ rows: number; bytes: number }>;
  /** Milliseconds since the epoch. */
  now(): number;
  exit(code: ExitCode): void;
}

export const OUTPUT_FORMATS = ['text', 'json', 'sarif', 'jsonl', 'csv', 'wide'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface GlobalOptions {
  /** All but text and json: only for commands that say so. */
  output: OutputFormat;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
  root: string;
  manifest: string;
  nodeName?: string;
  stateDir: string;
  /** The sandbox's folder, by its full name, when the node is one. */
  sandbox?: string;
}

export function globals(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** Where the node's file system lies on this machine, for what is read past the world's own adapters. */
export function rootOf({ root, sandbox }: GlobalOptions): string {
  return sandbox === undefined ? root : `${sandbox}/node`;
}

/** For documents that could be taken for a real node's. */
export function sandboxField({ sandbox }: GlobalOptions): { sandbox?: string } {
  return sandbox === undefined ? {} : { sandbox };
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
