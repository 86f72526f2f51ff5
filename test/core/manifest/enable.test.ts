import { parse } from 'yaml';
import { UserError } from '../../../src/core/errors';
import { parseManifest } from '../../../src/core/manifest/document';
import { planEnable } from '../../../src/core/manifest/enable';
import type { EnableWish } from '../../../src/core/manifest/enable';
import type { EditPlan } from '../../../src/core/manifest/plan';
import { fixture, fixtureNames, lineChanges, pod } from '../../support/manifests';

const policySha256 = '3f'.repeat(32);

function enable(text: string, wish: Partial<EnableWish> = {}): EditPlan {
  return planEnable(parseManifest(text, 'm.yaml'), { policySha256, ...wish });
}
function added(text: string, wish: Partial<EnableWish> = {}): string[] {
  const { added, removed } = lineChanges(text, enable(text, wish).text);
  expect(removed).toEqual([]);
  return added;
}
function errorOf(run: () => unknown): UserError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof UserError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}
const command = 'command: [kube-apiserver]\n';
interface Pod {
  metadata: { annotations: Record<string, string>; a?: string };
  spec: { containers: [{ command: string[]; args: string[]; volumeMounts: unknown[] }]; volumes: { name: string }[] };
}
const podOf = (text: string): Pod => parse(text) as Pod;
const commandOf = (text: string): string[] => podOf(text).spec.containers[0].command;
const auditFlags = (text: string): string[] => commandOf(text).filter((word) => word.startsWith('--audit'));

describe('a manifest as kubeadm writes it', () => {
  test('only gains lines, in kubeadm’s own manner', () => {
    expect(added(fixture('kubeadm-1.36.yaml'))).toEqual([
      `    kube-auditctl/policy-sha256: ${policySha256}`,
      '    - --audit-policy-file=/etc/kubernetes/audit-policy.yaml',
      '    - --audit-log-path=/var/log/kubernetes/audit/audit.log',
      '    - --audit-log-maxage=30',
      '    - --audit-log-maxbackup=10',
      '    - --audit-log-maxsize=100',
      '    - mountPath: /etc/kubernetes/audit-policy.yaml',
      '      name: audit-policy',
      '      readOnly: true',
      '    - mountPath: /var/log/kubernetes/audit',
      '      name: audit-log',
      '  - hostPath:',
      '      path: /etc/kubernetes/audit-policy.yaml',
      '      type: File',
      '    name: audit-policy',
      '  - hostPath:',
      '      path: /var/log/kubernetes/audit',
      '      type: DirectoryOrCreate',
      '    name: audit-log',
    ]);
  });

  test('the changes are told one by one, and the settings are those of the result', () => {
    const plan = enable(fixture('kubeadm-1.20.yaml'), { maxAge: 7, compress: true });
    expect(plan.changes).toEqual([
      {
        what: 'flag-added',
        detail: '--audit-policy-file',
        after: '--audit-policy-file=/etc/kubernetes/audit-policy.yaml',
      },
      { what: 'flag-added', detail: '--audit-log-path', after: '--audit-log-path=/var/log/kubernetes/audit/audit.log' },
      { what: 'flag-added', detail: '--audit-log-maxage', after: '--audit-log-maxage=7' },
      { what: 'flag-added', detail: '--audit-log-maxbackup', after: '--audit-log-maxbackup=10' },
      { what: 'flag-added', detail: '--audit-log-maxsize', after: '--audit-log-maxsize=100' },
      { what: 'flag-added', detail: '--audit-log-compress', after: '--audit-log-compress=true' },
      {
        what: 'volume-added',
        detail: 'audit-policy',
        after: 'hostPath: {path: /etc/kubernetes/audit-policy.yaml, type: File}',
      },
      {
        what: 'volume-added',
        detail: 'audit-log',
        after: 'hostPath: {path: /var/log/kubernetes/audit, type: DirectoryOrCreate}',
      },
      {
        what: 'mount-added',
        detail: 'audit-policy',
        after: 'mountPath: /etc/kubernetes/audit-policy.yaml, readOnly: true',
      },
      { what: 'mount-added', detail: 'audit-log', after: 'mountPath: /var/log/kubernetes/audit' },
      { what: 'annotation-set', detail: 'kube-auditctl/policy-sha256', after: policySha256 },
    ]);
    expect(plan.settings).toMatchObject({
      policy: { hostPath: '/etc/kubernetes/audit-policy.yaml', mount: { readOnly: true, hostPathType: 'File' } },
      log: { hostPath: '/var/log/kubernetes/audit/audit.log', maxAge: 7, maxBackup: 10, maxSize: 100, compress: true },
      annotation: policySha256,
    });
  });
});

test.each(fixtureNames)('%s: a second time changes nothing', (name) => {
  const once = enable(fixture(name));
  const twice = enable(once.text);
  expect(twice.text).toBe(once.text);
  expect(twice.changes).toEqual([]);
});

describe('the layout around is kept', () => {
  test('CRLF', () => {
    const text = enable(fixture('crlf.yaml')).text;
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(text.replaceAll('\r\n', '\n')).toBe(enable(fixture('kubeadm-1.36.yaml')).text);
  });

  test('a byte order mark', () => {
    expect(enable(`\uFEFF${fixture('kubeadm-1.36.yaml')}`).text).toBe(
      `\uFEFF${enable(fixture('kubeadm-1.36.yaml')).text}`,
    );
  });

  test('no line break at the end', () => {
    const text = fixture('kubeadm-1.36.yaml').replace('status: {}\n', '').trimEnd();
    expect(enable(text).text).toBe(enable(`${text}\n`).text.trimEnd());
  });

  test('indented lists, wide dashes, the order of keys, comments where they were', () => {
    const text = fixture('indented-comments.yaml');
    const lines = enable(text).text.split('\n');
    expect(added(text)).toContain('                -   name: audit-policy');
    expect(lines.indexOf('                -   --audit-log-maxsize=100') + 1).toBe(
      lines.indexOf('                # end of flags'),
    );
    expect(lines.slice(-4)).toEqual([
      '                path: /var/log/kubernetes/audit',
      '                type: DirectoryOrCreate',
      '    # nothing below this line',
      '',
    ]);
  });

  test('compact JSON stays compact, pretty JSON stays as JSON.stringify would print it', () => {
    const compact = enable(fixture('compact.json')).text;
    expect(JSON.stringify(JSON.parse(compact))).toBe(compact);
    const pretty = enable(fixture('pretty.json')).text;
    expect(`${JSON.stringify(JSON.parse(pretty), null, 4)}\n`).toBe(pretty);
  });

  test('JSON with empty lists and mappings', () => {
    const value = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x', annotations: {} },
      spec: { containers: [{ name: 'kube-apiserver', command: ['kube-apiserver'], volumeMounts: [] }], volumes: null },
    };
    for (const step of ['\t', '  ', undefined]) {
      const { text } = enable(JSON.stringify(value, null, step));
      expect(JSON.stringify(JSON.parse(text), null, step)).toBe(text);
    }
  });

  test.each([
    ['absent', ''],
    ['empty', 'volumeMounts: []\n'],
    ['null', 'volumeMounts: null\n'],
    ['without a value', 'volumeMounts:\n'],
    ['without a value, commented', 'volumeMounts: # none yet\n'],
  ])('volumeMounts %s', (_, lines) => {
    const text = enable(pod({ container: `${command}${lines}image: x\n` })).text;
    expect(podOf(text).spec.containers[0].volumeMounts).toHaveLength(2);
    if (lines.includes('#')) expect(text).toContain('    volumeMounts: # none yet\n    - mountPath:');
  });

  test.each([
    ['absent', ''],
    ['empty', 'annotations: {}\n'],
    ['null', 'annotations: ~\n'],
    ['flow', 'annotations: { a: "b" }\n'],
    ['flow over lines', 'annotations: {\n  a: b, # c\n}\n'],
    ['flow with a comma at the end', 'annotations: {a: b,}\n'],
  ])('annotations %s', (_, lines) => {
    const text = enable(pod({ container: command, metadata: `${lines}labels: {}\n` })).text;
    expect(podOf(text).metadata.annotations['kube-auditctl/policy-sha256']).toBe(policySha256);
    if (lines.includes('# c')) expect(text).toContain('    a: b, # c\n    kube-auditctl/');
    if (lines.includes('"b"')) expect(text).toContain(`{ a: "b", kube-auditctl/policy-sha256: "${policySha256}" }`);
  });

  test('flow lists take flow items, quoted as their neighbours are', () => {
    const text = enable(
      pod({
        container: `command: ['kube-apiserver', '--secure-port=6443']\nvolumeMounts: [{name: a, mountPath: /a}]\n`,
        spec: 'volumes: [{name: a, hostPath: {path: /a}}]\n',
      }),
    ).text;
    expect(text).toContain("'--secure-port=6443', '--audit-policy-file=/etc/kubernetes/audit-policy.yaml', ");
    expect(text).toContain('{name: audit-policy, mountPath: /etc/kubernetes/audit-policy.yaml, readOnly: true}');
  });

  test('block scalars and folded lines at the end of a list', () => {
    const container = 'command:\n- kube-apiserver\n- >-\n  --a=b\n- --c=d\n  e\n\nimage: x\n';
    const text = enable(pod({ container })).text;
    expect(commandOf(text).slice(0, 4)).toEqual([
      'kube-apiserver',
      '--a=b',
      '--c=d e',
      '--audit-policy-file=/etc/kubernetes/audit-policy.yaml',
    ]);
    expect(text).toContain('audit-log-maxsize=100\n\n    image');
  });

  test('a block scalar that ends the file without a line break keeps its value', () => {
    const text = pod({ container: command, metadata: '' }).trimEnd() + '\nmetadata2:\n  a: |\n    b';
    const ends = text.replace(/metadata:\n([^]*?)spec:/, 'spec:').replace('metadata2:', 'metadata:');
    expect(podOf(enable(ends).text).metadata.a).toBe(podOf(ends).metadata.a);
  });
});

describe('what the manifest says is kept', () => {
  const hand = fixture('hand-configured.yaml');

  test('paths, mounts and values of a manifest configured by hand', () => {
    expect(added(hand)).toEqual([
      `    kube-auditctl/policy-sha256: ${policySha256}`,
      '    - --audit-log-maxbackup=10',
      '    - --audit-log-maxsize=100',
    ]);
  });

  test('unless the wish says otherwise: each flag changes in its own form and quoting', () => {
    const { text, changes } = enable(hand, {
      policyPath: '/opt/policies/new.yaml',
      logPath: '/data/audit/b.log',
      maxAge: 9,
      compress: false,
    });
    expect(lineChanges(hand, text)).toMatchObject({
      removed: [
        '    - "--audit-policy-file=/etc/kubernetes/policies/audit.yaml"',
        "    - '--audit-log-path=/var/log/apiserver/audit.log'",
        '    - "7"',
        '    - --audit-log-compress',
      ],
      added: [
        `    kube-auditctl/policy-sha256: ${policySha256}`,
        '    - "--audit-policy-file=/etc/kubernetes/policies/new.yaml"',
        "    - '--audit-log-path=/var/log/apiserver/b.log'",
        '    - "9"',
        '    - --audit-log-compress=false',
        '    - --audit-log-maxbackup=10',
        '    - --audit-log-maxsize=100',
      ],
    });
    expect(changes).toContainEqual({
      what: 'flag-changed',
      detail: '--audit-log-maxage',
      before: '--audit-log-maxage=7',
      after: '--audit-log-maxage=9',
    });
  });

  test('a value that means the same is left as it is', () => {
    const text = pod({ container: "command: [kube-apiserver, --audit-log-compress=T, --audit_log_maxage, '9']\n" });
    const { changes } = enable(text, { compress: true, maxAge: 9 });
    expect(changes.map(({ what }) => what)).not.toContain('flag-changed');
  });

  test('of a flag given twice the last is changed, and the doubling is told', () => {
    const text = pod({ container: 'command:\n- kube-apiserver\n- --audit-log-maxage=1\n- --audit-log-maxage=2\n' });
    const plan = enable(text, { maxAge: 3 });
    expect(auditFlags(plan.text).slice(0, 2)).toEqual(['--audit-log-maxage=1', '--audit-log-maxage=3']);
    expect(plan.findings).toMatchObject([{ code: 'flag-given-twice', place: { line: 11 } }]);
  });

  test('limits of 0 are kept, and told', () => {
    const text = pod({ container: 'command: [kube-apiserver, --audit-log-maxsize=0]\n' });
    expect(enable(text).findings).toMatchObject([{ code: 'log-limit-zero', severity: 'warning' }]);
    expect(enable(text, { maxSize: 5 }).settings.log?.maxSize).toBe(5);
  });

  test('flags in args are added to there', () => {
    const { text } = enable(fixture('args-form.yaml'));
    const { command: before, args } = podOf(text).spec.containers[0];
    expect(before).toHaveLength(4);
    expect(args.at(-1)).toBe('--audit-log-maxsize=100');
  });

  test('a container without command and args gets args for its entrypoint', () => {
    const { text } = enable(pod({ container: 'image: x\n' }));
    expect(podOf(text).spec.containers[0].args[0]).toBe('--audit-policy-file=/etc/kubernetes/audit-policy.yaml');
  });

  test('the order of new flags, and dollar signs the kubelet must not expand', () => {
    const { text, settings } = enable(pod({ container: command }), {
      mode: 'batch',
      format: 'json',
      compress: true,
      policyPath: '/etc/$(x).yaml',
      flags: { 'audit-log-batch-max-size': '5', audit_log_truncate_enabled: 'true' },
      webhook: { configPath: '/etc/hook.yaml', mode: 'batch', initialBackoff: '5s' },
    });
    expect(auditFlags(text)).toEqual([
      '--audit-policy-file=/etc/$$(x).yaml',
      '--audit-log-path=/var/log/kubernetes/audit/audit.log',
      '--audit-log-maxage=30',
      '--audit-log-maxbackup=10',
      '--audit-log-maxsize=100',
      '--audit-log-compress=true',
      '--audit-log-mode=batch',
      '--audit-log-format=json',
      '--audit-webhook-config-file=/etc/hook.yaml',
      '--audit-webhook-mode=batch',
      '--audit-webhook-initial-backoff=5s',
      '--audit-log-batch-max-size=5',
      '--audit-log-truncate-enabled=true',
    ]);
    expect(settings.policy?.hostPath).toBe('/etc/$(x).yaml');
    expect(settings.webhook).toMatchObject({ hostPath: '/etc/hook.yaml', mount: { volumeName: 'audit-webhook' } });
  });
});

describe('the annotation', () => {
  const withValue = (value: string): string =>
    pod({ container: command, metadata: `annotations:\n  kube-auditctl/policy-sha256: ${value}\n` });

  test.each([
    ['1234', '"1234"'],
    ['12e34', '"12e34"'],
    ['0b1', '"0b1"'],
    ['1e', '1e'],
    ['3fa', '3fa'],
    ['no', '"no"'],
  ])('%s is written as %s', (sha, written) => {
    for (const old of ['abc', '999', '', 'null'])
      expect(enable(withValue(old), { policySha256: sha }).text).toContain(`policy-sha256: ${written}\n`);
    expect(enable(withValue("'abc'"), { policySha256: sha }).text).toContain(`policy-sha256: '${sha}'\n`);
  });

  test('a change is told with the value before', () => {
    expect(enable(withValue('abc')).changes.at(-1)).toEqual({
      what: 'annotation-set',
      detail: 'kube-auditctl/policy-sha256',
      before: 'abc',
      after: policySha256,
    });
  });
});

describe('mounts and volumes', () => {
  const manifest = (mounts: string, volumes: string, flags = ''): string =>
    pod({
      container: `command:\n- kube-apiserver\n${flags}volumeMounts:\n${mounts}`,
      spec: `volumes:\n${volumes}`,
    });
  const names = (text: string): string[] => podOf(text).spec.volumes.map(({ name }) => name);

  test('names that are taken get a number', () => {
    const text = manifest(
      '- {name: audit-policy, mountPath: /a}\n',
      '- {name: audit-policy, hostPath: {path: /a}}\n- {name: audit-policy-2, emptyDir: {}}\n',
    );
    expect(names(enable(text).text)).toEqual(['audit-policy', 'audit-policy-2', 'audit-policy-3', 'audit-log']);
  });

  test('mounts that cover the paths are used, through whatever container path', () => {
    const text = manifest(
      '- {name: etc, mountPath: /host/etc, readOnly: true}\n- {name: log, mountPath: /logs}\n',
      '- {name: etc, hostPath: {path: /etc/kubernetes}}\n- {name: log, hostPath: {path: /var/log/kubernetes}}\n',
    );
    const { text: after } = enable(text);
    expect(names(after)).toEqual(['etc', 'log']);
    expect(auditFlags(after).slice(0, 2)).toEqual([
      '--audit-policy-file=/host/etc/audit-policy.yaml',
      '--audit-log-path=/logs/audit/audit.log',
    ]);
  });

  test('a volume of the same path that is not mounted gets a mount', () => {
    const { text } = enable(
      manifest(
        '- {name: a, mountPath: /a}\n',
        '- {name: a, hostPath: {path: /a}}\n- {name: p, hostPath: {path: /etc/kubernetes/audit-policy.yaml, type: File}}\n' +
          '- {name: l, hostPath: {path: /var/log/kubernetes/audit/}}\n',
      ),
    );
    expect(names(text)).toEqual(['a', 'p', 'l']);
    expect(podOf(text).spec.containers[0].volumeMounts.slice(1)).toEqual([
      { name: 'p', mountPath: '/etc/kubernetes/audit-policy.yaml', readOnly: true },
      { name: 'l', mountPath: '/var/log/kubernetes/audit' },
    ]);
  });

  test('a log folder under a read-only mount gets a mount of its own', () => {
    const { settings } = enable(
      manifest('- {name: log, mountPath: /var/log, readOnly: true}\n', '- {name: log, hostPath: {path: /var/log}}\n'),
    );
    expect(settings.log?.mount).toMatchObject({ volumeName: 'audit-log', mountPath: '/var/log/kubernetes/audit' });
  });

  test('a log folder mounted read-only becomes writable', () => {
    const text = manifest(
      '- name: log\n  mountPath: /var/log/kubernetes/audit/\n  readOnly: true # why\n',
      '- {name: log, hostPath: {path: /var/log/kubernetes/audit}}\n',
    );
    const { text: after, changes } = enable(text);
    expect(after).toContain('      readOnly: false # why\n');
    expect(changes).toContainEqual({
      what: 'mount-changed',
      detail: 'log',
      before: 'mountPath: /var/log/kubernetes/audit/, readOnly: true',
      after: 'mountPath: /var/log/kubernetes/audit/, readOnly: false',
    });
  });

  const fileMount = (mount: string, host: string, more = ''): string =>
    manifest(
      `- name: log\n  mountPath: ${mount}\n${more}`,
      `- name: log\n  hostPath:\n    path: ${host}\n    type: FileOrCreate\n`,
      '- --audit-log-path=/var/log/a/audit.log\n',
    );

  test('a log mounted as a file becomes a mount of its folder', () => {
    const text = fileMount('/var/log/a/audit.log', '/data/audit.log', '  readOnly: true\n');
    const { text: after, settings } = enable(text);
    expect(settings.log).toMatchObject({
      hostPath: '/data/audit.log',
      mount: { mountPath: '/var/log/a', hostPathType: 'DirectoryOrCreate', readOnly: false },
    });
    expect(lineChanges(text, after).removed.map((line) => line.trim())).toEqual([
      'mountPath: /var/log/a/audit.log',
      'path: /data/audit.log',
      'type: FileOrCreate',
    ]);
  });

  test.each([
    ['another name on the host', fileMount('/var/log/a/audit.log', '/data/x.log')],
    [
      'the volume used elsewhere',
      fileMount('/var/log/a/audit.log', '/data/audit.log', '- {name: log, mountPath: /x}\n'),
    ],
    ['in the root folder of the host', fileMount('/var/log/a/audit.log', '/audit.log')],
  ])('or is refused: %s', (_, text) => {
    const error = errorOf(() => enable(text));
    expect(error.code).toBe('log-mounted-as-file');
    expect(error.place?.lineText).toContain('/var/log/a/audit.log');
  });

  test.each(['DirectoryOrCreate', 'Directory'])('a policy volume of type %s becomes a File', (type) => {
    const { text } = enable(
      manifest(
        '- {name: p, mountPath: /etc/kubernetes/audit-policy.yaml}\n',
        `- name: p\n  hostPath: {path: /etc/kubernetes/audit-policy.yaml, type: ${type}} # by kubeadm\n`,
      ),
    );
    expect(text).toContain('hostPath: {path: /etc/kubernetes/audit-policy.yaml, type: File} # by kubeadm\n');
  });

  test('a mount that no flag names any more is told', () => {
    const once = enable(pod({ container: command })).text;
    const plan = enable(once, { policyPath: '/etc/kubernetes/other.yaml' });
    expect(plan.settings.policy).toMatchObject({
      hostPath: '/etc/kubernetes/other.yaml',
      mount: { volumeName: 'audit-policy-2' },
    });
    expect(plan.findings.map(({ code }) => code)).toEqual(['mount-left-behind']);
  });

  test.each([
    ['an emptyDir over the log', '- {name: v, emptyDir: {}}\n', '/var/log', 'path-not-on-host'],
    ['an emptyDir over the policy', '- {name: v, emptyDir: {}}\n', '/etc/kubernetes', 'path-not-on-host'],
    ['a mount without a volume', '- {name: w, emptyDir: {}}\n', '/var/log/kubernetes', 'path-not-on-host'],
    ['another folder of the host', '- {name: v, hostPath: {path: /opt}}\n', '/etc/kubernetes', 'mount-path-taken'],
  ])('%s is refused', (_, volumes, mountPath, code) => {
    const error = errorOf(() => enable(manifest(`- {name: v, mountPath: ${mountPath}}\n`, volumes)));
    expect(error.code).toBe(code);
    expect(error.place?.lineText).toContain(mountPath);
  });
});

describe('the log as a stream', () => {
  test('standard output needs no mount', () => {
    const { text, settings } = enable(pod({ container: command }), { logPath: '-' });
    expect(settings.log).toMatchObject({ containerPath: '-', maxAge: 30 });
    expect(podOf(text).spec.volumes).toHaveLength(1);
    expect(enable(text).text).toBe(text);
  });

  test('a device in the manifest is kept and told, in a wish refused', () => {
    const text = pod({ container: 'command: [kube-apiserver, --audit-log-path=/dev/stdout]\n' });
    expect(enable(text).findings).toMatchObject([{ code: 'log-path-is-device' }]);
    expect(errorOf(() => enable(text, { logPath: '/dev/stderr' })).code).toBe('log-path-is-device');
  });
});

describe('wishes that cannot be met', () => {
  const plain = pod({ container: command });

  test.each<[string, string, Partial<EnableWish>, string]>([
    ['a relative policy path', plain, { policyPath: 'audit.yaml' }, 'path-invalid'],
    ['a path with ..', plain, { policyPath: '/etc/../x' }, 'path-invalid'],
    ['the root folder as policy', plain, { policyPath: '//' }, 'path-invalid'],
    ['a log in the root folder', plain, { logPath: '/audit.log' }, 'path-invalid'],
    ['a folder as the log', plain, { logPath: '/var/log/audit/' }, 'path-invalid'],
    ['a limit of 0', plain, { maxAge: 0 }, 'log-limit-invalid'],
    ['half a file', plain, { maxBackup: 0.5 }, 'log-limit-invalid'],
    [
      'a relative path in the manifest',
      pod({ container: 'command: [kube-apiserver, --audit-log-path=a.log]\n' }),
      {},
      'path-invalid',
    ],
    [
      'an unknown variable in the manifest',
      pod({ container: 'command: [kube-apiserver, --audit-policy-file=$(P)]\n' }),
      {},
      'flag-value-unknown',
    ],
    [
      'a terminator of flags',
      pod({ container: 'command: [kube-apiserver, --]\n' }),
      {},
      'manifest-argument-terminator',
    ],
    [
      'a command shared by an alias',
      pod({ container: 'command: &c [kube-apiserver]\n', spec: 'x: *c\n' }),
      {},
      'manifest-alias',
    ],
    [
      'mounts merged in',
      pod({
        container: 'command: [kube-apiserver]\n<<: {volumeMounts: [{name: a, mountPath: /a}]}\n',
        spec: 'volumes: [{name: a, hostPath: {path: /a}}]\n',
      }),
      {},
      'manifest-alias',
    ],
    [
      'annotations that are a list',
      pod({ container: command, metadata: 'annotations: [a]\n' }),
      {},
      'manifest-wrong-type',
    ],
  ])('%s', (_, text, wish, code) => {
    expect(errorOf(() => enable(text, wish)).code).toBe(code);
  });

  test('an anchor that nobody refers to, or elsewhere, does not matter', () => {
    const text = pod({ container: 'command: &c [kube-apiserver]\nenv: &e []\n', spec: 'x: *e\n' });
    expect(commandOf(enable(text).text)).toHaveLength(6);
  });
});
