/**
 * A gzipped log, block by block. Rule: what unpacks is handed on, also where the file ends early, is damaged, or has something
 * else behind it; only then comes the error. Node.js throws away, with an error, all that it has unpacked and not yet handed
 * over, so the last part before the error is unpacked once more, in steps that get smaller.
 */
import { createReadStream, readSync } from 'node:fs';
import { createGunzip } from 'node:zlib';

const CHUNK = 256 << 10;
/** The last one finds the very byte. */
const STEPS = [1024, 1];

/** @param fd its position is left alone. Throws what is wrong with the file, last of all. */
export async function* unpackFile(fd: number): AsyncGenerator<Buffer> {
  const unpacked = createGunzip({ chunkSize: CHUNK });
  const source = createReadStream('', { fd, autoClose: false, start: 0, highWaterMark: CHUNK });
  // Errors of the source must end the reading too: pipe alone does not pass them on.
  source.on('error', (error) => unpacked.destroy(error));
  let given = 0;
  try {
    for await (const block of source.pipe(unpacked) as AsyncIterable<Buffer>) {
      given += block.length;
      yield block;
    }
  } catch (error) {
    yield* await lastBlocks(fd, unpacked.bytesWritten, given);
    throw error;
  }
}

/** @param sound so many bytes of the file do unpack. @param given so many unpacked ones are known. */
async function lastBlocks(fd: number, sound: number, given: number): Promise<Buffer[]> {
  let blocks: Buffer[] = [];
  let known = sound;
  for (const step of STEPS) {
    blocks = [];
    let seen = 0;
    const unpacked = createGunzip({ chunkSize: CHUNK });
    // After an error nobody is told that the block has been taken.
    const failed = new Promise((resolve) => unpacked.on('error', resolve));
    unpacked.on('data', (block: Buffer) => {
      const old = given - seen;
      seen += block.length;
      if (old < block.length) blocks.push(block.subarray(Math.max(0, old)));
    });
    for (let at = 0; ;) {
      const block = Buffer.alloc(at < known ? Math.min(CHUNK, known - at) : step);
      const count = readBlock(fd, block, at);
      if (count === 0) return blocks;
      const taken = new Promise((resolve) => unpacked.write(block.subarray(0, count), resolve));
      await Promise.race([taken, failed]);
      if (unpacked.destroyed) break;
      at += count;
      known = Math.max(known, at);
    }
  }
  return blocks;
}

function readBlock(fd: number, block: Buffer, at: number): number {
  try {
    return readSync(fd, block, 0, block.length, at);
  } catch {
    // A disk that cannot be read: that error is known already.
    return 0;
  }
}
