/**
 * What keeps the server from taking the file as it stands, with the mend where it is certain, and with what the server
 * makes of a rule whose misspelt field it drops.
 */
import type { Edit } from '../edit';
import { lineBreakOf } from '../edit';
import type { LoadProblem, LoadedPolicy, PolicyDocument } from '../load';
import { closest, meantField } from '../spelling';
import { LEVELS, STAGES } from '../types';
import type { LintFinding } from './context';
import { replaceScalar } from './rewrite';

export function loadProblems(loaded: LoadedPolicy): LintFinding[] {
  return loaded.problems.map((problem) => {
    const { source, ...found } = problem;
    const fix = fixOf(source, loaded.document);
    const effect = source.code === 'unknown-field' ? effectOf(source, loaded) : undefined;
    return {
      ...found,
      ...(effect === undefined ? {} : { detail: `${found.detail ?? ''}\n${effect}` }),
      ...(loaded.loads || DROPPED.has(source.code) ? {} : { blocksLoading: true }),
      ...(fix === undefined ? {} : { fix: [fix] }),
    };
  });
}

/** The server starts without them. */
const DROPPED = new Set(['unknown-field', 'duplicate-field']);

/** What is left of a rule without the field. */
function effectOf({ path = [], key = '' }: LoadProblem, { policy, meant }: LoadedPolicy): string | undefined {
  const [rules, index] = path;
  if (rules !== 'rules' || typeof index !== 'number') return undefined;
  const rule = (policy ?? meant)?.rules[index];
  if (rule === undefined) return undefined;
  const conditions = (['users', 'userGroups', 'verbs', 'namespaces', 'resources', 'nonResourceURLs'] as const).filter(
    (field) => rule[field].length > 0,
  );
  const left = conditions.length === 0 ? 'every request' : `whatever fits its ${conditions.join(', ')}`;
  const result = rule.level === 'None' ? 'drops it' : `logs it at ${rule.level}`;
  return `Without ${key}, rule ${index + 1} matches ${left}, and ${result}.`;
}

function fixOf(problem: LoadProblem, document: PolicyDocument): Edit | undefined {
  const { code, span, path = [], key = '' } = problem;
  const value = document.valueAt(path);
  const text = value?.kind === 'string' ? value.value : '';
  const replace = (meant: string | undefined) =>
    meant === undefined || meant === text ? undefined : replaceScalar(document, span, meant);
  switch (code) {
    case 'unknown-field':
      return renameField(document, path, key, span);
    case 'unknown-level':
      return replace(closest(text, LEVELS));
    case 'unknown-stage':
      return replace(closest(text, STAGES));
    case 'invalid-group':
      return replace(groupWithoutVersion(text));
    case 'invalid-url':
      return replace(mendedUrl(text));
    case 'wrong-api-version':
      return /^(audit\.k8s\.io(\/.*)?|v1|v1beta1)$/i.test(textOf(document, span))
        ? replaceScalar(document, span, 'audit.k8s.io/v1')
        : undefined;
    case 'wrong-kind':
      return /^(audit)?polic(y|ies)$/i.test(textOf(document, span))
        ? replaceScalar(document, span, 'Policy')
        : undefined;
    case 'missing-api-version':
      return addHeader(document);
    default:
      return undefined;
  }
}

function renameField(
  document: PolicyDocument,
  path: readonly (string | number)[],
  key: string,
  span: { start: number; end: number },
): Edit | undefined {
  const meant = meantField(path, key);
  const parent = document.valueAt(path.slice(0, -1));
  if (meant === undefined || parent?.kind !== 'object') return undefined;
  if (parent.members.some((member) => member.key === meant)) return undefined;
  const value = document.valueAt(path);
  const isList = LISTS.has(meant);
  if (value === undefined || (value.kind === 'array') !== isList) {
    // A single value where a list belongs can be put into brackets, if it is a plain word.
    if (!isList || value?.kind !== 'string' || !/^[\w:./-]+$/.test(textOf(document, value))) return undefined;
    const { text } = document;
    const name = replaceScalar(document, span, meant).text;
    const brackets = `[${text.slice(value.start, value.end)}]`;
    return { start: span.start, end: value.end, text: name + text.slice(span.end, value.start) + brackets };
  }
  return replaceScalar(document, span, meant);
}

const LISTS = new Set([
  'rules',
  'users',
  'userGroups',
  'verbs',
  'resources',
  'namespaces',
  'nonResourceURLs',
  'omitStages',
  'resourceNames',
]);

function groupWithoutVersion(group: string): string | undefined {
  const [bare = '', version = ''] = group.split('/');
  if (/^v\d+((alpha|beta)\d+)?$/.test(version)) return bare === 'core' ? '' : bare;
  const lower = group.toLowerCase();
  return /^[a-z0-9.-]+$/.test(lower) ? lower : undefined;
}

function mendedUrl(url: string): string | undefined {
  const mended = (url.startsWith('/') ? url : `/${url}`).replace(/\*+$/, '*');
  return url === '' || mended.slice(0, -1).includes('*') ? undefined : mended;
}

function addHeader(document: PolicyDocument): Edit | undefined {
  const { root, text } = document;
  if (root?.kind !== 'object' || text.charAt(root.start) === '{') return undefined;
  const has = (name: string) => root.members.some((member) => member.key.toLowerCase() === name);
  if (has('apiversion')) return undefined;
  const lineBreak = lineBreakOf(text);
  const lines = ['apiVersion: audit.k8s.io/v1', ...(has('kind') ? [] : ['kind: Policy'])];
  return { start: root.start, end: root.start, text: lines.map((line) => line + lineBreak).join('') };
}

function textOf(document: PolicyDocument, span: { start: number; end: number }): string {
  return document.text.slice(span.start, span.end).replace(/^(["'])(.*)\1$/s, '$2');
}
