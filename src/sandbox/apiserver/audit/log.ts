/** The log backend (apiserver/plugin/pkg/audit/log), and how its file is made ready at start. */
import { posix } from 'node:path';
import { messageOf } from '../../../core/errors';
import type { ContainerFiles } from '../files';
import { GoError } from '../go-errors';
import type { Backend, Report } from './backend';
import { encodeEvent, legacyLine } from './event';
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
  if (options.path === '-') return { write: stdout, close: () => Promise.resolve() };
  if (minor >= 22) ensureLogFile(options.path, files);
  const { maxSize } = options.rotation;
  if (maxSize === undefined) return new PlainFile(files, options.path);
  return new RotatedFile(files, options.path, { ...options.rotation, maxSize });
}

export function logBackend(writer: LineWriter, format: LogOptions['format'], minor: number, report: Report): Backend {
  return {
    process(events) {
      let stored = true;
      for (const event of events) {
        try {
          writer.write(`${format === 'json' ? encodeEvent(event) : legacyLine(event, minor)}\n`);
        } catch (error) {
          report('log', messageOf(error), [event]);
          stored = false;
        }
      }
      return stored;
    },
    close: () => writer.close(),
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
