/** Words for what keeps the server from taking a policy as it stands: what is wrong, and what to type instead. */
import type { Severity } from '../finding';
import type { LoadFinding, LoadProblem, PolicyDocument } from './load';
import { closest, meantField } from './spelling';
import { LEVELS, STAGES } from './types';

export function problemFinding(problem: LoadProblem, severity: Severity, document: PolicyDocument): LoadFinding {
  const { title, remedy } = words(problem, document);
  const place = document.placeOf(problem.span);
  return { code: problem.code, severity, title, detail: problem.text, place, remedy, source: problem };
}

const HEADER = ['apiVersion: audit.k8s.io/v1', 'kind: Policy'];

function words(problem: LoadProblem, document: PolicyDocument): { title: string; remedy: string[] } {
  const { code, key = '', path = [] } = problem;
  const given = document.text.slice(problem.span.start, problem.span.end).replace(/^["']|["']$/g, '');
  switch (code) {
    case 'syntax-error':
      return { title: 'The file cannot be parsed', remedy: syntaxRemedy(problem, document) };
    case 'wrong-type':
      return { title: 'A value has the wrong type', remedy: typeRemedy(problem) };
    case 'unknown-field': {
      const meant = meantField(path, key);
      return {
        title: `Unknown field ${key}: the API server ignores it with a warning`,
        remedy: meant === undefined ? [`Remove ${key}.`] : [`Write ${meant} instead of ${key}.`],
      };
    }
    case 'duplicate-field':
      return {
        title: `${key} stands twice in one mapping: only the last one counts`,
        remedy: [`Keep one ${key}, with the values of both.`],
      };
    case 'missing-api-version':
      return {
        title: 'The file does not say that it is an audit policy',
        remedy: [`begin the file with:\n${HEADER.join('\n')}`],
      };
    case 'wrong-api-version':
      return {
        title: 'This apiVersion is none that the API server knows for a policy',
        remedy: HEADER.slice(0, 1),
      };
    case 'wrong-kind':
      return { title: 'This kind is no audit policy', remedy: ['kind: Policy'] };
    case 'no-rules':
      return { title: 'The policy has no rules', remedy: ['rules:\n  - level: Metadata'] };
    case 'missing-level':
      return { title: 'The rule has no level', remedy: ['level: Metadata'] };
    case 'unknown-level':
      return {
        title: `There is no level ${given}`,
        remedy: [`level: ${closest(given, LEVELS) ?? LEVELS.join(' | ')}`],
      };
    case 'unknown-stage':
      return {
        title: `There is no stage ${given}`,
        remedy: [closest(given, STAGES) ?? `Stages: ${STAGES.join(', ')}.`],
      };
    case 'invalid-url':
      return {
        title: `${given} is not what a URL rule can be`,
        remedy: ['A URL begins with / and may end with one *, or is * alone: /healthz*'],
      };
    case 'urls-with-resources':
      return {
        title: 'A rule is for resources or for URLs, never for both',
        remedy: ['Make two rules of it: one with resources and namespaces, one with nonResourceURLs.'],
      };
    case 'invalid-group':
      return { title: `${given} is no API group`, remedy: groupRemedy(given) };
    case 'names-without-resources':
      return {
        title: 'resourceNames needs the resources whose names they are',
        remedy: ['Add resources: [...] beside resourceNames.'],
      };
    default:
      return { title: problem.text, remedy: [] };
  }
}

function syntaxRemedy({ text }: LoadProblem, document: PolicyDocument): string[] {
  if (/tab character/.test(text) || (/cannot start any token/.test(text) && document.text.includes('\t'))) {
    return ['Indent with spaces: YAML allows no tabs there.'];
  }
  if (/alphabetic or numeric/.test(text)) return ["Quote the star: '*'"];
  if (/cannot start any token/.test(text)) return ['Quote the value: it begins with a character that YAML reserves.'];
  if (/mapping values are not allowed/.test(text))
    return ['Check the indentation, and quote values that contain ": ".'];
  return ['Compare the indentation and the brackets with the lines before.'];
}

function typeRemedy({ text }: LoadProblem): string[] {
  if (/into Go .* of type \[\]/.test(text)) return ['Write a list: [a, b]'];
  if (/(number|bool) into Go .* of type (string|v1\.)/.test(text)) return ['Put the value in quotes.'];
  if (/of type bool$/.test(text)) return ['Write true or false, without quotes.'];
  return [];
}

function groupRemedy(group: string): string[] {
  if (group === '*') return ['Name each group, or leave resources out: "*" is a group from Kubernetes 1.36 on.'];
  const [bare = ''] = group.split('/');
  if (group === 'core' || group === 'v1') return ['group: ""'];
  return group.includes('/') ? [`group: ${bare === 'core' ? '""' : bare}`] : [`group: ${group.toLowerCase()}`];
}
