/** Followed while another process writes and rotates, as fast as it can. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogReader } from '../../../src/system/log/reader';
import { bundle } from '../../support/bundle';
import { MANNERS } from '../../support/rotation';
import { tempFolder } from '../../support/temp-folder';
import { until } from '../../support/until';

const COUNT = 10_000;

let script = '';
beforeAll(() => {
  script = bundle(`
    import { appendFileSync } from 'node:fs';
    import { line } from './test/support/audit-events';
    import { MANNERS } from './test/support/rotation';
    const [name = '', path = ''] = process.argv.slice(2);
    const { rotate, later } = MANNERS[name]!;
    const BURST = 48;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    let rotations = 0;
    let at = 0;
    const write = (count: number): void => {
      const end = Math.min(${COUNT}, at + count);
      const time = new Date().toISOString().replace('Z', '000Z');
      let text = '';
      for (; at < end; at++) text += line({ auditID: String(at), time }) + '\\n';
      appendFileSync(path, text);
    };
    for (let round = 0; at < ${COUNT}; round++) {
      write(1 + ((round * 7) % 23));
      // One, or several at once; then the time that a busy machine needs for a look. No log is rotated faster for long.
      const isBurst = round % BURST === 0;
      for (let each = isBurst ? 1 + ((round / BURST) % 3) : 0; each > 0; each--) {
        rotate(path, ++rotations);
        write((rotations * 5) % 4);
        if (rotations > 3) later?.(path, rotations - 3);
      }
      if (isBurst || round % 2 === 0) Atomics.wait(pause, 0, 0, isBurst ? 100 : 4);
    }
  `);
});

test.each(Object.keys(MANNERS))('%s: ten thousand, none lost, none twice, soon', async (name) => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, '');
  const seen: number[] = [];
  const late: number[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const live = { signal: stop.signal, say: (message: string) => void said.push(message) };
  const reading = (async () => {
    for await (const { raw } of createLogReader().follow({ kind: 'named', names: [path] }, {}, live)) {
      const event = JSON.parse(new TextDecoder().decode(raw)) as { auditID: string; stageTimestamp: string };
      seen.push(Number(event.auditID));
      late.push(Date.now() - Date.parse(event.stageTimestamp));
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const writer = spawn(process.execPath, [script, name, path], { stdio: ['ignore', 'inherit', 'inherit'] });
  await new Promise((resolve) => writer.on('close', resolve));
  await until(() => seen.length >= COUNT).catch(() => undefined);
  stop.abort();
  await reading;
  expect(said).toEqual([]);
  const there = new Set(seen);
  expect(
    Array.from({ length: COUNT }, (_, at) => at)
      .filter((at) => !there.has(at))
      .slice(0, 20),
  ).toEqual([]);
  expect(seen.length).toBe(COUNT);
  // Half of them, so that a busy machine does not count.
  expect(late.sort((a, b) => a - b)[COUNT / 2]).toBeLessThan(200);
  if (process.env.SHOW_LATE !== undefined) console.log(name, late[COUNT / 2], late[COUNT * 0.99], late.at(-1));
});
