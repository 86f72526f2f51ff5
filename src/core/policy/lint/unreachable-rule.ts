/**
 * A rule that can never decide, because the rules before it take everything it matches: one of them, or several
 * together. Found by asking the rules themselves about the requests that stand for all that the rule matches.
 */
import { levelRank } from '../types';
import type { Rule } from '../types';
import type { LintContext, LintFinding, LintRule } from './context';
import { finding, ruleList } from './context';
import type { Reach } from './reach';
import { reachOf } from './reach';

export const unreachableRule: LintRule = {
  code: 'unreachable-rule',
  purpose: 'a rule, or a resource in it, that earlier rules leave nothing to',
  check(context) {
    return context.policy.rules.flatMap((rule, index) => checkRule(context, rule, index));
  },
};

function checkRule(context: LintContext, rule: Rule, index: number): LintFinding[] {
  const whole = reachOf(context, rule, index);
  if (!whole.any) return [];
  if (whole.left === 'none') return [unreachable(context, rule, index, [...whole.takers])];
  if (whole.left === 'no-login' && !namesUnauthenticated(rule)) return [onlyWithoutLogin(context, index, whole)];
  return rule.resources.flatMap((entry, entryIndex) =>
    entry.resources.flatMap((resource, resourceIndex): LintFinding[] => {
      const alone = { ...rule, resources: [{ ...entry, resources: [resource] }] };
      const reach = reachOf(context, alone, index);
      if (!reach.any || reach.left !== 'none') return [];
      return [unreachableResource(context, [index, entryIndex, resourceIndex], resource, [...reach.takers])];
    }),
  );
}

function namesUnauthenticated(rule: Rule): boolean {
  return rule.users.includes('system:anonymous') || rule.userGroups.includes('system:unauthenticated');
}

function unreachable(context: LintContext, rule: Rule, index: number, takers: readonly number[]): LintFinding {
  const { rules } = context.policy;
  const effect = (one: Rule | undefined) =>
    JSON.stringify([one?.level, [...(one?.omitStages ?? [])].sort(), one?.omitManagedFields]);
  const same = takers.every((taker) => effect(rules[taker]) === effect(rule));
  const names = ruleList(takers.map((taker) => taker + 1));
  const verb = takers.length === 1 ? 'takes' : 'together take';
  return finding(context, ['rules', index], {
    code: 'unreachable-rule',
    severity: same ? 'warning' : 'error',
    title: `Rule ${index + 1} can never decide: ${names} ${verb} everything it matches`,
    detail: same
      ? `The first rule that matches decides, and ${names} would do the same: rule ${index + 1} has no effect.`
      : `The first rule that matches decides. What rule ${index + 1} is for is handled at ${levelsOf(rules, takers)}, not at ${rule.level}.`,
    remedy: same
      ? [`Remove rule ${index + 1}.`]
      : [`Move rule ${index + 1} up, before rule ${Math.min(...takers) + 1}, or narrow ${names}.`],
  });
}

function levelsOf(rules: readonly Rule[], indexes: readonly number[]): string {
  const levels = [...new Set(indexes.map((index) => rules[index]?.level ?? 'None'))];
  return levels.sort((a, b) => levelRank(a) - levelRank(b)).join(' or ');
}

function onlyWithoutLogin(context: LintContext, index: number, reach: Reach): LintFinding {
  const names = ruleList([...reach.takers].map((taker) => taker + 1));
  return finding(context, ['rules', index], {
    code: 'unreachable-rule',
    severity: 'warning',
    title: `Rule ${index + 1} only ever decides over requests without a login: ${names} take${reach.takers.size === 1 ? 's' : ''} all others`,
    detail:
      'Every authenticated user is in the group system:authenticated; service accounts and nodes have theirs besides.',
    remedy: [`Move rule ${index + 1} up, before rule ${Math.min(...reach.takers) + 1}.`],
  });
}

function unreachableResource(
  context: LintContext,
  [index, entry, position]: readonly [number, number, number],
  resource: string,
  takers: readonly number[],
): LintFinding {
  const names = ruleList(takers.map((taker) => taker + 1));
  return finding(context, ['rules', index, 'resources', entry, 'resources', position], {
    code: 'unreachable-rule',
    severity: 'warning',
    title: `${resource} in rule ${index + 1} has no effect: ${names} ${takers.length === 1 ? 'takes' : 'together take'} all its requests`,
    detail: `The first rule that matches decides: ${resource} is handled at ${levelsOf(context.policy.rules, takers)}.`,
    remedy: [`Remove ${resource} here, or move the rule up, before rule ${Math.min(...takers) + 1}.`],
  });
}
