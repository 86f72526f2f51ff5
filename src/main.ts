/**
 * The first few lines: the one answer that needs nothing else, or the rest of the program by way of its compiled code.
 * V8 refuses compiled code of another version of itself, and compiles anew; so it is an offer, never a condition.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import type * as Start from './start';
import { VERSION } from './version';

const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) process.stdout.write(`${VERSION}\n`);
else void run();

async function run(): Promise<void> {
  const path = join(__dirname, 'start.cjs');
  const cache = join(__dirname, 'start.cache');
  const cachedData = readIfThere(cache);
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(path, 'latin1')}\n})`;
  const script = new Script(source, { filename: path, ...(cachedData ? { cachedData } : {}) });
  const module = { exports: {} };
  const wrapper = script.runInThisContext() as (...scope: unknown[]) => void;
  wrapper(module.exports, createRequire(path), module, path, __dirname);
  await (module.exports as typeof Start).start(args);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
