/**
 * A file of a log that is followed: how far it has been read, and whether it is still what was read. Rule: bytes count when,
 * after they were read, the bytes before them are those of before. Asked earlier, a truncation in between would go unseen.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { constants as zlib, gunzipSync } from 'node:zlib';
import { messageOf } from '../../core/errors';
import { unpackFile } from './gunzip';
import type { LineSplitter } from './lines';

const BLOCK = 256 << 10;
/** What has piled up is handed on in such pieces: a reader that is slow must not make us hold all of it. */
const AT_ONCE = 2 << 20;
/** So much of the file's beginning, and of what was read last, is remembered, to know the file again, or find it in a copy. */
const MARK = 512;
/** Every event begins with the same 80 bytes: less than this may be anyone's. */
export const TELLING = 128;
/** Of a gzipped file, so much is unpacked to see its beginning. */
const PACKED_HEAD = 4096;
const LINE = 32 << 10;

/** How reading ended: there is more, there is none yet, or the file is not the one that was read. */
export type Progress = 'more' | 'end' | 'rewritten';

/** What a file is known by, whatever its name, gzipped or not. */
export interface Identity {
  dev: number;
  ino: number;
  mtimeMs: number;
  head: Buffer;
}

/** A file that is written to, or was. */
export class LiveFile {
  readonly path: string;
  readonly #fd: number;
  readonly #dev: number;
  readonly #ino: number;
  #position = 0;
  /** Where the line that is begun begins. */
  #lineStart = 0;
  #mark: Buffer = Buffer.alloc(0);
  #head: Buffer = Buffer.alloc(0);

  /** Throws an errno. A pipe without a writer would hold us for ever, and a folder opens like a file. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(this.#fd);
    this.#dev = stat.dev;
    this.#ino = stat.ino;
    if (stat.isFile()) return;
    closeSync(this.#fd);
    throw Object.assign(new Error('not a regular file'), { code: 'EISDIR' });
  }

  get position(): number {
    return this.#position;
  }

  get mark(): Buffer {
    return this.#mark;
  }

  get lineStart(): number {
    return this.#lineStart;
  }

  get hasHalf(): boolean {
    return this.#lineStart < this.#position;
  }

  /** What was read is too little to tell whether it still stands there. */
  get isVague(): boolean {
    return this.#mark.length < TELLING;
  }

  /** As it was read. */
  get head(): Buffer {
    return this.#head;
  }

  /** As it is on the disk now. */
  get identity(): Identity {
    return { dev: this.#dev, ino: this.#ino, mtimeMs: this.stat().mtimeMs, head: bytesAt(this.#fd, 0, MARK) };
  }

  stat(): { size: number; nlink: number; mtimeMs: number } {
    return fstatSync(this.#fd);
  }

  is({ dev, ino }: { dev: number; ino: number }): boolean {
    return dev === this.#dev && ino === this.#ino;
  }

  /** From the end on; a line that is half written, also in pieces of a container runtime, is read when it is whole. */
  toEnd(size = this.stat().size): void {
    this.startAt(entryStart(this.#fd, Math.min(size, this.stat().size)));
  }

  /** @param lineStart the line before it is begun and in other hands. */
  startAt(position: number, lineStart = position): void {
    this.#position = position;
    this.#lineStart = lineStart;
    this.#mark = bytesAt(this.#fd, position - Math.min(MARK, position), Math.min(MARK, position));
    this.#head = bytesAt(this.#fd, 0, Math.min(MARK, position));
  }

  /** Goes back to the begin of the line that is begun. */
  backToLine(): void {
    this.startAt(this.#lineStart);
  }

  /** The line that is begun. */
  half(): Buffer {
    return bytesAt(this.#fd, this.#lineStart, this.#position - this.#lineStart);
  }

  /** What was read last still stands where it was read: nobody has emptied the file and filled it again. */
  isUnchanged(): boolean {
    return bytesAt(this.#fd, this.#position - this.#mark.length, this.#mark.length).equals(this.#mark);
  }

  /** @param isWhole asked before anything that was read is handed on. */
  read(lines: LineSplitter, isWhole: () => boolean = () => true): Progress {
    for (let sum = 0; sum < AT_ONCE;) {
      const room = lines.room();
      const count = readSync(this.#fd, room, 0, Math.min(room.length, BLOCK), this.#position);
      if (!this.isUnchanged() || !isWhole()) return 'rewritten';
      if (count === 0) return 'end';
      sum += count;
      this.#passed(room.subarray(0, count));
      // Whoever does not append leaves a hole where it was truncated: as a line it could be as long as the file was.
      const from = lines.isEmpty ? zerosOf(room, count) : 0;
      if (from > 0) room.copyWithin(0, from, count);
      if (from === count) this.#lineStart = this.#position;
      lines.taken(count - from);
    }
    return 'more';
  }

  close(): void {
    closeSync(this.#fd);
  }

  #passed(block: Buffer): void {
    if (this.#head.length < MARK && this.#head.length === this.#position)
      this.#head = Buffer.concat([this.#head, block.subarray(0, MARK)]).subarray(0, MARK);
    const lineEnd = block.lastIndexOf(10);
    if (lineEnd !== -1) this.#lineStart = this.#position + lineEnd + 1;
    this.#position += block.length;
    this.#mark = Buffer.concat([this.#mark, block.subarray(-MARK)]).subarray(-MARK);
  }
}

/** A file that was gzipped before it was read. */
export class PackedFile {
  readonly path: string;
  readonly #fd: number;
  #skip: number;
  readonly #say: (message: string) => void;
  #blocks: AsyncGenerator<Buffer> | undefined;

  /** @param skip so many unpacked bytes are known. Throws an errno. */
  constructor(path: string, skip: number, say: (message: string) => void) {
    this.path = path;
    this.#skip = skip;
    this.#say = say;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  async read(lines: LineSplitter): Promise<Progress> {
    this.#blocks ??= unpackFile(this.#fd);
    try {
      for (let sum = 0; sum < AT_ONCE;) {
        const next = await this.#blocks.next();
        if (next.done === true) return 'end';
        const known = Math.min(this.#skip, next.value.length);
        this.#skip -= known;
        sum += next.value.length;
        lines.push(next.value.subarray(known));
      }
    } catch (error) {
      this.#say(`${this.path} could not be read to its end: ${messageOf(error)}`);
      return 'end';
    }
    return 'more';
  }

  close(): void {
    // Its streams are to be gone before the descriptor's number is somebody else's.
    void Promise.resolve(this.#blocks?.return(undefined)).finally(() => {
      closeSync(this.#fd);
    });
  }
}

export type Source = LiveFile | PackedFile;

/** Inode numbers are given again, and what is gzipped gets another one: the beginning tells, where it is a beginning. */
export function isSame(a: Identity, b: Identity): boolean {
  const isHole = a.head[0] === 0 && b.head[0] === 0;
  // gzip and logrotate leave it as it was.
  if (isHole && a.mtimeMs === b.mtimeMs) return true;
  if (Math.min(a.head.length, b.head.length) < TELLING || isHole) return a.ino === b.ino && a.dev === b.dev;
  return beginsLike(a.head, b.head);
}

/** Whether both begin alike, as far as that tells anything. */
export function beginsLike(head: Buffer, other: Buffer): boolean {
  const length = Math.min(head.length, other.length);
  return length >= TELLING && head[0] !== 0 && head.subarray(0, length).equals(other.subarray(0, length));
}

/** Unpacked, if need be; nothing where it cannot be read. */
export function headOf(path: string): Buffer {
  return withFile(path, Buffer.alloc(0), (fd) => {
    const start = bytesAt(fd, 0, isGzip(path) ? PACKED_HEAD : MARK);
    return isGzip(path) ? Buffer.from(gunzipSync(start, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, MARK)) : start;
  });
}

/** Whether a file has these bytes right before a position. */
export function isAt(path: string, mark: Buffer, position: number): boolean {
  return withFile(path, false, (fd) => bytesAt(fd, position - mark.length, mark.length).equals(mark));
}

/** undefined: it is not there, or cannot be looked at. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

export function isGzip(path: string): boolean {
  return path.endsWith('.gz');
}

function withFile<T>(path: string, otherwise: T, look: (fd: number) => T): T {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return look(fd);
  } catch {
    return otherwise;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function bytesAt(fd: number, position: number, length: number): Buffer {
  const there = Buffer.alloc(length);
  return there.subarray(0, readSync(fd, there, 0, length, position));
}

function zerosOf(bytes: Buffer, end: number): number {
  let at = 0;
  while (at < end && bytes[at] === 0) at++;
  return at;
}

/** Where the line begins that is not ended at `end`, and the pieces of it that a container runtime has cut off before. */
function entryStart(fd: number, end: number): number {
  let start = lineStart(fd, end);
  for (;;) {
    const before = start === 0 ? 0 : lineStart(fd, start - 1);
    if (start === 0 || !/^\d{4}-\S+ stdout P /.test(bytesAt(fd, before, 64).toString('latin1'))) return start;
    start = before;
  }
}

/** Where the line begins that `end` lies in; `end` itself, right behind a line break. */
function lineStart(fd: number, end: number): number {
  for (let size = LINE; ; size *= 4) {
    const length = Math.min(size, end);
    const at = bytesAt(fd, end - length, length).lastIndexOf(10);
    if (at !== -1 || length === end) return end - length + at + 1;
  }
}
