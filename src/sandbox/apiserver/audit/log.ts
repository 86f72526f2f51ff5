/** The log backend (apiserver/plugin/pkg/audit/log), and how its file is made ready at start. */
import { posix } from 'node:path';
import type { ContainerFiles } from '../files';
import { GoError } from '../go-errors';
import { allStored, type Backend, type Report } from './backend';
import { encodeEvent, legacyLine, type AuditEvent } from './event';
import { PlainFile, RotatedFile, type LineWriter } from './log-file';
import type { LogOptions } from './options';

/**
 * From 1.22 on the file is made before anything else happens, and a path that will not do ends the server.
 * @param minor of the server's version 1.N. @throws with the server's message.
 */
export function openLog(
  options: LogOptions,
  files: ContainerFiles,
  minor: number,
  stdout: (text: string) => void,
): LineWriter {
  if (options.path === '-') {
    const write = (lines: readonly string[]) => {
      stdout(lines.join(''));
      return [];
    };
    return { write, close: () => Promise.resolve() };
  }
  if (minor >= 22) ensureLogFile(options.path, files);
  const { maxSize } = options.rotation;
  if (maxSize === undefined) return new PlainFile(files, options.path);
  return new RotatedFile(files, options.path, { ...options.rotation, maxSize });
}

/**
 * Events of the same moment share one write: a system call each would cost more than all the rest of a request. What
 * waits for an event waits until it is written.
 */
export function logBackend(writer: LineWriter, format: LogOptions['format'], minor: number, report: Report): Backend {
  let waiting: { event: AuditEvent; done: (stored: boolean) => void }[] = [];
  const flush = () => {
    const group = waiting;
    waiting = [];
    if (group.length === 0) return;
    const encode = format === 'json' ? encodeEvent : (event: AuditEvent) => legacyLine(event, minor);
    const problems = writer.write(group.map(({ event }) => `${encode(event)}\n`));
    group.forEach(({ event, done }, index) => {
      const problem = problems[index];
      if (problem !== undefined) report('log', problem, [event]);
      done(problem === undefined);
    });
  };
  const store = (event: AuditEvent) =>
    new Promise<boolean>((done) => {
      if (waiting.push({ event, done }) === 1) setImmediate(flush);
    });
  return {
    process: (events) => allStored(events.map(store)),
    close() {
      flush();
      return writer.close();
    },
  };
}

function ensureLogFile(path: string, files: ContainerFiles): void {
  try {
    files.makeFolders(posix.dirname(path), 0o700);
    files.close(files.openAppend(path, 0o600));
  } catch (error) {
    if (!(error instanceof GoError)) throw error;
    throw new Error(`ensureLogFile: ${error.message}`);
  }
}
