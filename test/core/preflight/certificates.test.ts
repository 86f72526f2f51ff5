/** Certificates that a running server has outlived: found before it is restarted into them. */
import type { CertificateFile } from '../../../src/core/diagnosis/node-sight';
import { parseManifest } from '../../../src/core/manifest/document';
import { readServer } from '../../../src/core/manifest/server';
import { certificateFindings, certificateQuestions } from '../../../src/core/preflight/certificates';
import { fixture } from '../../support/manifests';

const KUBEADM = fixture('kubeadm-1.36.yaml');
const PKI = '/etc/kubernetes/pki';
const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY = 86_400_000;

const certificate = (usedBy: string, path: string, more: Partial<CertificateFile['certificates'][number]> = {}) => ({
  usedBy,
  path: `${PKI}/${path}`,
  role: 'certificate' as const,
  state: 'read' as const,
  certificates: [
    {
      subject: 'CN=x',
      issuer: 'CN=ca',
      notBefore: NOW - DAY,
      notAfter: NOW + 90 * DAY,
      publicKey: 'a',
      signedBy: [],
      ...more,
    },
  ],
});
const key = (usedBy: string, path: string, publicKey: string): CertificateFile => ({
  usedBy,
  path: `${PKI}/${path}`,
  role: 'key',
  state: 'read',
  certificates: [],
  publicKey,
});
const authority = (usedBy: string, path: string): CertificateFile => ({
  ...certificate(usedBy, path),
  role: 'authority',
});

const found = (...certificates: CertificateFile[]) =>
  certificateFindings({ at: NOW, manifestPath: '/m.yaml', text: KUBEADM, certificates });

test.each<[string, CertificateFile[], string[]]>([
  [
    'a key of another pair',
    [certificate('--tls-cert-file', 'apiserver.crt'), key('--tls-private-key-file', 'apiserver.key', 'b')],
    ['certificate-key-mismatch error'],
  ],
  [
    'its own key',
    [certificate('--tls-cert-file', 'apiserver.crt'), key('--tls-private-key-file', 'apiserver.key', 'a')],
    [],
  ],
  [
    'an expired client certificate for etcd',
    [certificate('--etcd-certfile', 'apiserver-etcd-client.crt', { notAfter: NOW - DAY })],
    ['certificate-expired error'],
  ],
  [
    'one that is valid tomorrow',
    [certificate('--etcd-certfile', 'apiserver-etcd-client.crt', { notBefore: NOW + DAY })],
    ['certificate-not-yet-valid error'],
  ],
  [
    'a foreign client certificate for etcd',
    [certificate('--etcd-certfile', 'x.crt'), authority('etcd --trusted-ca-file', 'etcd/ca.crt')],
    ['certificate-other-authority error'],
  ],
  [
    'one of etcd\u2019s authority',
    [
      certificate('--etcd-certfile', 'x.crt', { signedBy: [`${PKI}/etcd/ca.crt`] }),
      authority('etcd --trusted-ca-file', 'etcd/ca.crt'),
    ],
    [],
  ],
  [
    'an empty file',
    [{ ...certificate('--client-ca-file', 'ca.crt'), state: 'empty', certificates: [] }],
    ['certificate-broken error'],
  ],
  [
    'the server starts with an expired certificate for kubelets',
    [certificate('--kubelet-client-certificate', 'k.crt', { notAfter: NOW - DAY })],
    ['certificate-expired warning'],
  ],
  [
    'and not with a key of another pair',
    [certificate('--kubelet-client-certificate', 'k.crt'), key('--kubelet-client-key', 'k.key', 'b')],
    ['certificate-key-mismatch error'],
  ],
  ['it ends in ten days', [certificate('--tls-cert-file', 'apiserver.crt', { notAfter: NOW + 10 * DAY })], []],
  ['etcd\u2019s own', [certificate('etcd --cert-file', 'etcd/server.crt', { notAfter: NOW - DAY })], []],
])('%s', (_name, files, expected) => {
  const findings = found(...files);
  expect(findings.map(({ code, severity }) => `${code} ${severity}`)).toEqual(expected);
  for (const { remedy } of findings) expect(remedy.join('')).not.toBe('');
});

test('a chain may lead to the authority', () => {
  const client = certificate('--etcd-certfile', 'x.crt');
  const chained = { ...client, certificates: [...client.certificates, ...client.certificates] };
  expect(found(chained, authority('etcd --trusted-ca-file', 'etcd/ca.crt'))).toEqual([]);
});

test('its place is the flag', () => {
  const [finding] = found(certificate('--etcd-certfile', 'a.crt', { notAfter: NOW - DAY }));
  expect(finding?.place?.lineText).toContain('--etcd-certfile=');
});

test('asked for by their paths on the host, those of no volume left out', () => {
  const server = readServer(parseManifest(KUBEADM.replace('ca-file=/etc/kubernetes/pki/ca.crt', 'ca-file=/x/ca.crt')));
  const asked = certificateQuestions(server, (name) => (name === 'cert-file' ? '/e.crt' : undefined));
  expect(asked).toContainEqual({ usedBy: '--etcd-keyfile', path: `${PKI}/apiserver-etcd-client.key`, role: 'key' });
  expect(asked.filter(({ usedBy }) => usedBy === '--client-ca-file' || usedBy.startsWith('etcd '))).toEqual([
    { usedBy: 'etcd --cert-file', path: '/e.crt', role: 'certificate' },
  ]);
});
