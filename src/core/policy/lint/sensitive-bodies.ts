/**
 * Bodies with secrets in them that get into the log: Secrets, ConfigMaps, tokens under review, fresh tokens. Which rule
 * lets them in is asked of the policy itself, so wildcards and catch-alls are found, and earlier rules are heeded.
 */
import type { Severity } from '../../finding';
import type { Decision, ResourceRequest, Rule } from '../types';
import { isNonResource, levelRank } from '../types';
import type { LintContext, LintFinding, LintRule } from './context';
import { finding, ruleList } from './context';
import { isAbout, reachedBy } from './reach';
import { insertRule } from './rewrite';
import { EVERYTHING, OTHER } from './world';

export const sensitiveBodies: LintRule = {
  code: 'sensitive-bodies',
  purpose: 'Secrets, ConfigMaps and tokens whose contents get into the log',
  check(context) {
    const leaks = context.policy.rules.flatMap((_, index) => SENSITIVE.flatMap((kind) => leakOf(context, index, kind)));
    const rules = [...new Set(leaks.map((leak) => leak.rule))].sort((a, b) => a - b);
    return rules.flatMap((rule) =>
      reportRule(
        context,
        rule,
        leaks.filter((leak) => leak.rule === rule),
      ),
    );
  },
};

interface Sensitive {
  group: string;
  resource: string;
  subresource: string;
  what: string;
  /** Verbs whose request body has the contents (from level Request), and those whose response has (RequestResponse). */
  requests: readonly string[];
  responses: readonly string[];
}

const OBJECT = {
  requests: ['create', 'update', 'patch'],
  responses: ['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection'],
};

const SENSITIVE: readonly Sensitive[] = [
  { group: '', resource: 'secrets', subresource: '', what: 'Secrets', ...OBJECT },
  { group: '', resource: 'configmaps', subresource: '', what: 'ConfigMaps', ...OBJECT },
  {
    group: 'authentication.k8s.io',
    resource: 'tokenreviews',
    subresource: '',
    what: 'TokenReviews',
    requests: ['create'],
    responses: ['create'],
  },
  {
    group: '',
    resource: 'serviceaccounts',
    subresource: 'token',
    what: 'service account tokens',
    requests: [],
    responses: ['create'],
  },
];

interface Leak {
  kind: Sensitive;
  /** From 1. */
  rule: number;
  level: Decision['level'];
  request: ResourceRequest;
}

/** Whether the rule at `index` writes the contents, of whom its earlier rules leave to it. */
function leakOf(context: LintContext, index: number, kind: Sensitive): Leak[] {
  const rule = context.policy.rules[index];
  const part = rule === undefined ? undefined : narrow(rule, kind);
  if (rule === undefined || part === undefined) return [];
  const request = reachedBy(context, part, index);
  if (request === undefined || isNonResource(request)) return [];
  // Bodies are only written with the answer.
  if (context.decide(request).omitStages.includes('ResponseComplete')) return [];
  return [{ kind, rule: index + 1, level: rule.level, request }];
}

/** The part of a rule that is about such objects, and about verbs whose bodies it writes. */
function narrow(rule: Rule, kind: Sensitive): Rule | undefined {
  const { group, resource, subresource } = kind;
  const leaking =
    rule.level === 'Request'
      ? kind.requests
      : rule.level === 'RequestResponse'
        ? [...new Set([...kind.requests, ...kind.responses])]
        : [];
  const verbs = rule.verbs.length === 0 ? leaking : leaking.filter((verb) => rule.verbs.includes(verb));
  const name = subresource === '' ? resource : `${resource}/${subresource}`;
  const entries = rule.resources.length === 0 ? [EVERYTHING] : rule.resources;
  const resources = entries
    .filter((entry) => isAbout(entry, kind))
    .map(({ resourceNames }) => ({ group, resources: [name], resourceNames }));
  if (verbs.length === 0 || resources.length === 0 || rule.nonResourceURLs.length > 0) return undefined;
  return { ...rule, verbs, resources };
}

function reportRule(context: LintContext, rule: number, leaks: readonly Leak[]): LintFinding[] {
  const worst = leaks.filter((leak) => leak.kind.resource !== 'configmaps');
  const configMaps = leaks.filter((leak) => leak.kind.resource === 'configmaps');
  const named = context.policy.rules[rule - 1]?.resources.some((entry) => entry.resources.includes('configmaps'));
  return [
    // One rule that lets both in is one mistake, with one mend.
    ...(worst.length > 0 ? [report(context, rule, leaks, 'error')] : []),
    ...(worst.length === 0 && configMaps.length > 0
      ? [report(context, rule, configMaps, named === true ? 'info' : 'warning')]
      : []),
  ];
}

function report(context: LintContext, rule: number, leaks: readonly Leak[], severity: Severity): LintFinding {
  const lines = metadataRule(leaks.map((leak) => leak.kind));
  const fix = severity === 'info' ? undefined : insertRule(context.document, rule - 1, lines);
  const what = leaks.map((leak) => leak.kind.what);
  const level = leaks.map((leak) => leak.level).sort((a, b) => levelRank(b) - levelRank(a))[0] ?? 'Request';
  const example = leaks[0]?.request;
  return finding(context, ['rules', rule - 1, 'level'], {
    code: 'sensitive-bodies',
    severity,
    title: `Rule ${rule} writes the contents of ${listOf(what)} into the log`,
    detail:
      `At ${level}, for example: ${example === undefined ? '' : sentence(example)}. ` +
      `Whoever can read the log can read them${severity === 'error' ? ', and use them' : ''}.`,
    remedy: [[`put this before ${ruleList([rule])}:`, ...lines].join('\n')],
    ...(fix === undefined ? {} : { fix: [fix] }),
  });
}

function metadataRule(kinds: readonly Sensitive[]): string[] {
  const names = (group: string) =>
    kinds
      .filter((kind) => kind.group === group)
      .map((kind) => [kind.resource, kind.subresource].filter(Boolean).join('/'));
  const groups = [...new Set(kinds.map((kind) => kind.group))];
  return [
    '- level: Metadata',
    '  resources:',
    ...groups.flatMap((group) => [
      `    - group: ${group === '' ? '""' : group}`,
      `      resources: [${names(group).join(', ')}]`,
    ]),
  ];
}

function sentence({ verb, resource, subresource, namespace, user }: ResourceRequest): string {
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === OTHER ? 'in any namespace' : namespace === '' ? 'in all namespaces' : `in ${namespace}`;
  const who = user === OTHER ? 'anybody' : (user ?? 'nobody');
  return `${verb} ${what} ${where} by ${who}`;
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}
