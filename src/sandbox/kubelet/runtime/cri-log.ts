/**
 * A container's log as the runtime writes it: `TIME STREAM F TEXT`, long lines in parts (P), rotated by size. Rule: a line
 * is written once it is whole, or once it is longer than a part may be. Source: cri-client/pkg/logs, containerd's
 * pkg/cri/io/logger.go, pkg/kubelet/logs/container_log_manager.go.
 */
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { namesIn } from './process-files';

const PART_BYTES = 16 * 1024;
const MOST_BYTES = 10 * 1024 * 1024;
const MOST_FILES = 5;

export type Stream = 'stdout' | 'stderr';

export interface CriLog {
  write(stream: Stream, chunk: Uint8Array): void;
  /** What is left without a line break is a line all the same. */
  end(stream: Stream): void;
  close(): void;
}

/** @param now milliseconds since the epoch, with fractions. */
export function openCriLog(path: string, now: () => number, mostBytes = MOST_BYTES): CriLog {
  let fd = openSync(path, 'a', 0o640);
  let size = fstatSync(fd).size;
  const rests: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  const put = (stream: Stream, tag: 'F' | 'P', bytes: Uint8Array): void => {
    const line = Buffer.concat([Buffer.from(`${timestamp(now())} ${stream} ${tag} `), bytes, Buffer.from('\n')]);
    size += writeSync(fd, line);
    if (size < mostBytes) return;
    closeSync(fd);
    rotate(path, now());
    fd = openSync(path, 'a', 0o640);
    size = 0;
  };
  const parts = (stream: Stream, line: Buffer): Buffer => {
    let rest = line;
    for (; rest.length > PART_BYTES; rest = rest.subarray(PART_BYTES)) put(stream, 'P', rest.subarray(0, PART_BYTES));
    return rest;
  };

  return {
    write(stream, chunk) {
      let rest = Buffer.concat([rests[stream], chunk]);
      for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
        put(stream, 'F', parts(stream, rest.subarray(0, end)));
        rest = rest.subarray(end + 1);
      }
      rests[stream] = Buffer.from(parts(stream, rest));
    },
    end(stream) {
      if (rests[stream].length > 0) put(stream, 'F', rests[stream]);
      rests[stream] = Buffer.alloc(0);
    },
    close() {
      closeSync(fd);
    },
  };
}

/** RFC 3339 with nine decimals, as Go writes it. */
function timestamp(at: number): string {
  const nanos = String(Math.floor((at % 1000) * 1e6)).padStart(9, '0');
  return `${new Date(at).toISOString().slice(0, 19)}.${nanos}Z`;
}

/** `0.log` becomes `0.log.TIME`; older ones are packed, and there are never more than five in all. */
function rotate(path: string, at: number): void {
  const older = rotated(path);
  for (const name of older.splice(0, Math.max(0, older.length - (MOST_FILES - 2)))) rmSync(name, { force: true });
  for (const name of older.filter((each) => !each.endsWith('.gz'))) {
    writeFileSync(`${name}.gz`, gzipSync(readFileSync(name)), { mode: 0o640 });
    rmSync(name);
  }
  const digits = new Date(at).toISOString().replace(/[-:]/g, '').slice(0, 15).replace('T', '-');
  let name = `${path}.${digits}`;
  // Two within a second: the second one must not swallow the first.
  for (let n = 1; rotated(path).some((each) => each.startsWith(name)); n++) name = `${path}.${digits}-${n}`;
  renameSync(path, name);
}

/** Oldest first. */
function rotated(path: string): string[] {
  const prefix = `${basename(path)}.`;
  return namesIn(dirname(path))
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(dirname(path), name));
}
