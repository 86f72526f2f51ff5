/** Probes that would kill a server that does nothing wrong: a row a mistake, made to kubeadm's own manifest. */
import { readAudit } from '../../../src/core/manifest/audit';
import { parseManifest } from '../../../src/core/manifest/document';
import { readServer } from '../../../src/core/manifest/server';
import { probeFindings } from '../../../src/core/preflight/probes';
import { fixture, fixtureNames } from '../../support/manifests';

const KUBEADM = fixture('kubeadm-1.36.yaml');
const OLD = fixture('kubeadm-1.20.yaml');

function found(text: string, authentication?: string, addresses: readonly string[] = []) {
  const doc = parseManifest(text, 'm.yaml');
  const server = readServer(doc);
  const findings = probeFindings(
    { doc, server, audit: readAudit(doc, server), folder: '/etc/kubernetes/manifests', minor: 36 },
    { authentication, addresses },
  );
  for (const { remedy } of findings) expect(remedy.join('')).not.toBe('');
  return findings;
}

const codes = (text: string, authentication?: string): string[] =>
  found(text, authentication).map(({ code, severity }) => `${code} ${severity}`);

const flag = (line: string, text = KUBEADM): string =>
  text.replace('    - --secure-port', `    - ${line}\n    - --secure-port`);
const header = (text: string): string =>
  text.replaceAll(
    '      httpGet:\n',
    '      httpGet:\n        httpHeaders: [{name: authorization, value: Bearer x}]\n',
  );
const probesBy = (handler: string): string => KUBEADM.replace(/ {6}httpGet:\n( {8}.*\n)+/g, `      ${handler}\n`);
const readinessOnly = (from: string, to: string): string =>
  KUBEADM.replace(/readinessProbe:[\s\S]*?scheme: HTTPS/, (probe) => probe.replace(from, to));

test.each(fixtureNames)('%s: nothing', (name) => {
  expect(found(fixture(name))).toEqual([]);
});

test.each<[string, string, string[]]>([
  ['anonymous-auth=false', flag('--anonymous-auth=false'), ['probe-not-authorized error']],
  ['anonymous-auth=0, which is false', flag('--anonymous_auth=0'), ['probe-not-authorized error']],
  ['anonymous-auth=true', flag('--anonymous-auth=true'), []],
  ['with an Authorization header', header(flag('--anonymous-auth=false')), []],
  ['probes by exec', flag('--anonymous-auth=false', probesBy('exec: {command: [cat]}')), []],
  ['probes by tcpSocket', flag('--anonymous-auth=false', probesBy('tcpSocket: {port: 6443}')), []],
  ['AlwaysAllow', KUBEADM.replace('mode=Node,RBAC', 'mode=AlwaysAllow'), ['probe-not-authorized error']],
  ['no mode is AlwaysAllow', KUBEADM.replace(/.*--authorization-mode.*\n/, ''), ['probe-not-authorized error']],
  ['the modes are in a file', KUBEADM.replace('--authorization-mode=Node,RBAC', '--authorization-config=/a'), []],
  ['another secure-port', KUBEADM.replace('--secure-port=6443', '--secure-port=6444'), ['probe-port-mismatch error']],
  ['no secure-port is 6443', KUBEADM.replace(/.*--secure-port.*\n/, ''), []],
  [
    'the named port is another',
    KUBEADM.replace('containerPort: 6443', 'containerPort: 6444'),
    ['probe-port-mismatch error'],
  ],
  ['no port of that name', KUBEADM.replace('name: probe-port', 'name: probe'), ['probe-port-mismatch error']],
  ['a number in quotes', KUBEADM.replaceAll('port: probe-port', 'port: "6443"'), []],
  ['another number', OLD.replaceAll('port: 6443', 'port: 8443'), ['probe-port-mismatch error']],
  ['a socket on another port', probesBy('tcpSocket: {port: 1}'), ['probe-port-mismatch error']],
  ['HTTP', KUBEADM.replaceAll('scheme: HTTPS', 'scheme: HTTP'), ['probe-not-https error']],
  ['no scheme is HTTP', KUBEADM.replaceAll(/ +scheme: HTTPS\n/g, ''), ['probe-not-https error']],
  ['a path that is not there', KUBEADM.replace('path: /livez', 'path: /live'), ['probe-path-not-health error']],
  ['a query', KUBEADM.replace('path: /livez', 'path: /livez?exclude=etcd'), []],
  ['without a slash', KUBEADM.replace('path: /livez', 'path: healthz'), []],
  ['a single check', KUBEADM.replace('path: /livez', 'path: /livez/ping'), ['probe-path-not-health warning']],
  ['readiness alone kills nothing', readinessOnly('/readyz', '/ready'), ['probe-path-not-health warning']],
  ['loopback', KUBEADM.replaceAll('host: 192.168.56.10', 'host: 127.0.0.1'), []],
  ['no host', KUBEADM.replaceAll(/ +host: 192.168.56.10\n/g, ''), []],
  ['another host', KUBEADM.replace('host: 192.168.56.10', 'host: 192.168.56.99'), ['probe-host-mismatch warning']],
  ['bound to the loopback', flag('--bind-address=127.0.0.1'), ['probe-host-mismatch error']],
  ['bound to its own', flag('--bind-address=192.168.56.10'), []],
  ['hostNetwork false', KUBEADM.replace('hostNetwork: true', 'hostNetwork: false'), ['host-network-off error']],
  ['no hostNetwork', KUBEADM.replace('  hostNetwork: true\n', ''), ['host-network-off error']],
])('%s', (_name, text, expected) => {
  expect(codes(text)).toEqual(expected);
});

describe('AuthenticationConfiguration', () => {
  const text = flag('--authentication-config=/etc/kubernetes/pki/authn.yaml');
  const config = (anonymous: string): string =>
    `apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n${anonymous}`;
  test.each([
    ['cannot be read', undefined, []],
    ['says nothing of it', config(''), []],
    ['is no YAML', '{', []],
    ['lets strangers in', config('anonymous: {enabled: true}'), []],
    ['keeps them out', config('anonymous: {enabled: false}'), ['probe-not-authorized error']],
    ['names the paths', config('anonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}]}'), []],
    [
      'names another path',
      config('anonymous: {enabled: true, conditions: [{path: /readyz}]}'),
      ['probe-not-authorized error'],
    ],
  ])('%s', (_name, authentication, expected) => {
    expect(codes(text, authentication)).toEqual(expected);
  });
});

test('one finding for all probes, at the flag that shuts them out', () => {
  const [finding] = found(flag('--anonymous-auth=false'));
  expect(finding?.title).toContain('startupProbe, livenessProbe, readinessProbe');
  expect(finding?.place?.lineText).toContain('--anonymous-auth=false');
});

test('any address of this node is as good as the one advertised', () => {
  expect(found(KUBEADM.replaceAll('host: 192.168.56.10', 'host: 10.0.0.7'), undefined, ['10.0.0.7'])).toEqual([]);
});
