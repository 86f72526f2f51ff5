/**
 * Composition root: the real world and the real streams, handed to the command line. The only reader of `process`, and
 * the only one to set the exit code.
 */
import { VERSION } from './version';

const args = process.argv.slice(2);
// The one answer that needs none of the rest.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) process.stdout.write(`${VERSION}\n`);
else {
  const { start } = await import('./start');
  await start(args);
}
