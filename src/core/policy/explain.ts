/** Says which rule decides over a request, and of each rule before it the one thing that kept it from matching. */
import { unreachable } from '../errors';
import type { Dimension } from './match';
import { compileRule, decide } from './match';
import type { AuditRequest, Decision, Policy, Rule } from './types';
import { isNonResource } from './types';

export interface SkippedRule {
  /** From 1. */
  rule: number;
  reason: Dimension;
  /** A sentence without the rule's number, e.g. "its verbs are get, list; this request's is create". */
  text: string;
}

export interface Explanation {
  decision: Decision;
  /** The rules before the deciding one, in order; all of them when none matched. */
  skipped: SkippedRule[];
}

export function explain(policy: Policy, request: AuditRequest): Explanation {
  const decision = decide(policy, request);
  const before = policy.rules.slice(0, decision.rule === null ? undefined : decision.rule - 1);
  const skipped = before.flatMap((rule, index): SkippedRule[] => {
    const reason = compileRule(rule)(request);
    return reason === undefined ? [] : [{ rule: index + 1, reason, text: sentence(rule, request, reason) }];
  });
  return { decision, skipped };
}

function sentence(rule: Rule, request: AuditRequest, reason: Dimension): string {
  switch (reason) {
    case 'user':
      return request.user === null
        ? `it names users (${list(rule.users)}); this request is not authenticated`
        : `its users are ${list(rule.users)}; this request's is ${request.user}`;
    case 'group':
      return request.user === null
        ? `it names groups (${list(rule.userGroups)}); this request is not authenticated`
        : `its groups are ${list(rule.userGroups)}; this user's are ${list(request.groups)}`;
    case 'verb':
      return `its verbs are ${list(rule.verbs)}; this request's is ${quoteEmpty(request.verb)}`;
    case 'not-resource':
      return 'it is for resources; this request is for a URL path';
    case 'not-url':
      return 'it is for URL paths; this request is for a resource';
    case 'namespace':
      return `its namespaces are ${list(rule.namespaces)}; this request's is ${quoteEmpty(namespaceOf(request))}`;
    case 'resource':
      return `its resources are ${list(rule.resources.map(resourcesText))}; this request's is ${resourceOf(request)}`;
    case 'name':
      return `its resource names are ${list(rule.resources.flatMap((entry) => entry.resourceNames))}; this request's is ${quoteEmpty(nameOf(request))}`;
    case 'url':
      return `its URLs are ${list(rule.nonResourceURLs)}; this request's is ${isNonResource(request) ? request.path : ''}`;
    default:
      return unreachable(reason);
  }
}

function list(values: readonly string[]): string {
  if (values.length === 0) return 'none';
  const shown = values.slice(0, 8).map(quoteEmpty).join(', ');
  return values.length > 8 ? `${shown} and ${values.length - 8} more` : shown;
}

function quoteEmpty(value: string): string {
  return value === '' ? '""' : value;
}

function resourcesText(entry: { group: string; resources: readonly string[] }): string {
  const group = entry.group === '' ? 'core' : entry.group;
  return entry.resources.length === 0 ? `all of ${group}` : `${entry.resources.join(' ')} of ${group}`;
}

function resourceOf(request: AuditRequest): string {
  if (isNonResource(request)) return request.path;
  const resource = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
  return `${resource} of ${request.apiGroup === '' ? 'core' : request.apiGroup}`;
}

function namespaceOf(request: AuditRequest): string {
  return isNonResource(request) ? '' : request.namespace;
}

function nameOf(request: AuditRequest): string {
  return isNonResource(request) ? '' : request.name;
}
