/** Lint reports: for people, and as one JSON object. */
import type { Finding } from '../core/finding';
import type { LintReport } from '../core/policy/lint';
import type { LintFinding } from '../core/policy/lint/context';
import { findingText } from './finding';
import type { Style } from './style';

export function lintText(file: string, report: LintReport, style: Style): string {
  const { loads, lenient, serverMessage, findings } = report;
  const verdict = !loads
    ? style.red('the API server would not start with it')
    : lenient
      ? style.yellow('the API server would load it, and ignore what it does not understand')
      : style.green('the API server would load it');
  const lines = [`${style.bold(file)}: ${verdict}`];
  if (serverMessage !== null) lines.push(style.dim(`  it would say: ${serverMessage}`));
  lines.push(...findings.map((finding) => findingText(finding, style)));
  lines.push(summary(findings));
  return `${lines.join('\n')}\n`;
}

function summary(findings: readonly LintFinding[]): string {
  if (findings.length === 0) return 'Nothing found.';
  const counts = (['error', 'warning', 'info'] as const).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [plural(count, severity === 'info' ? 'remark' : severity)];
  });
  const fixable = findings.filter(({ fix }) => fix !== undefined).length;
  return `${counts.join(', ')}.${fixable === 0 ? '' : ` --fix mends ${fixable} of them.`}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `{"loads","lenient","serverMessage","findings"}`; each finding with `fixable`. */
export function lintJson(report: LintReport, more: Record<string, unknown> = {}): string {
  return `${JSON.stringify({ ...reportJson(report), ...more }, null, 2)}\n`;
}

/** Several files: `{"files":[{"file","loads",…}]}`. */
export function lintFilesJson(files: readonly { file: string; report: LintReport }[]): string {
  return `${JSON.stringify({ files: files.map(({ file, report }) => ({ file, ...reportJson(report) })) }, null, 2)}\n`;
}

function reportJson({ loads, lenient, serverMessage, findings }: LintReport): Record<string, unknown> {
  const shown = findings.map(({ code, severity, title, detail, place, remedy, fix }) => {
    const finding: Finding = { code, severity, title, detail, place, remedy };
    return { ...finding, fixable: fix !== undefined };
  });
  return { loads, lenient, serverMessage, findings: shown };
}
