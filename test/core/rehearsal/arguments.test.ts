/** What a rehearsal changes of the arguments, and what it must not. */
import { parseManifest } from '../../../src/core/manifest/document';
import { readServer } from '../../../src/core/manifest/server';
import { rehearsalArguments } from '../../../src/core/rehearsal/arguments';
import { fixture, pod } from '../../support/manifests';

const server = (text: string) => readServer(parseManifest(text, 'm.yaml'));
const withFlags = (...flags: string[]) =>
  server(pod({ container: `command: ${JSON.stringify(['kube-apiserver', ...flags])}\n` }));
const ADVERTISE = '--advertise-address=10.0.0.1';

test('of a manifest of kubeadm, only the etcd servers are others', () => {
  const before = server(fixture('kubeadm-1.36.yaml'));
  const { args } = rehearsalArguments(before) as { args: string[] };
  const own = before.argv.slice(1).map(({ value }) => value);
  expect(args.filter((each) => !own.includes(each))).toEqual(['--etcd-servers=https://127.0.0.1:1']);
  expect(own.filter((each) => !args.includes(each))).toEqual(['--etcd-servers=https://127.0.0.1:2379']);
});

test.each([
  [
    'every etcd server, in either form, wherever the flag stands',
    ['--etcd-servers', 'https://a:2379,http://b:2379', '--etcd_servers=c:2379', ADVERTISE],
    ['--etcd-servers', 'https://127.0.0.1:1,http://127.0.0.1:1', '--etcd_servers=127.0.0.1:1', ADVERTISE],
  ],
  [
    'no socket of etcd either',
    ['--etcd-servers=unix:///run/etcd.sock', ADVERTISE],
    ['--etcd-servers=http://127.0.0.1:1', ADVERTISE],
  ],
  [
    'etcd servers of single resources',
    ['--etcd-servers-overrides=/events#https://a:2379;https://b:2379,apps/deployments#http://c:1', ADVERTISE],
    [
      '--etcd-servers-overrides=/events#https://127.0.0.1:1;https://127.0.0.1:1,apps/deployments#http://127.0.0.1:1',
      ADVERTISE,
    ],
  ],
  [
    'an address that the namespace does not have is parsed, and then overruled',
    ['--bind-address=10.0.0.7', ADVERTISE],
    ['--bind-address=10.0.0.7', ADVERTISE, '--bind-address=0.0.0.0'],
  ],
  [
    'an address to advertise where the server would look for one',
    ['--bind-address=10.0.0.7'],
    ['--bind-address=10.0.0.7', '--bind-address=0.0.0.0', '--advertise-address=10.0.0.7'],
  ],
  [
    'of the family of the services',
    ['--service-cluster-ip-range=fd00::/108'],
    ['--service-cluster-ip-range=fd00::/108', '--advertise-address=2001:db8::1'],
  ],
  [
    'a log file would swallow the words',
    ['--log-file=/var/log/x.log', ADVERTISE],
    ['--log-file=/dev/stderr', ADVERTISE],
  ],
  ['nothing is put behind the end of the flags', ['--', 'x'], ['--advertise-address=192.0.2.1', '--', 'x']],
  ['a flag without its value stays wrong', [ADVERTISE, '--etcd-servers'], [ADVERTISE, '--etcd-servers']],
])('%s', (_, flags, args) => {
  expect(rehearsalArguments(withFlags(...flags))).toEqual({ args });
});

test('a wrapper before the server is left out, and variables are expanded', () => {
  const wrapped = pod({
    container:
      'command: [/go-runner, --log-file=/var/log/x.log, kube-apiserver]\nargs: ["--advertise-address=$(IP)", "--v=$$2"]\nenv: [{name: IP, value: 10.1.1.1}]\n',
  });
  expect(rehearsalArguments(server(wrapped))).toEqual({ args: ['--advertise-address=10.1.1.1', '--v=$2'] });
});

test('a variable from outside the manifest is not guessed', () => {
  const text = pod({
    container:
      'command: [kube-apiserver, "--advertise-address=$(HOST_IP)"]\nenv: [{name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]\n',
  });
  expect(rehearsalArguments(server(text))).toEqual({ unknown: '--advertise-address=$(HOST_IP)' });
});
