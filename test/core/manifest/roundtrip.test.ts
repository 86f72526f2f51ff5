import fc from 'fast-check';
import { planDisable } from '../../../src/core/manifest/disable';
import { parseManifest } from '../../../src/core/manifest/document';
import { planEnable } from '../../../src/core/manifest/enable';
import type { EnableWish } from '../../../src/core/manifest/enable';
import { readServer } from '../../../src/core/manifest/server';

/** How a manifest is laid out, and what it says about auditing already. */
interface Layout {
  step: number;
  listIndent: number;
  dashGap: string;
  flow: 'none' | 'lists' | 'all';
  quote: '' | "'" | '"';
  comments: boolean;
  annotations: 'absent' | 'empty' | 'null' | 'some';
  mounts: 'absent' | 'empty' | 'null' | 'some';
  list: 'command' | 'args';
  flags: readonly string[];
  logMount: 'none' | 'readonly' | 'file' | 'parent';
  policyMount: 'none' | 'folder-type' | 'parent';
  lineBreak: '\n' | '\r\n';
  ending: boolean;
  order: boolean;
}

const layouts: fc.Arbitrary<Layout> = fc.record({
  step: fc.constantFrom(2, 4),
  listIndent: fc.constantFrom(0, 2),
  dashGap: fc.constantFrom(' ', '   '),
  flow: fc.constantFrom('none', 'none', 'lists', 'all'),
  quote: fc.constantFrom('', "'", '"'),
  comments: fc.boolean(),
  annotations: fc.constantFrom('absent', 'empty', 'null', 'some'),
  mounts: fc.constantFrom('absent', 'empty', 'null', 'some'),
  list: fc.constantFrom('command', 'args'),
  flags: fc.subarray([
    '--audit-policy-file=/etc/kubernetes/audit/p.yaml',
    '--audit-log-path=/var/log/audit/a.log',
    '--audit-log-maxage|7',
    '--audit_log_maxsize=5',
    '--audit-log-compress',
    '--audit-log-format=legacy',
  ]),
  logMount: fc.constantFrom('none', 'readonly', 'file', 'parent'),
  policyMount: fc.constantFrom('none', 'folder-type', 'parent'),
  lineBreak: fc.constantFrom('\n', '\r\n'),
  ending: fc.boolean(),
  order: fc.boolean(),
});

const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });

const wishes: fc.Arbitrary<EnableWish> = fc.record({
  policySha256: fc.constantFrom('3f'.repeat(32), '1234567890', '12e34'),
  policyPath: optional(
    fc.constantFrom('/etc/kubernetes/audit-policy.yaml', '/etc/kubernetes/audit/p.yaml', '/opt/a #1.yaml'),
  ),
  logPath: optional(fc.constantFrom('-', '/var/log/audit/a.log', '/data/audit/b.log')),
  maxAge: optional(fc.integer({ min: 1, max: 9 })),
  maxSize: optional(fc.constantFrom(5, 50)),
  compress: optional(fc.boolean()),
  format: optional(fc.constantFrom('json', 'legacy')),
  webhook: optional(fc.constant({ configPath: '/etc/kubernetes/hook.yaml', mode: 'batch' })),
});

/** Edits of a user that have nothing to do with auditing: each is made to any text in which its line stands. */
const edits: readonly ((text: string) => string)[] = [
  (text) => text.replace(/v1\.33\.1/, 'v1.33.2'),
  (text) => text.replace(/^spec:/m, '# a new comment\nspec:'),
  (text) => text.replace(/^( *- +['"]?--secure-port=6443['"]?)$/m, '$1 # why'),
  (text) => text.replace(/^( *- +)(['"]?)--secure-port=6443['"]?$/m, '$&\n$1$2--v=4$2'),
  (text) => text.replace(/^( *)hostNetwork: true$/m, '$1hostNetwork: true\n$1priority: 2000001000'),
  (text) => text.replace(/^( *- +)name: certs\n( *)hostPath/m, '$1name: mine\n$2emptyDir: {}\n$&'),
  (text) => text.replace(/^( *)namespace: kube-system/m, '$1namespace: kube-system\n$1labels: {a: b}'),
  // JSON has no comments.
  (text) => (text.startsWith('{') ? text : text.replace(/$/, '\n# the end')),
];

test('enable, edits of the user, disable: what is left is the manifest of before with these edits', () => {
  fc.assert(
    fc.property(layouts, wishes, fc.subarray([...edits]), (layout, wish, chosen) => {
      const edit = (text: string): string => {
        const lines = chosen.reduce((all, change) => change(all), text.replaceAll('\r\n', '\n'));
        return lines.replaceAll('\n', layout.lineBreak);
      };
      const baseline = write(layout);
      const last = enabled(baseline, wish);
      const again = planEnable(parseManifest(last), wish);
      expect(again.text).toBe(last);
      expect(planDisable(parseManifest(last), baseline, last).text).toBe(baseline);
      expect(planDisable(parseManifest(edit(last)), baseline, last).text).toBe(edit(baseline));
    }),
    { numRuns: 200 },
  );
});

test('enabling never leaves two mounts at one path, two volumes of one name, or a mount without its volume', () => {
  fc.assert(
    fc.property(layouts, wishes, (layout, wish) => {
      const text = enabled(write(layout), wish);
      const doc = parseManifest(text);
      const names = doc.list(['spec', 'volumes']).map((volume) => (volume as { name: string }).name);
      const mounts = doc.list([...readServer(doc).path, 'volumeMounts']) as { name: string; mountPath: string }[];
      const paths = mounts.map(({ mountPath }) => mountPath);
      expect(new Set(names).size).toBe(names.length);
      expect(new Set(paths).size).toBe(paths.length);
      expect(mounts.every(({ name }) => names.includes(name))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

const enabled = (text: string, wish: EnableWish): string => planEnable(parseManifest(text), wish).text;

function write(layout: Layout): string {
  const { quote, order } = layout;
  const flags = [
    '--advertise-address=10.0.0.1',
    ...layout.flags.flatMap((flag) => flag.split('|')),
    '--secure-port=6443',
  ];
  const words = flags.map((flag) => `${quote}${flag}${quote}`).map((word) => (/^\d/.test(word) ? `"${word}"` : word));
  const mounts: string[][] = [];
  const volumes: string[][] = [];
  const add = (name: string, mountPath: string, path: string, type: string | undefined, readOnly: boolean): void => {
    const mount = [`mountPath: ${mountPath}`, ...(readOnly ? ['readOnly: true'] : [])];
    const host = [`path: ${path}`, ...(type === undefined ? [] : [`type: ${type}`])];
    mounts.push(order ? [`name: ${name}`, ...mount] : [...mount, `name: ${name}`]);
    volumes.push(
      order
        ? [`name: ${name}`, 'hostPath:', ...host.map((line) => `>${line}`)]
        : ['hostPath:', ...host.map((line) => `>${line}`), `name: ${name}`],
    );
  };
  if (layout.mounts === 'some') {
    if (layout.logMount === 'readonly') add('log', '/var/log/audit', '/var/log/audit', undefined, true);
    if (layout.logMount === 'file') add('log', '/var/log/audit/a.log', '/var/log/audit/a.log', 'FileOrCreate', false);
    if (layout.logMount === 'parent') add('log', '/var/log/', '/var/log', 'Directory', false);
    if (layout.policyMount === 'folder-type')
      add('policy', '/etc/kubernetes/audit/p.yaml', '/etc/kubernetes/audit/p.yaml', 'DirectoryOrCreate', true);
    if (layout.policyMount === 'parent') add('policy', '/etc/kubernetes', '/etc/kubernetes', undefined, true);
    add('certs', '/etc/kubernetes/pki', '/etc/kubernetes/pki', 'DirectoryOrCreate', true);
  }
  const text =
    layout.flow === 'all'
      ? flowDocument(layout, words, mounts, volumes)
      : blockDocument(layout, words, mounts, volumes);
  return (layout.ending ? text : text.trimEnd()).replaceAll('\n', layout.lineBreak);
}

function blockDocument(layout: Layout, words: string[], mounts: string[][], volumes: string[][]): string {
  const { step, listIndent, dashGap, comments } = layout;
  const lines: string[] = [];
  const put = (column: number, text: string): void => void lines.push(' '.repeat(column) + text);
  const list = (column: number, key: string, items: string[][], state: Layout['mounts']): void => {
    if (state === 'absent') return;
    if (state === 'empty') put(column, `${key}: []`);
    else if (state === 'null') put(column, `${key}:`);
    else if (layout.flow === 'lists') put(column, `${key}: [${items.map(flowItem).join(', ')}]`);
    else {
      put(column, `${key}:`);
      for (const item of items) {
        const inner = column + listIndent + 1 + dashGap.length;
        for (const [index, line] of item.entries()) {
          const text = line.startsWith('>') ? ' '.repeat(step) + line.slice(1) : line;
          if (index === 0) put(column + listIndent, `-${dashGap}${text}`);
          else put(inner, text);
        }
      }
      if (comments) put(column + listIndent, `# end of ${key}`);
    }
  };
  put(0, 'apiVersion: v1');
  put(0, 'kind: Pod');
  put(0, 'metadata:');
  put(step, 'name: kube-apiserver');
  if (layout.annotations === 'empty') put(step, 'annotations: {}');
  if (layout.annotations === 'null') put(step, 'annotations: null');
  if (layout.annotations === 'some') put(step, 'annotations:');
  if (layout.annotations === 'some') put(2 * step, 'example.com/a: b');
  put(step, 'namespace: kube-system');
  put(0, 'spec:');
  if (comments) put(step, '# one container');
  put(step, 'hostNetwork: true');
  put(step, 'containers:');
  const inside = step + listIndent + 1 + dashGap.length;
  put(step + listIndent, `-${dashGap}name: kube-apiserver`);
  put(inside, 'image: registry.k8s.io/kube-apiserver:v1.33.1');
  if (layout.list === 'args') put(inside, 'command: [kube-apiserver]');
  const items = [...(layout.list === 'command' ? ['kube-apiserver'] : []), ...words];
  list(
    inside,
    layout.list,
    items.map((word) => [word]),
    'some',
  );
  list(inside, 'volumeMounts', mounts, layout.mounts);
  list(step, 'volumes', volumes, layout.mounts);
  return `${lines.join('\n')}\n`;
}

function flowItem(item: string[]): string {
  if (item.length === 1) return item[0] ?? '';
  return `{${item.join(', ').replace(
    /hostPath:, (>[^>,]*)(?:, (>[^>,]*))?/,
    (_, a: string, b?: string) =>
      `hostPath: {${[a, b]
        .filter((x) => x !== undefined)
        .map((x) => x.slice(1))
        .join(', ')}}`,
  )}}`;
}

function flowDocument(layout: Layout, words: string[], mounts: string[][], volumes: string[][]): string {
  const items = (all: string[][]): unknown => {
    if (layout.mounts === 'null') return null;
    return all.map((lines) => parseFlow(flowItem(lines)));
  };
  const strings = words.map((word) => word.replace(/^['"]|['"]$/g, ''));
  const withLists = layout.mounts !== 'absent';
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'kube-apiserver',
      ...(layout.annotations === 'absent'
        ? {}
        : { annotations: { empty: {}, null: null, some: { a: 'b' } }[layout.annotations] }),
    },
    spec: {
      containers: [
        {
          name: 'kube-apiserver',
          image: 'registry.k8s.io/kube-apiserver:v1.33.1',
          command: ['kube-apiserver', ...(layout.list === 'command' ? strings : [])],
          ...(layout.list === 'args' ? { args: strings } : {}),
          ...(withLists ? { volumeMounts: items(mounts) } : {}),
        },
      ],
      ...(withLists ? { volumes: items(volumes) } : {}),
    },
  };
  return `${JSON.stringify(pod, null, layout.comments ? layout.step : undefined)}\n`;
}

function parseFlow(text: string): unknown {
  return parseManifest(`---\n{apiVersion: v1, kind: Pod, spec: {containers: [{}]}, x: ${text}}`).value.x;
}
