/** A verb that no request has: in the wrong case, misspelt, an HTTP method for a resource, or the other way round. */
import { closest } from '../spelling';
import type { LintContext, LintFinding, LintRule } from './context';
import { finding } from './context';
import { replaceScalar } from './rewrite';
import { RESOURCE_VERBS, URL_VERBS } from './world';

export const unknownVerb: LintRule = {
  code: 'unknown-verb',
  purpose: 'a verb that no request has',
  check(context) {
    return context.policy.rules.flatMap((rule, index) =>
      rule.verbs.flatMap((verb, at) => checkVerb(context, index, verb, at)),
    );
  },
};

/** Verbs of HTTP, of RBAC and of habit, and what requests for resources have instead. */
const MEANT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    post: 'create',
    put: 'update',
    head: 'get',
    add: 'create',
    edit: 'update',
    modify: 'update',
    replace: 'update',
    apply: 'patch',
    read: 'get',
    remove: 'delete',
    'delete-collection': 'deletecollection',
    'delete collection': 'deletecollection',
  }),
);
/** The API server asks RBAC about these, but no request has them. */
const ONLY_FOR_RBAC = ['use', 'bind', 'escalate', 'impersonate', 'approve', 'sign', 'attest'];

function checkVerb(context: LintContext, index: number, verb: string, at: number): LintFinding[] {
  const rule = context.policy.rules[index];
  if (rule === undefined || verb.includes('*')) return [];
  const forUrls = rule.nonResourceURLs.length > 0;
  const forResources = rule.resources.length > 0 || rule.namespaces.length > 0;
  const known = forUrls ? URL_VERBS : forResources ? RESOURCE_VERBS : [...RESOURCE_VERBS, ...URL_VERBS];
  if (known.includes(verb) || verb === 'proxy') return [];

  const lower = verb.toLowerCase();
  const meant = known.includes(lower)
    ? lower
    : forUrls
      ? undefined
      : (MEANT.get(lower) ?? closest(verb, RESOURCE_VERBS));
  const path = ['rules', index, 'verbs', at];
  const span = context.document.valueAt(path);
  const sure = meant !== undefined && (meant === lower || MEANT.get(lower) === meant) && !rule.verbs.includes(meant);
  return [
    finding(context, path, {
      code: 'unknown-verb',
      severity: 'error',
      title: `No request ${forUrls ? 'for a URL path ' : ''}has the verb ${verb === '' ? '""' : verb}`,
      detail: ONLY_FOR_RBAC.includes(lower)
        ? `${lower} is a permission that RBAC is asked about, never the verb of a request.`
        : 'The API server compares verbs letter by letter and does not check them: here it never matches.',
      remedy: [meant === undefined ? `Verbs are: ${known.join(', ')}.` : `Write ${meant} instead of ${verb}.`],
      ...(sure && span !== undefined ? { fix: [replaceScalar(context.document, span, meant)] } : {}),
    }),
  ];
}
