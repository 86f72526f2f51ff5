/** Ways into containers that are not logged while pods are: exec, attach, portforward and proxy are resources of their own. */
import type { ResourceRequest } from '../types';
import type { LintRule } from './context';
import { finding } from './context';
import { ANYBODY, OTHER } from './world';

export const waysIn: LintRule = {
  code: 'exec-not-logged',
  purpose: 'exec, attach, portforward and proxy not logged although pods are',
  check(context) {
    const { rules } = context.policy;
    const index = rules.findIndex(
      (rule) =>
        rule.level !== 'None' && rule.resources.some((entry) => entry.group === '' && entry.resources.includes('pods')),
    );
    if (index === -1) return [];
    const missing = WAYS.filter(
      (subresource) => !['get', 'create'].some((verb) => context.decide(request(verb, subresource)).level !== 'None'),
    ).map((subresource) => `pods/${subresource}`);
    if (missing.length === 0) return [];
    return [
      finding(context, ['rules', index], {
        code: 'exec-not-logged',
        severity: 'warning',
        title: `Rule ${index + 1} logs pods, but ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not logged`,
        detail: '"pods" in a rule does not include the subresources, and no other rule logs these.',
        remedy: [
          `add this:\n- level: Metadata\n  resources:\n    - group: ""\n      resources: [${missing.join(', ')}]`,
        ],
      }),
    ];
  },
};

const WAYS = ['exec', 'attach', 'portforward', 'proxy'] as const;

function request(verb: string, subresource: string): ResourceRequest {
  const at = { apiGroup: '', apiVersion: 'v1', resource: 'pods', subresource, name: OTHER, namespace: OTHER };
  return { ...ANYBODY, verb, ...at };
}
