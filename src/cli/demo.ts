/** `demo`: the tool at work, for who sees it for the first time. */
import { Command } from 'commander';
import { globals, styles, type Context } from './context';

export function demoCommand(context: Context): Command {
  const command = new Command('demo')
    .summary('see it at work in under a minute, in a sandbox that is gone afterwards')
    .description(
      'Shows the tool at work in under a minute: audit logging turned on and proven, a broken change rolled back with its\n' +
        'cause, and an investigation in the log. All of it happens in a sandbox on this machine that is gone afterwards; it\n' +
        'needs neither root nor a cluster.',
    );
  return command.action(async () => {
    const options = globals(command);
    const { talk } = styles(context, options);
    const json = options.output === 'json';
    const report = await (
      await context.sandboxes()
    ).demo({
      run: context.runSelf,
      signal: context.interrupts.first,
      show: (text) => {
        if (!json) context.streams.out(text);
      },
    });
    const exitCode = report.outcome === 'shown' ? 0 : report.outcome === 'interrupted' ? 2 : 1;
    if (json) {
      const steps = report.steps.map(({ ms, ...step }) => ({ ...step, seconds: rounded(ms) }));
      const { outcome, totalMs } = report;
      context.streams.out(
        `${JSON.stringify({ command: 'demo', exitCode, outcome, totalSeconds: rounded(totalMs), steps }, null, 2)}\n`,
      );
    } else if (report.outcome === 'shown') {
      context.streams.out(
        `\nThat took ${(report.totalMs / 1000).toFixed(0)} seconds. On a real node: sudo kube-auditctl enable\n`,
      );
    } else if (report.outcome === 'failed') {
      const last = report.steps.find((step) => step.exitCode !== step.expectedExitCode);
      context.streams.talk(
        `${talk.red('failed')}: ${last?.command ?? ''} ended with exit code ${last?.exitCode ?? ''}, not ${last?.expectedExitCode ?? ''}\n`,
      );
    }
    context.exit(exitCode);
  });
}

function rounded(ms: number): number {
  return Math.round(ms) / 1000;
}
