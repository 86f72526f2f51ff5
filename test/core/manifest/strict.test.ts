/** Strict reading: what the kubelet would drop or refuse, at its line, with the field that was meant. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { parseManifest } from '../../../src/core/manifest/document';
import { POD_SCHEMA, SCHEMA_MINOR } from '../../../src/core/manifest/pod-schema';
import { keyPlace, strictFindings } from '../../../src/core/manifest/strict';
import { isMap, type Path } from '../../../src/core/manifest/value';
import { fixture, fixtureNames, pod } from '../../support/manifests';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const read = (text: string, minor?: number) => strictFindings(parseManifest(text, 'm.yaml'), minor);

test('the schema is what client-node says', () => {
  execFileSync(process.execPath, ['scripts/pod-schema.mjs', '--check'], { stdio: 'inherit', timeout: 60_000 });
  expect(SCHEMA_MINOR).toBe(34);
  expect(POD_SCHEMA.V1VolumeMount).toContain('readOnly:boolean');
});

test.each(fixtureNames)('%s, as kubeadm and people write them: nothing found', (name) => {
  expect(read(fixture(name))).toEqual([]);
});

describe('unknown fields', () => {
  test.each([
    [
      'a misspelt field (readOlny)',
      ['name: k8s-certs\n      readOnly', 'name: k8s-certs\n      readOlny'],
      'readOlny',
      /write `readOnly`/,
    ],
    ['one in the wrong case', ['hostNetwork:', 'hostnetwork:'], 'hostnetwork', /`hostNetwork`.*case/],
    ['singular for plural', ['    volumeMounts:', '    volumeMount:'], 'volumeMount', /write `volumeMounts`/],
    [
      'one indented too far',
      ['  hostNetwork: true', '    hostNetwork: true'],
      'hostNetwork',
      /less: it belongs to spec/,
    ],
    [
      'one indented too little',
      ['\n      path: /etc/kubernetes/pki\n      type: D', '\n    path: /etc/kubernetes/pki\n    type: D'],
      'path',
      /further: it belongs under `hostPath`/,
    ],
    [
      'one that is like no other',
      ['  hostNetwork:', '  flurb: 1\n  hostNetwork:'],
      'flurb',
      /kubectl explain pod\.spec/,
    ],
    ['one at the top', ['status: {}', 'statsu: {}'], 'statsu', /write `status`/],
  ])('%s', (_name, [from = '', to = ''], key, remedy) => {
    expect(PRISTINE).toContain(from);
    const text = PRISTINE.replace(from, to);
    const finding = read(text).find(({ title }) => title.includes(`\`${key}\``));
    expect(finding).toMatchObject({ code: 'manifest-unknown-field', severity: 'error' });
    expect(finding?.remedy.join()).toMatch(remedy);
    expect(finding?.place?.lineText).toContain(key);
    expect(text.split('\n')[(finding?.place?.line ?? 0) - 1]?.slice((finding?.place?.column ?? 0) - 1)).toMatch(
      new RegExp(`^${key}:`),
    );
  });

  test('all of them, in the order of the file', () => {
    const text = PRISTINE.replace('hostNetwork:', 'hostnetwork:')
      .replace('imagePullPolicy', 'imagePullPolcy')
      .replace('  namespace:', '  namespac:');
    expect(read(text).map(({ place }) => place?.lineText?.trim().split(':')[0])).toEqual([
      'namespac',
      'imagePullPolcy',
      'hostnetwork',
    ]);
  });

  test('a cluster newer than the schema may have fields that are not in it; a misspelt one is one all the same', () => {
    const text = pod({ spec: 'brandNewThing: 1\nhostNetwrk: true\n' });
    expect(read(text, SCHEMA_MINOR + 1).map(({ severity }) => severity)).toEqual(['warning', 'error']);
    expect(read(text, SCHEMA_MINOR).map(({ severity }) => severity)).toEqual(['error', 'error']);
  });

  test('in a list item, in JSON, behind an alias: the place is the key', () => {
    const flow =
      '{"apiVersion": "v1", "kind": "Pod", "metadata": {"nmae": "x"}, "spec": {"containers": [{"name": "a"}]}}';
    expect(read(flow)[0]?.place).toMatchObject({ line: 1, column: flow.indexOf('"nmae"') + 1, length: 6 });
    const aliased = pod({ spec: 'volumes:\n- &v {name: a, hostPth: {path: /a}}\n- *v\n' });
    expect(read(aliased).map(({ place }) => place?.lineText)).toEqual(
      Array(2).fill('  - &v {name: a, hostPth: {path: /a}}'),
    );
  });
});

describe('wrong types, for which the kubelet ends the API server', () => {
  test.each([
    ['a number for a string', pod({ container: 'env: [{name: A, value: 1}]\n' }), 'must be a string, not 1', '"1"'],
    ['a boolean for a string', pod({ metadata: 'labels: {a: yes}\n' }), 'must be a string, not true', '"true"'],
    ['a string for a boolean', pod({ spec: 'hostNetwork: "true"\n' }), 'must be true or false', 'quotes away'],
    ['a string for a number', pod({ spec: 'priority: "2000001000"\n' }), 'must be a whole number', 'quotes away'],
    ['a fraction for a whole number', pod({ spec: 'priority: 1.5\n' }), 'must be a whole number', 'whole number'],
    ['a mapping for a list', pod({ spec: 'volumes: {name: a}\n' }), 'must be a list, not a mapping', 'dashes'],
    ['a list for a mapping', pod({ spec: 'securityContext: []\n' }), 'must be a mapping, not a list', 'indentation'],
    ['a word for a mapping', pod({ container: 'resources: 250m\n' }), 'must be a mapping', 'mapping'],
  ])('%s', (_name, text, says, remedy) => {
    const [finding, ...more] = read(text);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ code: 'manifest-wrong-type', severity: 'error' });
    expect(finding?.title).toContain(says);
    expect(finding?.remedy.join()).toContain(remedy);
    expect(finding?.place?.line).toBeGreaterThan(4);
  });

  test('what Kubernetes takes: quantities as numbers, ports by name or number, null anywhere, CPU in words', () => {
    const container = [
      'resources: {requests: {cpu: 2, memory: 1Gi}, limits: null}',
      'livenessProbe: {httpGet: {port: 6443}}',
      'readinessProbe: {httpGet: {port: probe-port}}',
      'ports:',
      '',
    ].join('\n');
    expect(read(pod({ container, spec: 'volumes: [{name: a, emptyDir: {sizeLimit: 1000}}]\n' }))).toEqual([]);
  });
});

test('any field of a manifest, misspelt, is found at its line', () => {
  const doc = parseManifest(PRISTINE);
  const paths: Path[] = [];
  const walk = (value: unknown, path: Path): void => {
    if (Array.isArray(value)) value.forEach((item, at) => walk(item, [...path, at]));
    else if (isMap(value))
      for (const [key, item] of Object.entries(value)) {
        // Their keys are the user's own.
        if (['annotations', 'labels', 'requests'].includes(String(path.at(-1)))) continue;
        paths.push([...path, key]);
        walk(item, [...path, key]);
      }
  };
  walk(doc.value, []);
  const needed = new Set(['apiVersion', 'kind', 'containers', 'metadata', 'spec']);
  fc.assert(
    fc.property(fc.constantFrom(...paths.filter((path) => !needed.has(String(path.at(-1))))), (path) => {
      const key = String(path.at(-1));
      const { line, column } = keyPlace(doc, path);
      const lines = PRISTINE.split('\n');
      const before = lines[line - 1] ?? '';
      lines[line - 1] = `${before.slice(0, column - 1)}${key}Z${before.slice(column - 1 + key.length)}`;
      const found = read(lines.join('\n'));
      expect(found.map(({ place }) => place?.line)).toContain(line);
      expect(found.find(({ place }) => place?.line === line)?.title).toContain(`\`${key}Z\``);
    }),
    { numRuns: 200 },
  );
});
