import { parse } from 'yaml';
import { planDisable } from '../../../src/core/manifest/disable';
import { parseManifest } from '../../../src/core/manifest/document';
import { planEnable } from '../../../src/core/manifest/enable';
import type { EnableWish } from '../../../src/core/manifest/enable';
import type { EditPlan } from '../../../src/core/manifest/plan';
import { fixture, fixtureNames, lineChanges, pod } from '../../support/manifests';

const enabled = (text: string, wish: Partial<EnableWish> = {}): string =>
  planEnable(parseManifest(text), { policySha256: '3f'.repeat(32), ...wish }).text;
const disable = (text: string, baseline?: string, last?: string, all?: boolean): EditPlan =>
  planDisable(parseManifest(text, 'm.yaml'), baseline, last, { all });
const kubeadm = fixture('kubeadm-1.36.yaml');

interface Mount {
  name: string;
}
const podOf = (text: string): { spec: { volumes?: Mount[]; containers: [{ volumeMounts?: Mount[] }] } } =>
  parse(text) as ReturnType<typeof podOf>;
const volumeNames = (text: string): string[] => (podOf(text).spec.volumes ?? []).map(({ name }) => name);
const mountNames = (text: string): string[] =>
  (podOf(text).spec.containers[0].volumeMounts ?? []).map(({ name }) => name);

test.each(fixtureNames)('%s: enable and disable give back the same bytes', (name) => {
  const baseline = fixture(name);
  const last = enabled(baseline, { maxAge: 3, policyPath: '/etc/kubernetes/other.yaml' });
  expect(disable(last, baseline, last).text).toBe(baseline);
});

test('what changes is told', () => {
  const last = enabled(kubeadm);
  const { changes, settings } = disable(last, kubeadm, last);
  expect(changes).toHaveLength(10);
  expect(changes[0]).toEqual({
    what: 'flag-removed',
    detail: '--audit-policy-file',
    before: '--audit-policy-file=/etc/kubernetes/audit-policy.yaml',
  });
  expect(changes.at(-1)).toMatchObject({ what: 'annotation-removed' });
  expect(settings).toMatchObject({ policy: undefined, log: undefined, annotation: undefined, flags: {} });
});

describe('the user’s edits since stay', () => {
  const last = enabled(kubeadm);

  test.each<[string, string, string, string]>([
    ['another image', 'kube-apiserver:v1.36.1', 'kube-apiserver:v1.36.2', 'kube-apiserver:v1.36.2'],
    [
      'a flag amid ours',
      '    - --audit-log-maxage=30\n',
      '    - --audit-log-maxage=30\n    - --v=2\n',
      '    - --v=2\n',
    ],
    ['a comment amid ours', '    - --audit-log-maxage=30\n', '    # a\n    - --audit-log-maxage=30 # b\n', '    # a\n'],
    ['a changed value of ours', '--audit-log-maxage=30\n', '--audit-log-maxage=7\n', ''],
    [
      'our flags in another order',
      '    - --audit-log-maxage=30\n    - --audit-log-maxbackup=10\n',
      '    - --audit-log-maxbackup=10\n    - --audit-log-maxage=30\n',
      '',
    ],
  ])('%s', (_, from, to, left) => {
    const edited = last.replace(from, to);
    expect(edited).not.toBe(last);
    const { text } = disable(edited, kubeadm, last);
    const expected = kubeadm.includes(from)
      ? kubeadm.replace(from, left)
      : kubeadm.replace('apiserver.key\n    image', `apiserver.key\n${left}    image`);
    expect(text).toBe(expected);
  });

  test('volumes and mounts of the user’s own, before and behind ours', () => {
    const mount = (name: string): string => `    - mountPath: /${name}\n      name: ${name}\n`;
    const volume = (name: string): string => `  - hostPath:\n      path: /${name}\n    name: ${name}\n`;
    const edit = (text: string, lastMount: string, lastVolume: string): string =>
      text
        .replace('    volumeMounts:\n', `    volumeMounts:\n${mount('a')}`)
        .replace('  volumes:\n', `  volumes:\n${volume('a')}`)
        .replace(lastMount, `${lastMount}${mount('b')}`)
        .replace(lastVolume, `${lastVolume}${volume('b')}`);
    const edited = edit(
      last,
      '    - mountPath: /var/log/kubernetes/audit\n      name: audit-log\n',
      '\n    name: audit-log\n',
    );
    const shares = '      name: usr-share-ca-certificates\n      readOnly: true\n';
    expect(disable(edited, kubeadm, last).text).toBe(edit(kubeadm, shares, '\n    name: usr-share-ca-certificates\n'));
  });

  test('a mount of ours that another flag has come to use', () => {
    const edited = last.replace(
      '    image:',
      '    - --tracing-config-file=/var/log/kubernetes/audit/t.yaml\n    image:',
    );
    const { text } = disable(edited, kubeadm, last);
    expect(mountNames(text)).toContain('audit-log');
    expect(volumeNames(text)).toContain('audit-log');
    expect(volumeNames(text)).not.toContain('audit-policy');
  });

  test('a volume of ours that another container has come to mount', () => {
    const sidecar = '  - name: shipper\n    volumeMounts:\n    - {name: audit-log, mountPath: /logs}\n';
    const { text } = disable(last.replace('  hostNetwork', `${sidecar}  hostNetwork`), kubeadm, last);
    expect(mountNames(text)).not.toContain('audit-log');
    expect(volumeNames(text)).toContain('audit-log');
  });

  test('an audit flag added by hand stays, and that is told', () => {
    const edited = last.replace('    image:', '    - --audit-log-truncate-enabled\n    image:');
    const plan = disable(edited, kubeadm, last);
    expect(plan.text).toBe(kubeadm.replace('    image:', '    - --audit-log-truncate-enabled\n    image:'));
    expect(plan.findings).toMatchObject([{ code: 'flag-not-ours', severity: 'info' }]);
  });
});

describe('settings that were there before come back', () => {
  const hand = fixture('hand-configured.yaml');
  const wish = { maxAge: 9, compress: false, policyPath: '/etc/kubernetes/p.yaml' };
  const last = enabled(hand, wish);

  test('where nobody touched them since, beside an edit on the next line', () => {
    const edit = (text: string): string =>
      text.replace('    - "7"\n', '    - "7" # a week\n').replace('"9"\n', '"9" # a week\n');
    expect(disable(edit(last), hand, last).text).toBe(edit(hand));
  });

  test('but what enable left alone is the user’s', () => {
    const edited = last.replace('/var/log/apiserver/audit.log', '/var/log/apiserver/mine.log');
    expect(disable(edited, hand, last).settings.log).toMatchObject({
      containerPath: '/var/log/apiserver/mine.log',
      maxAge: 7,
    });
  });

  test('a log mounted as a file, read-only, and a policy’s volume type', () => {
    const baseline = pod({
      container: `command: [kube-apiserver, --audit-log-path=/l/a.log]\nvolumeMounts:
- {name: log, mountPath: /l/a.log, readOnly: true}
- {name: p, mountPath: /etc/kubernetes/audit-policy.yaml}
`,
      spec: `volumes:
- {name: log, hostPath: {path: /data/a.log}}
- {name: p, hostPath: {path: /etc/kubernetes/audit-policy.yaml, type: Directory}}
`,
    });
    const after = enabled(baseline);
    expect(lineChanges(baseline, after).removed).toHaveLength(4);
    // Every changed line is edited as well, so that no merge of lines can do it.
    const edit = (text: string): string => text.replace(/^(.*(?:command|name: (?:log|p),).*)$/gm, '$1 # mine');
    expect(disable(edit(after), baseline, after).text).toBe(edit(baseline));
  });

  test('a spelling that no edit of one value could bring back', () => {
    const baseline = pod({
      container: 'command:\n- kube-apiserver\n- >-  # folded\n  --audit-log-maxage=7\nimage: x:1\n',
    });
    const after = enabled(baseline, { maxAge: 9 });
    expect(after).toContain('    - --audit-log-maxage=9\n');
    const edit = (text: string): string => text.replace('x:1', 'x:2');
    expect(disable(edit(after), baseline, after).text).toBe(edit(baseline));
  });

  test.each(['volumeMounts: &x !!seq []\n', 'volumeMounts: # none\n', 'volumeMounts: ~\n', 'volumeMounts: []\n'])(
    'a list that was empty: %j',
    (line) => {
      const baseline = pod({ container: `command: [kube-apiserver]\n${line}image: x\n` });
      const after = enabled(baseline);
      const edit = (text: string): string => text.replace('image: x', 'image: y');
      expect(disable(edit(after), baseline, after).text).toBe(edit(baseline));
    },
  );

  test('an annotation of ours from before the first record', () => {
    const baseline = pod({
      container: 'command: [kube-apiserver]\n',
      metadata: 'annotations:\n  kube-auditctl/policy-sha256: old\n',
    });
    const after = enabled(baseline);
    const edited = after.replace('policy-sha256: ', 'policy-sha256:   ');
    expect(parseManifest(disable(edited, baseline, after).text).value).toEqual(parseManifest(baseline).value);
  });
});

test('with the manifest of before but not what enable wrote', () => {
  expect(disable(enabled(kubeadm), kubeadm).text).toBe(kubeadm);
});

describe('without a record', () => {
  test.each([
    'kubeadm-1.20.yaml',
    'kubeadm-1.36.yaml',
    'crlf.yaml',
    'indented-comments.yaml',
    'args-form.yaml',
    'compact.json',
    'pretty.json',
  ] as const)('%s: all that a plain enable put in goes', (name) => {
    expect(disable(enabled(fixture(name))).text).toBe(fixture(name));
  });

  test('nothing is done to a manifest that shows no sign of us, unless asked', () => {
    const hand = fixture('hand-configured.yaml');
    expect(disable(hand)).toMatchObject({ text: hand, changes: [] });
    const plan = disable(hand, undefined, undefined, true);
    expect(plan.settings.flags).toEqual({});
    // The log's mount bears our name; the policies' does not, so it stays.
    expect(plan.changes.map(({ what, detail }) => `${what} ${detail}`).slice(4)).toEqual([
      'volume-removed audit-log',
      'mount-removed audit-log',
    ]);
    expect(plan.text).toContain("    # the team's policies, read-only\n");
  });

  test('args that held nothing else go altogether', () => {
    const baseline = pod({ container: 'image: x\n' });
    expect(disable(enabled(baseline)).text).toBe(baseline);
  });

  test('a folder that another flag uses stays mounted', () => {
    const text = enabled(
      pod({ container: 'command: [kube-apiserver, --tracing-config-file=/var/log/kubernetes/audit/t.yaml]\n' }),
    );
    expect(volumeNames(disable(text).text)).toEqual(['audit-log']);
  });
});
