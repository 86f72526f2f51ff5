/**
 * The store on the disk: a log that is only appended to, and now and then a snapshot that takes its place. Rule: what was
 * acknowledged is there after a power cut; a last record that was cut off was never acknowledged, and is dropped.
 *
 *     member/snap/REVISION.snap    the whole store at that revision, complete or not there
 *     member/wal/REVISION.wal      every change after it
 */
import { mkdir, open, readFile, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk } from './engine';
import { Store, type Change, type Entry } from './store';

export interface DiskOptions {
  /** A log larger than this, and larger than twice what it describes, is replaced by a snapshot. In bytes. */
  compactAt?: number;
}

const COMPACT_AT = 16 << 20;
const HEADER = 8;
const LARGEST_RECORD = 64 << 20;

/** Reads what is there into a store, and goes on from it. @param dir etcd's --data-dir; made when missing. */
export async function openDisk(
  dir: string,
  { compactAt = COMPACT_AT }: DiskOptions = {},
): Promise<{ store: Store; disk: Disk }> {
  const folders: Folders = { snap: join(dir, 'member/snap'), wal: join(dir, 'member/wal') };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await mkdir(folders.snap, { recursive: true, mode: 0o700 });
  await mkdir(folders.wal, { recursive: true, mode: 0o700 });
  const store = new Store();
  const base = await loadSnapshot(folders, store);
  const path = join(folders.wal, fileName(base, 'wal'));
  const length = await replayLog(path, store);
  const log = await openLog(path, length);
  await syncFolder(folders.wal);
  await removeOthers(folders, base);
  return { store, disk: new LoggedDisk(folders, log, length, compactAt) };
}

interface Folders {
  snap: string;
  wal: string;
}

class LoggedDisk implements Disk {
  readonly #folders: Folders;
  readonly #compactAt: number;
  #log: FileHandle;
  #bytes: number;

  constructor(folders: Folders, log: FileHandle, bytes: number, compactAt: number) {
    this.#folders = folders;
    this.#log = log;
    this.#bytes = bytes;
    this.#compactAt = compactAt;
  }

  async append(changes: readonly Change[]): Promise<void> {
    const bytes = Buffer.concat(changes.map(record));
    await writeAll(this.#log, bytes, this.#bytes);
    this.#bytes += bytes.length;
    await this.#log.datasync();
  }

  async tidy(store: Store): Promise<void> {
    if (this.#bytes < this.#compactAt || this.#bytes < 2 * store.characters) return;
    const { revision } = store;
    // The new log first: a snapshot without its log would lose what is written between the two.
    const log = await openLog(join(this.#folders.wal, fileName(revision, 'wal')), 0);
    await syncFolder(this.#folders.wal);
    await writeSnapshot(this.#folders.snap, store);
    const old = this.#log;
    this.#log = log;
    this.#bytes = 0;
    await old.close();
    await removeOthers(this.#folders, revision);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}

async function loadSnapshot({ snap }: Folders, store: Store): Promise<number> {
  const newest = (await readdir(snap))
    .filter((name) => name.endsWith('.snap'))
    .sort()
    .at(-1);
  if (newest === undefined) return 0;
  const path = join(snap, newest);
  const records = [...readRecords(await readFile(path))];
  const last = records.pop()?.value as { end?: number; revision?: number } | undefined;
  // It was renamed into place whole. Going on without it would present an empty cluster as a healthy one.
  if (last?.end !== records.length || last.revision === undefined) throw new Error(`${path} is damaged`);
  store.restore(
    last.revision,
    records.map(({ value }) => value as Entry),
  );
  return last.revision;
}

async function writeSnapshot(folder: string, store: Store): Promise<void> {
  const name = fileName(store.revision, 'snap');
  const temporary = join(folder, `${name}.tmp`);
  const file = await open(temporary, 'w', 0o600);
  try {
    let at = 0;
    let chunk: Buffer[] = [];
    let size = 0;
    const flush = async (): Promise<void> => {
      await writeAll(file, Buffer.concat(chunk), at);
      at += size;
      chunk = [];
      size = 0;
    };
    for (const entry of store.entries()) {
      const bytes = record(entry);
      chunk.push(bytes);
      size += bytes.length;
      if (size > 1 << 20) await flush();
    }
    const end = record({ end: store.size, revision: store.revision });
    chunk.push(end);
    size += end.length;
    await flush();
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
  await syncFolder(folder);
}

/** @returns the length of what could be read: the next record belongs there. */
async function replayLog(path: string, store: Store): Promise<number> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  let length = 0;
  for (const { value, end } of readRecords(bytes)) {
    store.replay(value as Change);
    length = end;
  }
  return length;
}

async function openLog(path: string, length: number): Promise<FileHandle> {
  const log = await open(path, 'a', 0o600);
  await log.close();
  const file = await open(path, 'r+');
  await file.truncate(length);
  await file.sync();
  return file;
}

async function removeOthers({ snap, wal }: Folders, revision: number): Promise<void> {
  for (const [folder, suffix] of [
    [snap, 'snap'],
    [wal, 'wal'],
  ] as const) {
    for (const name of await readdir(folder)) {
      if (name !== fileName(revision, suffix)) await rm(join(folder, name), { force: true });
    }
  }
}

/** Sixteen digits: sorted by name is sorted by revision. */
function fileName(revision: number, suffix: string): string {
  return `${String(revision).padStart(16, '0')}.${suffix}`;
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function record(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32BE(text.length, 0);
  header.writeUInt32BE(crc32(text), 4);
  return Buffer.concat([header, text]);
}

/** Ends at the first record that is cut off or damaged. */
function* readRecords(bytes: Buffer): Generator<{ value: unknown; end: number }> {
  for (let at = 0; bytes.length - at >= HEADER;) {
    const length = bytes.readUInt32BE(at);
    const end = at + HEADER + length;
    if (length === 0 || length > LARGEST_RECORD || end > bytes.length) return;
    const text = bytes.subarray(at + HEADER, end);
    if (crc32(text) !== bytes.readUInt32BE(at + 4)) return;
    yield { value: JSON.parse(text.toString('utf8')) as unknown, end };
    at = end;
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
