/** Every request twice in the log: once when it arrives, once when it has been answered. */
import type { LintRule } from './context';
import { finding, ruleList } from './context';
import { insertTopLine } from './rewrite';

export const doubledRequests: LintRule = {
  code: 'doubled-requests',
  purpose: 'the stage RequestReceived, which logs every request twice',
  check(context) {
    const { policy, document } = context;
    if (policy.omitStages.includes('RequestReceived')) return [];
    const rules = policy.rules.flatMap((rule, index) =>
      rule.level === 'None' || rule.omitStages.includes('RequestReceived') ? [] : [index + 1],
    );
    if (rules.length === 0) return [];
    const present = document.valueAt(['omitStages']) !== undefined;
    const edit = present ? undefined : insertTopLine(document, 'rules', 'omitStages: [RequestReceived]');
    return [
      finding(context, present ? ['omitStages'] : ['rules'], {
        code: 'doubled-requests',
        severity: 'info',
        title: `What ${ruleList(rules)} ${rules.length === 1 ? 'matches' : 'match'} is logged twice: when it arrives and when it is answered`,
        detail: 'The event of the stage RequestReceived has nothing that the one of ResponseComplete has not.',
        remedy: ['omitStages: [RequestReceived]'],
        ...(edit === undefined ? {} : { fix: [edit] }),
      }),
    ];
  },
};
