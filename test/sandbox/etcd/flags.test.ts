/** etcd's flags as kubeadm writes them, and as users get them wrong. */
import { parseEtcdFlags } from '../../../src/sandbox/etcd/flags';

test("kubeadm's manifest", () => {
  const result = parseEtcdFlags([
    '--advertise-client-urls=https://10.0.0.2:2379',
    '--cert-file=/etc/kubernetes/pki/etcd/server.crt',
    '--client-cert-auth=true',
    '--data-dir=/var/lib/etcd',
    '--experimental-initial-corrupt-check=true',
    '--initial-cluster=cp1=https://10.0.0.2:2380',
    '--key-file=/etc/kubernetes/pki/etcd/server.key',
    '--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.2:2379',
    '--listen-metrics-urls=http://127.0.0.1:2381',
    '--name=cp1',
    '--peer-client-cert-auth=true',
    '--snapshot-count=10000',
    '--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt',
  ]);
  if (!result.ok) throw new Error(result.message);
  const { clientUrls, metricsUrls, ...rest } = result.flags;
  expect(clientUrls.map(({ host }) => host)).toEqual(['127.0.0.1:2379', '10.0.0.2:2379']);
  expect(metricsUrls.map(({ host }) => host)).toEqual(['127.0.0.1:2381']);
  expect(rest).toEqual({
    name: 'cp1',
    dataDir: '/var/lib/etcd',
    certFile: '/etc/kubernetes/pki/etcd/server.crt',
    keyFile: '/etc/kubernetes/pki/etcd/server.key',
    trustedCaFile: '/etc/kubernetes/pki/etcd/ca.crt',
    clientCertAuth: true,
  });
});

test.each([
  [['--data-dirr=/x'], 'flag provided but not defined: -data-dirr'],
  [['--data-dir'], 'flag needs an argument: -data-dir'],
  [['--client-cert-auth=maybe'], 'invalid boolean value "maybe" for -client-cert-auth: parse error'],
  [['/var/lib/etcd'], "'/var/lib/etcd' is not a valid flag"],
  [
    ['--listen-client-urls', 'ftp://x:1'],
    'invalid value "ftp://x:1" for flag -listen-client-urls: URL must be http(s)://HOST:PORT',
  ],
])('%j is refused', (args, message) => {
  expect(parseEtcdFlags(args)).toEqual({ ok: false, message });
});

test('a single dash, a value apart and a bare boolean are as good', () => {
  const result = parseEtcdFlags(['-data-dir', '/d', '-client-cert-auth', '--name', 'n']);
  expect(result).toMatchObject({ ok: true, flags: { dataDir: '/d', clientCertAuth: true, name: 'n' } });
});
