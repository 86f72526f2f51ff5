/** Files that the user names on the command line: on this machine, relative to where they stand; `-` is standard input. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { stdin } from 'node:process';
import { UserError } from '../core/errors';
import { explain } from './file-errors';

export async function readInput(path: string, limit: number): Promise<{ bytes: Uint8Array; from: string }> {
  if (path === '-') return { bytes: await readStream(limit), from: 'standard input' };
  try {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat();
      if (stat.isDirectory()) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
      if (stat.size > limit) throw tooLarge(path, limit);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
        // A device or a pipe has no size to look at beforehand.
        if ((size += chunk.length) > limit) throw tooLarge(path, limit);
      }
      return { bytes: Buffer.concat(chunks), from: path };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explain(error, 'read', path);
  }
}

/** Blocks of whole lines, as they come: a program that asks line by line gets its answers while it goes on asking. */
export async function* inputLines(path: string): AsyncGenerator<string[]> {
  try {
    const source = path === '-' ? stdin : createReadStream(path, { highWaterMark: 1 << 18 });
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (lines.length > 0) yield lines;
    }
    rest += decoder.decode();
    if (rest !== '') yield [rest];
  } catch (error) {
    throw explain(error, 'read', path);
  }
}

async function readStream(limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    if ((size += chunk.length) > limit) throw tooLarge('standard input', limit);
  }
  return Buffer.concat(chunks);
}

function tooLarge(what: string, limit: number): UserError {
  return new UserError(
    'too-large',
    `${what} is larger than ${limit >> 20} MiB: it is neither a manifest nor a policy`,
    {
      hints: what === 'standard input' ? [] : [`ls -lh ${what}`],
    },
  );
}
