/** Manifests for tests: the fixtures by name, and small ones written out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const fixtureNames = [
  'kubeadm-1.20.yaml',
  'kubeadm-1.36.yaml',
  'crlf.yaml',
  'indented-comments.yaml',
  'args-form.yaml',
  'compact.json',
  'pretty.json',
  'exam-layout.yaml',
  'hand-configured.yaml',
] as const;

export function fixture(name: (typeof fixtureNames)[number]): string {
  return readFileSync(join('fixtures', 'manifests', name), 'utf8');
}

/** A pod with one container; `container` and `spec` are YAML lines under these keys, unindented. */
export function pod({ container = '', spec = '', metadata = '' }): string {
  const indent = (text: string, by: string): string => text.replace(/^(?=[^\n])/gm, by);
  return [
    'apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\n  namespace: kube-system\n',
    indent(metadata, '  '),
    'spec:\n  containers:\n  - name: kube-apiserver\n',
    indent(container, '    '),
    indent(spec, '  '),
  ].join('');
}

/** The lines of `after` that are not in `before`, and the other way round, in order. */
export function lineChanges(before: string, after: string): { added: string[]; removed: string[] } {
  const rest = before.split('\n');
  const added: string[] = [];
  const removed: string[] = [];
  for (const line of after.split('\n')) {
    const at = rest.indexOf(line);
    if (at === -1) added.push(line);
    else removed.push(...rest.splice(0, at + 1).slice(0, -1));
  }
  return { added, removed: [...removed, ...rest] };
}
