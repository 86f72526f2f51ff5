/** What the pure checks find in a manifest: a row a mistake, named by what users see of it. */
import { readAudit } from '../../../src/core/manifest/audit';
import { parseManifest } from '../../../src/core/manifest/document';
import { readServer } from '../../../src/core/manifest/server';
import { apiReferences } from '../../../src/core/preflight/api-references';
import { auditFlags } from '../../../src/core/preflight/audit-flags';
import { auditPaths } from '../../../src/core/preflight/audit-paths';
import { flagFiles } from '../../../src/core/preflight/flag-files';
import type { Judge, Judged } from '../../../src/core/preflight/judged';
import { kubeletRules } from '../../../src/core/preflight/kubelet-rules';
import { mirrorDump } from '../../../src/core/preflight/mirror-dump';
import { rotation } from '../../../src/core/preflight/rotation';
import { fixture, fixtureNames, pod } from '../../support/manifests';

function judged(text: string, minor: number | undefined = 36): Judged {
  const doc = parseManifest(text, 'm.yaml');
  const server = readServer(doc);
  return { doc, server, audit: readAudit(doc, server), folder: '/etc/kubernetes/manifests', minor };
}

/** `code severity` of each finding; the first's place must show the words. */
function found(judge: Judge, text: string, minor?: number, shows?: string): string[] {
  const findings = judge(judged(text, minor));
  if (shows !== undefined) expect(findings[0]?.place?.lineText).toContain(shows);
  for (const { remedy } of findings) expect(remedy.join('')).not.toBe('');
  return findings.map(({ code, severity }) => `${code} ${severity}`);
}

const flags = (...list: string[]): string =>
  pod({ container: `command:\n- kube-apiserver\n${list.map((flag) => `- ${flag}\n`).join('')}` });

const AUDIT = [
  '--audit-policy-file=/etc/kubernetes/audit-policy.yaml',
  '--audit-log-path=/var/log/audit/k8s/audit.log',
];
const LIMITS = ['--audit-log-maxage=1', '--audit-log-maxbackup=1', '--audit-log-maxsize=1'];

test.each(fixtureNames)('%s: nothing that would stop it', (name) => {
  const manifest = judged(fixture(name));
  for (const judge of [apiReferences, auditFlags, auditPaths, kubeletRules, mirrorDump, rotation])
    expect(judge(manifest).filter(({ severity }) => severity === 'error')).toEqual([]);
});

describe('unknown flag: the server ends at once', () => {
  test.each([
    ['a typo', '--audit-log-maxbackups=3', '--audit-log-maxbackup'],
    ['an underscore too many', '--audit_log_pth=/a', '--audit-log-path'],
    ['a typo in the first word', '--adit-log-path=/a', '--audit-log-path'],
    ['a flag of old documents', '--Audit.LogOptions.Path=/a', 'kube-apiserver --help'],
    ['one that was removed', '--audit-dynamic-configuration', '--audit-webhook-config-file'],
    ['a feature gate that was removed', '--feature-gates=A=true,DynamicAuditing=true', '--feature-gates'],
  ])('%s', (_name, flag, remedy) => {
    expect(found(auditFlags, flags(flag), 36, flag)).toEqual(['unknown-flag error']);
    expect(auditFlags(judged(flags(flag)))[0]?.remedy.join()).toContain(remedy);
  });

  test('other flags of the server are none of its business', () => {
    expect(found(auditFlags, flags('--allow-privileged=true', '--v=2', '--feature-gates=A=true'))).toEqual([]);
  });
});

describe('a value that cannot be read', () => {
  test.each([
    '--audit-log-maxage=30d',
    '--audit-log-maxsize=100MB',
    '--audit-log-maxbackup=-1',
    '--audit-log-mode=async',
    '--audit-log-format=yaml',
    '--audit-log-version=audit.k8s.io/v1beta1',
    '--audit-log-compress=yes',
    '--audit-log-batch-max-wait=10',
    '--audit-webhook-initial-backoff=soon',
    '--audit-webhook-batch-throttle-qps=many',
    '--audit-log-path',
  ])('%s', (flag) => {
    expect(found(auditFlags, flags(flag), 36, flag)).toEqual(['invalid-flag-value error']);
  });

  test.each([
    '--audit-log-maxage=0',
    '--audit-log-batch-throttle-qps=1.5',
    '--audit-log-compress',
    '--audit-log-maxage=$(A)',
  ])('%s can be read', (flag) => {
    expect(found(auditFlags, flags(flag))).toEqual([]);
  });

  test('in the form of two arguments, the place is the value', () => {
    expect(found(auditFlags, flags('--audit-log-maxage', 'x'), 36, '- x')).toEqual(['invalid-flag-value error']);
  });
});

test('a flag given twice: the last one counts, which is worth a warning', () => {
  expect(found(auditFlags, flags('--audit-log-maxage=1', '--audit-log-maxage=2'), 36, '=1')).toEqual([
    'flag-given-twice warning',
  ]);
});

describe('disk full, cluster dies: limits of the log that are none', () => {
  test.each([
    ['no limits before 1.36', AUDIT, 35, ['log-unlimited warning']],
    ['no limits where the version is not known', AUDIT, undefined, ['log-unlimited warning']],
    ['no limits from 1.36 on, which has defaults', AUDIT, 36, []],
    ['a size of 0', [...AUDIT, ...LIMITS.slice(0, 2), '--audit-log-maxsize=0'], 36, ['log-limit-zero warning']],
    ['standard output has none', ['--audit-log-path=-'], 30, []],
  ])('%s', (_name, list, minor, expected) => {
    expect(rotation({ ...judged(flags(...list)), minor }).map(({ code, severity }) => `${code} ${severity}`)).toEqual(
      expected,
    );
  });
});

const withLog = (path: string, mount: string, volume: string): string =>
  pod({
    container: `command: [kube-apiserver, --audit-policy-file=/p, "--audit-log-path=${path}"]\nvolumeMounts:\n- {name: l, ${mount}}\n`,
    spec: `volumes:\n- {name: l, ${volume}}\n`,
  });
const FOLDER = 'hostPath: {path: /var/log/k8s, type: DirectoryOrCreate}';

describe('the log', () => {
  test.each([
    [
      'flags set, log file missing on the host: no volume',
      flags(...AUDIT),
      ['log-not-on-host error'],
      '--audit-log-path',
    ],
    [
      'in an emptyDir',
      withLog('/l/a.log', 'mountPath: /l', 'emptyDir: {}'),
      ['log-not-on-host error'],
      '--audit-log-path',
    ],
    [
      'device or resource busy: mounted as a single file',
      withLog('/l/a.log', 'mountPath: /l/a.log', 'hostPath: {path: /l/a.log, type: FileOrCreate}'),
      ['log-mounted-as-file error'],
      'mountPath: /l/a.log',
    ],
    [
      'read-only file system: mounted readOnly',
      withLog('/l/a.log', 'mountPath: /l, readOnly: true', FOLDER),
      ['audit-log-read-only error'],
      'readOnly: true',
    ],
    [
      'no space left on /dev/stdout',
      flags('--audit-policy-file=/p', '--audit-log-path=/dev/stdout'),
      ['log-path-is-device warning'],
      'stdout',
    ],
    [
      'inside the manifests folder',
      withLog('/l/a.log', 'mountPath: /l', 'hostPath: {path: /etc/kubernetes/manifests}'),
      ['file-inside-manifests error'],
      '--audit-log-path',
    ],
    [
      'audit path set, file empty: no policy',
      flags('--audit-log-path=-'),
      ['audit-incomplete warning'],
      '--audit-log-path',
    ],
    ['a policy, and no log', flags('--audit-policy-file=/p'), ['audit-incomplete warning'], '--audit-policy-file'],
    ['well mounted', withLog('/l/a.log', 'mountPath: /l', FOLDER), [], undefined],
  ])('%s', (_name, text, expected, shows) => {
    expect(found(auditPaths, text, 36, shows)).toEqual(expected);
  });
});

describe('what the kubelet refuses a manifest for', () => {
  const mounts = (lines: string, volumes: string): string =>
    pod({ container: `image: i:1\ncommand: [kube-apiserver]\nvolumeMounts:\n${lines}`, spec: `volumes:\n${volumes}` });
  test.each([
    [
      'a mount without a volume',
      mounts('- {name: log, mountPath: /a}\n', '- {name: logs, emptyDir: {}}\n'),
      'Not found: "log"',
      'write `logs`',
    ],
    [
      'a path mounted twice',
      mounts('- {name: l, mountPath: /a}\n- {name: l, mountPath: /a}\n', '- {name: l, emptyDir: {}}\n'),
      'must be unique',
      'keep one',
    ],
    [
      'a mount without a path',
      mounts('- {name: l}\n', '- {name: l, emptyDir: {}}\n'),
      'mountPath: Required value',
      'name the path',
    ],
    [
      'a volume name twice',
      mounts('', '- {name: l, emptyDir: {}}\n- {name: l, emptyDir: {}}\n'),
      'Duplicate value: "l"',
      'otherwise',
    ],
    [
      'a volume name with capitals',
      mounts('', '- {name: Audit_Log, emptyDir: {}}\n'),
      'Invalid value: "Audit_Log"',
      'lower-case',
    ],
    [
      'an unknown hostPath type',
      mounts('', '- {name: l, hostPath: {path: /a, type: file}}\n'),
      'Unsupported value: "file"',
      '`File`',
    ],
    [
      'a hostPath with ..',
      mounts('', '- {name: l, hostPath: {path: /a/../b}}\n'),
      "must not contain '..'",
      'whole path',
    ],
    [
      'a hostPath without a path',
      mounts('', '- {name: l, hostPath: {type: File}}\n'),
      'path: Required value',
      'name a path',
    ],
  ])('%s', (_name, text, says, remedy) => {
    const [finding, ...more] = kubeletRules(judged(text));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ code: 'manifest-invalid', severity: 'error' });
    expect(finding?.title).toContain(says);
    expect(finding?.remedy.join()).toContain(remedy);
  });
});

describe('what it refuses of a container, one finding each, in its own words', () => {
  const container = (lines: string, minor = 36): string[] => {
    const text = pod({ container: `image: i:1\ncommand: [kube-apiserver]\n${lines}` });
    return kubeletRules(judged(text, minor)).map(({ title, place, remedy }) => {
      expect([place?.line, remedy.join('')]).toEqual([expect.any(Number), expect.stringMatching(/\w/)]);
      return title.replace('the kubelet would refuse the manifest: spec.containers[0].', '');
    });
  };
  test.each([
    ['imagePullPolicy: Allways\n', /^imagePullPolicy: Unsupported value: "Allways"/],
    ['resources: {requests: {cpu: 250mm}}\n', /^resources.requests.cpu: unable to parse quantity's suffix/],
    ['resources: {requests: {memory: 256MB}}\n', /^resources.requests.memory: quantities must match/],
    ['resources: {requests: {memory: m}}\n', /unable to parse numeric part/],
    ['resources: {requests: {cpu: 1}, limits: {cpu: 500m}}\n', /must be less than or equal to cpu limit of 500m/],
    ['resources: {requests: {cpus: 1}}\n', /must be a standard resource/],
    ['resources: {limits: {cpu: -1}}\n', /must be greater than or equal to 0/],
    ['ports: [{containerPort: 64430}, {containerPort: 70000}]\n', /ports\[1\].containerPort: .* between 1 and 65535/],
    ['ports: [{containerPort: 6443, protocol: tcp}]\n', /protocol: Unsupported value: "tcp"/],
    ['ports: [{name: secure}]\n', /containerPort: Required value/],
    ['ports: [{containerPort: 99999999999}]\n', /cannot unmarshal number 99999999999 .* of type int32/],
    ['env: [{name: ""}]\n', /env\[0\].name: Required value/],
    ['env: [{name: A=B}]\n', /env\[0\].name: Invalid value: "A=B"/],
    ['livenessProbe: {httpGet: {path: /livez, scheme: HTTPS}}\n', /livenessProbe.httpGet.port: Invalid value: 0/],
    ['livenessProbe: {httpGet: {path: /livez, port: 1, scheme: https}}\n', /scheme: Unsupported value: "https"/],
    ['livenessProbe: {tcpSocket: {port: "6443"}}\n', /must contain at least one letter/],
    ['livenessProbe: {periodSeconds: 1}\n', /must specify a handler type/],
    ['livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 1}}\n', /may not specify more than 1 handler type/],
    ['volumeMounts: [null]\n', /volumeMounts\[0\]/],
  ])('%s', (lines, words) => {
    const found = container(lines);
    expect(found[0]).toMatch(words);
    expect(found.length).toBeLessThanOrEqual(/null|-1/.test(lines) ? 3 : 1);
  });

  test('a name of digits is one since 1.32', () => {
    expect(container('env: [{name: 1A}]\n', 31)).toEqual([expect.stringContaining('environment variable name')]);
    expect(container('env: [{name: 1A}]\n', 32)).toEqual([]);
  });

  test('of the pod and of its other containers', () => {
    const text = pod({
      metadata: 'labels: {tier: "control plane", "bad key": x}\nannotations: {"/a": b}\n',
      container: 'image: ""\ncommand: [kube-apiserver]\n',
      spec: [
        '- {name: Other, image: i:1}\n- {image: i:1}\n- {name: kube-apiserver, image: i:1}\n',
        'restartPolicy: always\ndnsPolicy: Host\nvolumes: [{name: a, emptyDir: {}, hostPath: {path: /a}}, null]\n',
      ].join(''),
    });
    const fields = kubeletRules(judged(text)).map(({ title, place }) => {
      expect(place?.line).toBeGreaterThan(4);
      return /manifest: (.+?):/.exec(title)?.[1];
    });
    expect(fields).toEqual([
      'metadata.labels.bad key',
      'metadata.labels.tier',
      'metadata.annotations./a',
      'spec.volumes[0].emptyDir',
      'spec.volumes[1].name',
      'spec.containers[0].image',
      'spec.containers[1].name',
      'spec.containers[2].name',
      'spec.containers[3].name',
      'spec.restartPolicy',
      'spec.dnsPolicy',
    ]);
  });

  test('what the strict reader says is not said twice', () => {
    for (const lines of ['ports: [{containerPort: "80"}]\n', 'tty: "yes"\n', 'livenessProbe: []\n', 'ports: {}\n'])
      expect([lines, container(lines)]).toEqual([lines, []]);
  });

  test('nor that it takes for a text what Go takes for a number: that is said here', () => {
    expect(container('env: [{name: A, value: 1_000}]\n')).toEqual([
      expect.stringContaining('cannot unmarshal number into Go struct field EnvVar'),
    ]);
  });
});

describe('a dump of the running pod instead of a manifest', () => {
  test('as kubectl prints it: one finding names all signs, another the uid', () => {
    const text = pod({
      metadata: [
        'annotations:\n  kubernetes.io/config.mirror: abc\n  kubernetes.io/config.hash: abc\n',
        'creationTimestamp: "2026-01-01T00:00:00Z"\nresourceVersion: "12"\nuid: abc\n',
      ].join(''),
      container: 'command: [kube-apiserver]\n',
      spec: 'nodeName: cp1\n',
    });
    const findings = mirrorDump(judged(`${text}status: {phase: Running}\n`));
    expect(findings.map(({ code, severity }) => `${code} ${severity}`)).toEqual([
      'mirror-pod-dump error',
      'manifest-uid error',
    ]);
    for (const sign of ['config.mirror', 'resourceVersion', 'creationTimestamp', 'nodeName', 'status'])
      expect(findings[0]?.detail).toContain(sign);
  });

  test('what kubeadm of any version writes is none', () => {
    const text = pod({ metadata: 'creationTimestamp: null\n', container: 'command: [kube-apiserver]\n' });
    expect(found(mirrorDump, `${text}status: {}\n`)).toEqual([]);
  });

  test('one sign alone may be somebody’s own: a warning', () => {
    expect(found(mirrorDump, pod({ container: 'command: [kube-apiserver]\n', spec: 'nodeName: cp1\n' }))).toEqual([
      'mirror-pod-dump warning',
    ]);
  });
});

describe('static pods may not reference what only the API knows', () => {
  test.each([
    ['a config map volume', 'volumes: [{name: a, configMap: {name: c}}]\n', ''],
    ['a secret volume', 'volumes: [{name: a, secret: {secretName: c}}]\n', ''],
    ['a service account token', 'volumes: [{name: a, projected: {sources: [{serviceAccountToken: {path: t}}]}}]\n', ''],
    ['a service account', 'serviceAccountName: default\n', ''],
    ['a pull secret', 'imagePullSecrets: [{name: a}]\n', ''],
    ['an environment from a secret', '', 'envFrom: [{secretRef: {name: a}}]\n'],
    ['a variable from a config map', '', 'env: [{name: A, valueFrom: {configMapKeyRef: {name: a, key: b}}}]\n'],
  ])('%s: refused since 1.34, a warning before', (_name, spec, container) => {
    const text = pod({ container: `command: [kube-apiserver]\n${container}`, spec });
    expect(found(apiReferences, text, 34)).toEqual(['api-reference error']);
    expect(found(apiReferences, text, 33)).toEqual(['api-reference warning']);
  });

  test('the pod’s own fields, host paths and empty folders are none', () => {
    const spec =
      'volumes: [{name: a, emptyDir: {}}, {name: b, hostPath: {path: /a}}, {name: c, projected: {sources: [{downwardAPI: {}}]}}]\n';
    expect(found(apiReferences, pod({ container: 'command: [kube-apiserver]\n', spec }), 36)).toEqual([]);
  });
});

test('the files that flags name: with the mount that brings them in, pairs apart, variables left out', () => {
  const text = pod({
    container:
      'command: [kube-apiserver, --client-ca-file=/pki/ca.crt, "--tls-sni-cert-key=/pki/a.crt,/pki/a.key:*.x", --oidc-ca-file=$(HIDDEN), --etcd-cafile=/other]\nvolumeMounts: [{name: p, mountPath: /pki}]\n',
    spec: 'volumes: [{name: p, hostPath: {path: /host}}]\n',
  });
  expect(flagFiles(judged(text).server).map(({ path, mount }) => [path, mount?.hostPath])).toEqual([
    ['/pki/ca.crt', '/host/ca.crt'],
    ['/pki/a.crt', '/host/a.crt'],
    ['/pki/a.key', '/host/a.key'],
    ['/other', undefined],
  ]);
});
