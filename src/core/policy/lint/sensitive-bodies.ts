/**
 * Bodies with secrets in them that get into the log: Secrets, ConfigMaps, tokens under review, fresh tokens. Which rule
 * lets them in is asked of the policy itself, so wildcards and catch-alls are found, and earlier rules are heeded.
 */
import type { Severity } from '../../finding';
import type { Decision, ResourceRequest } from '../types';
import { levelRank } from '../types';
import type { LintContext, LintFinding, LintRule } from './context';
import { finding, ruleList } from './context';
import { thinningFor } from './reach';
import { insertRule } from './rewrite';
import { ANY_ACCOUNT, OTHER, people } from './world';

export const sensitiveBodies: LintRule = {
  code: 'sensitive-bodies',
  purpose: 'Secrets, ConfigMaps and tokens whose contents get into the log',
  check(context) {
    const leaks = SENSITIVE.flatMap((kind) => leaksOf(context, kind));
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

function leaksOf(context: LintContext, kind: Sensitive): Leak[] {
  const leaks = new Map<number, Leak>();
  for (const request of requestsFor(context, kind)) {
    const { level, rule, omitStages } = context.decide(request);
    // Bodies are only written with the answer.
    if (rule === null || omitStages.includes('ResponseComplete')) continue;
    const verbs =
      level === 'Request' ? kind.requests : level === 'RequestResponse' ? [...kind.requests, ...kind.responses] : [];
    if (verbs.includes(request.verb) && !leaks.has(rule)) leaks.set(rule, { kind, rule, level, request });
  }
  return [...leaks.values()];
}

function* requestsFor({ policy }: LintContext, kind: Sensitive): Generator<ResourceRequest> {
  const { group, resource, subresource } = kind;
  const { rules } = policy;
  const thin = thinningFor(rules);
  const namespaces = thin.namespaces([
    OTHER,
    ...rules.flatMap((rule) => rule.namespaces.filter((name) => name !== '')),
  ]);
  const names = thin.names([OTHER, ...rules.flatMap((rule) => rule.resources.flatMap((entry) => entry.resourceNames))]);
  for (const who of thin.whos(people(rules))) {
    for (const verb of new Set([...kind.requests, ...kind.responses])) {
      const nameless = subresource === '' && ['create', 'list', 'deletecollection'].includes(verb);
      for (const namespace of verb === 'list' ? [...namespaces, ''] : namespaces) {
        for (const name of nameless ? [''] : names) {
          yield { ...who, verb, apiGroup: group, apiVersion: 'v1', resource, subresource, name, namespace };
        }
      }
    }
  }
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
  const who = user === OTHER ? 'anybody' : user === ANY_ACCOUNT.user ? 'any service account' : (user ?? 'nobody');
  return `${verb} ${what} ${where} by ${who}`;
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}
