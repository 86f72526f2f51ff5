/** Files that the user names on the command line. */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readInput } from '../../src/system/input';
import { tempFolder } from '../support/temp-folder';

function file(bytes: string | Uint8Array): string {
  const path = join(tempFolder(), 'policy.yaml');
  writeFileSync(path, bytes);
  return path;
}

test('its bytes as they are, under the name the user gave it', async () => {
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x00, 0xff, 0x0d, 0x0a);
  const path = file(bytes);
  const input = await readInput(path, 100);
  expect([...input.bytes]).toEqual([...bytes]);
  expect(input.from).toBe(path);
});

test('an empty file is empty', async () => {
  expect((await readInput(file(''), 100)).bytes).toHaveLength(0);
});

test('exactly as large as allowed, and one byte more', async () => {
  expect((await readInput(file('x'.repeat(2048)), 2048)).bytes).toHaveLength(2048);
  await expect(readInput(file('x'.repeat(2049)), 2048)).rejects.toMatchObject({ code: 'too-large' });
});

test('a device without end is not read to the end', async () => {
  await expect(readInput('/dev/zero', 1 << 20)).rejects.toMatchObject({ code: 'too-large' });
});

test('a pipe, as the shell makes one of <(command)', async () => {
  const path = join(tempFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  createWriteStream(path).end('from a pipe');
  expect(Buffer.from((await readInput(path, 100)).bytes).toString()).toBe('from a pipe');
});

test('what is not there, and a folder, are errors of the user with a remedy', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'sub'));
  for (const path of [join(folder, 'none.yaml'), join(folder, 'sub')]) {
    await expect(readInput(path, 100)).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining(path),
      hints: [expect.any(String)],
    });
  }
});
