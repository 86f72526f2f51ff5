/**
 * Whether the server could start again with the certificates that stand on the disk. One that runs has read its own long ago:
 * a key of another pair, a client certificate that has expired since, show only when it is restarted, and then there is no
 * way back, for the old manifest names the same files. Doctor's rules judge them; here is what of it stops a start.
 */
import { certificateRules } from '../diagnosis/node/certificates';
import type { CertificateFile, CertificateRole } from '../diagnosis/node-sight';
import { examineManifest } from '../diagnosis/patient';
import type { Finding } from '../finding';
import { resolveMount } from '../manifest/mounts';
import type { Server } from '../manifest/server';

export interface CertificateQuestion {
  usedBy: string;
  /** On the host. */
  path: string;
  role: CertificateRole;
}

/** The server's flags that name certificates and keys. Source: cmd/kube-apiserver/app/options. */
export const CERTIFICATE_FLAGS: readonly (readonly [flag: string, role: CertificateRole])[] = [
  ['tls-cert-file', 'certificate'],
  ['tls-private-key-file', 'key'],
  ['client-ca-file', 'authority'],
  ['etcd-cafile', 'authority'],
  ['etcd-certfile', 'certificate'],
  ['etcd-keyfile', 'key'],
  ['kubelet-client-certificate', 'certificate'],
  ['kubelet-client-key', 'key'],
  ['proxy-client-cert-file', 'certificate'],
  ['proxy-client-key-file', 'key'],
  ['requestheader-client-ca-file', 'authority'],
  ['service-account-key-file', 'verifier'],
  ['service-account-signing-key-file', 'key'],
];
/** What etcd knows its clients by, and proves itself with; kubeadm's own etcd stands beside the server. */
const OF_ETCD: typeof CERTIFICATE_FLAGS = [
  ['cert-file', 'certificate'],
  ['trusted-ca-file', 'authority'],
];

/** @param etcd the flags of the etcd of this node; undefined when there is none. */
export function certificateQuestions(
  server: Server,
  etcd: ((name: string) => string | undefined) | undefined,
): CertificateQuestion[] {
  const named = (usedBy: string, path: string | undefined, role: CertificateRole): CertificateQuestion[] =>
    path === undefined || path === '' ? [] : [{ usedBy, path, role }];
  return [
    ...CERTIFICATE_FLAGS.flatMap(([name, role]) => {
      const path = server.effectiveValue(name);
      return named(`--${name}`, path && resolveMount(server, path)?.hostPath, role);
    }),
    ...(etcd ? OF_ETCD.flatMap(([name, role]) => named(`etcd --${name}`, etcd(name), role)) : []),
  ];
}

export interface CertificateSight {
  at: number;
  manifestPath: string;
  text: string;
  certificates: readonly CertificateFile[];
}

export function certificateFindings({ at, manifestPath, text, certificates }: CertificateSight): Finding[] {
  const patient = examineManifest({
    at,
    nodeName: '',
    manifestPath,
    stateDir: '',
    manifest: { state: 'present', text, sha256: '', mode: 0o600, changedAt: 0 },
    strangers: [],
    kubelet: { journal: [] },
    servers: [],
    pods: [],
    etcd: { pods: [], runs: true, endpoints: [] },
    port: { number: 0, holders: [] },
    health: { at, state: 'unreachable' },
    // A date that cannot be read is no date.
    certificates: certificates.filter((file) =>
      file.certificates.every(({ notBefore, notAfter }) => Number.isFinite(notBefore) && Number.isFinite(notAfter)),
    ),
    paths: [],
    disks: [],
    swap: [],
    backups: [],
    record: {},
    notes: [],
  });
  return certificateRules(patient)
    .map(({ finding }) => finding)
    .filter((finding) => STOPS.test(finding.code) && !isOfEtcdAlone(finding) && !mayBeChained(finding, certificates))
    .map((finding) => ({
      ...finding,
      severity: SERVES_ON.test(finding.title) && !ENDS.test(finding.code) ? 'warning' : 'error',
      detail: [
        ...(finding.detail === undefined ? [] : [finding.detail]),
        'A server that runs has read its files before; it would not start again with these.',
      ].join('\n'),
    }));
}

/** What is wrong with etcd's own certificates is etcd's affair, unless the server does not trust them. */
function isOfEtcdAlone({ code, title }: Finding): boolean {
  return code !== 'certificate-other-authority' && title.includes('(etcd --');
}

/** A file with several certificates may hold those that lead to its authority, which is not followed here. */
function mayBeChained({ code, title }: Finding, files: readonly CertificateFile[]): boolean {
  const file = files.find(({ path }) => title.startsWith(`${path} `));
  return code === 'certificate-other-authority' && (file?.certificates.length ?? 0) > 1;
}

/** That a file is missing is said of all files that flags name. */
const STOPS = /^certificate-(?:broken|key-mismatch|other-authority|expired|not-yet-valid)$/;
/** With these the server starts whatever their dates: they are for kubelets and for other API servers. */
const SERVES_ON = /--(?:kubelet-client|proxy-client|requestheader-client)/;
const ENDS = /broken|key-mismatch/;
