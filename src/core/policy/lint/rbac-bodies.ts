/** Changes of rights of which only the fact is logged, or not even that. */
import { levelRank } from '../types';
import type { ResourceRequest } from '../types';
import type { LintRule } from './context';
import { finding } from './context';
import { ANYBODY, OTHER } from './world';

export const rbacBodies: LintRule = {
  code: 'rbac-bodies',
  purpose: 'changes of roles and bindings below level Request',
  check(context) {
    const decisions = KINDS.flatMap((resource) =>
      VERBS.map((verb) => ({ resource, ...context.decide(request(verb, resource)) })),
    );
    const low = decisions.filter(({ level }) => levelRank(level) < levelRank('Request'));
    const [worst] = [...low].sort((a, b) => levelRank(a.level) - levelRank(b.level));
    if (worst === undefined) return [];
    const silent = worst.level === 'None';
    const rule = worst.rule ?? context.policy.rules.length;
    return [
      finding(context, ['rules', rule - 1], {
        code: 'rbac-bodies',
        severity: silent ? 'warning' : 'info',
        title: silent
          ? `Changes of ${[...new Set(low.filter(({ level }) => level === 'None').map(({ resource }) => resource))].join(', ')} are not logged`
          : 'Changes of roles and bindings are logged without the rights they give',
        detail: silent
          ? 'Who gave which rights to whom is what an investigation asks first.'
          : 'At Metadata the log has who changed which role, not what is in it.',
        remedy: [`put this first:\n${FULL}`],
      }),
    ];
  },
};

const FULL = `- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
  resources:
    - group: rbac.authorization.k8s.io`;

const KINDS = ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'];
const VERBS = ['create', 'update', 'patch'];

function request(verb: string, resource: string): ResourceRequest {
  const namespace = resource.startsWith('cluster') ? '' : OTHER;
  const name = verb === 'create' ? '' : OTHER;
  const at = { apiGroup: 'rbac.authorization.k8s.io', apiVersion: 'v1', resource, subresource: '', name, namespace };
  return { ...ANYBODY, verb, ...at };
}
