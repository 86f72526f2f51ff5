/**
 * The audit log on the disk, rotated as lumberjack does it (gopkg.in/natefinch/lumberjack.v2), with its quirks: the file
 * is renamed aside, so its folder must be mounted; after a rename that failed every further write tries it again.
 * Every line is in the kernel's hands when write() returns; nothing is flushed to the disk, as with the real one.
 */
import { chmodSync, chownSync, createReadStream, createWriteStream, utimesSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { messageOf } from '../../../core/errors';
import type { ContainerFiles } from '../files';
import { GoError, goError } from '../go-errors';
import type { Rotation } from './options';

export interface LineWriter {
  /** Whole lines, in their order. @returns for each of them why it is lost, in Go's words; undefined when it is not. */
  write(lines: readonly string[]): readonly (string | undefined)[];
  /** Waits for what still runs, such as the compression of old files. */
  close(): Promise<void>;
}

export class RotatedFile implements LineWriter {
  readonly #files: ContainerFiles;
  readonly #path: string;
  readonly #rotation: Rotation & { maxSize: number };
  readonly #now: () => Date;
  #fd: number | undefined;
  #size = 0;
  #mill: Promise<void> = Promise.resolve();

  constructor(
    files: ContainerFiles,
    path: string,
    rotation: Rotation & { maxSize: number },
    now: () => Date = () => new Date(),
  ) {
    this.#files = files;
    this.#path = path;
    this.#rotation = rotation;
    this.#now = now;
  }

  /** One write to the disk for all lines that go into the same file. */
  write(lines: readonly string[]): readonly (string | undefined)[] {
    const { maxSize } = this.#rotation;
    const problems: (string | undefined)[] = [];
    let group = new Group(this.#path);
    const flush = () => {
      this.#size += group.write(this.#fd, problems);
      group = new Group(this.#path);
    };
    lines.forEach((line, index) => {
      const bytes = Buffer.from(line);
      if (bytes.length > maxSize) {
        problems[index] = `write length ${bytes.length} exceeds maximum file size ${maxSize}`;
        return;
      }
      if (this.#fd === undefined || this.#size + group.size + bytes.length > maxSize) {
        flush();
        try {
          this.#fd = this.#fd === undefined ? this.#open(bytes.length) : this.#rotate();
        } catch (error) {
          problems[index] = messageOf(error);
          return;
        }
      }
      group.add(index, bytes);
    });
    flush();
    return problems;
  }

  async close(): Promise<void> {
    this.#closeFile();
    await this.#mill;
  }

  /** An existing file is added to, unless the line would make it too large. */
  #open(length: number): number {
    this.#startMill();
    const stat = statFor(this.#files, this.#path);
    if (stat === undefined) return this.#openNew();
    if (stat.size + length >= this.#rotation.maxSize) return this.#rotate();
    this.#size = stat.size;
    try {
      return this.#files.openAppend(this.#path, 0o644, { create: false });
    } catch {
      return this.#openNew(); // as lumberjack: whatever the reason was
    }
  }

  #rotate(): number {
    this.#closeFile();
    const fd = this.#openNew();
    this.#startMill();
    return fd;
  }

  #openNew(): number {
    try {
      this.#files.makeFolders(posix.dirname(this.#path), 0o755);
    } catch (error) {
      throw wrapped("can't make directories for new logfile", error);
    }
    const old = this.#files.stat(this.#path);
    if (old !== undefined) {
      try {
        this.#files.rename(this.#path, this.#backupName());
      } catch (error) {
        throw wrapped("can't rename log file", error);
      }
    }
    this.#size = 0;
    try {
      const mode = old === undefined ? 0o600 : old.mode & 0o777;
      const fd = this.#files.openAppend(this.#path, mode, { truncate: true });
      if (old !== undefined) keepOwner(this.#files.real(this.#path), old);
      return fd;
    } catch (error) {
      throw wrapped("can't open new logfile", error);
    }
  }

  #closeFile(): void {
    if (this.#fd !== undefined) this.#files.close(this.#fd);
    this.#fd = undefined;
    this.#size = 0;
  }

  /** `audit-2024-01-15T10-30-00.000.log`, in UTC. */
  #backupName(): string {
    const { dir, name, ext } = posix.parse(this.#path);
    return posix.join(dir, `${name}-${this.#now().toISOString().slice(0, -1).replaceAll(':', '-')}${ext}`);
  }

  /** Old files are compressed and removed behind the writer's back, one run at a time; its troubles are nobody's. */
  #startMill(): void {
    this.#mill = this.#mill.then(() => this.#runMill()).catch(() => undefined);
  }

  async #runMill(): Promise<void> {
    const { maxBackups, maxAge, compress } = this.#rotation;
    if (maxBackups === 0 && maxAge === 0 && !compress) return;
    const oldest = this.#now().getTime() - maxAge * 86_400_000;
    const kept = new Set<string>();
    const dir = posix.dirname(this.#path);
    for (const { name, at } of this.#backups()) {
      kept.add(name.replace(/\.gz$/, ''));
      const superfluous = (maxBackups > 0 && kept.size > maxBackups) || (maxAge > 0 && at < oldest);
      if (superfluous) this.#files.remove(posix.join(dir, name));
      else if (compress && !name.endsWith('.gz')) await this.#compress(posix.join(dir, name));
    }
  }

  /** Newest first. */
  #backups(): { name: string; at: number }[] {
    const { dir, name, ext } = posix.parse(this.#path);
    return this.#files
      .list(dir)
      .flatMap((file) => {
        const plain = file.replace(/\.gz$/, '');
        if (!plain.startsWith(`${name}-`) || !plain.endsWith(ext)) return [];
        const stamp = plain.slice(name.length + 1, plain.length - ext.length);
        const match = /^(\d{4}-\d{2}-\d{2}T\d{2})-(\d{2})-(\d{2}\.\d{3})$/.exec(stamp);
        return match ? [{ name: file, at: Date.parse(`${match[1]}:${match[2]}:${match[3]}Z`) }] : [];
      })
      .sort((a, b) => b.at - a.at);
  }

  async #compress(path: string): Promise<void> {
    const source = this.#files.real(path);
    const target = `${source}.gz`;
    const stat = this.#files.stat(path);
    if (stat === undefined) return;
    try {
      await pipeline(createReadStream(source), createGzip(), createWriteStream(target, { mode: stat.mode & 0o777 }));
      chmodSync(target, stat.mode & 0o777);
      utimesSync(target, stat.atime, stat.mtime);
    } catch (error) {
      this.#files.remove(`${path}.gz`);
      throw error;
    }
    keepOwner(target, stat);
    this.#files.remove(path);
  }
}

/** A log that is never rotated: opened once, when the server starts. */
export class PlainFile implements LineWriter {
  readonly #files: ContainerFiles;
  readonly #path: string;
  #fd: number | undefined;

  constructor(files: ContainerFiles, path: string) {
    this.#files = files;
    this.#path = path;
    this.#fd = this.#open();
  }

  /** What comes after the end is not lost. */
  write(lines: readonly string[]): readonly (string | undefined)[] {
    const problems: (string | undefined)[] = [];
    const group = new Group(this.#path);
    lines.forEach((line, index) => {
      group.add(index, Buffer.from(line));
    });
    try {
      this.#fd ??= this.#open();
    } catch (error) {
      return lines.map(() => messageOf(error));
    }
    group.write(this.#fd, problems);
    return problems;
  }

  close(): Promise<void> {
    if (this.#fd !== undefined) this.#files.close(this.#fd);
    this.#fd = undefined;
    return Promise.resolve();
  }

  #open(): number {
    return this.#files.openAppend(this.#path, 0o644, { create: false });
  }
}

function statFor(files: ContainerFiles, path: string): { size: number } | undefined {
  try {
    return files.stat(path);
  } catch (error) {
    throw wrapped('error getting log file info', error);
  }
}

/** Lines that go to the disk together. */
class Group {
  readonly #path: string;
  readonly #lines: { index: number; bytes: Buffer }[] = [];
  size = 0;

  constructor(path: string) {
    this.#path = path;
  }

  add(index: number, bytes: Buffer): void {
    this.#lines.push({ index, bytes });
    this.size += bytes.length;
  }

  /** A full disk keeps what it took; lines that are not on it whole are lost. @returns the bytes that are on it. */
  write(fd: number | undefined, problems: (string | undefined)[]): number {
    if (fd === undefined || this.#lines.length === 0) return 0;
    const bytes = Buffer.concat(this.#lines.map((line) => line.bytes));
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(fd, bytes, done);
    } catch (error) {
      const reason = goError(`write ${this.#path}`, error).message;
      let end = 0;
      for (const line of this.#lines) {
        end += line.bytes.length;
        if (end > done) problems[line.index] = reason;
      }
    }
    return done;
  }
}

/** Only root can; for everybody else the file is theirs already. */
function keepOwner(path: string, old: { uid: number; gid: number }): void {
  try {
    chownSync(path, old.uid, old.gid);
  } catch {
    return;
  }
}

function wrapped(what: string, error: unknown): Error {
  if (!(error instanceof GoError)) throw error;
  return new Error(`${what}: ${error.message}`);
}
