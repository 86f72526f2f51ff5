/** `status` for people. */
import type { StatusReport } from '../change/status';
import { findingText } from './finding';
import { diffText } from './diff';
import { table, type Style } from './style';

export function statusText(
  report: StatusReport,
  style: Style,
  { verbose, sandbox }: { verbose: boolean; sandbox?: string | undefined },
): string {
  const mark = { on: style.green('on'), off: style.yellow('off'), incomplete: style.red('incomplete') }[
    report.configured
  ];
  const rows: string[][] = [
    ...(sandbox === undefined ? [] : [['sandbox', `${sandbox} (no real node; paths lie under ${sandbox}/node)`]]),
    ['audit logging', mark],
  ];
  rows.push(['manifest', `${report.manifestPath}${report.version ? ` (Kubernetes ${report.version})` : ''}`]);
  const { running, policy, log, lastChange } = report;
  rows.push([
    'API server',
    running
      ? `pid ${running.pid} since ${running.startedAt}, ${running.asConfigured ? 'as configured' : style.red('not as configured')}, ${
          running.ready ? style.green('ready') : style.red('not ready')
        }`
      : style.red('not running'),
  ]);
  if (policy) {
    const runs = { this: 'running', another: style.yellow('another one runs'), unknown: 'not known whether it runs' }[
      policy.runs
    ];
    rows.push(['policy', `${policy.onHost ?? policy.path} (${policy.sha256?.slice(0, 12) ?? 'unreadable'}, ${runs})`]);
  }
  if (log) {
    const size = log.bytes === undefined ? 'nothing there yet' : `${(log.bytes / 1e6).toFixed(1)} MB`;
    const age = log.lastWriteSecondsAgo === undefined ? '' : `, last event ${log.lastWriteSecondsAgo} s ago`;
    rows.push([
      'log',
      log.path === '-' ? 'standard output of the container' : `${log.onHost ?? log.path} (${size}${age})`,
    ]);
  }
  if (lastChange) rows.push(['last change', `${lastChange.id} ${lastChange.command}: ${lastChange.state}`]);
  const parts = [table(rows)];
  if (verbose) {
    const flags = Object.entries(report.settings).map(([name, value]) => `--${name}=${value}`);
    if (flags.length > 0) parts.push(flags.join('\n'));
    if (report.drift) parts.push(diffText(report.drift.trimEnd(), style));
  }
  parts.push(...report.findings.map((finding) => findingText(finding, style)));
  if (report.cis) {
    parts.push(
      `CIS Kubernetes Benchmark, ids of ${report.cis.edition}`,
      table(
        report.cis.checks.map(({ id, title, pass, found }) => [
          pass ? style.green('PASS') : style.red('FAIL'),
          id,
          title,
          found,
        ]),
      ),
    );
  }
  return `${parts.join('\n')}\n`;
}
