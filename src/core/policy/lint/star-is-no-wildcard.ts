/** A star where it is compared like any other letter: in verbs, users, groups, namespaces, and inside resource names. */
import type { LintContext, LintFinding, LintRule } from './context';
import { finding } from './context';
import { removeKey, replaceScalar } from './rewrite';

export const starIsNoWildcard: LintRule = {
  code: 'star-is-no-wildcard',
  purpose: '* where the server compares it literally',
  check(context) {
    return context.policy.rules.flatMap((rule, index) => [
      ...FIELDS.flatMap((field) => rule[field].flatMap((value, at) => checkValue(context, index, field, value, at))),
      ...rule.resources.flatMap((entry, entryIndex) =>
        entry.resources.flatMap((value, at) =>
          checkResource(context, ['rules', index, 'resources', entryIndex, 'resources', at], value),
        ),
      ),
    ]);
  },
};

const FIELDS = ['verbs', 'users', 'userGroups', 'namespaces'] as const;

const INSTEAD: Record<(typeof FIELDS)[number], string> = {
  verbs: 'Leave verbs out: a rule without them matches every verb.',
  users:
    'Leave users out to match everybody, or name a group: system:authenticated, system:nodes, system:serviceaccounts.',
  userGroups: 'Leave userGroups out to match everybody; system:authenticated is everybody who logged in.',
  namespaces: 'Leave namespaces out to match all; "" stands for requests without a namespace.',
};

function checkValue(
  context: LintContext,
  index: number,
  field: (typeof FIELDS)[number],
  value: string,
  at: number,
): LintFinding[] {
  if (!value.includes('*')) return [];
  const alone = context.policy.rules[index]?.[field].length === 1;
  // Without users or namespaces a rule of level None would drop far more than was meant: only verbs are certain.
  const removal =
    field === 'verbs' && value === '*' && alone ? removeKey(context.document, ['rules', index, field]) : undefined;
  return [
    finding(context, ['rules', index, field, at], {
      code: 'star-is-no-wildcard',
      severity: 'error',
      title: `* is no wildcard in ${field}: it only matches ${NOUN[field]} "${value}"`,
      detail: alone ? `Rule ${index + 1} therefore never matches.` : `In rule ${index + 1} it has no effect.`,
      remedy: [INSTEAD[field]],
      ...(removal === undefined ? {} : { fix: [removal] }),
    }),
  ];
}

const NOUN: Record<(typeof FIELDS)[number], string> = {
  verbs: 'the verb',
  users: 'a user named',
  userGroups: 'a group named',
  namespaces: 'a namespace named',
};

function checkResource(context: LintContext, path: readonly (string | number)[], value: string): LintFinding[] {
  if (!value.includes('*') || value === '*' || /^\*\/[^*]+$/.test(value) || /^[^*]+\/\*$/.test(value)) return [];
  const span = context.document.valueAt(path);
  const whole = value === '*/*';
  return [
    finding(context, path, {
      code: 'star-is-no-wildcard',
      severity: 'error',
      title: `${value} matches no resource: * only stands for a whole resource or a whole subresource`,
      detail: 'What works: * (everything), pods/* (pods and all their subresources), */log (that subresource of all).',
      remedy: [whole ? 'Write "*": it includes the subresources.' : 'Name the resources one by one.'],
      ...(whole && span !== undefined ? { fix: [replaceScalar(context.document, span, '*')] } : {}),
    }),
  ];
}
