/** Level None on /api*: it looks as if it dropped the API, and drops only its table of contents. */
import type { LintRule } from './context';
import { finding } from './context';
import { OTHER, isResourcePath } from './world';

export const apiDiscovery: LintRule = {
  code: 'api-urls',
  purpose: 'nonResourceURLs under /api, which match no request for a resource',
  check(context) {
    return context.policy.rules.flatMap((rule, index) =>
      rule.nonResourceURLs.flatMap((url, at) => {
        if (!/^\/apis?(\/|\*|$)/.test(url)) return [];
        const meansResources = isResourcePath(url.replace(/\*+$/, OTHER));
        if (!meansResources && rule.level !== 'None') return [];
        return [
          finding(context, ['rules', index, 'nonResourceURLs', at], {
            code: 'api-urls',
            severity: meansResources ? 'warning' : 'info',
            title: meansResources
              ? `${url} matches no request for a resource`
              : `${url} only drops discovery, not requests for resources`,
            detail:
              'nonResourceURLs match paths like /api, /apis and /apis/apps/v1, which list what there is. ' +
              'A path that leads to a resource is never compared with them.',
            remedy: meansResources
              ? ['Name the resources under resources: instead.']
              : ['Nothing, if discovery is what you want to drop. Resources are named under resources:.'],
          }),
        ];
      }),
    );
  },
};
