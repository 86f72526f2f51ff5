/** Reads a piece of a log file and hands on the events that pass the head and the rest of a filter. */
import { createReadStream, readSync } from 'node:fs';
import { stdin } from 'node:process';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { Readable } from 'node:stream';
import { beginsDocument, DocumentReader } from '../../core/auditlog/documents';
import type { Filter } from '../../core/auditlog/filter';
import { findHead } from '../../core/auditlog/horspool';
import { isEvent, LineReader } from '../../core/auditlog/line';
import { EventScan } from '../../core/auditlog/scan';
import { messageOf } from '../../core/errors';
import { unpackFile } from './gunzip';
import { LineSplitter } from './lines';

/** A piece of a file: the lines that begin within [from, to). */
export interface Piece {
  /** As the user knows it. */
  path: string;
  /** An open descriptor, shared by all threads: a rename in between does no harm. -1: standard input. */
  fd: number;
  gzip: boolean;
  from: number;
  to: number;
}

export interface PieceStats {
  /** Read, after unpacking. */
  bytes: number;
  events: number;
  damaged: number;
  /** Why it could not be read to its end. */
  problem?: string;
}

/** @param at of the event's first byte in what was read; NaN: it does not stand there as it is given. */
export type Sink = (scan: EventScan, at: number) => void;
/** Between two blocks: waits for whoever takes the events. */
export type Pause = () => Promise<void> | undefined;

/** Never rejects: what cannot be read is a problem of that piece. */
export async function scanPiece(piece: Piece, filter: Filter, sink: Sink, pause?: Pause): Promise<PieceStats> {
  const scanner = new PieceScanner(filter, sink);
  try {
    if (piece.gzip || piece.fd < 0) await readStream(piece, scanner, pause);
    else await readPlain(piece, scanner, pause);
  } catch (problem) {
    scanner.stats.problem = messageOf(problem);
  }
  scanner.finish();
  scanner.lines.release();
  return scanner.stats;
}

/** Lines in, events that pass out. */
export class PieceScanner {
  readonly stats: PieceStats = { bytes: 0, events: 0, damaged: 0 };
  readonly lines: LineSplitter;
  readonly #scan = new EventScan();
  readonly #spare = new EventScan();
  readonly #reader = new LineReader();
  readonly #filter: Filter;
  readonly #sink: Sink;
  readonly #mayBeDocuments: boolean;
  #documents: DocumentReader | undefined;

  /** @param documents false: a line stands for itself, whatever it looks like. */
  constructor(filter: Filter, sink: Sink, { documents = true } = {}) {
    this.#mayBeDocuments = documents;
    this.#filter = filter;
    this.#sink = sink;
    this.lines = new LineSplitter((bytes, start, end) => {
      this.#line(bytes, start, end);
    });
  }

  finish(): void {
    this.lines.end();
    this.#documents?.end();
    this.stats.damaged += this.#reader.end() + this.lines.tooLong;
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    const scan = this.#scan;
    if (this.#documents !== undefined || !scan.open(bytes, start, end) || !(scan.inOrder || isEvent(scan))) {
      this.#odd(bytes.subarray(start, end));
    } else if (!this.#filter.head(scan)) {
      // Behind the half of an event that a crash left may stand a whole one.
      // Not within the head that was read: its texts have no quotes in them. The last of them may have ended with a head's.
      if (findHead(bytes, scan.view, scan.inOrder ? scan.next - 2 : start + 1, end) === -1) this.stats.events++;
      else this.#odd(bytes.subarray(start, end));
    } else if (scan.rest()) {
      this.stats.events++;
      if (this.#filter.test(scan)) this.#sink(scan, this.lines.origin + scan.start);
    } else this.#odd(bytes.subarray(start, end));
  }

  #odd(line: Uint8Array): void {
    // In the midst of an object that was never closed.
    if (this.#documents?.isInside === true && this.#standsAlone(line)) {
      this.#documents.end();
      this.#documents = undefined;
    }
    if (this.#mayBeDocuments && this.#documents === undefined && beginsDocument(line)) {
      this.#documents = new DocumentReader((document) => {
        this.#recover(document);
      });
    }
    if (this.#documents === undefined) this.#recover(line);
    else {
      this.#documents.push(line);
      if (this.#documents.isIdle) this.#documents = undefined;
    }
  }

  #standsAlone(line: Uint8Array): boolean {
    return line[0] === OPEN && line.length > 2 && this.#spare.scan(line, 0, line.length) && isEvent(this.#spare);
  }

  #recover(line: Uint8Array): void {
    const scan = this.#spare;
    const { events, damaged } = this.#reader.read(line, scan);
    this.stats.damaged += damaged;
    for (const event of events) {
      this.stats.events++;
      if (scan.scan(event, 0, event.length) && this.#filter.head(scan) && this.#filter.test(scan))
        this.#sink(scan, NaN);
    }
  }
}

async function readPlain({ fd, from, to }: Piece, { lines, stats }: PieceScanner, pause?: Pause): Promise<void> {
  // The line that the piece's first byte lies in belongs to the piece before, unless it begins right there.
  let position = from > 0 ? lineStart(fd, from) : 0;
  lines.origin = position;
  const read = (most: number): Buffer => {
    const room = lines.room();
    const count = readSync(fd, room, 0, Math.min(room.length, most), position);
    position += count;
    return room.subarray(0, count);
  };
  let blocks = 0;
  while (position < to) {
    const block = read(to - position);
    if (block.length === 0) return;
    stats.bytes += block.length;
    lines.taken(block.length);
    await pause?.();
    if (++blocks % TURN === 0) await setImmediate();
  }
  // The last line reaches beyond the piece.
  while (!lines.isEmpty) {
    const block = read(REST);
    if (block.length === 0) return;
    const end = block.indexOf(10);
    const count = end === -1 ? block.length : end + 1;
    stats.bytes += count;
    lines.taken(count);
    if (end !== -1) return;
  }
}

const REST = 16 << 10;
const OPEN = 0x7b;
/** Blocks until signals and the ends of other streams get their turn: a promise that is resolved already gives them none. */
const TURN = 16;

/** The first line that begins at `from` or after it. */
export function lineStart(fd: number, from: number): number {
  const buffer = Buffer.allocUnsafe(REST);
  for (let position = from - 1; ;) {
    const count = readSync(fd, buffer, 0, buffer.length, position);
    if (count === 0) return position;
    const at = buffer.subarray(0, count).indexOf(10);
    if (at !== -1) return position + at + 1;
    position += count;
  }
}

async function readStream(piece: Piece, { lines, stats }: PieceScanner, pause?: Pause): Promise<void> {
  // Where something lies in what was unpacked is no place to read at.
  lines.origin = NaN;
  for await (const block of blocksOf(piece)) {
    stats.bytes += block.length;
    lines.push(block);
    await pause?.();
  }
}

async function* blocksOf({ fd, gzip }: Piece): AsyncGenerator<Buffer> {
  if (fd >= 0 && gzip) yield* unpackFile(fd);
  else if (fd >= 0) yield* createReadStream('', { fd, autoClose: false, start: 0, highWaterMark: CHUNK });
  else if (gzip || (await isGzip(stdin))) {
    const unpacked = createGunzip({ chunkSize: CHUNK });
    // Errors of the source must end the reading too: pipe alone does not pass them on.
    stdin.on('error', (error) => unpacked.destroy(error));
    yield* stdin.pipe(unpacked);
  } else yield* stdin;
}

/** What standard input is, only its beginning tells. */
async function isGzip(source: Readable): Promise<boolean> {
  await new Promise<void>((resolve) => {
    for (const event of ['readable', 'end', 'error']) source.once(event, resolve);
  });
  const start = source.read() as Buffer | null;
  if (start === null) return false;
  source.unshift(start);
  return start[0] === 0x1f && start[1] === 0x8b;
}

const CHUNK = 256 << 10;
