/**
 * Feeds audit logs to a replay: plain and gzipped, block by block, so that a log of any size takes the same memory.
 * Damage in a file ends that file, never the replay; it is told.
 */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { Readable } from 'node:stream';
import { messageOf } from '../core/errors';
import type { ReplayedLog } from '../change/policy';
import type { Replay } from '../core/policy/replay';

const BLOCK = 1 << 20;
/** The server never writes an event this long: it would not fit into a file of the default size. */
const MAX_LINE = 64 << 20;

/** Reads the files one after the other. Never rejects: a file that cannot be read is a problem of that file. */
export async function replayFiles(
  paths: readonly string[],
  replay: Replay,
  signal?: AbortSignal,
): Promise<ReplayedLog[]> {
  const files: ReplayedLog[] = [];
  for (const path of paths) {
    if (signal?.aborted === true) break;
    files.push(await replayFile(path, replay, signal));
  }
  return files;
}

async function replayFile(path: string, replay: Replay, signal: AbortSignal | undefined): Promise<ReplayedLog> {
  const lines = new LineSplitter(replay);
  try {
    for await (const block of open(path, signal)) lines.push(block as Buffer);
    lines.end();
    return { path, bytes: lines.bytes };
  } catch (problem) {
    return { path, bytes: lines.bytes, problem: messageOf(problem) };
  }
}

function open(path: string, signal: AbortSignal | undefined): Readable {
  const source = createReadStream(path, { highWaterMark: BLOCK, ...(signal === undefined ? {} : { signal }) });
  if (!path.endsWith('.gz')) return source;
  const unpacked = createGunzip({ chunkSize: BLOCK });
  // Errors of the source must end the reading too: pipe alone does not pass them on.
  source.on('error', (error) => unpacked.destroy(error));
  return source.pipe(unpacked);
}

class LineSplitter {
  readonly #replay: Replay;
  #rest = '';
  #skipping = false;
  bytes = 0;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  push(block: Buffer): void {
    this.bytes += block.length;
    // A character a byte: lengths stay exact, and it is several times faster than decoding.
    const text = block.toString('latin1');
    const first = text.indexOf('\n');
    if (first === -1) {
      this.#keep(text);
      return;
    }
    this.#line(this.#rest + text.slice(0, first));
    let start = first + 1;
    for (let end = text.indexOf('\n', start); end !== -1; end = text.indexOf('\n', start)) {
      this.#replay.addLatin1(text.slice(start, end));
      start = end + 1;
    }
    this.#rest = text.slice(start);
  }

  /** The last line may be half written: the replay counts it as unreadable then. */
  end(): void {
    this.#line(this.#rest);
  }

  #keep(text: string): void {
    if (this.#skipping || this.#rest.length + text.length > MAX_LINE) {
      this.#skipping = true;
      this.#rest = '';
    } else this.#rest += text;
  }

  #line(line: string): void {
    if (this.#skipping) this.#replay.addUnreadable(1);
    else this.#replay.addLatin1(line);
    this.#skipping = false;
    this.#rest = '';
  }
}
