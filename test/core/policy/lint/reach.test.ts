// Unreachable rules against the plain truth: in a small world every request can be tried.
import fc from 'fast-check';
import { lintPolicy } from '../../../../src/core/policy/lint';
import { loadPolicy } from '../../../../src/core/policy/load';
import { compilePolicy } from '../../../../src/core/policy/match';
import type { AuditRequest } from '../../../../src/core/policy/types';

const WHO = [
  { user: null, groups: [] },
  { user: 'system:anonymous', groups: ['system:unauthenticated'] },
  ...['a', 'b', 'other'].flatMap((user) =>
    [[], ['g'], ['h'], ['g', 'h']].map((groups) => ({ user, groups: ['system:authenticated', ...groups] })),
  ),
];
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const RESOURCES = ['r', 'q', 'other'].flatMap((resource) =>
  ['', 's', 'other'].map((subresource) => ({ resource, subresource })),
);

function* everything(): Generator<AuditRequest> {
  for (const who of WHO) {
    for (const verb of ['get', 'post', 'put', 'head', 'patch', 'delete', 'options']) {
      for (const path of ['/x', '/xy', '/other']) yield { ...who, verb, path };
    }
    for (const verb of VERBS) {
      for (const { resource, subresource } of RESOURCES) {
        const nameless = ['list', 'watch', 'create', 'deletecollection'].includes(verb);
        if (subresource !== '' && ['list', 'watch', 'deletecollection'].includes(verb)) continue;
        const names =
          subresource !== '' || !nameless ? ['n', 'other'] : verb === 'list' || verb === 'watch' ? ['', 'n'] : [''];
        for (const apiGroup of ['x.example', 'y.example', 'other.example']) {
          for (const namespace of ['', 'm', 'other']) {
            for (const name of names) {
              yield { ...who, verb, apiGroup, apiVersion: 'v1', resource, subresource, name, namespace };
            }
          }
        }
      }
    }
  }
}
const ALL = [...everything()];

const some = (...words: string[]) => fc.subarray(words);
const rule = fc
  .record({
    level: fc.constantFrom('None', 'Metadata', 'Request'),
    users: some('a', 'b'),
    userGroups: some('g', 'h', 'system:authenticated'),
    verbs: fc.oneof(fc.constant([]), fc.subarray(VERBS, { minLength: 3 })),
    kind: fc.constantFrom('resources', 'urls', 'both'),
    namespaces: some('', 'm'),
    resources: fc.array(
      fc.record({
        group: fc.constantFrom('x.example', 'y.example', '*'),
        resources: some('r', 'r/s', 'r/*', '*/s', '*', 'q'),
        resourceNames: some('n'),
      }),
      { maxLength: 2 },
    ),
    nonResourceURLs: some('/x', '/x*', '*'),
  })
  .map(({ kind, namespaces, resources, nonResourceURLs, ...rest }) => ({
    ...rest,
    ...(kind === 'resources'
      ? {
          namespaces,
          resources: resources.map((entry) => (entry.resources.length === 0 ? { group: entry.group } : entry)),
        }
      : kind === 'urls'
        ? { nonResourceURLs, verbs: [] }
        : {}),
  }));

test('a rule is called unreachable if and only if no request ever reaches it', () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 2, maxLength: 5 }), (rules) => {
      const text = JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules });
      const { policy } = loadPolicy(text);
      const decide = compilePolicy(policy!);
      const alone = rules.map((_, index) => compilePolicy({ ...policy!, rules: [policy!.rules[index]!] }));
      const reached = new Set<number>();
      const matched = new Set<number>();
      for (const request of ALL) {
        const { rule: number } = decide(request);
        if (number !== null) reached.add(number);
        alone.forEach((one, index) => {
          if (!matched.has(index + 1) && one(request).rule !== null) matched.add(index + 1);
        });
      }
      const said = lintPolicy(text)
        .findings.filter(({ code, title }) => code === 'unreachable-rule' && title.includes('can never decide'))
        .map(({ title }) => Number(/\d+/.exec(title)?.[0]));
      const truth = [...matched].filter((number) => !reached.has(number)).sort((a, b) => a - b);
      expect({ text, said }).toEqual({ text, said: truth });
    }),
    { numRuns: 150 },
  );
});

test('a rule is said to write Secrets into the log if and only if some request makes it', () => {
  const part = fc
    .record({
      level: fc.constantFrom('Metadata', 'Request', 'RequestResponse'),
      users: some('a', 'b'),
      userGroups: some('g', 'h'),
      verbs: some('get', 'create', 'delete', 'watch'),
      namespaces: some('m'),
      resources: fc.array(
        fc.record({
          group: fc.constantFrom('', 'apps', '*'),
          resources: some('secrets', '*', 'secrets/*', 'pods', '*/status'),
          resourceNames: some('n'),
        }),
        { maxLength: 2 },
      ),
      omitStages: fc.constantFrom([], [], ['ResponseComplete']),
    })
    .map(({ resources, ...rest }) => ({
      ...rest,
      resources: resources.map((entry) => (entry.resources.length === 0 ? { group: entry.group } : entry)),
    }));
  const bodies: Record<string, readonly string[]> = {
    Request: ['create', 'update', 'patch'],
    RequestResponse: ['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection'],
  };
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (rules) => {
      const text = JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules });
      const decide = compilePolicy(loadPolicy(text).policy!);
      const leaking = new Set<number>();
      for (const who of WHO.filter(({ user }) => user !== null)) {
        for (const verb of VERBS) {
          const nameless = ['create', 'deletecollection'].includes(verb);
          const names = nameless ? [''] : verb === 'list' ? ['', 'n'] : ['n', 'other'];
          for (const namespace of verb === 'list' ? ['m', 'other', ''] : ['m', 'other']) {
            for (const name of names) {
              const at = { apiGroup: '', apiVersion: 'v1', resource: 'secrets', subresource: '', name, namespace };
              const { level, rule: number, omitStages } = decide({ ...who, verb, ...at });
              const has = bodies[level]?.includes(verb) === true && !omitStages.includes('ResponseComplete');
              if (number !== null && has) leaking.add(number);
            }
          }
        }
      }
      const said = lintPolicy(text)
        .findings.filter(({ code, title }) => code === 'sensitive-bodies' && /contents of Secrets/.test(title))
        .map(({ title }) => Number(/\d+/.exec(title)?.[0]))
        .sort((a, b) => a - b);
      expect({ text, said }).toEqual({ text, said: [...leaking].sort((a, b) => a - b) });
    }),
    { numRuns: 300 },
  );
});
