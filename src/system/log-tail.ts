/**
 * New lines of a growing file, from the end it had when the tail was opened. Rule: a line is given once, whole, also when
 * the file is renamed away and begun anew between two looks, or truncated; never rejects.
 */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogTail } from '../change/ports';

const CHUNK = 256 * 1024;

export async function openTail(root: string, path: string): Promise<LogTail> {
  const real = join(root, path);
  const decoder = (): InstanceType<typeof TextDecoder> => new TextDecoder();
  let handle: FileHandle | undefined;
  let position = 0;
  let rest = '';
  let text: InstanceType<typeof TextDecoder> = decoder();

  const begin = async (fromEnd: boolean): Promise<void> => {
    handle = await open(real, 'r').catch(() => undefined);
    const size = handle && fromEnd ? (await handle.stat()).size : 0;
    position = size;
    rest = '';
    text = decoder();
  };
  const end = async (): Promise<void> => {
    await handle?.close().catch(() => undefined);
    handle = undefined;
  };

  const readAll = async (into: string[]): Promise<void> => {
    if (!handle) return;
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const lines = (rest + text.decode(buffer.subarray(0, bytesRead), { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      into.push(...lines);
    }
  };

  /** Whether the open file is still the one of that name, and no shorter than what was read of it. */
  const same = async (): Promise<'same' | 'truncated' | 'replaced'> => {
    const [ours, named] = await Promise.all([handle?.stat(), stat(real).catch(() => undefined)]);
    if (!ours || !named) return 'same';
    if (ours.ino !== named.ino || ours.dev !== named.dev) return 'replaced';
    return named.size < position ? 'truncated' : 'same';
  };

  await begin(true);
  return {
    async next() {
      const lines: string[] = [];
      try {
        if (!handle) await begin(false);
        const state = await same();
        if (state === 'truncated') {
          position = 0;
          rest = '';
        }
        await readAll(lines);
        if (state === 'replaced') {
          // What was written to the old file after it was renamed has just been read; the new one is read from its start.
          await end();
          await begin(false);
          await readAll(lines);
        }
      } catch {
        await end();
      }
      return lines;
    },
    close: end,
  };
}
