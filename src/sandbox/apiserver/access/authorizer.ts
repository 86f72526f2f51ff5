/** The authorizers in the order of --authorization-mode; system:masters may do everything, before any of them is asked. */
import type { RequestInfo } from '../../../core/policy/request';
import type { Decision, RestApi, User } from '../contract';
import { authorizeNode } from './node';
import { authorizeByRbac } from './rbac';

export type Authorize = (user: User, info: RequestInfo) => Decision;

export function authorizer(modes: readonly string[], objects: RestApi['objects']): Authorize {
  return (user, info) => {
    if (user.groups.includes('system:masters')) return { allowed: true, reason: '' };
    const reasons: string[] = [];
    for (const mode of modes) {
      const decision = ask(mode, objects, user, info);
      if (decision?.allowed === true) return decision;
      if (decision !== undefined && decision.reason !== '') reasons.push(decision.reason);
    }
    return { allowed: false, reason: reasons.join('\n') };
  };
}

/** undefined: no opinion. ABAC and Webhook are not simulated and have none. */
function ask(mode: string, objects: RestApi['objects'], user: User, info: RequestInfo): Decision | undefined {
  switch (mode) {
    case 'AlwaysAllow':
      return { allowed: true, reason: '' };
    case 'AlwaysDeny':
      return { allowed: false, reason: 'Everything is forbidden.' };
    case 'Node':
      return authorizeNode(objects, user, info);
    case 'RBAC':
      return authorizeByRbac(objects, user, info);
    default:
      return undefined;
  }
}
