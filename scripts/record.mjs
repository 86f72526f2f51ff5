/**
 * Records a real run in a terminal: node scripts/record.mjs OUT.cast COMMAND… writes an asciicast (version 2) of what
 * util-linux's script(1) saw. The picture in the README is made from it: npx svg-term-cli --in OUT.cast --out OUT.svg --window
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [out, ...command] = process.argv.slice(2);
if (!out || command.length === 0) throw new Error('usage: node scripts/record.mjs OUT.cast COMMAND…');
const size = { width: 110, height: 40 };
const folder = mkdtempSync(join(tmpdir(), 'record-'));
try {
  const [log, timing] = [join(folder, 'out'), join(folder, 'timing')];
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  execFileSync(
    'script',
    [
      '--quiet',
      '--log-out',
      log,
      '--log-timing',
      timing,
      '--command',
      `stty cols ${size.width} rows ${size.height}; ${quoted}`,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '' } },
  );
  writeFileSync(out, asciicast(readFileSync(log), readFileSync(timing, 'utf8')));
} finally {
  rmSync(folder, { recursive: true });
}

/** script's timing file has a line for each piece of output: seconds since the one before, and its bytes. */
function asciicast(log, timing) {
  // The first line is script's own.
  let at = log.indexOf(10) + 1;
  let seconds = 0;
  const lines = [JSON.stringify({ version: 2, ...size })];
  const decoder = new TextDecoder();
  for (const line of timing.trim().split('\n')) {
    const [after, bytes] = line.split(' ').slice(-2).map(Number);
    seconds += after;
    const text = decoder.decode(log.subarray(at, at + bytes), { stream: true });
    at += bytes;
    if (text !== '') lines.push(JSON.stringify([Number(seconds.toFixed(3)), 'o', text]));
  }
  return `${lines.join('\n')}\n`;
}
