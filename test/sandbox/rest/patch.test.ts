/** Patches, each kind of them, as the server applies them. */
import { mergePatch, patched, readPatch } from '../../../src/sandbox/apiserver/rest/patch/patch';
import { strategicMerge } from '../../../src/sandbox/apiserver/rest/patch/strategic';

const pod = {
  metadata: { name: 'p', labels: { a: '1', b: '2' }, finalizers: ['x/1', 'x/2'] },
  spec: {
    containers: [
      { name: 'web', image: 'nginx:1', ports: [{ containerPort: 80, name: 'http' }], args: ['a', 'b'] },
      { name: 'log', image: 'fluent:1', env: [{ name: 'A', value: '1' }] },
    ],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
};
const containers = (patch: unknown) =>
  (strategicMerge(pod, { spec: { containers: patch } }).spec as { containers: unknown }).containers;

test.each<[string, object, object]>([
  [
    'a label is changed, one removed, one added',
    { metadata: { labels: { a: 'x', b: null, c: '3' } } },
    { metadata: { ...pod.metadata, labels: { a: 'x', c: '3' } } },
  ],
  [
    'a map is replaced',
    { metadata: { labels: { $patch: 'replace', z: '9' } } },
    { metadata: { ...pod.metadata, labels: { z: '9' } } },
  ],
  [
    'a map is deleted',
    { metadata: { labels: { $patch: 'delete' } } },
    { metadata: { name: 'p', finalizers: ['x/1', 'x/2'] } },
  ],
  [
    'a plain list is added to',
    { metadata: { finalizers: ['x/2', 'x/3'] } },
    { metadata: { ...pod.metadata, finalizers: ['x/1', 'x/2', 'x/3'] } },
  ],
  [
    'a plain list loses a value',
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/1'] } },
    { metadata: { ...pod.metadata, finalizers: ['x/2'] } },
  ],
  [
    'of a volume only the kept keys stay',
    { spec: { volumes: [{ name: 'data', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }] } },
    { spec: { ...pod.spec, volumes: [{ name: 'data', secret: { secretName: 's' } }] } },
  ],
])('strategic: %s', (_, patch, changed) => {
  expect(strategicMerge(pod, patch as never)).toEqual({ ...pod, ...changed });
});

test.each<[string, unknown, unknown]>([
  [
    'an item is merged by its name, lists in it too',
    [{ name: 'log', env: [{ name: 'B', value: '2' }] }],
    [
      pod.spec.containers[0],
      {
        name: 'log',
        image: 'fluent:1',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
      },
    ],
  ],
  ['a new one comes last', [{ name: 'new', image: 'i' }], [...pod.spec.containers, { name: 'new', image: 'i' }]],
  ['one is deleted', [{ $patch: 'delete', name: 'web' }], [pod.spec.containers[1]]],
  ['the list is replaced', [{ $patch: 'replace' }, { name: 'only', image: 'i' }], [{ name: 'only', image: 'i' }]],
  [
    'a list without a merge key is replaced',
    [{ name: 'web', args: ['c'] }],
    [{ ...pod.spec.containers[0], args: ['c'] }, pod.spec.containers[1]],
  ],
  [
    'ports of a container go by containerPort',
    [{ name: 'web', ports: [{ containerPort: 80, name: 'www' }, { containerPort: 443 }] }],
    [
      { ...pod.spec.containers[0], ports: [{ containerPort: 80, name: 'www' }, { containerPort: 443 }] },
      pod.spec.containers[1],
    ],
  ],
])('strategic, containers: %s', (_, patch, expected) => {
  expect(containers(patch)).toEqual(expected);
});

test('strategic: items come in the order that is asked for, others stay behind whom they followed', () => {
  const items = ['a', 'x', 'b', 'c'].map((name) => ({ name, image: 'i' }));
  const result = strategicMerge(
    { spec: { containers: items } },
    {
      spec: {
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }],
        containers: [{ name: 'b', image: 'j' }],
      },
    },
  );
  expect((result.spec as { containers: { name: string }[] }).containers.map(({ name }) => name)).toEqual([
    'c',
    'b',
    'a',
    'x',
  ]);
});

test('strategic: the ports of a Service go by port, conditions by type, owners by uid', () => {
  const object = {
    metadata: { ownerReferences: [{ uid: '1', name: 'old' }] },
    spec: { ports: [{ port: 80, targetPort: 8080 }] },
    status: { conditions: [{ type: 'Ready', status: 'False' }] },
  };
  const patch = {
    metadata: { ownerReferences: [{ uid: '1', name: 'new' }] },
    spec: { ports: [{ port: 80, targetPort: 9090 }] },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  expect(strategicMerge(object, patch)).toEqual(patch);
});

test('strategic: an item without its merge key, or an unknown directive, is the client’s mistake', () => {
  expect(() => containers([{ image: 'x' }])).toThrow('does not contain declared merge key: name');
  expect(() => strategicMerge(pod, { spec: { $patch: 'explode' } })).toThrow('Unknown patch type found: explode');
});

test('no patch changes the original', () => {
  const before = JSON.stringify(pod);
  strategicMerge(pod, {
    spec: { containers: [{ name: 'web', image: 'x', ports: [{ containerPort: 80, name: 'y' }] }] },
  });
  mergePatch(pod, { metadata: { labels: { a: null } } });
  patched(pod, readPatch('application/json-patch+json', [{ op: 'remove', path: '/metadata/labels' }]));
  expect(JSON.stringify(pod)).toBe(before);
});

test('merge patch, by the examples of RFC 7386', () => {
  const table: [object, object, object][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [original, patch, expected] of table) expect(mergePatch(original, patch as never)).toEqual(expected);
});

test.each<[object[], string]>([
  [[{ op: 'test', path: '/metadata/name', value: 'q' }], 'testing value /metadata/name failed'],
  [[{ op: 'remove', path: '/nothing/here' }], 'missing path: /nothing/here'],
  [[{ op: 'explode', path: '/a' }], 'Unexpected kind: explode'],
  [[{ op: 'add', path: 'metadata' }], 'invalid path'],
])('JSON patch %j does not apply: 422', (operations, message) => {
  const patch = readPatch('application/json-patch+json', operations);
  expect(() => patched(pod, patch as never)).toThrow(message);
});
