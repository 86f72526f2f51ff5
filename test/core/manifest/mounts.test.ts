import { readAudit } from '../../../src/core/manifest/audit';
import { parseManifest } from '../../../src/core/manifest/document';
import { containerPathsOf, resolveMount } from '../../../src/core/manifest/mounts';
import { readServer } from '../../../src/core/manifest/server';
import { fixture, pod } from '../../support/manifests';

const server = readServer(
  parseManifest(
    pod({
      container: `command: [kube-apiserver]
env:
- {name: NODE, value: cp1}
volumeMounts:
- {name: logs, mountPath: /var/log/}
- {name: audit, mountPath: //var/./log/audit, readOnly: true}
- {name: file, mountPath: /etc/policy.yaml, readOnly: yes}
- {name: scratch, mountPath: /tmp}
- {name: part, mountPath: /part, subPath: a/b}
- {name: part, mountPath: /node, subPathExpr: $(NODE)/x}
- {name: part, mountPath: /pod, subPathExpr: $(POD)/x}
- {name: gone, mountPath: /gone}
`,
      spec: `volumes:
- {name: logs, hostPath: {path: /data/logs/, type: Directory}}
- {name: audit, hostPath: {path: /data/audit, type: ""}}
- {name: file, hostPath: {path: /opt/p.yaml, type: File}}
- {name: scratch, emptyDir: {}}
- {name: part, hostPath: {path: /srv}}
`,
    }),
  ),
);

describe('resolveMount', () => {
  test.each([
    ['/var/log/kube/a.log', '/data/logs/kube/a.log', 'logs', false],
    ['/var/log', '/data/logs', 'logs', true],
    ['/var/log/audit/x', '/data/audit/x', 'audit', false],
    ['/var/log/audits/x', '/data/logs/audits/x', 'logs', false],
    ['/etc//policy.yaml/', '/opt/p.yaml', 'file', true],
    ['/part/c', '/srv/a/b/c', 'part', false],
    ['/node/c', '/srv/cp1/x/c', 'part', false],
    ['/pod/c', undefined, 'part', false],
    ['/tmp/x', undefined, 'scratch', false],
    ['/gone/x', undefined, 'gone', false],
  ])('%s is %s on the host', (path, hostPath, volumeName, exact) => {
    expect(resolveMount(server, path)).toMatchObject({ hostPath, volumeName, exact });
  });

  test('says what kind of mount it is', () => {
    expect(resolveMount(server, '/etc/policy.yaml')).toMatchObject({
      readOnly: true,
      volumeType: 'hostPath',
      hostPathType: 'File',
    });
    expect(resolveMount(server, '/var/log/audit')).toMatchObject({ readOnly: true, hostPathType: undefined });
    expect(resolveMount(server, '/tmp')?.volumeType).toBe('emptyDir');
    expect(resolveMount(server, '/gone')?.volumeType).toBe('missing');
    expect(resolveMount(server, '/var/logs')).toBeUndefined();
    expect(resolveMount(server, '/')).toBeUndefined();
  });
});

test.each([
  ['/data/logs/x', ['/var/log/x']],
  ['/srv/a/b/c', ['/part/c']],
  ['/data/audit', ['/var/log/audit']],
  // Seen at /var/log/audit, were it not for the mount that lies over it.
  ['/data/logs/audit/x', []],
  ['/elsewhere', []],
])('the host’s %s is seen in the container at %j', (hostPath, paths) => {
  expect(containerPathsOf(server, hostPath).map(({ path }) => path)).toEqual(paths);
});

describe('readAudit', () => {
  const read = (text: string): ReturnType<typeof readAudit> => {
    const doc = parseManifest(text);
    return readAudit(doc, readServer(doc));
  };

  test('nothing in a pristine manifest', () => {
    expect(read(fixture('kubeadm-1.20.yaml'))).toEqual({
      policy: undefined,
      log: undefined,
      webhook: undefined,
      flags: {},
      annotation: undefined,
    });
  });

  test('all of a manifest configured by hand', () => {
    const settings = read(fixture('hand-configured.yaml'));
    expect(settings.policy).toMatchObject({
      containerPath: '/etc/kubernetes/policies/audit.yaml',
      hostPath: '/opt/policies/audit.yaml',
    });
    expect(settings.log).toMatchObject({
      containerPath: '/var/log/apiserver/audit.log',
      hostPath: '/data/audit/audit.log',
      maxAge: 7,
      maxBackup: undefined,
      compress: true,
      mode: undefined,
    });
    expect(settings.flags).toEqual({
      'audit-policy-file': '/etc/kubernetes/policies/audit.yaml',
      'audit-log-path': '/var/log/apiserver/audit.log',
      'audit-log-maxage': '7',
      'audit-log-compress': 'true',
    });
  });

  test('a policy mounted by sub-path', () => {
    expect(read(fixture('exam-layout.yaml')).policy).toMatchObject({
      hostPath: '/etc/kubernetes/audit/policy.yaml',
      mount: { exact: true, hasSubPath: true },
    });
  });

  test('standard output, a webhook, values of the environment, an annotation', () => {
    const settings = read(
      pod({
        container: `command: [kube-apiserver, --audit-log-path, '-', --audit-log-maxage=x, --audit-log-compress=f,
  --audit-webhook-config-file=$(DIR)/w, --audit-webhook-mode=batch, --audit-policy-file=/a, --audit-policy-file=]
env: [{name: DIR, value: /etc/hook}]
`,
        metadata: 'annotations: {kube-auditctl/policy-sha256: abc}\n',
      }),
    );
    expect(settings.policy).toBeUndefined();
    expect(settings.log).toMatchObject({ containerPath: '-', hostPath: undefined, maxAge: undefined, compress: false });
    expect(settings.webhook).toEqual({
      containerPath: '/etc/hook/w',
      hostPath: undefined,
      mount: undefined,
      mode: 'batch',
    });
    expect(settings.annotation).toBe('abc');
  });
});
