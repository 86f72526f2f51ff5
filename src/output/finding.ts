/** Findings and errors for people: what, where with the line and a caret, the evidence, and what to do. */
import type { UserError } from '../core/errors';
import { type Place } from '../core/errors';
import type { Finding } from '../core/finding';
import { indent, type Style } from './style';

const MARK = { error: '\u2717', warning: '!', info: '\u2013' };

export function findingText(finding: Finding, style: Style): string {
  const paint = { error: style.red, warning: style.yellow, info: style.cyan }[finding.severity];
  const lines = [`${paint(MARK[finding.severity])} ${style.bold(finding.title)} ${style.dim(`[${finding.code}]`)}`];
  if (finding.place) lines.push(indent(placeText(finding.place, style), '    '));
  if (finding.detail) lines.push(indent(style.dim(finding.detail), '    '));
  lines.push(...remedyLines(finding.remedy, style));
  return lines.join('\n');
}

/** `FILE:LINE:COLUMN`, the line, and a caret below it. */
export function placeText(place: Place, style: Style): string {
  const where = `${place.file ?? ''}:${place.line}:${place.column}`.replace(/^:/, 'line ');
  if (place.lineText === undefined) return where;
  const shown = place.lineText.replace(/\t/g, ' ');
  const caret = ' '.repeat(Math.max(0, place.column - 1)) + '^'.repeat(place.length ?? 1);
  const gutter = `${place.line} | `;
  return `${where}\n${style.dim(gutter)}${shown}\n${' '.repeat(gutter.length)}${style.red(caret)}`;
}

export function remedyLines(remedy: readonly string[], style: Style): string[] {
  return remedy.map((line) => indent(line, '      ').replace(/^ {6}/, `    ${style.green('\u2192')} `));
}

export function errorText(error: UserError, style: Style): string {
  return findingText(
    {
      code: error.code,
      severity: 'error',
      title: error.message,
      ...(error.place ? { place: error.place } : {}),
      remedy: error.hints,
    },
    style,
  );
}

/** Anything that is no UserError is a bug of ours, and says so. */
export function bugText(error: unknown, version: string, style: Style): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    style.red(`kube-auditctl ${version} has a bug: this should not have happened.`),
    indent(stack, '    '),
    'Please report it with the lines above, the command you typed, and the versions of Node.js and Kubernetes.',
  ].join('\n');
}
