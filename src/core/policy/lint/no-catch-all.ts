/** Requests that no rule matches: they are not logged, and nothing says so. */
import type { AuditRequest } from '../types';
import type { LintRule } from './context';
import { finding } from './context';
import { ANYBODY, NOBODY, OTHER, OTHER_GROUP, RESOURCE_VERBS } from './world';

export const noCatchAll: LintRule = {
  code: 'no-catch-all',
  purpose: 'requests that no rule matches, and that are therefore not logged',
  check(context) {
    const unmatched = PROBES.filter(({ request }) => context.decide(request).rule === null);
    if (unmatched.length === 0) return [];
    const last = context.policy.rules.length - 1;
    return [
      finding(context, ['rules', last], {
        code: 'no-catch-all',
        severity: 'warning',
        title: 'No rule catches what the others leave: it is not logged, and nothing says so',
        detail: `Not matched by any rule: ${unmatched.map(({ what }) => what).join('; ')}.`,
        remedy: ['add a last rule:\n- level: Metadata'],
      }),
    ];
  },
};

function object(verb: string): AuditRequest {
  const at = { apiGroup: OTHER_GROUP, apiVersion: 'v1', resource: OTHER, subresource: '', name: '', namespace: OTHER };
  return { ...ANYBODY, verb, ...at };
}

const PROBES: readonly { what: string; request: AuditRequest }[] = [
  ...RESOURCE_VERBS.map((verb) => ({ what: `${verb} of resources that are not listed`, request: object(verb) })),
  { what: 'URL paths that are not listed', request: { ...ANYBODY, verb: 'get', path: `/${OTHER}` } },
  { what: 'failed logins', request: { ...NOBODY, verb: 'get', path: `/${OTHER}` } },
];
