// Each lint rule: what it finds, where, and what it leaves alone. Findings of level info are left out where a case is
// about something else.
import { lintPolicy } from '../../../../src/core/policy/lint';

const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n';
const FIRST_RULE = 5;

/** `code severity line:column` of what is found; lines count from the first rule. */
function found(rules: string, codes?: string, head = HEAD): string[] {
  const { findings } = lintPolicy(`${head}rules:\n${rules}`);
  return findings
    .filter(({ code, severity }) => (codes === undefined ? severity !== 'info' : code === codes))
    .map(
      ({ code, severity, place }) => `${code} ${severity} ${(place?.line ?? 0) - FIRST_RULE + 1}:${place?.column ?? 0}`,
    );
}

function first(rules: string, code: string) {
  return lintPolicy(`${HEAD}rules:\n${rules}`).findings.find((one) => one.code === code);
}

const CATCH_ALL = '- level: Metadata\n';

describe('unreachable-rule', () => {
  test.each<[string, string, string[]]>([
    ['after a catch-all', `${CATCH_ALL}- level: Request\n  users: [a]\n`, ['unreachable-rule error 2:3']],
    [
      'the same after a catch-all is only needless',
      `${CATCH_ALL}- level: Metadata\n  users: [a]\n`,
      ['unreachable-rule warning 2:3'],
    ],
    [
      'two rules together take one',
      '- level: None\n  verbs: [get, list, watch]\n- level: Metadata\n  verbs: [create, update, patch, delete, deletecollection]\n- level: Request\n  resources:\n  - group: apps\n- level: Metadata\n',
      ['unreachable-rule error 5:3'],
    ],
    [
      'one verb is left',
      '- level: None\n  verbs: [get, list, watch]\n- level: Metadata\n  verbs: [create, update, patch, delete]\n- level: Request\n  resources:\n  - group: apps\n- level: Metadata\n',
      [],
    ],
    [
      'resources together with a wildcard over subresources',
      '- level: None\n  resources:\n  - group: ""\n    resources: [pods/*]\n- level: Request\n  resources:\n  - group: ""\n    resources: [pods, pods/exec]\n- level: Metadata\n',
      ['unreachable-rule error 5:3'],
    ],
    [
      'service accounts are in their groups',
      '- level: None\n  userGroups: [system:serviceaccounts:kube-system]\n- level: Request\n  users: [system:serviceaccount:kube-system:a]\n- level: Metadata\n',
      ['unreachable-rule error 3:3'],
    ],
    [
      'a service account of another namespace is not',
      '- level: None\n  userGroups: [system:serviceaccounts:kube-system]\n- level: Request\n  users: [system:serviceaccount:default:a]\n- level: Metadata\n',
      [],
    ],
    [
      'who logged in is in system:authenticated',
      '- level: None\n  userGroups: [system:authenticated]\n- level: Request\n  userGroups: [ops]\n- level: Metadata\n',
      ['unreachable-rule error 3:3', 'unreachable-rule warning 5:3'],
    ],
    [
      'URL prefixes',
      '- level: None\n  nonResourceURLs: [/healthz*]\n- level: Request\n  nonResourceURLs: [/healthz/etcd, /healthz]\n- level: Metadata\n',
      ['unreachable-rule error 3:3'],
    ],
    [
      'a cluster-scoped resource is in no namespace',
      '- level: None\n  namespaces: [""]\n- level: Request\n  resources:\n  - group: ""\n    resources: [nodes]\n- level: Metadata\n',
      ['unreachable-rule error 3:3'],
    ],
    [
      'one resource of a rule',
      '- level: Metadata\n  resources:\n  - group: ""\n    resources: [pods]\n- level: Request\n  resources:\n  - group: ""\n    resources: [services, pods]\n- level: Metadata\n',
      ['unreachable-rule warning 8:27'],
    ],
    [
      'names leave the other objects',
      '- level: None\n  resources:\n  - group: ""\n    resources: [services]\n    resourceNames: [a]\n- level: Request\n  resources:\n  - group: ""\n    resources: [services]\n- level: Metadata\n',
      [],
    ],
  ])('%s', (_, rules, expected) => {
    expect(found(rules).filter((text) => text.startsWith('unreachable'))).toEqual(expected);
  });

  test('names the rules that take its requests, and what becomes of them', () => {
    const { title, detail, remedy } = first(
      '- level: None\n  verbs: [get, list, watch]\n- level: Metadata\n- level: Request\n  resources:\n  - group: apps\n',
      'unreachable-rule',
    )!;
    expect(title).toBe('Rule 3 can never decide: rules 1 and 2 together take everything it matches');
    expect(detail).toBe(
      'The first rule that matches decides. What rule 3 is for is handled at None or Metadata, not at Request.',
    );
    expect(remedy).toEqual(['Move rule 3 up, before rule 1, or narrow rules 1 and 2.']);
  });

  test('a policy of many conditions is looked through in no time', () => {
    const many = (prefix: string) => `[${Array.from({ length: 40 }, (_, n) => `${prefix}${n}`).join(', ')}]`;
    const rule = `- level: Request\n  users: ${many('u')}\n  userGroups: ${many('g')}\n  namespaces: ${many('n')}\n  resources:\n  - group: x.example\n    resources: ${many('r')}\n`;
    const start = performance.now();
    expect(found(rule.repeat(3) + CATCH_ALL).filter((text) => text.includes('error'))).toEqual([]);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

test.each<[string, string, string[]]>([
  ['a star for a verb', '- level: Request\n  verbs: ["*"]\n', ['star-is-no-wildcard error 2:11']],
  ['stars in users', '- level: Request\n  users: ["system:node:*", bob]\n', ['star-is-no-wildcard error 2:11']],
  ['a star for a group', '- level: Request\n  userGroups: ["*"]\n', ['star-is-no-wildcard error 2:16']],
  ['a star in a namespace', '- level: Request\n  namespaces: [kube-*]\n', ['star-is-no-wildcard error 2:16']],
  [
    'two stars for a resource',
    '- level: None\n  resources:\n  - group: ""\n    resources: ["*/*", pod*, "*", pods/*, "*/status"]\n',
    ['star-is-no-wildcard error 4:17', 'star-is-no-wildcard error 4:24'],
  ],
])('star-is-no-wildcard: %s', (_, rules, expected) => {
  expect(found(rules + CATCH_ALL).filter((text) => text.startsWith('star'))).toEqual(expected);
});

test.each<[string, string, string[]]>([
  ['case', '- level: Request\n  verbs: [Get, list]\n', ['unknown-verb error 2:11']],
  ['a method of HTTP', '- level: Request\n  verbs: [post]\n  namespaces: [a]\n', ['unknown-verb error 2:11']],
  ['a method of HTTP on a URL', '- level: Request\n  verbs: [post]\n  nonResourceURLs: [/x]\n', []],
  [
    'a verb of resources on a URL',
    '- level: Request\n  verbs: [list]\n  nonResourceURLs: [/x]\n',
    ['unknown-verb error 2:11'],
  ],
  ['either, where the rule is for both', '- level: Request\n  verbs: [post, create]\n', []],
  ['a permission', '- level: Request\n  verbs: [impersonate, get]\n', ['unknown-verb error 2:11']],
])('unknown-verb: %s', (_, rules, expected) => {
  expect(found(rules + CATCH_ALL).filter((text) => text.startsWith('unknown-verb'))).toEqual(expected);
});

describe('wrong-group', () => {
  const rule = (group: string, resources: string) =>
    `- level: None\n  resources:\n  - group: ${group}\n    resources: [${resources}]\n${CATCH_ALL}`;
  test.each([
    ['""', 'deployments', '- group: apps'],
    ['""', 'roles', '- group: rbac.authorization.k8s.io'],
    ['apps', 'pods/exec', '- group: ""'],
    ['extensions', 'jobs', '- group: batch'],
    ['""', 'pod', 'Write pods instead of pod.'],
    ['""', 'Secrets', 'Write secrets instead of Secrets.'],
    ['""', 'cm', 'Write configmaps instead of cm.'],
    ['""', 'secert', 'Write secrets instead of secert.'],
    ['""', 'pods/logs', 'Write pods/log instead of pods/logs.'],
    ['apps', 'deployment/scale', 'Write deployments/scale instead of deployment/scale.'],
    ['authentication.k8s.io', 'tokenrequests', '- group: ""'],
    ['core', 'pods', 'group: ""'],
    ['rbac', 'roles', 'group: rbac.authorization.k8s.io'],
    ['rbac.k8s.io', 'clusterroles', 'group: rbac.authorization.k8s.io'],
  ])('%s %s', (group, resources, remedy) => {
    expect(first(rule(group, resources), 'wrong-group')).toMatchObject({ severity: 'error' });
    expect(first(rule(group, resources), 'wrong-group')?.remedy[0]?.split('\n')[0]).toBe(remedy);
  });

  test.each([
    ['""', 'pods, pods/exec, pods/*, "*", "*/status"'],
    ['extensions', 'deployments, ingresses'],
    ['policy', 'podsecuritypolicies, poddisruptionbudgets'],
    ['metrics.k8s.io', 'pods, nodes'],
    ['route.openshift.io', 'routes, routes/status'],
    ['monitoring.coreos.com', 'prometheuses'],
    ['events.k8s.io', 'events'],
    ['snapshot.storage.k8s.io', 'volumesnapshots'],
    ['networking.k8s.io', 'ingresses'],
    ['"*"', 'pods'],
  ])('%s %s is right, or nothing is known of it', (group, resources) => {
    expect(first(rule(group, resources), 'wrong-group')).toBeUndefined();
  });
});

describe('sensitive-bodies', () => {
  const secrets =
    '- level: Metadata\n  resources:\n  - group: ""\n    resources: [secrets, configmaps, serviceaccounts/token]\n  - group: authentication.k8s.io\n    resources: [tokenreviews]\n';
  test.each<[string, string, string[]]>([
    ['a catch-all', '- level: RequestResponse\n', ['sensitive-bodies error 1:3']],
    ['a catch-all after a rule for them', `${secrets}- level: RequestResponse\n`, []],
    [
      'a wildcard',
      '- level: Request\n  resources:\n  - group: ""\n    resources: ["*"]\n- level: Metadata\n',
      ['sensitive-bodies error 1:3'],
    ],
    ['a group', '- level: Request\n  resources:\n  - group: ""\n- level: Metadata\n', ['sensitive-bodies error 1:3']],
    [
      'by name',
      '- level: Request\n  resources:\n  - group: ""\n    resources: [secrets]\n- level: Metadata\n',
      ['sensitive-bodies error 1:3'],
    ],
    [
      'ConfigMaps by a wildcard',
      '- level: Metadata\n  resources:\n  - group: ""\n    resources: [secrets]\n- level: Request\n',
      ['sensitive-bodies error 5:3'],
    ],
    [
      'ConfigMaps alone',
      '- level: Metadata\n  resources:\n  - group: ""\n    resources: [secrets]\n- level: Request\n  resources:\n  - group: ""\n- level: Metadata\n',
      ['sensitive-bodies warning 5:3'],
    ],
    [
      'ConfigMaps by name',
      '- level: Request\n  resources:\n  - group: ""\n    resources: [configmaps]\n- level: Metadata\n',
      ['sensitive-bodies info 1:3'],
    ],
    [
      'requests of reads have no body',
      '- level: Request\n  verbs: [get, list, watch, delete, deletecollection]\n- level: Metadata\n',
      [],
    ],
    [
      'answers of reads have',
      '- level: RequestResponse\n  verbs: [list]\n- level: Metadata\n',
      ['sensitive-bodies error 1:3'],
    ],
    ['answers of watches have not', '- level: RequestResponse\n  verbs: [watch]\n- level: Metadata\n', []],
    [
      'one namespace is forgotten',
      '- level: Metadata\n  namespaces: [kube-system]\n  resources:\n  - group: ""\n    resources: [secrets, configmaps]\n- level: Request\n  resources:\n  - group: ""\n    resources: [secrets, pods]\n- level: Metadata\n',
      ['sensitive-bodies error 6:3'],
    ],
    [
      'one user is let through',
      '- level: RequestResponse\n  users: [system:serviceaccount:ci:deployer]\n- level: Metadata\n',
      ['sensitive-bodies error 1:3'],
    ],
    [
      'fresh tokens are in answers only',
      '- level: Request\n  resources:\n  - group: ""\n    resources: [serviceaccounts/token]\n- level: Metadata\n',
      [],
    ],
    [
      'fresh tokens',
      '- level: RequestResponse\n  resources:\n  - group: ""\n    resources: ["*/token"]\n- level: Metadata\n',
      ['sensitive-bodies error 1:3'],
    ],
    [
      'tokens under review',
      '- level: Request\n  resources:\n  - group: authentication.k8s.io\n- level: Metadata\n',
      ['sensitive-bodies error 1:3'],
    ],
    ['no answer, no body', '- level: RequestResponse\n  omitStages: [ResponseComplete]\n- level: Metadata\n', []],
  ])('%s', (_, rules, expected) => {
    expect(found(rules, 'sensitive-bodies')).toEqual(expected);
  });

  test('says what gets in, and how to keep it out', () => {
    const { title, detail, remedy } = first('- level: RequestResponse\n', 'sensitive-bodies')!;
    expect(title).toBe(
      'Rule 1 writes the contents of Secrets, ConfigMaps, TokenReviews and service account tokens into the log',
    );
    expect(detail).toBe(
      'At RequestResponse, for example: get secrets in any namespace by anybody. Whoever can read the log can read them, and use them.',
    );
    expect(remedy).toEqual([
      `put this before rule 1:
- level: Metadata
  resources:
    - group: ""
      resources: [secrets, configmaps, serviceaccounts/token]
    - group: authentication.k8s.io
      resources: [tokenreviews]`,
    ]);
  });
});

test.each<[string, string, string[]]>([
  ['nothing at the end', '- level: Metadata\n  namespaces: [a]\n', ['no-catch-all warning 1:3']],
  [
    'a catch-all for everybody who logged in',
    '- level: Metadata\n  userGroups: [system:authenticated]\n',
    ['no-catch-all warning 1:3'],
  ],
  ['a catch-all that drops is meant', '- level: Metadata\n  namespaces: [a]\n- level: None\n', []],
  [
    'resources and URLs each have one',
    '- level: Metadata\n  resources:\n  - group: "*"\n- level: Metadata\n  nonResourceURLs: ["*"]\n',
    [],
  ],
])('no-catch-all: %s', (_, rules, expected) => {
  expect(found(rules, 'no-catch-all')).toEqual(expected);
});

test.each<[string, string, string[]]>([
  ['only None', '- level: None\n', ['logs-nothing error 1:3']],
  ['None first', '- level: None\n- level: Metadata\n', ['logs-nothing error 1:3', 'unreachable-rule error 2:3']],
  ['every stage omitted', '- level: Metadata\n  omitStages: [ResponseComplete]\n', ['logs-nothing error 1:3']],
  [
    'one rule without a stage',
    '- level: Request\n  namespaces: [a]\n  omitStages: [ResponseComplete]\n- level: Metadata\n',
    ['logs-nothing error 3:3'],
  ],
])('logs-nothing: %s', (_, rules, expected) => {
  expect(found(rules)).toEqual(expected);
});

test.each<[string, string, string[]]>([
  [
    'names where there are none',
    '- level: None\n  verbs: [create]\n  resources:\n  - group: ""\n    resources: [pods]\n    resourceNames: [x]\n',
    ['never-matches error 2:3'],
  ],
  [
    'a namespace for what has none',
    '- level: None\n  namespaces: [a]\n  resources:\n  - group: rbac.authorization.k8s.io\n    resources: [clusterroles]\n',
    ['never-matches error 2:3'],
  ],
  [
    'a namespace is in itself',
    '- level: None\n  namespaces: [a]\n  resources:\n  - group: ""\n    resources: [namespaces]\n',
    [],
  ],
  [
    'lists carry a name by selector',
    '- level: None\n  verbs: [list]\n  resources:\n  - group: ""\n    resources: [pods]\n    resourceNames: [x]\n',
    [],
  ],
  ['paths of resources', '- level: None\n  nonResourceURLs: [/api/v1/pods]\n', ['never-matches error 2:3']],
  [
    'a group nobody of that name is in',
    '- level: None\n  users: [system:anonymous]\n  userGroups: [ops]\n',
    ['never-matches error 2:3'],
  ],
])('never-matches: %s', (_, rules, expected) => {
  expect(found(rules + CATCH_ALL, 'never-matches')).toEqual(expected);
});

test.each<[string, string, string[]]>([
  ['below /api', '- level: Metadata\n  nonResourceURLs: [/api/v1/namespaces/*]\n', ['api-urls warning 2:21']],
  ['discovery dropped', '- level: None\n  nonResourceURLs: ["/api*"]\n', ['api-urls info 2:21']],
  ['discovery logged', '- level: Metadata\n  nonResourceURLs: ["/api*"]\n', []],
])('api-urls: %s', (_, rules, expected) => {
  expect(found(rules + CATCH_ALL, 'api-urls')).toEqual(expected);
});

test.each<[string, string, string[]]>([
  [
    'pods without exec',
    '- level: Request\n  resources:\n  - group: ""\n    resources: [pods]\n- level: None\n',
    ['exec-not-logged warning 1:3'],
  ],
  [
    'a catch-all logs exec',
    '- level: Request\n  resources:\n  - group: ""\n    resources: [pods]\n- level: Metadata\n',
    [],
  ],
  ['no word of pods', '- level: Request\n  resources:\n  - group: apps\n- level: None\n', []],
])('exec-not-logged: %s', (_, rules, expected) => {
  expect(found(rules, 'exec-not-logged')).toEqual(expected);
});

test.each<[string, string, string[]]>([
  [
    'not at all',
    '- level: None\n  resources:\n  - group: rbac.authorization.k8s.io\n- level: Metadata\n',
    ['rbac-bodies warning 1:3'],
  ],
  ['without bodies', '- level: Metadata\n', ['rbac-bodies info 1:3']],
  ['in full', '- level: Request\n  resources:\n  - group: rbac.authorization.k8s.io\n- level: Metadata\n', []],
])('rbac-bodies: %s', (_, rules, expected) => {
  expect(found(rules, 'rbac-bodies')).toEqual(expected);
});

test.each<[string, string, string, string[]]>([
  ['nowhere', 'apiVersion: audit.k8s.io/v1\nkind: Policy\n\n', '- level: Metadata\n', ['doubled-requests info 0:1']],
  ['another stage', HEAD.replace('RequestReceived', 'Panic'), '- level: Metadata\n', ['doubled-requests info -1:1']],
  [
    'in every rule',
    'apiVersion: audit.k8s.io/v1\nkind: Policy\n\n',
    '- level: Metadata\n  omitStages: [RequestReceived]\n',
    [],
  ],
  ['in the policy', HEAD, '- level: Metadata\n', []],
])('doubled-requests: RequestReceived omitted %s', (_, head, rules, expected) => {
  expect(found(rules, 'doubled-requests', head)).toEqual(expected);
});

test.each<[string, string, string[]]>([
  ['the stage is omitted', '- level: Metadata\n  omitStages: [ResponseStarted]\n', ['hidden-logins warning 2:3']],
  ['nothing omitted', '- level: Metadata\n', []],
  ['an empty user', '- level: Metadata\n  users: [""]\n- level: None\n', ['hidden-logins error 2:11']],
  ['only anonymous', '- level: Metadata\n  users: [system:anonymous]\n- level: None\n', ['hidden-logins warning 2:3']],
  ['anonymous and the rest', '- level: Metadata\n  userGroups: [system:unauthenticated]\n- level: Metadata\n', []],
])('hidden-logins: %s', (_, rules, expected) => {
  expect(found(rules, 'hidden-logins')).toEqual(expected);
});

test('bodies-of-reads: a catch-all that logs every answer', () => {
  expect(found('- level: RequestResponse\n', 'bodies-of-reads')).toEqual(['bodies-of-reads info 1:3']);
  expect(found('- level: Metadata\n  verbs: [list, get]\n- level: RequestResponse\n', 'bodies-of-reads')).toEqual([]);
});

test('several-documents: the second is pointed at', () => {
  expect(found(`${CATCH_ALL}---\nrules: []\n`)).toEqual(['several-documents error 2:1']);
});

test('noise: each kind until it is dropped', () => {
  const title = (rules: string) => first(rules, 'noise')?.title;
  expect(title('- level: Metadata\n')).toBe(
    'Routine requests are logged: health probes, leases, events, events of events.k8s.io, node and pod status, endpoints, watches of kube-proxy',
  );
  const { remedy } = first('- level: Metadata\n', 'noise')!;
  const dropped = `${remedy[0]!.split('\n').slice(1).join('\n')}\n`;
  expect(title(`${dropped}- level: Metadata\n`)).toBeUndefined();
});

test('a misspelt field: what the server makes of the rule', () => {
  const { detail } = first('- level: None\n  resource: []\n- level: Metadata\n', 'unknown-field')!;
  expect(detail).toBe(
    'unknown field "rules[0].resource"\nWithout resource, rule 1 matches every request, and drops it.',
  );
});

test('a refused file: the refusal alone', () => {
  const { loads, lenient, serverMessage, findings } = lintPolicy('apiVersion: audit.k8s.io/v1\nkind: Policy\n', {
    file: '/x',
  });
  expect({ loads, lenient, serverMessage }).toEqual({
    loads: false,
    lenient: false,
    serverMessage: 'loading audit policy file: loaded illegal policy with 0 rules: from file /x',
  });
  expect(findings.map(({ code, severity }) => [code, severity])).toEqual([['no-rules', 'error']]);
});

test('a file refused over a value: what else is wrong with it is told at once', () => {
  const rules = [
    '- level: metadata',
    '  verbs: ["*"]',
    '  resource:',
    '  - group: ""',
    '- level: Metadata',
    '- level: Request',
    '  verbs: [Get]',
  ];
  const { loads, findings } = lintPolicy(`${HEAD}rules:\n${rules.join('\n')}\n`);
  expect(loads).toBe(false);
  expect(findings.map(({ code, place, blocksLoading }) => [code, place?.line, blocksLoading ?? false])).toEqual(
    expect.arrayContaining([
      ['unknown-level', 5, true],
      ['star-is-no-wildcard', 6, false],
      ['unknown-field', 7, false],
      ['unknown-verb', 11, false],
    ]),
  );
  expect(findings.filter(({ severity }) => severity === 'info')).toEqual([]);
});

test('findings can be ignored by name', () => {
  const text = `${HEAD}rules:\n- level: None\n`;
  expect(lintPolicy(text, { ignore: ['logs-nothing'] }).findings).toEqual([]);
});
