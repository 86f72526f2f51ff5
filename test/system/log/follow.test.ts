import {
  appendFileSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FilterSpec } from '../../../src/core/auditlog/filter';
import { createLogReader } from '../../../src/system/log/reader';
import { line, type EventParts } from '../../support/audit-events';
import { copytruncate, create, full, MANNERS, pack, shift } from '../../support/rotation';
import { tempFolder } from '../../support/temp-folder';
import { until } from '../../support/until';

const event = (id: number | string, more: EventParts = {}): string => `${line({ auditID: String(id), ...more })}\n`;

/** Runs `write` while the log is followed; the ids that were seen. */
async function following(
  path: string | readonly string[],
  write: (seen: string[], said: string[]) => Promise<void>,
  filter: FilterSpec = {},
): Promise<string[]> {
  const seen: string[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const live = { signal: stop.signal, say: (message: string) => void said.push(message) };
  const reading = (async () => {
    for await (const { raw } of createLogReader().follow({ kind: 'named', names: [path].flat() }, filter, live))
      seen.push((JSON.parse(new TextDecoder().decode(raw)) as { auditID: string }).auditID);
  })();
  // It has begun when it has taken its first look.
  await new Promise((resolve) => setImmediate(resolve));
  await write(seen, said);
  stop.abort();
  await reading;
  return seen;
}

const events = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => event(from + at)).join('');
const ids = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => String(from + at));

test('only what is written from now on, whole lines, at once', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, event('old') + event('half').slice(0, 50));
  const seen = await following(path, async (ids) => {
    appendFileSync(path, event('half').slice(50));
    appendFileSync(path, event('a'));
    await until(() => ids.length === 2);
  });
  expect(seen).toEqual(['half', 'a']);
});

test('ten thousand across rotations: none lost, none twice', async () => {
  const folder = tempFolder();
  const path = join(folder, 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (ids) => {
    for (let at = 0; at < 10_000; at++) {
      appendFileSync(path, event(at));
      // Twice in a row now and then: the file in between has never had the log's name while we looked.
      if (at % 700 === 0 || at % 700 === 1)
        renameSync(
          path,
          join(folder, `audit-${new Date(at * 1000).toISOString().replaceAll(':', '-').replace('Z', '')}.log`),
        );
      if (at % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => ids.length >= 10_000);
  });
  expect(new Set(seen).size).toBe(10_000);
  expect(seen.length).toBe(10_000);
});

test('copied and truncated: what was written just before is in the copy', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (ids) => {
    appendFileSync(path, Array.from({ length: 500 }, (_, at) => event(at)).join(''));
    await until(() => ids.length === 500);
    appendFileSync(path, event('late'));
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, event('new'));
    await until(() => ids.length === 502);
  });
  expect(seen.slice(500)).toEqual(['late', 'new']);
});

test.each([
  ['more', 30],
  ['just as much', 10],
  ['less', 3],
])('written anew with %s than there was: all of it', async (_name, count) => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(100, 110));
  const seen = await following(path, async (found, said) => {
    writeFileSync(path, events(200, 200 + count));
    await until(() => found.length === count);
    expect(said).toEqual([expect.stringContaining('was written anew') as string]);
  });
  expect(seen).toEqual(ids(200, 200 + count));
});

test.each([3, 40])('copied, truncated and filled again with %d before the first look', async (count) => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(100, 110));
  const seen = await following(path, async (found, said) => {
    appendFileSync(path, events(110, 115));
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, events(200, 200 + count));
    await until(() => found.length === 5 + count);
    expect(said).toEqual([]);
  });
  expect(seen).toEqual([...ids(110, 115), ...ids(200, 200 + count)]);
});

test('rotated several times, and gzipped, between two looks', async () => {
  const folder = tempFolder();
  const path = join(folder, 'audit.log');
  writeFileSync(path, events(0, 10));
  const seen = await following(path, async (found) => {
    for (let at = 0; at < 4; at++) {
      appendFileSync(path, events(10 + at * 5, 15 + at * 5));
      const rotated = join(folder, `audit-2026-11-21T10-00-0${at}.000.log`);
      renameSync(path, rotated);
      if (at === 3) continue;
      writeFileSync(`${rotated}.gz`, gzipSync(readFileSync(rotated)));
      unlinkSync(rotated);
    }
    writeFileSync(path, events(30, 32));
    await until(() => found.length === 22);
  });
  expect(seen).toEqual(ids(10, 32));
});

test('rotated while the files before are still being read', async () => {
  const folder = tempFolder();
  const path = join(folder, 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (found) => {
    for (let at = 0; at < 20; at++) {
      appendFileSync(path, events(at * 500, at * 500 + 500));
      renameSync(path, join(folder, `audit-2026-11-21T10-00-${10 + at}.000.log`));
      writeFileSync(path, '');
      for (let turn = 0; turn < at; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => found.length === 10_000);
  });
  expect(seen).toEqual(ids(0, 10_000));
});

test('a log that is not there yet is waited for, and that is said once', async () => {
  const path = join(tempFolder(), 'audit.log');
  const seen = await following(path, async (found, said) => {
    await until(() => said.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(said).toEqual([`${path} is not there: waiting for it`]);
    appendFileSync(path, event('first'));
    await until(() => found.length === 1);
  });
  expect(seen).toEqual(['first']);
});

test('whoever hears that the log is waited for may begin it at once', async () => {
  const path = join(tempFolder(), 'audit.log');
  const stop = new AbortController();
  const say = (): void => {
    writeFileSync(path, event('first'));
  };
  const events = createLogReader().follow({ kind: 'named', names: [path] }, {}, { signal: stop.signal, say });
  let seen = '';
  for await (const { raw } of events) {
    seen = new TextDecoder().decode(raw);
    stop.abort();
  }
  expect(seen).toBe(event('first').trimEnd());
});

test('a folder: every log in it, what is rotated, and what comes new; nothing else', async () => {
  const folder = tempFolder();
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('a.log'), events(0, 10));
  writeFileSync(at('z.log'), events(10, 11));
  writeFileSync(at('a-2026-11-21T10-00-00.000.log'), events(11, 12));
  writeFileSync(at('zzz'), 'no log');
  const seen = await following(folder, async (found, said) => {
    appendFileSync(at('a.log'), events(20, 22));
    appendFileSync(at('z.log'), events(22, 23));
    await until(() => found.length === 3);
    renameSync(at('a.log'), at('a.log.moved-away.log'));
    writeFileSync(at('a.log'), events(23, 24));
    writeFileSync(at('new.log'), events(24, 25));
    await until(() => found.length === 5);
    // Long enough for another search.
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(said).toEqual([]);
  });
  expect([...seen].sort()).toEqual(ids(20, 25));
});

test('a pattern', async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'audit.log'), events(0, 3));
  writeFileSync(join(folder, 'audit-2026-11-21T10-00-00.000.log'), events(3, 4));
  const seen = await following(join(folder, '*.log'), async (found) => {
    appendFileSync(join(folder, 'audit.log'), events(4, 6));
    await until(() => found.length === 2);
  });
  expect(seen).toEqual(ids(4, 6));
});

test('a container that starts anew goes on in a file of its own', async () => {
  const folder = tempFolder();
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('0.log'), events(0, 3));
  const seen = await following(folder, async (found) => {
    appendFileSync(at('0.log'), events(3, 5));
    renameSync(at('0.log'), at('0.log.20261121-101500'));
    writeFileSync(at('0.log'), events(5, 7));
    writeFileSync(at('1.log'), events(7, 9));
    writeFileSync(at('2.log'), events(9, 10));
    await until(() => found.length === 7);
    appendFileSync(at('2.log'), events(10, 11));
    await until(() => found.length === 8);
  });
  expect(seen).toEqual(ids(3, 11));
});

test('damage is told, and what follows it is shown, whatever it looks like', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (found, said) => {
    appendFileSync(path, `[{"a":\nrubbish\n${events(0, 2)}`);
    await until(() => found.length === 2 && said.length === 1);
    expect(said).toEqual([`${path}: 2 damaged lines passed over`]);
  });
  expect(seen).toEqual(ids(0, 2));
});

test('nobody hides behind the long request of somebody else', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (found) => {
    appendFileSync(path, event('x', { stage: 'ResponseStarted', verb: 'create', user: 'alice' }));
    appendFileSync(path, event('x', { verb: 'create', user: 'mallory', code: 403 }));
    await until(() => found.length === 2);
  });
  expect(seen).toEqual(['x', 'x']);
});

test('a request is shown once: when its long answer begins, or when it ends', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen = await following(
    path,
    async (ids) => {
      appendFileSync(path, event('x', { verb: 'list' }));
      for (const stage of ['RequestReceived', 'ResponseStarted', 'ResponseComplete'])
        appendFileSync(path, event('watch', { stage, verb: 'watch' }));
      for (const stage of ['RequestReceived', 'ResponseComplete'])
        appendFileSync(path, event('get', { stage, verb: 'watch', uri: '/b' }));
      await until(() => ids.length === 2);
    },
    { verb: ['watch'] },
  );
  expect(seen).toEqual(['watch', 'get']);
});

/** Rotations one after the other: looked at in between, or not, and what was there before. */
const BURSTS = [1, 2, 4];

describe.each(Object.entries(MANNERS))('%s', (_name, { rotate, later }) => {
  test.each(BURSTS)('%d rotations between two looks', async (burst) => {
    const path = join(tempFolder(), 'audit.log');
    writeFileSync(path, events(0, 5));
    rotate(path, 0);
    appendFileSync(path, events(5, 10));
    let next = 10;
    let at = 0;
    const seen = await following(path, async (found, said) => {
      for (let round = 0; round < 3; round++) {
        for (let each = 0; each < burst; each++) {
          appendFileSync(path, events(next, next + 3));
          rotate(path, ++at);
          // More, fewer, or nothing.
          const more = (at * 5) % 7;
          appendFileSync(path, events(next + 3, next + 3 + more));
          next += 3 + more;
        }
        await until(() => found.length >= next - 10);
        for (let each = at - burst + 1; later && each <= at; each++) later(path, each);
        await new Promise((resolve) => setImmediate(resolve));
      }
      appendFileSync(path, events(next, ++next));
      await until(() => found.length >= next - 10);
      expect(said).toEqual([]);
    });
    expect(seen).toEqual(ids(10, next));
  });

  test('a folder', async () => {
    const folder = tempFolder();
    const path = join(folder, 'audit.log');
    writeFileSync(path, events(0, 10));
    const seen = await following(folder, async (found, said) => {
      appendFileSync(path, events(10, 12));
      rotate(path, 1);
      appendFileSync(path, events(12, 13));
      await until(() => found.length >= 3);
      // Long enough for another search.
      await new Promise((resolve) => setTimeout(resolve, 250));
      appendFileSync(path, events(13, 14));
      await until(() => found.length >= 4);
      expect(said).toEqual([]);
    });
    expect(seen).toEqual(ids(10, 14));
  });
});

test('the oldest ones are removed meanwhile: what is left is shown, and the rest is told', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(0, 3));
  const seen = await following(path, async (found, said) => {
    appendFileSync(path, events(3, 5));
    for (let at = 1; at < 4; at++) {
      create(path, full(path, at));
      appendFileSync(path, events(at * 10, at * 10 + 2));
    }
    unlinkSync(full(path, 1));
    unlinkSync(full(path, 2));
    await until(() => found.length >= 6);
    expect(said).toEqual([expect.stringContaining('events may be missing') as string]);
  });
  expect(seen).toEqual([...ids(3, 5), ...ids(20, 22), ...ids(30, 32)]);
});

test('whoever writes goes on in the renamed file until it is told of the rotation', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const server = openSync(path, 'a');
  const seen = await following(path, async (found) => {
    writeSync(server, events(0, 2));
    create(path, `${path}.1`);
    await until(() => found.length === 2);
    appendFileSync(path, events(2, 3));
    await until(() => found.length === 3);
    writeSync(server, events(3, 5));
    await until(() => found.length === 5);
    renameSync(`${path}.1`, `${path}.2`);
    create(path, `${path}.1`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    writeSync(server, events(5, 6));
    await until(() => found.length === 6);
  });
  closeSync(server);
  expect(seen).toEqual(ids(0, 6));
});

test('half a line, and its rest after the rotation', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const server = openSync(path, 'a');
  const seen = await following(path, async (found, said) => {
    writeSync(server, events(0, 1) + event(1).slice(0, 100));
    await until(() => found.length === 1);
    create(path, full(path, 1));
    appendFileSync(path, events(2, 3));
    await until(() => found.length === 2);
    writeSync(server, event(1).slice(100));
    await until(() => found.length === 3);
    expect(said).toEqual([]);
  });
  closeSync(server);
  expect(seen).toEqual(['0', '2', '1']);
});

test('an event without a line break is shown when its file is left', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (found) => {
    appendFileSync(path, event(0).trimEnd());
    create(path, full(path, 1));
    await until(() => found.length === 1);
    appendFileSync(full(path, 1), '\n');
    appendFileSync(path, event(1));
    await until(() => found.length === 2);
  });
  expect(seen).toEqual(['0', '1']);
});

test('emptied in the midst of a line, with a copy of it', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(0, 3));
  const seen = await following(path, async (found, said) => {
    appendFileSync(path, events(3, 4) + event(4).slice(0, 30));
    await until(() => found.length === 1);
    appendFileSync(path, event(4).slice(30) + events(5, 6));
    copytruncate(path, `${path}.1`);
    appendFileSync(path, events(6, 7));
    await until(() => found.length === 4);
    expect(said).toEqual([]);
  });
  expect(seen).toEqual(ids(3, 7));
});

test('emptied where nothing but the beginning of a line stood', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (found, said) => {
    appendFileSync(path, event(0).slice(0, 30));
    await new Promise((resolve) => setTimeout(resolve, 150));
    appendFileSync(path, event(0).slice(30) + events(1, 3));
    copytruncate(path, `${path}.1`);
    appendFileSync(path, events(3, 9));
    await until(() => found.length === 9);
    expect(said).toEqual([]);
  });
  expect(seen).toEqual(ids(0, 9));
});

test('whoever does not append leaves a hole where it was emptied', async () => {
  const path = join(tempFolder(), 'audit.log');
  const server = openSync(path, 'w');
  // As long as a log may be.
  let at = 200 << 20;
  const write = (text: string): void => void (at += writeSync(server, text, at));
  write(events(0, 10));
  const before = process.memoryUsage().arrayBuffers;
  const seen = await following(path, async (found, said) => {
    write(events(10, 12));
    copytruncateHole(1);
    write(events(12, 13));
    await until(() => found.length === 3);
    write(events(13, 15));
    copytruncateHole(2);
    write(events(15, 16));
    await until(() => found.length === 6);
    expect(said).toEqual([]);
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
  function copytruncateHole(number: number): void {
    // A copy with the same hole.
    const size = statSync(path).size;
    const copy = openSync(`${path}.${3 - number}`, 'w');
    const end = readEnd(path, size, 1 << 16);
    ftruncateSync(copy, size - end.length);
    writeSync(copy, end, 0, end.length, size - end.length);
    closeSync(copy);
    truncateSync(path);
  }
  closeSync(server);
  expect(seen).toEqual(ids(10, 16));
});

function readEnd(path: string, size: number, length: number): Buffer {
  const fd = openSync(path, 'r');
  const there = Buffer.alloc(Math.min(length, size));
  readSync(fd, there, 0, there.length, size - there.length);
  closeSync(fd);
  return there;
}

test('emptied while what was copied away is still being read', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(0, 3));
  const body = { requestObject: { data: 'x'.repeat(2000) } };
  const big = (from: number, to: number): string =>
    ids(from, to)
      .map((id) => event(id, body))
      .join('');
  let isEmptied = false;
  const seen = await following(path, async (found) => {
    appendFileSync(path, big(3, 5003));
    copytruncate(path, `${path}.1`);
    appendFileSync(path, big(5003, 5010));
    await until(() => {
      if (found.length > 100 && !isEmptied) {
        isEmptied = true;
        appendFileSync(path, big(5010, 5020));
        shift(path);
        copytruncate(path, `${path}.1`);
        appendFileSync(path, big(5020, 5022));
      }
      return found.length >= 5019;
    });
  });
  expect(seen).toEqual(ids(3, 5022));
});

test('removed and made anew', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(0, 3));
  const seen = await following(path, async (found) => {
    for (let round = 0; round < 5; round++) {
      appendFileSync(path, events(3 + round * 2, 4 + round * 2));
      unlinkSync(path);
      if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 120));
      writeFileSync(path, events(4 + round * 2, 5 + round * 2));
      await until(() => found.length === 2 + round * 2);
    }
  });
  expect(seen).toEqual(ids(3, 13));
});

test('of rotated files whose inode numbers were those of removed ones', async () => {
  const folder = tempFolder();
  const path = join(folder, 'audit.log');
  for (let at = 0; at < 5; at++) writeFileSync(`${path}.${5 - at}`, events(at * 10, at * 10 + 5));
  writeFileSync(path, events(50, 55));
  const seen = await following(path, async (found) => {
    appendFileSync(path, events(55, 57));
    // All of them go, and ours as well: new files get their numbers.
    for (let at = 1; at < 6; at++) unlinkSync(`${path}.${at}`);
    unlinkSync(path);
    for (let at = 3; at > 0; at--) writeFileSync(`${path}.${at}`, events(60 + (3 - at) * 2, 62 + (3 - at) * 2));
    writeFileSync(path, events(66, 68));
    await until(() => found.length >= 10);
  });
  expect(seen).toEqual([...ids(55, 57), ...ids(60, 68)]);
});

describe('a link', () => {
  test('what its file is rotated to lies beside the file', async () => {
    const [folder, other] = [tempFolder(), tempFolder()];
    const [path, link] = [join(other, 'audit.log'), join(folder, 'current.log')];
    writeFileSync(path, events(0, 3));
    symlinkSync(path, link);
    const seen = await following(link, async (found, said) => {
      for (let at = 0; at < 3; at++) {
        appendFileSync(path, events(3 + at * 2, 5 + at * 2));
        create(path, full(path, at));
        pack(full(path, at));
      }
      await until(() => found.length >= 6);
      appendFileSync(path, events(9, 11));
      copytruncate(path, `${path}.1`);
      await until(() => found.length >= 8);
      expect(said).toEqual([]);
    });
    expect(seen).toEqual(ids(3, 11));
  });

  test('that is set to another file', async () => {
    const folder = tempFolder();
    const [first, second, link] = ['0.log', '1.log', 'audit.log'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(first, events(0, 3));
    symlinkSync(first, link);
    const seen = await following(link, async (found) => {
      appendFileSync(first, events(3, 5));
      writeFileSync(second, events(5, 7));
      unlinkSync(link);
      symlinkSync(second, link);
      expect(readlinkSync(link)).toBe(second);
      await until(() => found.length === 4);
    });
    expect(seen).toEqual(ids(3, 7));
  });
});

test('a log that is not there yet, rotated before it is seen', async () => {
  const folder = join(tempFolder(), 'later');
  const path = join(folder, 'audit.log');
  const seen = await following(path, async (found) => {
    mkdirSync(folder);
    for (let at = 0; at < 3; at++) {
      writeFileSync(path, events(at * 2, at * 2 + 2));
      renameSync(path, full(path, at));
    }
    writeFileSync(path, events(6, 8));
    await until(() => found.length >= 8);
  });
  expect(seen).toEqual(ids(0, 8));
});

test('an empty log, filled, copied and emptied between two looks', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen = await following(path, async (found) => {
    appendFileSync(path, events(0, 3));
    copytruncate(path, `${path}.1`);
    await until(() => found.length >= 3);
    appendFileSync(path, events(3, 5));
    await until(() => found.length >= 5);
  });
  expect(seen).toEqual(ids(0, 5));
});

test.each(['named', 'folder'])('the folder is removed and made anew (%s)', async (kind) => {
  const folder = join(tempFolder(), 'logs');
  const path = join(folder, 'audit.log');
  mkdirSync(folder);
  writeFileSync(path, events(0, 3));
  const seen = await following(kind === 'named' ? path : folder, async (found) => {
    appendFileSync(path, events(3, 5));
    rmSync(folder, { recursive: true });
    // Long enough for a search that finds no folder.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    mkdirSync(folder);
    writeFileSync(path, events(5, 7));
    await until(() => found.length === 4);
    appendFileSync(path, events(7, 8));
    await until(() => found.length === 5);
    await new Promise((resolve) => setTimeout(resolve, 1200));
  });
  expect(seen).toEqual(ids(3, 8));
});

test('a folder in the place of the log is told, and waited for', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(0, 3));
  const seen = await following(path, async (found, said) => {
    appendFileSync(path, events(3, 4));
    renameSync(path, full(path, 1));
    mkdirSync(path);
    await until(() => found.length === 1 && said.length === 1);
    expect(said).toEqual([`cannot read ${path}: it is not a regular file: waiting for it`]);
    rmSync(path, { recursive: true });
    writeFileSync(path, events(4, 6));
    await until(() => found.length === 3);
  });
  expect(seen).toEqual(ids(3, 6));
});

describe('a container log', () => {
  const cri = (text: string, tag = 'F'): string => `2026-01-01T00:00:00.000000000Z stdout ${tag} ${text}\n`;
  const whole = (id: number): string => cri(event(id).trimEnd());
  const rotate = (path: string, at: number): void => create(path, `${path}.20260101-00000${at}`);

  test('several rotations between two looks, gzipped; the newest stays plain for a while', async () => {
    const folder = tempFolder();
    const path = join(folder, '0.log');
    writeFileSync(path, whole(0));
    for (const name of [path, folder]) {
      const seen = await following(name, async (found, said) => {
        const first = name === path ? 1 : 7;
        for (let at = first; at < first + 3; at++) {
          appendFileSync(path, whole(at));
          rotate(path, at);
          if (at > first) pack(`${path}.20260101-00000${at - 1}`);
        }
        appendFileSync(path, whole(first + 3));
        await until(() => found.length >= 4);
        expect(said).toEqual([]);
      });
      expect(seen).toEqual(name === path ? ids(1, 5) : ids(7, 11));
    }
  });

  test('pieces of an event in two files', async () => {
    const folder = tempFolder();
    const path = join(folder, '0.log');
    writeFileSync(path, whole(0));
    const text = event(1).trimEnd();
    const seen = await following(folder, async (found, said) => {
      appendFileSync(path, cri(text.slice(0, 50), 'P') + cri(text.slice(50, 90), 'P'));
      rotate(path, 1);
      appendFileSync(path, cri(text.slice(90, 100), 'P'));
      await new Promise((resolve) => setTimeout(resolve, 150));
      rotate(path, 2);
      appendFileSync(path, cri(text.slice(100)) + whole(2));
      await until(() => found.length === 2);
      expect(said).toEqual([]);
    });
    expect(seen).toEqual(ids(1, 3));
  });

  test('followed from the midst of an event on', async () => {
    const path = join(tempFolder(), '0.log');
    const text = event(1).trimEnd();
    writeFileSync(path, whole(0) + cri(text.slice(0, 50), 'P') + cri(text.slice(50, 90), 'P'));
    const seen = await following(path, async (found, said) => {
      appendFileSync(path, cri(text.slice(90)) + whole(2));
      await until(() => found.length === 2);
      expect(said).toEqual([]);
    });
    expect(seen).toEqual(ids(1, 3));
  });
});

test('lines of several megabytes, written bit by bit, across a rotation', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const large = (id: number): string => event(id, { requestObject: { data: 'x'.repeat(5 << 20) } });
  const server = openSync(path, 'a');
  const seen = await following(path, async (found) => {
    const text = large(0);
    for (let at = 0; at < text.length; at += 1 << 20) {
      writeSync(server, text.slice(at, at + (1 << 20)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    writeSync(server, large(1).slice(0, 3 << 20));
    create(path, full(path, 1));
    writeSync(server, large(1).slice(3 << 20));
    appendFileSync(path, large(2) + event(3));
    await until(() => found.length === 4);
  });
  closeSync(server);
  expect([...seen].sort()).toEqual(ids(0, 4));
});

test('one log by two names is one log', async () => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(0, 2));
  const other = path.replace(/audit\.log$/, './audit.log');
  const seen = await following([path, other], async (found) => {
    appendFileSync(path, events(2, 4));
    create(path, full(path, 1));
    appendFileSync(path, events(4, 5));
    await until(() => found.length >= 3);
    await new Promise((resolve) => setTimeout(resolve, 250));
  });
  expect(seen).toEqual(ids(2, 5));
});

test('a copy of a log in the folder is no log', async () => {
  const folder = tempFolder();
  const path = join(folder, 'audit.log');
  writeFileSync(path, events(0, 5));
  const seen = await following(folder, async (found) => {
    copyFileSync(path, join(folder, 'before-the-incident.log'));
    appendFileSync(path, events(5, 6));
    await until(() => found.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 1200));
  });
  expect(seen).toEqual(ids(5, 6));
});

test('a log that comes new into a folder is seen at once', async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'a.log'), '');
  await following(folder, async (found) => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const begin = performance.now();
    writeFileSync(join(folder, 'b.log'), events(0, 1));
    await until(() => found.length === 1);
    expect(performance.now() - begin).toBeLessThan(700);
  });
});

describe('descriptors', () => {
  const open = (): string[] =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return [];
      }
    });

  test('of removed files are given back, and all at the end', async () => {
    const folder = tempFolder();
    const path = join(folder, 'audit.log');
    writeFileSync(path, '');
    await following(path, async (found) => {
      for (let at = 0; at < 12; at++) {
        appendFileSync(path, events(at, at + 1));
        create(path, full(path, at));
        await until(() => found.length === at + 1);
        if (at > 0) unlinkSync(full(path, at - 1));
      }
      await until(() => open().filter((name) => name.startsWith(folder)).length <= 3);
      unlinkSync(full(path, 11));
      await until(() => !open().some((name) => name.includes('(deleted)') && name.startsWith(folder)));
    });
    expect(open().filter((name) => name.startsWith(folder))).toEqual([]);
  });

  test('of pods that are gone', async () => {
    const folder = tempFolder();
    const pattern = join(folder, '*/0.log');
    mkdirSync(join(folder, 'uid-0'));
    writeFileSync(join(folder, 'uid-0/0.log'), '');
    const seen = await following(pattern, async (found) => {
      for (let at = 1; at < 12; at++) {
        mkdirSync(join(folder, `uid-${at}`));
        writeFileSync(join(folder, `uid-${at}/0.log`), events(at, at + 1));
        await until(() => found.length === at);
        rmSync(join(folder, `uid-${at - 1}`), { recursive: true });
      }
      await until(() => open().filter((name) => name.startsWith(folder)).length <= 6);
    });
    expect(seen).toEqual(ids(1, 12));
  });
});

test.each(['plain', 'gzipped'])('a reader that is slow holds a copy back (%s)', async (kind) => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events(0, 10));
  const stop = new AbortController();
  const live = { signal: stop.signal, say: () => undefined };
  const reading = createLogReader()
    .follow({ kind: 'named', names: [path] }, {}, live)
    [Symbol.asyncIterator]();
  const first = reading.next();
  await new Promise((resolve) => setImmediate(resolve));
  appendFileSync(path, event('large', { requestObject: { data: 'x'.repeat(1 << 20) } }).repeat(60));
  copytruncate(path, `${path}.1`);
  if (kind === 'gzipped') pack(`${path}.1`);
  const before = process.memoryUsage().arrayBuffers;
  expect((await first).done).toBe(false);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 << 20);
  stop.abort();
  await reading.return?.();
});
