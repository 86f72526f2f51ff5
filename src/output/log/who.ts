/** Who did it: a line each, and what the answer is worth. */
import type { WhoAnswer, WhoReport } from '../../change/log-who';
import type { LogFile } from '../../change/log';
import type { Question } from '../../core/auditlog/question';
import { resourceText } from '../../core/auditlog/report';
import { createStyle, type Style } from '../style';
import { fileTotals } from './events';
import { jsonText, safeText } from './text';
import { shortTime } from './time';

export function whoText(report: WhoReport, question: Question, style: Style, utc: boolean): string {
  const done = report.answers.filter(({ succeeded }) => succeeded);
  const tried = report.answers.filter(({ succeeded }) => !succeeded);
  const lines = done.filter(({ direct }) => direct).map((answer) => answerText(answer, style, utc));
  if (lines.length === 0 && done.length > 0)
    lines.push(`${style.bold('nobody')} this one by name, as far as the log tells`);
  const many = done.filter(({ direct }) => !direct);
  lines.push(...many.slice(0, MANY).map((answer) => `one of many: ${answerText(answer, plain, utc)}`));
  if (many.length > MANY) lines.push(`one of many: ${many.length - MANY} more; -o json has them`);
  if (done.length === 0) lines.push(`${style.bold('nobody')}, as far as the log tells`);
  lines.push(...tried.map((answer) => style.yellow(`tried: ${answerText(answer, plain, utc)}`)));
  return `${lines.join('\n')}\n`;
}

const plain = createStyle(false);
/** More are no answer. */
const MANY = 20;

function answerText(answer: WhoAnswer, style: Pick<Style, 'bold'>, utc: boolean): string {
  const { user, as, groups, verb, namespace, name, time, ips, agent, code } = answer;
  const who = user === '' ? 'anonymous (login failed)' : as === null ? user : `${user} as ${as}`;
  const what = resourceText(answer.resource, answer.subresource ?? '', '');
  return [
    style.bold(safeText(who)),
    groups.length === 0 ? '' : `(${safeText(groups.join(', '))})`,
    safeText(`${verb} ${what}${name === null ? '' : ` ${name}`}${namespace === null ? '' : ` in ${namespace}`}`),
    `at ${shortTime(time, utc)}`,
    ips.length === 0 ? '' : `from ${safeText(ips.join(', '))}`,
    agent === '' ? '' : `with ${safeText(agent)}:`,
    code === null ? 'no answer' : String(code),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** What limits the answer, for the talk. */
export function whoNotes(
  report: WhoReport,
  question: Question,
  since: number | undefined,
  style: Style,
  utc: boolean,
): string {
  const notes: string[] = [];
  const { policy, oldest, answers, left } = report;
  const deed = `${question.word} ${question.target.resource}${question.name === undefined ? '' : `/${question.name}`}`;
  if (policy?.logged === 'none') {
    const by = policy.rule === null ? 'no rule matches it' : `rule ${policy.rule} leaves it out`;
    notes.push(`the policy in force does not log this (${safeText(deed)}): ${by}`);
  } else if (policy?.logged === 'some') {
    const by = policy.rule === null ? 'no rule matches' : `rule ${policy.rule}`;
    const { notFor, notIn } = policy;
    const of = [
      ...(notIn.length === 0 ? [] : [`in ${notIn.join(', ')}`]),
      ...(notFor.length === 0 ? [] : [`of ${notFor.join(', ')}`]),
    ].join(', nor ');
    notes.push(`the policy in force does not log this ${safeText(of)} (${by})`);
  }
  if (oldest === null) notes.push('the log is empty');
  if (left > 0)
    notes.push(
      `these are the last ${answers.length}; ${left} before them are left out (log query and log top are for that many)`,
    );
  if (oldest !== null && (answers.length === 0 || (since !== undefined && Date.parse(oldest) * 1000 > since)))
    notes.push(`the log reaches back to ${shortTime(oldest, utc)}; what was before is not in it`);
  return notes.map((note) => `${style.yellow('!')} ${note}\n`).join('');
}

/** @param more that this is a sandbox's log. */
export function whoJson(report: WhoReport, question: Question, files: readonly LogFile[], more: object = {}): string {
  const { target, name, namespace, word } = question;
  const { resource, group, subresource } = target;
  const asked = {
    verb: word,
    resource,
    apiGroup: group ?? null,
    subresource: subresource ?? null,
    name: name ?? null,
    namespace: namespace ?? null,
  };
  const { answers, left, oldest, policy } = report;
  const document = { command: 'log who', exitCode: 0, question: asked, answers, left, oldest, policy };
  return jsonText({ ...document, ...more, ...fileTotals(files) });
}
