/** How a change ended: for people, and as the JSON document of docs/json.md. Both print the same value. */
import type { UserError } from '../core/errors';
import { unreachable } from '../core/errors';
import { exitCodeOf, type Outcome, type RunFacts } from '../core/outcome';
import { diffText } from './diff';
import { findingText } from './finding';
import { rehearsalJson, rehearsalText } from './rehearsal';
import { indent, seconds, type Style } from './style';

export function outcomeText(command: string, outcome: Outcome, style: Style, show: { diff: boolean }): string {
  const parts: string[] = [];
  // A whole new policy would bury the few lines that the manifest gains.
  const shown = outcome.diffs.filter(({ role }) => show.diff || (outcome.outcome === 'planned' && role === 'manifest'));
  if (shown.length > 0)
    parts.push(
      diffText(
        shown
          .map(({ diff }) => diff)
          .join('')
          .trimEnd(),
        style,
      ),
    );
  // The cause of a failure has been told while it happened only to those who saw stderr.
  parts.push(...outcome.findings.map((finding) => findingText(finding, style)));
  // While a change runs its progress has told of it; a dry run has none.
  if (outcome.outcome === 'planned' && outcome.rehearsal) parts.push(rehearsalText(outcome.rehearsal, style));
  parts.push(summary(command, outcome, style));
  parts.push(...outcome.notes.map((note) => `${style.yellow('!')} ${note}`));
  return `${parts.join('\n')}\n`;
}

function summary(command: string, outcome: Outcome, style: Style): string {
  switch (outcome.outcome) {
    case 'unchanged':
      return style.green('Nothing to do: everything is as it should be, nothing was restarted.');
    case 'refused':
      return style.red('Refused; nothing was written.');
    case 'planned':
      return [
        style.bold('Planned; nothing was written:'),
        ...outcome.changes.map((change) => `  ${change}`),
        `To do it: kube-auditctl ${command} (without --dry-run)`,
      ].join('\n');
    case 'kept':
      return [
        `${style.green(style.bold('Done.'))} ${times(outcome)}`,
        ...outcome.changes.map((change) => `  ${change}`),
        `  ${proofLine(outcome)}`,
        `  to go back: kube-auditctl rollback`,
      ].join('\n');
    case 'rolled-back':
      return [
        style.bold('Rolled back: the old manifest is in place, and the old server was seen healthy.'),
        findingText(outcome.cause, style),
        `  ${times(outcome)}`,
        ...(outcome.evidencePath ? [`  evidence: ${outcome.evidencePath}`] : []),
      ].join('\n');
    case 'needs-a-person':
      return [
        style.red(style.bold('This needs you.')),
        findingText(outcome.what, style),
        ...(outcome.cause === outcome.what
          ? []
          : [`what started it:`, indent(findingText(outcome.cause, style), '  ')]),
        `  record: ${outcome.recordPath}`,
        ...(outcome.evidencePath ? [`  evidence: ${outcome.evidencePath}`] : []),
      ].join('\n');
    default:
      return unreachable(outcome);
  }
}

function times(outcome: RunFacts): string {
  return outcome.apiAwayMs > 0
    ? `The API was away for ${seconds(outcome.apiAwayMs)}; all in all it took ${seconds(outcome.totalMs)}.`
    : `The API was never away; all in all it took ${seconds(outcome.totalMs)}.`;
}

function proofLine(outcome: Extract<Outcome, { outcome: 'kept' }>): string {
  const { proof } = outcome;
  const secret = proof.secret?.state === 'metadata-only' ? '; the value of a (dry-run) Secret was not' : '';
  switch (proof.state) {
    case 'proven':
      return `proven: ${proof.summary}${secret}`;
    case 'skipped':
      return proof.summary;
    case 'not-possible':
    case 'failed':
      return `not proven: ${proof.summary}`;
    default:
      return unreachable(proof.state);
  }
}

/** The document of docs/json.md. Times in seconds, rounded to milliseconds. */
export function outcomeJson(command: string, outcome: Outcome): Record<string, unknown> {
  const base = {
    command,
    outcome: outcome.outcome,
    changed: outcome.outcome === 'kept' || outcome.outcome === 'needs-a-person',
    exitCode: exitCodeOf(outcome),
    manifest: outcome.manifestPath,
    changes: outcome.changes,
    diff: outcome.diffs.map(({ diff }) => diff).join(''),
    findings: outcome.findings,
    notes: outcome.notes,
    ...(outcome.rehearsal ? { rehearsal: rehearsalJson(outcome.rehearsal) } : {}),
  };
  switch (outcome.outcome) {
    case 'unchanged':
    case 'refused':
      return base;
    case 'planned':
      return { ...base, wouldChange: true };
    case 'kept':
      return {
        ...base,
        ...runJson(outcome),
        proof: outcome.proof,
        mirrorPod: outcome.mirrorPod,
        cause: null,
        hints: [],
      };
    case 'rolled-back':
      return {
        ...base,
        ...runJson(outcome),
        cause: outcome.cause,
        hints: outcome.cause.remedy,
        ...(outcome.proof ? { proof: outcome.proof } : {}),
        evidence: outcome.evidencePath ?? null,
      };
    case 'needs-a-person':
      return {
        ...base,
        ...runJson(outcome),
        cause: outcome.cause,
        problem: outcome.what,
        hints: outcome.what.remedy,
        evidence: outcome.evidencePath ?? null,
      };
    default:
      return unreachable(outcome);
  }
}

function runJson(outcome: RunFacts): Record<string, unknown> {
  return {
    changeId: outcome.changeId,
    record: outcome.recordPath,
    stages: outcome.stages.map(({ stage, afterMs }) => ({ stage, seconds: round(afterMs) })),
    apiAwaySeconds: round(outcome.apiAwayMs),
    totalSeconds: round(outcome.totalMs),
    ...(outcome.handOver ? { handOver: outcome.handOver } : {}),
  };
}

function round(ms: number): number {
  return Math.round(ms) / 1000;
}

/** What -o json prints when a command could not ask. */
export function errorJson(command: string, error: UserError): Record<string, unknown> {
  return {
    command,
    outcome: 'error',
    changed: false,
    exitCode: 2,
    error: { code: error.code, message: error.message, place: error.place ?? null, hints: error.hints },
  };
}
