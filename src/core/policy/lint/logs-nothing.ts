/** A policy that loads, passes every check of flags, and leaves the log empty. */
import type { LintContext, LintFinding, LintRule } from './context';
import { finding, ruleList } from './context';
import { reachOf } from './reach';

export const logsNothing: LintRule = {
  code: 'logs-nothing',
  purpose: 'a policy, or a rule, from which nothing reaches the log',
  check(context) {
    const { rules } = context.policy;
    const silent = rules.map((_, index) => isSilent(context, index));
    const logging = rules.flatMap((rule, index) =>
      silent[index] === true || reachOf(context, rule, index).left === 'none' ? [] : [index],
    );
    if (logging.length > 0) return rules.flatMap((_, index) => checkStages(context, index));
    const first = rules.findIndex((rule) => rule.level === 'None');
    return [
      finding(context, ['rules', Math.max(first, 0)], {
        code: 'logs-nothing',
        severity: 'error',
        title: LOGS_NOTHING,
        detail: rules.every((rule) => rule.level === 'None')
          ? 'Every rule has level None. The audit flags are set, scanners are content, and the log stays empty.'
          : 'No rule that would log is ever reached, or every stage is omitted.',
        remedy: ['end the policy with a rule that logs:\n- level: Metadata'],
      }),
    ];
  },
};

export const LOGS_NOTHING = 'This policy logs nothing at all';

/** Level None, or no stage left that ordinary requests have. */
function isSilent(context: LintContext, index: number): boolean {
  const { rules } = context.policy;
  return rules[index]?.level === 'None' || omitsAll(context, index);
}

function omitsAll({ policy }: LintContext, index: number): boolean {
  const omitted = new Set([...policy.omitStages, ...(policy.rules[index]?.omitStages ?? [])]);
  return omitted.has('RequestReceived') && omitted.has('ResponseComplete');
}

function checkStages(context: LintContext, index: number): LintFinding[] {
  const rule = context.policy.rules[index];
  if (rule === undefined || rule.level === 'None' || !omitsAll(context, index)) return [];
  const path = rule.omitStages.length > 0 ? ['rules', index, 'omitStages'] : ['omitStages'];
  return [
    finding(context, path, {
      code: 'logs-nothing',
      severity: 'error',
      title: `What ${ruleList([index + 1])} matches is not logged, whatever its level: its stages are omitted`,
      detail: 'RequestReceived and ResponseComplete are the only stages that an ordinary request has.',
      remedy: ['omitStages: [RequestReceived]'],
    }),
  ];
}
