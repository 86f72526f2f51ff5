import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FilterSpec } from '../../../src/core/auditlog/filter';
import { createLogReader } from '../../../src/system/log/reader';
import { line, type EventParts } from '../../support/audit-events';
import { tempFolder } from '../../support/temp-folder';
import { until } from '../../support/until';

const event = (id: number | string, more: EventParts = {}): string => `${line({ auditID: String(id), ...more })}\n`;

/** Runs `write` while the log is followed; the ids that were seen. */
async function following(
  path: string,
  write: (seen: string[]) => Promise<void>,
  filter: FilterSpec = {},
): Promise<string[]> {
  const seen: string[] = [];
  const stop = new AbortController();
  const reading = (async () => {
    for await (const { raw } of createLogReader().follow({ kind: 'named', names: [path] }, filter, stop.signal))
      seen.push((JSON.parse(new TextDecoder().decode(raw)) as { auditID: string }).auditID);
  })();
  // It has begun when it has taken its first look.
  await new Promise((resolve) => setImmediate(resolve));
  await write(seen);
  stop.abort();
  await reading;
  return seen;
}

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

test('a log that is not there yet', async () => {
  const path = join(tempFolder(), 'audit.log');
  const seen = await following(path, async (ids) => {
    appendFileSync(path, event('first'));
    await until(() => ids.length === 1);
  });
  expect(seen).toEqual(['first']);
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
