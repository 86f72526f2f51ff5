import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FilterSpec } from '../../../src/core/auditlog/filter';
import { createLogReader } from '../../../src/system/log/reader';
import { line, type EventParts } from '../../support/audit-events';
import { tempFolder } from '../../support/temp-folder';
import { until } from '../../support/until';

const event = (id: number | string, more: EventParts = {}): string => `${line({ auditID: String(id), ...more })}\n`;

/** Runs `write` while the log is followed; the ids that were seen. */
async function following(
  path: string,
  write: (seen: string[], said: string[]) => Promise<void>,
  filter: FilterSpec = {},
): Promise<string[]> {
  const seen: string[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const live = { signal: stop.signal, say: (message: string) => void said.push(message) };
  const reading = (async () => {
    for await (const { raw } of createLogReader().follow({ kind: 'named', names: [path] }, filter, live))
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
