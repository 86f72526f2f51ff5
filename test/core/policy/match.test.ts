import fc from 'fast-check';
import { explain } from '../../../src/core/policy/explain';
import { compilePolicy, decide } from '../../../src/core/policy/match';
import type { AuditRequest, Level, Policy, ResourceRequest, Rule } from '../../../src/core/policy/types';

function rule(fields: Partial<Rule>): Rule {
  return {
    level: 'Metadata',
    users: [],
    userGroups: [],
    verbs: [],
    resources: [],
    namespaces: [],
    nonResourceURLs: [],
    omitStages: [],
    ...fields,
  };
}

function policy(...rules: Partial<Rule>[]): Policy {
  return { omitStages: [], omitManagedFields: false, rules: rules.map(rule) };
}

function on(resource: string, fields: Partial<ResourceRequest> = {}): ResourceRequest {
  const [name = '', subresource = ''] = resource.split('/');
  const base = { user: 'alice', groups: ['devs'], verb: 'get', apiGroup: '', apiVersion: 'v1', name: 'x' };
  return { ...base, namespace: 'default', resource: name, subresource, ...fields };
}

function resources(...names: string[]): Partial<Rule> {
  return { resources: [{ group: '', resources: names, resourceNames: [] }] };
}

test.each<[string, Partial<Rule>, AuditRequest, boolean]>([
  ['no conditions', {}, on('pods'), true],
  ['no conditions, URL', {}, { user: null, groups: [], verb: 'get', path: '/x' }, true],
  ['user', { users: ['alice'] }, on('pods'), true],
  ['no user', { users: ['alice'] }, on('pods', { user: null }), false],
  ['star is no user', { users: ['*'] }, on('pods'), false],
  ['group', { userGroups: ['ops', 'devs'] }, on('pods'), true],
  ['groups of nobody', { userGroups: ['devs'] }, on('pods', { user: null }), false],
  ['star is no verb', { verbs: ['*'] }, on('pods'), false],
  ['resource', resources('pods'), on('pods'), true],
  ['resource is not its subresources', resources('pods'), on('pods/log'), false],
  ['subresource', resources('pods/log'), on('pods/log'), true],
  ['all of a resource', resources('pods/*'), on('pods/log'), true],
  ['all of a resource is also the resource', resources('pods/*'), on('pods'), true],
  ['a subresource of all', resources('*/log'), on('pods/log'), true],
  ['a subresource of all is no resource', resources('*/log'), on('pods'), false],
  ['everything', resources('*'), on('pods/log'), true],
  ['star and star', resources('*/*'), on('pods/log'), false],
  ['empty list', resources(), on('pods/log'), true],
  ['other group', resources('pods'), on('pods', { apiGroup: 'apps' }), false],
  ['any group', { resources: [{ group: '*', resources: [], resourceNames: [] }] }, on('x', { apiGroup: 'y' }), true],
  ['name', { resources: [{ group: '', resources: ['pods'], resourceNames: ['x'] }] }, on('pods'), true],
  [
    'name of a list',
    { resources: [{ group: '', resources: ['pods'], resourceNames: ['x'] }] },
    on('pods', { name: '' }),
    false,
  ],
  ['namespace', { namespaces: ['default'] }, on('pods'), true],
  ['no namespace', { namespaces: [''] }, on('nodes', { namespace: '' }), true],
  ['namespaces are not for URLs', { namespaces: [''] }, { user: 'a', groups: [], verb: 'get', path: '/' }, false],
  ['URL', { nonResourceURLs: ['/healthz*'] }, { user: 'a', groups: [], verb: 'get', path: '/healthz/etcd' }, true],
  ['URL stars', { nonResourceURLs: ['/a**'] }, { user: 'a', groups: [], verb: 'get', path: '/abc' }, true],
  ['URLs are not for resources', { nonResourceURLs: ['*'] }, on('pods'), false],
])('%s', (_, fields, request, matches) => {
  expect(decide(policy(fields), request).rule).toBe(matches ? 1 : null);
});

test('the first rule wins; its stages join the policy’s, its managed fields beat them', () => {
  const both: Policy = {
    ...policy(
      { level: 'Request', verbs: ['list'] },
      { level: 'None', omitStages: ['Panic', 'RequestReceived'], omitManagedFields: false },
      { level: 'RequestResponse' },
    ),
    omitStages: ['ResponseStarted', 'RequestReceived'],
    omitManagedFields: true,
  };
  expect(decide(both, on('pods'))).toEqual({
    level: 'None',
    rule: 2,
    omitStages: ['Panic', 'RequestReceived', 'ResponseStarted'],
    omitManagedFields: false,
  });
  expect(decide(both, on('pods', { verb: 'list' }))).toMatchObject({ rule: 1, omitManagedFields: true });
});

test('explains each rule that did not match, with the one thing that kept it', () => {
  const tested = policy(
    { users: ['bob', ''] },
    { userGroups: ['ops'] },
    { verbs: ['list'] },
    { namespaces: ['kube-system'] },
    resources('secrets', 'pods/log'),
    { resources: [{ group: '', resources: ['pods'], resourceNames: ['y'] }] },
    { nonResourceURLs: ['/healthz'] },
    { level: 'Request' },
  );
  const { decision, skipped } = explain(tested, on('pods'));
  expect(decision.rule).toBe(8);
  expect(skipped.map(({ rule: number, reason, text }) => `${number} ${reason}: ${text}`)).toEqual([
    '1 user: its users are bob, ""; this request\'s is alice',
    "2 group: its groups are ops; this user's are devs",
    "3 verb: its verbs are list; this request's is get",
    "4 namespace: its namespaces are kube-system; this request's is default",
    "5 resource: its resources are secrets pods/log of core; this request's is pods of core",
    "6 name: its resource names are y; this request's is x",
    '7 not-url: it is for URL paths; this request is for a resource',
  ]);
  const url = { user: null, groups: [], verb: 'get', path: '/x' };
  expect(
    explain(policy({ users: ['a'] }, resources('pods'), { nonResourceURLs: ['/y'] }), url).skipped.map(
      (skip) => skip.text,
    ),
  ).toEqual([
    'it names users (a); this request is not authenticated',
    'it is for resources; this request is for a URL path',
    "its URLs are /y; this request's is /x",
  ]);
});

/** The rule of the server's documentation, written down once more without any preparation. */
function naive(rules: readonly Rule[], request: AuditRequest): number | null {
  const index = rules.findIndex((r) => {
    const { user } = request;
    if (r.users.length > 0 && (user === null || !r.users.includes(user))) return false;
    if (r.userGroups.length > 0 && (user === null || !request.groups.some((g) => r.userGroups.includes(g))))
      return false;
    if (r.verbs.length > 0 && !r.verbs.includes(request.verb)) return false;
    if (r.namespaces.length > 0 || r.resources.length > 0) {
      if ('path' in request) return false;
      if (r.namespaces.length > 0 && !r.namespaces.includes(request.namespace)) return false;
      const whole = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
      return (
        r.resources.length === 0 ||
        r.resources.some(
          (entry) =>
            (entry.group === '*' || entry.group === request.apiGroup) &&
            (entry.resources.length === 0 ||
              ((entry.resourceNames.length === 0 || entry.resourceNames.includes(request.name)) &&
                entry.resources.some(
                  (res) =>
                    res === '*' ||
                    res === whole ||
                    (request.subresource !== '' && res === `*/${request.subresource}`) ||
                    res === `${request.resource}/*`,
                ))),
        )
      );
    }
    if (r.nonResourceURLs.length > 0) {
      return (
        'path' in request &&
        r.nonResourceURLs.some((url) =>
          url.endsWith('*') ? request.path.startsWith(url.replace(/\*+$/, '')) : request.path === url,
        )
      );
    }
    return true;
  });
  return index === -1 ? null : index + 1;
}

const word = (...words: string[]) => fc.constantFrom(...words);
const words = (...choice: string[]) => fc.array(word(...choice), { maxLength: 3 });
const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    level: word('None', 'Metadata', 'Request', 'RequestResponse') as fc.Arbitrary<Level>,
    users: words('a', 'b', '*'),
    userGroups: words('g', 'h'),
    verbs: words('get', 'list', 'create', '*'),
    namespaces: words('', 'n', 'm'),
    resources: fc.array(
      fc.record({
        group: word('', 'apps', '*'),
        resources: words('p', 'p/s', 'p/*', '*/s', '*', '*/*', 'q'),
        resourceNames: words('x', 'y'),
      }),
      { maxLength: 2 },
    ),
    nonResourceURLs: words('/a', '/a*', '*', '/b/*'),
  })
  .map((fields) => rule(fields));
const anyRequest: fc.Arbitrary<AuditRequest> = fc.oneof(
  fc.record({
    user: fc.option(word('a', 'b', '*')),
    groups: words('g', 'h', 'i'),
    verb: word('get', 'list', 'create'),
    apiGroup: word('', 'apps', 'other'),
    apiVersion: fc.constant('v1'),
    resource: word('p', 'q'),
    subresource: word('', 's', 't'),
    name: word('', 'x', 'z'),
    namespace: word('', 'n', 'o'),
  }),
  fc.record({
    user: fc.option(word('a', 'b')),
    groups: words('g', 'h'),
    verb: word('get', 'post'),
    path: word('/a', '/ab', '/b/', '/b', '/', ''),
  }),
);

test('the compiled matcher and a plain reading of the rules agree', () => {
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 6 }), fc.array(anyRequest, { minLength: 5 }), (rules, requests) => {
      const decideCompiled = compilePolicy({ omitStages: [], omitManagedFields: false, rules });
      for (const request of requests) expect(decideCompiled(request).rule).toBe(naive(rules, request));
    }),
    { numRuns: 400 },
  );
});

test('an explanation skips exactly the rules before the deciding one', () => {
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 6 }), anyRequest, (rules, request) => {
      const { decision, skipped } = explain({ omitStages: [], omitManagedFields: false, rules }, request);
      expect(skipped.map((skip) => skip.rule)).toEqual(
        Array.from({ length: (decision.rule ?? rules.length + 1) - 1 }, (_, index) => index + 1),
      );
    }),
  );
});
