/** Which files are read, and what is told of those that are not. */
import { join } from 'node:path';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { LogFile } from '../../../src/change/log';
import { createLogReader } from '../../../src/system/log/reader';
import { line } from '../../support/audit-events';
import { tempFolder } from '../../support/temp-folder';

async function read(...names: string[]): Promise<{ ids: string[]; files: readonly LogFile[] }> {
  const logs = await createLogReader().open({ kind: 'named', names });
  try {
    const ids: string[] = [];
    for await (const { raw } of logs.events({ stage: ['all'] }))
      ids.push((JSON.parse(new TextDecoder().decode(raw)) as { auditID: string }).auditID);
    return { ids, files: logs.files };
  } finally {
    logs.close();
  }
}

const events = (...ids: string[]): string => ids.map((auditID) => `${line({ auditID })}\n`).join('');

function folderOf(files: Record<string, string | Uint8Array>): string {
  const folder = tempFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

const COURSE = readFileSync('fixtures/logs/course.log');
const COUNT = COURSE.toString().trimEnd().split('\n').length;

describe('a file and a gzip of the same name', () => {
  test('with other events are two', async () => {
    const folder = folderOf({ 'a.log': events('new'), 'a.log.gz': gzipSync(events('old')) });
    expect((await read(join(folder, 'a.log'), join(folder, 'a.log.gz'))).ids).toEqual(['old', 'new']);
    expect((await read(folder)).ids).toEqual(['old', 'new']);
  });

  test('an emptied file hides no gzip', async () => {
    expect((await read(folderOf({ 'a.log': '', 'a.log.gz': gzipSync(events('old')) }))).ids).toEqual(['old']);
  });

  test.each<[string, Uint8Array]>([
    ['whole', gzipSync(events('one', 'two'))],
    ['unfinished', gzipSync(COURSE).subarray(0, 30_000)],
    ['just begun', new Uint8Array(0)],
  ])('with the same events are one: %s', async (_name, gzip) => {
    const plain = gzip.length > 10_000 ? COURSE : events('one', 'two');
    const { files } = await read(folderOf({ 'a.log': plain, 'a.log.gz': gzip }));
    expect(files.map(({ path }) => path)).toEqual([expect.stringMatching(/a\.log$/)]);
  });
});

describe('a gzip that is not sound', () => {
  const packed = gzipSync(COURSE);
  test.each<[string, Uint8Array]>([
    ['something else behind it', Buffer.concat([packed, Buffer.from('garbage')])],
    ['half of another one behind it', Buffer.concat([packed, packed.subarray(0, 12)])],
    ['a byte of its checksum', Buffer.concat([packed.subarray(0, -1), Buffer.from([1])])],
  ])('%s: what unpacks is read, the rest is told', async (_name, bytes) => {
    const { ids, files } = await read(join(folderOf({ 'a.log.gz': bytes }), 'a.log.gz'));
    expect(ids).toHaveLength(COUNT);
    expect(files[0]?.problem).toEqual(expect.any(String));
  });

  test('damage in the middle of many megabytes', async () => {
    const many = gzipSync(Buffer.concat(Array.from({ length: 20 }, () => COURSE)), { level: 1 });
    many.fill(0xff, many.length >> 1, (many.length >> 1) + 50);
    const { ids, files } = await read(join(folderOf({ 'a.log.gz': many }), 'a.log.gz'));
    expect(ids.length).toBeGreaterThan(COUNT * 9);
    expect(files[0]?.problem).toEqual(expect.any(String));
  });
});

describe('what cannot be read as it stands', () => {
  test.each<[string, readonly number[], string]>([
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 'zstd -dc'],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], 'xz -dc'],
    ['a zip', [0x50, 0x4b, 3, 4], 'unzip -p'],
    ['bzip2', [0x42, 0x5a, 0x68, 0x39], 'bzip2 -dc'],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0], 'iconv -f UTF-16 -t UTF-8'],
  ])('%s is refused by name, and told in a folder', async (_name, start, unpack) => {
    const folder = folderOf({ 'a.log': Buffer.from([...start, ...Buffer.alloc(100)]), 'b.log': events('one') });
    await expect(read(join(folder, 'a.log'))).rejects.toMatchObject({
      code: 'log-packed',
      hints: [`${unpack} ${join(folder, 'a.log')} | kube-auditctl log query -`],
    });
    const { ids, files } = await read(folder);
    expect(ids).toEqual(['one']);
    expect(files.map(({ problem }) => problem)).toEqual([undefined, expect.stringMatching(/^it is /)]);
  });

  test('nothing of a folder', async () => {
    const folder = folderOf({ 'a.log': Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) });
    await expect(read(folder)).rejects.toMatchObject({ code: 'log-packed' });
  });

  test('a file of a folder that may not be opened', async () => {
    const folder = folderOf({ 'a.log': events('one'), 'b.log': events('two') });
    chmodSync(join(folder, 'b.log'), 0);
    // Root may open anything.
    if (process.getuid?.() === 0) return;
    const { ids, files } = await read(folder);
    expect(ids).toEqual(['one']);
    expect(files[1]?.problem).toBe('permission denied');
  });
});

describe('JSON over many lines', () => {
  const pretty = (id: string, indent = 2): string => JSON.stringify(JSON.parse(line({ auditID: id })), null, indent);
  const half = (id: string): string => pretty(id).split('\n').slice(0, 7).join('\n');

  test.each<[string, string, string[], number]>([
    ['a bracket that is never closed', `{\n${events('a', 'b')}`, ['a', 'b'], 1],
    ['half of a list', `[{"a":\n${events('a', 'b')}`, ['a', 'b'], 1],
    ['half an event, whole ones behind it', `${half('x')}\n${pretty('a')}\n${pretty('b')}\n`, ['a', 'b'], 1],
    ['half an event, lines behind it', `${pretty('a')}\n${half('x')}\n${events('b', 'c')}`, ['a', 'b', 'c'], 1],
    [
      'lines first',
      `${events('a')}${pretty('b')}\n${events('c')}[\n${pretty('d')},\n${pretty('e')}\n]\n`,
      ['a', 'b', 'c', 'd', 'e'],
      0,
    ],
    ['a list of lines', `[\n${line({ auditID: 'a' })},\n${line({ auditID: 'b' })}\n]\n`, ['a', 'b'], 0],
    ['half a text', `${pretty('x').replace('"Metadata"', '"Meta')}\n${pretty('a')}\n`, ['a'], 1],
    ['without indent', `${pretty('a', 0)}\n${pretty('b', 0)}\n`, ['a', 'b'], 0],
  ])('%s', async (_name, text, ids, damaged) => {
    const found = await read(join(folderOf({ 'a.log': text }), 'a.log'));
    expect([found.ids, found.files[0]?.damaged]).toEqual([ids, damaged]);
  });
});
