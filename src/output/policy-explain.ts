/** Which rule decides over a request, or over those of a kubectl command, and why the rules before it did not. */
import type { ExplainedKubectl, ExplainedRequest } from '../change/policy';
import type { AuditRequest, Decision, Level } from '../core/policy/types';
import { isNonResource } from '../core/policy/types';
import type { Style } from './style';
import { table } from './style';

export function explainText({ request, explanation }: ExplainedRequest, style: Style): string {
  const { decision, skipped } = explanation;
  const lines = [`${style.bold(requestText(request))}: ${decisionText(decision, style)}`];
  for (const { rule, text } of skipped) lines.push(style.dim(`  rule ${rule} does not match: ${text}`));
  lines.push(decision.rule === null ? '  no rule matches it' : style.bold(`  rule ${decision.rule} decides`));
  return `${lines.join('\n')}\n`;
}

export function explainJson({ request, explanation }: ExplainedRequest): string {
  return `${JSON.stringify({ request, ...explanation.decision, skipped: explanation.skipped }, null, 2)}\n`;
}

export function kubectlText({ requests, notes }: ExplainedKubectl, style: Style): string {
  const rows = requests.map(({ method, path, why, when, discovery, explanation: { decision } }) => [
    paint(decision.level, style),
    decision.rule === null ? 'no rule' : `rule ${decision.rule}`,
    discovery === true ? style.dim(`${method} ${path}`) : `${method} ${path}`,
    style.dim(when === undefined ? why : `${why}, ${when}`),
  ]);
  return `${[table(rows), ...notes.map((note) => `  ${style.cyan('\u2013')} ${note}`)].join('\n')}\n`;
}

export function kubectlJson({ requests, notes }: ExplainedKubectl): string {
  const shown = requests.map(({ method, path, why, when, discovery, request, explanation }) => ({
    method,
    path,
    why,
    when: when ?? null,
    discovery: discovery ?? false,
    request,
    ...explanation.decision,
  }));
  return `${JSON.stringify({ requests: shown, notes }, null, 2)}\n`;
}

function requestText(request: AuditRequest): string {
  const who = request.user === null ? 'by nobody (failed login)' : `by ${request.user}`;
  if (isNonResource(request)) return `${request.verb} ${request.path} ${who}`;
  const { verb, apiGroup, resource, subresource, name, namespace } = request;
  const what = `${resource}${subresource === '' ? '' : `/${subresource}`}${apiGroup === '' ? '' : `.${apiGroup}`}`;
  return [verb, what, name, namespace === '' ? '' : `in ${namespace}`, who].filter((part) => part !== '').join(' ');
}

function decisionText({ level, omitStages, omitManagedFields }: Decision, style: Style): string {
  if (level === 'None') return `${paint(level, style)}, it is not logged`;
  const parts = [paint(level, style)];
  if (omitStages.length > 0) parts.push(`without the stages ${omitStages.join(', ')}`);
  if (omitManagedFields) parts.push('without managed fields');
  return parts.join(', ');
}

export function paint(level: Level, style: Style): string {
  const colours = { None: style.dim, Metadata: style.green, Request: style.yellow, RequestResponse: style.magenta };
  return colours[level](level);
}
