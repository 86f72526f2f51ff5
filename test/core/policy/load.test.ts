import { loadPolicy } from '../../../src/core/policy/load';

const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';

test('a policy loads, with every list in place', () => {
  const { loads, lenient, serverMessage, problems, policy } = loadPolicy(
    `${HEAD}omitStages: [RequestReceived]\nrules:\n- level: Metadata\n  resources:\n  - group: ""\n    resources: [pods]\n`,
  );
  expect({ loads, lenient, serverMessage, problems }).toEqual({
    loads: true,
    lenient: false,
    serverMessage: null,
    problems: [],
  });
  expect(policy).toEqual({
    omitStages: ['RequestReceived'],
    omitManagedFields: false,
    rules: [
      {
        level: 'Metadata',
        users: [],
        userGroups: [],
        verbs: [],
        resources: [{ group: '', resources: ['pods'], resourceNames: [] }],
        namespaces: [],
        nonResourceURLs: [],
        omitStages: [],
      },
    ],
  });
});

test('a refusal names the file; a problem has its place', () => {
  const { loads, serverMessage, problems } = loadPolicy(`${HEAD}rules:\n  - level: metadata\n`, { file: '/p.yaml' });
  expect(loads).toBe(false);
  expect(serverMessage).toBe(
    'loading audit policy file: rules[0].level: Unsupported value: "metadata": supported values: "None", "Metadata", "Request", "RequestResponse": from file /p.yaml',
  );
  expect(problems).toEqual([
    expect.objectContaining({
      code: 'unknown-level',
      severity: 'error',
      place: { file: '/p.yaml', line: 4, column: 12, lineText: '  - level: metadata', length: 8 },
      remedy: ['level: Metadata'],
    }),
  ]);
});

test.each([
  ['unknown-field', 'rules:\n- level: None\n  resource: []\n', 5, 3, 'Write resources instead of resource.'],
  ['unknown-field', 'omitStage: []\nrules: [{level: None}]\n', 3, 1, 'Write omitStages instead of omitStage.'],
  ['unknown-field', 'rules: [{level: None}]\nspec: {}\n', 4, 1, 'Remove spec.'],
  ['duplicate-field', 'rules:\n- level: None\n  level: Request\n', 5, 3, 'Keep one level, with the values of both.'],
])('%s: loads with a warning, and is found where it stands', (code, rest, line, column, remedy) => {
  const { loads, lenient, problems } = loadPolicy(HEAD + rest);
  expect({ loads, lenient }).toEqual({ loads: true, lenient: true });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ code, severity: 'error', place: { line, column }, remedy: [remedy] });
});

test.each([
  ['syntax-error', 'rules:\n- level: None\n  verbs: [*]\n', 5, 12, "Quote the star: '*'"],
  ['syntax-error', 'rules:\n- level: None\n\tverbs: []\n', 5, 1, 'Indent with spaces: YAML allows no tabs there.'],
  ['wrong-type', 'rules:\n- level: None\n  users: bob\n', 5, 10, 'Write a list: [a, b]'],
  ['wrong-type', 'rules:\n- level: None\n  users: [on]\n', 5, 11, 'Put the value in quotes.'],
  ['no-rules', 'rules: []\n', 3, 1, 'rules:'],
  ['missing-level', 'rules:\n- users: [a]\n', 4, 3, 'level: Metadata'],
  ['unknown-stage', 'rules: [{level: None}]\nomitStages: [Requestreceived]\n', 4, 14, 'RequestReceived'],
  ['invalid-group', 'rules:\n- level: None\n  resources:\n  - group: apps/v1\n', 6, 12, 'group: apps'],
  [
    'names-without-resources',
    'rules:\n- level: None\n  resources:\n  - resourceNames: [a]\n',
    6,
    20,
    'Add resources: [...] beside resourceNames.',
  ],
])('%s: refused, and found where it stands', (code, rest, line, column, remedy) => {
  const { loads, policy, problems } = loadPolicy(HEAD + rest);
  expect({ loads, policy }).toEqual({ loads: false, policy: undefined });
  expect(problems[0]).toMatchObject({ code, place: { line, column } });
  expect(problems[0]?.remedy[0]?.split('\n')[0]).toBe(remedy);
});

test('several mistakes are all found, as the server lists them', () => {
  const { serverMessage, problems } = loadPolicy(
    `${HEAD}rules: [{level: x, resources: [{group: A}, {group: A}]}, {}]\n`,
  );
  expect(serverMessage).toMatch(
    /^loading audit policy file: \[rules\[0\]\.level: .*, rules\[0\]\.resources\.group: .*, rules\[1\]\.level: Required value\]$/,
  );
  expect(problems.map(({ code, place }) => [code, place?.column])).toEqual([
    ['unknown-level', 17],
    ['invalid-group', 40],
    ['invalid-group', 52],
    ['missing-level', 58],
  ]);
});

test.each([
  [{ major: 1, minor: 36 }, true],
  [{ major: 1, minor: 35 }, false],
  [{ major: 2, minor: 0 }, true],
])('group "*" with Kubernetes %j: %s', (kubeVersion, loads) => {
  const text = `${HEAD}rules: [{level: None, resources: [{group: "*"}]}]\n`;
  expect(loadPolicy(text, { kubeVersion }).loads).toBe(loads);
});

test('v1beta1 is gone since 1.24', () => {
  const text = 'apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]\n';
  expect(loadPolicy(text, { kubeVersion: { major: 1, minor: 23 } }).loads).toBe(true);
  const { problems, serverMessage } = loadPolicy(text);
  expect(serverMessage).toContain('no kind "Policy" is registered for version "audit.k8s.io/v1beta1" in scheme');
  expect(problems[0]).toMatchObject({
    code: 'wrong-api-version',
    place: { line: 1, column: 13 },
    remedy: ['apiVersion: audit.k8s.io/v1'],
  });
});

describe('bytes', () => {
  const text = `${HEAD}rules: [{level: None, users: ["é"]}]\n`;
  const utf16 = (swap: boolean) => {
    const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
    return swap ? bytes.swap16() : bytes;
  };
  test.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16, little end first', utf16(false)],
    ['UTF-16, big end first', utf16(true)],
  ])('%s', (_, bytes) => {
    expect(loadPolicy(bytes).policy?.rules[0]?.users).toEqual(['é']);
  });

  test.each([
    [[0xff, 0x41], 'yaml: invalid leading UTF-8 octet'],
    [[0x41, 0xc3], 'yaml: incomplete UTF-8 octet sequence'],
    [[0xc3, 0x41], 'yaml: invalid trailing UTF-8 octet'],
    [[0xc0, 0x80], 'yaml: invalid length of a UTF-8 sequence'],
    [[0xed, 0xa0, 0x80], 'yaml: invalid Unicode character'],
  ])('%j is no text', (bytes, message) => {
    expect(loadPolicy(Uint8Array.from(bytes)).serverMessage).toBe(
      `loading audit policy file: failed decoding: ${message}`,
    );
  });
});

test('only the first document counts; the rest is known', () => {
  const text = `${HEAD}rules: [{level: None}]\n---\nrules: [\n`;
  const { loads, document } = loadPolicy(text);
  expect(loads).toBe(true);
  expect(document.rest).toBe(text.indexOf('---'));
  expect(loadPolicy(`${HEAD}rules: [{level: None}]\n...\n# end\n`).document.rest).toBeUndefined();
});

test('every rule and field has its place', () => {
  const text = `${HEAD}rules:\n- level: None\n- level: Request\n  users:\n  - a\n  - bcd\n`;
  const { document } = loadPolicy(text);
  expect(document.place(['rules', 1])).toMatchObject({ line: 5, column: 3 });
  expect(document.place(['rules', 1, 'users', 1])).toMatchObject({ line: 8, column: 5, length: 3 });
  expect(document.place(['rules', 1, 'verbs', 4])).toMatchObject({ line: 5, column: 3 });
  expect(document.keyAt(['rules', 1, 'users'])).toEqual({
    start: text.indexOf('users'),
    end: text.indexOf(':\n  - a'),
  });
});

test('an endless file is refused, not followed', () => {
  expect(loadPolicy('['.repeat(100000)).loads).toBe(false);
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
  for (let n = 0; n < 8; n++)
    bomb.push(
      `b${n}: &b${n} [${Array(10)
        .fill(n === 0 ? '*a' : `*b${n - 1}`)
        .join(',')}]`,
    );
  expect(loadPolicy(bomb.join('\n')).serverMessage).toBe(
    'loading audit policy file: failed decoding: yaml: document contains excessive aliasing',
  );
});
