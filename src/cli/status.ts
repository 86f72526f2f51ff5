/** `status`: what is configured, what runs, what is really being logged. */
import { Command } from 'commander';
import { readStatus } from '../change/status';
import { forSandbox } from '../output/sandbox-remedies';
import { statusText } from '../output/status';
import { openWorld, requireRoot } from './change-options';
import { globals, sandboxField, styles, type Context } from './context';

export function statusCommand(context: Context): Command {
  const command = new Command('status')
    .summary('what is configured, what runs, what is really being logged')
    .description(
      'Shows what is configured, what runs, what is really being logged, and what differs from the last change.',
    )
    .option(
      '--check',
      'for cron and Nagios: exit 1 unless audit logging is on, runs as configured, and nothing is found',
      false,
    )
    .option('--cis', 'the audit checks of the CIS Kubernetes Benchmark as well', false);
  return command.action(async (flags: { check: boolean; cis: boolean }) => {
    const options = globals(command);
    const world = openWorld(context, options);
    requireRoot(world, options);
    const { manifest: manifestPath, stateDir, sandbox } = options;
    const report = forSandbox(await readStatus(world, { manifestPath, stateDir, cis: flags.cis }), sandbox);
    const { out } = styles(context, options);
    const bad =
      report.configured !== 'on' ||
      report.findings.some(({ severity }) => severity !== 'info') ||
      (report.cis?.checks.some(({ pass }) => !pass) ?? false);
    const exitCode = flags.check && bad ? 1 : 0;
    context.streams.out(
      options.output === 'json'
        ? `${JSON.stringify({ command: 'status', exitCode, ...sandboxField(options), ...report }, null, 2)}\n`
        : statusText(report, out, { verbose: options.verbose, sandbox }),
    );
    context.exit(exitCode);
  });
}
