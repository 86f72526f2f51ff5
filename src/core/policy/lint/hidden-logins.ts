/** Failed logins that do not show: they have no user, and no other stage than ResponseStarted. */
import type { LintContext, LintFinding, LintRule } from './context';
import { finding } from './context';
import { ANONYMOUS, NOBODY, OTHER } from './world';

export const hiddenLogins: LintRule = {
  code: 'hidden-logins',
  purpose: 'failed logins that are not logged: the stage ResponseStarted omitted, or a user asked for',
  check(context) {
    return [...checkStage(context), ...checkUsers(context)];
  },
};

const FAILED = {
  ...NOBODY,
  verb: 'get',
  apiGroup: '',
  apiVersion: 'v1',
  resource: 'pods',
  subresource: '',
  name: '',
  namespace: OTHER,
};

function checkStage(context: LintContext): LintFinding[] {
  const { level, rule, omitStages } = context.decide(FAILED);
  if (level === 'None' || rule === null || !omitStages.includes('ResponseStarted')) return [];
  // Everything omitted is another mistake, and said there.
  if (omitStages.includes('ResponseComplete')) return [];
  const own = context.policy.rules[rule - 1]?.omitStages.includes('ResponseStarted') === true;
  return [
    finding(context, own ? ['rules', rule - 1, 'omitStages'] : ['omitStages'], {
      code: 'hidden-logins',
      severity: 'warning',
      title: 'Failed logins are not logged: ResponseStarted is omitted',
      detail:
        'A request whose authentication fails (401) has no other stage. Besides those, ResponseStarted only comes with watches, exec and the like.',
      remedy: ['omitStages: [RequestReceived]'],
    }),
  ];
}

/** A rule for those who are not logged in, which does not see those who failed to log in. */
function checkUsers(context: LintContext): LintFinding[] {
  const failed = context.decide(FAILED);
  const blind = failed.level === 'None';
  return context.policy.rules.flatMap((rule, index): LintFinding[] => {
    if (rule.level === 'None') return [];
    const empty = rule.users.indexOf('');
    if (empty !== -1) {
      return [
        finding(context, ['rules', index, 'users', empty], {
          code: 'hidden-logins',
          severity: 'error',
          title: 'No request has an empty user name: failed logins have no user at all',
          detail: 'A rule with users never matches a request whose authentication failed.',
          remedy: ['Log failed logins with a rule that has neither users nor userGroups.'],
        }),
      ];
    }
    const forAnonymous = rule.users.includes('system:anonymous') || rule.userGroups.includes('system:unauthenticated');
    if (!forAnonymous || !blind || context.decide({ ...FAILED, ...ANONYMOUS }).rule !== index + 1) return [];
    return [
      finding(context, ['rules', index, rule.users.includes('system:anonymous') ? 'users' : 'userGroups'], {
        code: 'hidden-logins',
        severity: 'warning',
        title: `Rule ${index + 1} logs anonymous requests, but failed logins are not logged`,
        detail:
          'When authentication fails, the request has no user and no groups: no rule with users or userGroups matches it, and no other rule logs it.',
        remedy: ['a last rule without users logs them too:\n- level: Metadata'],
      }),
    ];
  });
}
