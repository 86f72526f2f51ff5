/** `policy coverage`: a table of what an auditor asks for. It informs, so its exit code is 0 whatever is missing. */
import type { Command } from 'commander';
import { runCoverage } from '../../change/policy';
import { coverageJson, coverageText } from '../../output/policy-coverage';
import { globals, styles, type Context } from '../context';
import { loadedPolicy, type VersionFlag } from './input';

export async function coverage(
  context: Context,
  command: Command,
  name: string | undefined,
  flags: VersionFlag,
): Promise<void> {
  const options = globals(command);
  const rows = runCoverage(await loadedPolicy(context, command, name, flags));
  const { out } = styles(context, options);
  context.streams.out(options.output === 'json' ? coverageJson(rows) : coverageText(rows, out));
  context.exit(0);
}
