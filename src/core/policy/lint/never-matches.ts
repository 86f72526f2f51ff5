/** A rule that no request can match, whatever stands before it: its conditions exclude each other. */
import { findResource } from '../resources';
import type { Rule } from '../types';
import type { LintRule } from './context';
import { finding } from './context';
import { RESOURCE_VERBS, URL_VERBS, representatives, whosOf } from './world';

export const neverMatches: LintRule = {
  code: 'never-matches',
  purpose: 'a rule whose conditions exclude each other',
  check(context) {
    return context.policy.rules.flatMap((rule, index) => {
      if (representatives(rule).next().done !== true) return [];
      const { why, remedy, field } = reasonOf(rule);
      return [
        finding(context, field === undefined ? ['rules', index] : ['rules', index, field], {
          code: 'never-matches',
          severity: 'error',
          title: `Rule ${index + 1} matches no request: ${why}`,
          detail: 'The API server loads such a rule without a word; what it is for goes to the rules after it.',
          remedy: [remedy],
        }),
      ];
    });
  },
};

function reasonOf(rule: Rule): { why: string; remedy: string; field?: string } {
  const forUrls = rule.nonResourceURLs.length > 0;
  if (whosOf(rule).length === 0) {
    return rule.users.length > 0
      ? { why: 'nobody has such a user name and group', remedy: 'Drop users or userGroups.', field: 'users' }
      : { why: 'nobody is in these groups', remedy: 'Drop userGroups.', field: 'userGroups' };
  }
  const known = forUrls ? URL_VERBS : RESOURCE_VERBS;
  if (rule.verbs.length > 0 && !rule.verbs.some((verb) => known.includes(verb))) {
    return {
      why: `${rule.verbs.join(', ')} ${rule.verbs.length === 1 ? 'is no verb' : 'are no verbs'} of ${forUrls ? 'URL paths' : 'resources'}`,
      remedy: `verbs: [${known.join(', ')}]`,
      field: 'verbs',
    };
  }
  if (forUrls) {
    return {
      why: 'its URLs are paths of resources, which nonResourceURLs never match',
      remedy: 'Name the resource under resources: instead.',
      field: 'nonResourceURLs',
    };
  }
  if (rule.resources.some((entry) => entry.resourceNames.length > 0) && rule.verbs.length > 0) {
    return {
      why: `${rule.verbs.join(', ')} requests carry no name, and it asks for one`,
      remedy: 'Drop resourceNames, or name verbs that have an object: get, update, patch, delete.',
      field: 'verbs',
    };
  }
  const names = rule.resources.flatMap((entry) =>
    entry.resources.filter((name) => findResource(entry.group, name.split('/')[0] ?? '')?.namespaced === false),
  );
  if (rule.namespaces.length > 0 && names.length > 0) {
    return {
      why: `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} cluster-scoped, and it asks for a namespace`,
      remedy: 'Drop namespaces, or write "" for requests without one.',
      field: 'namespaces',
    };
  }
  return {
    why: 'no real request has this resource with these verbs and namespaces',
    remedy: 'Drop verbs or namespaces.',
  };
}
