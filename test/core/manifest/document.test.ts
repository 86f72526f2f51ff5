import { UserError } from '../../../src/core/errors';
import { describePath, parseManifest } from '../../../src/core/manifest/document';
import { podIdentity, readServer } from '../../../src/core/manifest/server';
import { fixture, fixtureNames, pod } from '../../support/manifests';

function errorOf(run: () => unknown): UserError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof UserError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('parseManifest', () => {
  const start = 'apiVersion: v1\nkind: Pod\n';

  test.each([
    ['nothing', '', 'manifest-empty', undefined],
    ['a byte order mark only', '\uFEFF\n', 'manifest-empty', undefined],
    ['comments only', '# gone\n', 'manifest-empty', undefined],
    ['a NUL', `${start}metadata: {}\u0000`, 'manifest-control-character', '3:13'],
    ['a tab as indentation', `${start}metadata:\n\tname: x\n`, 'manifest-syntax', '4:1'],
    ['wrong indentation', `${start}metadata:\n    name: x\n  namespace: y\n`, 'manifest-syntax', '5:1'],
    ['an open quote', `${start}metadata: {name: "x}\n`, 'manifest-syntax', undefined],
    ['a duplicate key', `${start}metadata:\n  name: x\n  name: y\n`, 'manifest-duplicate-key', '5:3'],
    ['two documents', `${start}---\n${start}`, 'manifest-multiple-documents', '4:1'],
    ['an empty document before the pod', `---\n---\n${start}`, 'manifest-multiple-documents', '3:1'],
    ['a list', '- a\n', 'manifest-not-a-pod', '1:1'],
    ['a word', 'pod\n', 'manifest-not-a-pod', '1:1'],
    ['another kind', 'apiVersion: v1\nkind: Deployment\n', 'manifest-not-a-pod', '2:7'],
    ['another version', 'apiVersion: v2\nkind: Pod\n', 'manifest-not-a-pod', '1:13'],
    ['an audit policy', 'apiVersion: audit.k8s.io/v1\nkind: Policy\n', 'manifest-not-a-pod', '2:7'],
    ['no spec', start, 'manifest-no-containers', '1:1'],
    ['no containers', `${start}spec:\n  hostNetwork: true\n`, 'manifest-no-containers', '3:1'],
    ['containers that are no list', `${start}spec:\n  containers: {}\n`, 'manifest-no-containers', '4:3'],
    ['an empty list of containers', `${start}spec: {containers: []}\n`, 'manifest-no-containers', '3:8'],
    ['metadata that is no mapping', `${start}metadata: x\n`, 'manifest-wrong-type', '3:11'],
    ['an alias of nothing', `${start}metadata: *x\n`, 'manifest-alias', undefined],
  ])('refuses %s', (_, text, code, at) => {
    const error = errorOf(() => parseManifest(text, 'kube-apiserver.yaml'));
    expect(error.code).toBe(code);
    if (at === undefined) return;
    expect(`${error.place?.line}:${error.place?.column}`).toBe(at);
    expect(error.place?.file).toBe('kube-apiserver.yaml');
    expect(error.place?.lineText).toBe(text.split('\n')[(error.place?.line ?? 0) - 1]);
  });

  test('refuses what is nested too deeply to be read', () => {
    expect(errorOf(() => parseManifest(`{a: ${'['.repeat(50_000)}`)).code).toBe('manifest-syntax');
  });

  test.each(fixtureNames)('reads %s', (name) => {
    const doc = parseManifest(fixture(name), name);
    expect(doc.value.kind).toBe('Pod');
    expect(doc.text).toBe(fixture(name));
  });

  test.each<[string, string, RegExp]>([
    ['a tab on a line that looks empty', pod({ spec: 'hostNetwork: true\n\t\nvolumes: []\n' }), /^\s*\t/],
    ['a comment behind a tab', pod({ spec: 'hostNetwork: true\n\t# why\nvolumes: []\n' }), /# why/],
    ['a tab behind a dash', pod({ container: 'command:\n-\t--flag\n' }), /--flag/],
    [
      'JSON with a comma too many',
      pod({}).replace(/[^]*/, '{"kind": "Pod", "spec": {"containers": [],}}'),
      /containers/,
    ],
    ['YAML that begins like JSON', '{apiVersion: v1, kind: Pod, spec: {containers: [{}]}}', /apiVersion/],
    ['a YAML version that Go does not know', `%YAML 1.2\n---\n${pod({})}`, /YAML 1.2/],
  ])('refuses what only the kubelet’s own reader refuses: %s', (_, text, line) => {
    const error = errorOf(() => parseManifest(text));
    expect(error.code).toBe('manifest-syntax');
    expect(error.place?.lineText).toMatch(line);
    expect(error.hints.join()).not.toBe('');
  });

  test.each(fixtureNames)('%s with Windows line ends, a byte order mark', (name) => {
    const text = fixture(name).replace(/\r?\n/g, '\r\n');
    expect(parseManifest(text).value.kind).toBe('Pod');
    if (!name.endsWith('.json')) expect(parseManifest(`\uFEFF${text}`).value.kind).toBe('Pod');
  });

  test('reads a byte order mark, directives, and an empty document behind the pod', () => {
    const text = `\uFEFF%YAML 1.1\n---\n${pod({})}---\n# nothing more\n`;
    expect(parseManifest(text).map(['metadata']).name).toBe('kube-apiserver');
  });

  test('reads anchors, aliases and merge keys, and the booleans of YAML 1.1', () => {
    const doc = parseManifest(
      pod({
        container: 'env: &e\n- {name: A, value: x}\n',
        spec: 'a: *e\nb: {<<: {c: 1}, d: yes}\nhostNetwork: Off\n',
      }),
    );
    expect(doc.map(['spec'])).toMatchObject({
      a: [{ name: 'A', value: 'x' }],
      b: { c: 1, d: true },
      hostNetwork: false,
    });
  });

  test('places are those of the value, or of the nearest key that is written', () => {
    const doc = parseManifest(fixture('indented-comments.yaml'), 'm');
    const at = (...path: (string | number)[]): string => {
      const { line, column, length } = doc.place(path);
      return `${line}:${column}+${length}`;
    };
    expect(at('metadata', 'name')).toBe('6:11+16');
    expect(at('spec', 'containers', 0, 'command', 2)).toBe('22:21+45');
    expect(at('spec', 'volumes')).toBe('37:5+7');
    expect(at('metadata', 'annotations', 'x')).toBe('5:1+8');
  });
});

test('describePath writes paths as the API server does', () => {
  expect(describePath(['spec', 'containers', 0, 'command', 12])).toBe('spec.containers[0].command[12]');
});

test.each([
  ['a colon too many', pod({ spec: 'a: b: c\n' })],
  ['a mapping for a list', pod({ container: 'command: {a: b}\n' })],
  ['no name', pod({}).replace('  name: kube-apiserver\n  namespace', '  namespace')],
])('what to do is said with every refusal: %s', (_, text) => {
  const error = errorOf(() => {
    const doc = parseManifest(text);
    podIdentity(doc);
    readServer(doc);
  });
  expect(error.hints.join('')).not.toBe('');
});
