/** From a file to a pod, or to the kubelet's words about it. */
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { readManifest, type StaticPod } from '../../../src/sandbox/kubelet/pod/read';
import { fixture } from '../../support/manifests';

const PATH = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const KUBEADM = fixture('kubeadm-1.36.yaml');

interface Options {
  path?: string;
  nodeName?: string;
  minor?: number;
  seen?: string;
}

const read = (text: string | Uint8Array, options: Options = {}): StaticPod =>
  readManifest(Buffer.from(text as string), { path: PATH, nodeName: 'cp1', minor: 36, seen: 'now', ...options });

function problem(text: string | Uint8Array, options: Options = {}): string {
  try {
    read(text, options);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it is a pod');
}

/** A good pod with one thing changed. */
function pod(spec: string, metadata = 'name: web'): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {${metadata}}\nspec:\n  containers:\n  - name: c\n    image: i:1\n${spec}`;
}

test("kubeadm's manifest: names, annotations, defaults", () => {
  const { uid, name, namespace, annotations, spec } = read(KUBEADM, { nodeName: 'CP1' });
  expect({ uid, name, namespace }).toEqual({
    uid: expect.stringMatching(/^[0-9a-f]{32}$/),
    name: 'kube-apiserver-cp1',
    namespace: 'kube-system',
  });
  expect(annotations).toMatchObject({
    'kubernetes.io/config.hash': uid,
    'kubernetes.io/config.seen': 'now',
    'kubernetes.io/config.source': 'file',
    'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': '192.168.56.10:6443',
  });
  expect(spec).toMatchObject({ terminationGracePeriodSeconds: 30, restartPolicy: 'Always', nodeName: 'CP1' });
  expect(spec.containers![0]).toMatchObject({ livenessProbe: { failureThreshold: 8, successThreshold: 1 } });
  expect(spec.volumes![0]).toEqual({
    name: 'ca-certs',
    hostPath: { path: '/etc/ssl/certs', type: 'DirectoryOrCreate' },
  });
});

test.each([
  'args-form.yaml',
  'compact.json',
  'crlf.yaml',
  'exam-layout.yaml',
  'hand-configured.yaml',
  'indented-comments.yaml',
  'kubeadm-1.20.yaml',
  'pretty.json',
] as const)('%s is a pod', (name) => {
  expect(read(fixture(name)).name).toBe('kube-apiserver-cp1');
});

describe('the uid', () => {
  const { uid } = read(KUBEADM);

  test('is the same whatever the layout: style, key order, JSON', () => {
    const value = parse(KUBEADM);
    const shuffled = (node: unknown, order: number): unknown => {
      if (Array.isArray(node)) return node.map((each) => shuffled(each, order));
      if (typeof node !== 'object' || node === null) return node;
      const entries = Object.entries(node).map(([key, inner]) => [key, shuffled(inner, order)] as const);
      return Object.fromEntries(order % 2 === 0 ? entries.reverse() : entries);
    };
    fc.assert(
      fc.property(fc.nat(3), fc.integer({ min: 1, max: 6 }), fc.boolean(), (order, indent, flow) => {
        const other = shuffled(value, order);
        const text = flow ? JSON.stringify(other) : stringify(other, { indent, lineWidth: 0 });
        expect(read(text).uid).toBe(uid);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['a comment', (text: string) => `# hello\n${text}`],
    [
      'a default said out loud',
      (text: string) => text.replace('spec:\n', 'spec:\n  restartPolicy: Always\n  dnsPolicy: ClusterFirst\n'),
    ],
    ['an unknown field', (text: string) => text.replace('spec:\n', 'spec:\n  volumeMount: []\n')],
    ['a second document', (text: string) => `${text}---\nkind: Pod\n`],
    [
      'a key given twice, the last one as before',
      (text: string) => text.replace('  hostNetwork: true\n', '  hostNetwork: false\n  hostNetwork: true\n'),
    ],
  ])('is the same with %s', (_what, change) => {
    expect(change(KUBEADM)).not.toBe(KUBEADM);
    expect(read(change(KUBEADM)).uid).toBe(uid);
  });

  test.each([
    ['an annotation', (text: string) => text.replace('annotations:\n', 'annotations:\n    a: b\n'), {}],
    ['a label', (text: string) => text.replace('labels:\n', 'labels:\n    a: b\n'), {}],
    ['a flag', (text: string) => text.replace('--secure-port=6443', '--secure-port=6444'), {}],
    [
      'a field that the sandbox makes no use of',
      (text: string) =>
        text.replace('    name: kube-apiserver\n    ports', '    tty: true\n    name: kube-apiserver\n    ports'),
      {},
    ],
    ['another file name', (text: string) => text, { path: `${PATH}.bak` }],
    ['another node', (text: string) => text, { nodeName: 'cp2' }],
  ])('is another with %s', (_what, change, options) => {
    expect(read(change(KUBEADM), options).uid).not.toBe(uid);
  });

  test("is the manifest's own where it has one", () => {
    expect(read(pod('', 'name: web, uid: "0123"')).uid).toBe('0123');
  });
});

const parseAs = (words: string): string => `${PATH}: couldn't parse as pod(${words}), please check config file`;

test.each<[string, string | Uint8Array, unknown]>([
  ['an empty file', '', parseAs("Object 'Kind' is missing in 'null'")],
  ['a file cut off early', 'apiVersion: v1\n', parseAs(`Object 'Kind' is missing in '{"apiVersion":"v1"}'`)],
  ['no apiVersion', 'kind: Pod\n', parseAs(`Object 'apiVersion' is missing in '{"kind":"Pod"}'`)],
  [
    'a tab for an indent, as a real 1.20 node said it',
    fixture('kubeadm-1.20.yaml').replace('  containers:', '\tcontainers:'),
    parseAs('yaml: line 13: found character that cannot start any token'),
  ],
  ['a wrong indent', 'a: b\n c: d\n', parseAs('yaml: line 2: mapping values are not allowed in this context')],
  [
    'a list',
    '- a\n',
    parseAs(
      `couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    ),
  ],
  [
    'broken JSON',
    '{"kind": }',
    parseAs("couldn't get version/kind; json parse error: invalid character '}' looking for beginning of value"),
  ],
  [
    'an audit policy',
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n',
    parseAs(
      'no kind "Policy" is registered for version "audit.k8s.io/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ),
  ],
  ['another kind', 'apiVersion: v1\nkind: Service\n', parseAs('invalid pod: &core.Service{}')],
  [
    'a number for a flag',
    pod('    command: [a, 1]\n'),
    parseAs('json: cannot unmarshal number into Go struct field Container.spec.containers.command of type string'),
  ],
  [
    'a text for a number',
    pod('    ports: [{containerPort: "80"}]\n'),
    parseAs(
      'json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    ),
  ],
  [
    'one thing for a list of it',
    pod('    command: a\n'),
    parseAs('json: cannot unmarshal string into Go struct field Container.spec.containers.command of type []string'),
  ],
  ['no UTF-8', Uint8Array.from([0x6b, 0x3a, 0x20, 0xff]), parseAs('yaml: invalid leading UTF-8 octet')],
  ['no name', 'apiVersion: v1\nkind: Pod\nspec: {}\n', 'invalid pod: name is needed for the pod'],
  [
    'a bad name',
    pod('', 'name: Web_1'),
    expect.stringMatching(
      /^invalid pod: \[metadata\.name: Invalid value: "Web_1-cp1": a lowercase RFC 1123 subdomain must/,
    ),
  ],
  [
    'no containers',
    'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n',
    'invalid pod: [spec.containers: Required value]',
  ],
  [
    'no image',
    'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c}]}\n',
    'invalid pod: [spec.containers[0].image: Required value]',
  ],
  [
    'a mount without its volume',
    pod('    volumeMounts: [{name: nope, mountPath: /p}]\n'),
    'invalid pod: [spec.containers[0].volumeMounts[0].name: Not found: "nope"]',
  ],
  [
    'the same mountPath twice, and a second error',
    pod(
      '    volumeMounts: [{name: a, mountPath: /p}, {name: a, mountPath: /p}, {name: b, mountPath: /q}]\n  volumes: [{name: a}]\n',
    ),
    'invalid pod: [spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/p": must be unique spec.containers[0].volumeMounts[2].name: Not found: "b"]',
  ],
  [
    'two volumes of a name',
    pod('  volumes: [{name: a}, {name: a}]\n'),
    'invalid pod: [spec.volumes[1].name: Duplicate value: "a"]',
  ],
  [
    'a volume name of capitals',
    pod('  volumes: [{name: A}]\n'),
    expect.stringMatching(/spec\.volumes\[0\]\.name: Invalid value: "A": a lowercase RFC 1123 label must/),
  ],
  [
    '..',
    pod('  volumes: [{name: a, hostPath: {path: /a/../b}}]\n'),
    `invalid pod: [spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..']`,
  ],
  [
    'a bad type',
    pod('  volumes: [{name: a, hostPath: {path: /a, type: file}}]\n'),
    'invalid pod: [spec.volumes[0].hostPath.type: Unsupported value: "file": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"]',
  ],
  [
    'two containers of a name',
    pod('  - {name: c, image: j}\n'),
    'invalid pod: [spec.containers[1].name: Duplicate value: "c"]',
  ],
  [
    'two sources',
    pod('  volumes: [{name: a, emptyDir: {}, hostPath: {path: /a}}]\n'),
    'invalid pod: [spec.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume type]',
  ],
  [
    'a probe of nothing',
    pod('    livenessProbe: {}\n'),
    'invalid pod: [spec.containers[0].livenessProbe: Required value: must specify a handler type]',
  ],
  [
    'a config map',
    pod('  volumes: [{name: a, configMap: {name: m}}]\n'),
    'static pods may not reference configmaps (via configmap volumes)',
  ],
  [
    'a secret',
    pod('  volumes: [{name: a, secret: {secretName: m}}]\n'),
    'static pods may not reference secrets (via secret volumes)',
  ],
  [
    'a projected token',
    pod('  volumes: [{name: a, projected: {sources: [{serviceAccountToken: {path: t}}]}}]\n'),
    'static pods may not reference serviceaccounts (via projected volumes)',
  ],
  ['a service account', pod('  serviceAccountName: x\n'), 'static pods may not reference serviceaccounts'],
  [
    'a secret in the environment',
    pod('    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n'),
    'static pods may not reference secrets',
  ],
  [
    'a config map in the environment',
    pod('    envFrom: [{configMapRef: {name: s}}]\n'),
    'static pods may not reference configmaps',
  ],
])('%s', (_what, text, words) => {
  expect(problem(text)).toEqual(words);
});

test('objects of the API were fine before 1.34', () => {
  expect(read(pod('  volumes: [{name: a, configMap: {name: m}}]\n'), { minor: 33 }).name).toBe('web-cp1');
});

test('what it leaves unsaid is the default namespace, and an empty volume', () => {
  const { namespace, spec } = read(pod('  volumes: [{name: a}]\n'));
  expect([namespace, spec.volumes]).toEqual(['default', [{ name: 'a', emptyDir: {} }]]);
});
