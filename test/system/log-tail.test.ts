/** Following a growing file on a real disk, across renames and truncation. */
import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTail } from '../../src/system/log-tail';
import { tempFolder } from '../support/temp-folder';

function log(text?: string): { root: string; file: string } {
  const root = tempFolder();
  const file = join(root, 'audit.log');
  if (text !== undefined) writeFileSync(file, text);
  return { root, file };
}

test('from the end it had: what was there before is not given', async () => {
  const { root, file } = log('old\n');
  const tail = await openTail(root, '/audit.log');
  expect(await tail.next()).toEqual([]);
  appendFileSync(file, 'new\n');
  expect(await tail.next()).toEqual(['new']);
  expect(await tail.next()).toEqual([]);
  await tail.close();
});

test('a line is given once, whole, also when it is written in pieces that split a character', async () => {
  const { root, file } = log('');
  const tail = await openTail(root, '/audit.log');
  const bytes = Buffer.from('caf\u00e9 \u{1f600}\nnext');
  const given: string[] = [];
  for (const byte of bytes) {
    appendFileSync(file, Buffer.of(byte));
    given.push(...(await tail.next()));
  }
  expect(given).toEqual(['caf\u00e9 \u{1f600}']);
  appendFileSync(file, '\n');
  expect(await tail.next()).toEqual(['next']);
  await tail.close();
});

test('more than one chunk at a time', async () => {
  const { root, file } = log('');
  const tail = await openTail(root, '/audit.log');
  const lines = Array.from({ length: 5000 }, (_, n) => `${n} ${'x'.repeat(100)}`);
  appendFileSync(file, `${lines.join('\n')}\n`);
  expect(await tail.next()).toEqual(lines);
  await tail.close();
});

test('renamed away and begun anew: the end of the old file, then the new one from its start', async () => {
  const { root, file } = log('old\n');
  const tail = await openTail(root, '/audit.log');
  appendFileSync(file, 'last of the old\n');
  renameSync(file, `${file}-2026`);
  writeFileSync(file, 'first of the new\n');
  expect(await tail.next()).toEqual(['last of the old', 'first of the new']);
  appendFileSync(file, 'second\n');
  expect(await tail.next()).toEqual(['second']);
  await tail.close();
});

test('renamed away, and not begun anew yet: the old one is followed', async () => {
  const { root, file } = log('');
  const tail = await openTail(root, '/audit.log');
  renameSync(file, `${file}-2026`);
  appendFileSync(`${file}-2026`, 'still written\n');
  expect(await tail.next()).toEqual(['still written']);
  writeFileSync(file, 'new\n');
  expect(await tail.next()).toEqual(['new']);
  await tail.close();
});

test('truncated: from the start again, and half a line or half a character of before is forgotten', async () => {
  const { root, file } = log('');
  const tail = await openTail(root, '/audit.log');
  appendFileSync(file, Buffer.from([...Buffer.from('whole\nhalf '), 0xc3]));
  expect(await tail.next()).toEqual(['whole']);
  truncateSync(file);
  expect(await tail.next()).toEqual([]);
  appendFileSync(file, 'new\n');
  expect(await tail.next()).toEqual(['new']);
  await tail.close();
});

test('a file that comes later is read from its start', async () => {
  const { root, file } = log();
  const tail = await openTail(root, '/audit.log');
  expect(await tail.next()).toEqual([]);
  writeFileSync(file, 'first\n');
  expect(await tail.next()).toEqual(['first']);
  await tail.close();
});

test('never rejects: a folder of that name has no lines', async () => {
  const { root, file } = log();
  mkdirSync(file);
  const tail = await openTail(root, '/audit.log');
  expect(await tail.next()).toEqual([]);
  rmSync(file, { recursive: true });
  writeFileSync(file, 'now a file\n');
  expect(await tail.next()).toEqual(['now a file']);
  await tail.close();
});
