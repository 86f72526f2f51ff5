/** Certificates: there, whole, of their key, of their authority, in their time. */
import { cause, type Cause, type Evidence } from '../cause';
import type { Certificate, CertificateFile } from '../node-sight';
import { flagAt, type Patient } from '../patient';

const DAY = 86_400_000;
/** kubeadm renews at every upgrade, and its certificates hold a year. */
const SOON_DAYS = 30;

export function certificateRules(patient: Patient): Cause[] {
  const { certificates } = patient.sight;
  return [
    ...certificates.flatMap((file) => unusable(patient, file)),
    ...PAIRS.flatMap(([certificate, key]) => pair(patient, certificate, key)),
    ...ISSUED.flatMap(([certificate, authority]) => issued(patient, certificate, authority)),
    ...certificates.flatMap((file) => dates(patient, file)),
  ];
}

const PAIRS = [
  ['--tls-cert-file', '--tls-private-key-file'],
  ['--etcd-certfile', '--etcd-keyfile'],
  ['--kubelet-client-certificate', '--kubelet-client-key'],
  ['--proxy-client-cert-file', '--proxy-client-key-file'],
  ['etcd --cert-file', 'etcd --key-file'],
  ['etcd --peer-cert-file', 'etcd --peer-key-file'],
] as const;

const ISSUED = [
  ['--etcd-certfile', 'etcd --trusted-ca-file'],
  ['etcd --cert-file', '--etcd-cafile'],
  ['--proxy-client-cert-file', '--requestheader-client-ca-file'],
] as const;

const BRINGS = ['certificate-unreadable', 'server-refused', 'server-not-started'];
const ETCD_BRINGS = [
  'etcd-unreachable',
  'etcd-not-running',
  'etcd-refuses',
  'etcd-untrusted',
  'server-not-started',
  'server-crashed',
];

function unusable(patient: Patient, file: CertificateFile): Cause[] {
  if (file.state === 'read') return [];
  const what = {
    missing: 'does not exist',
    denied: 'may not be read',
    empty: 'is empty',
    unreadable: `holds no ${file.role === 'key' ? 'key' : 'certificate'}`,
  }[file.state];
  return [
    cause(file.state === 'missing' ? 'certificate-missing' : 'certificate-broken', {
      title: `${file.path} (${file.usedBy}) ${what}`,
      ...(file.detail === undefined ? {} : { detail: file.detail }),
      when: whenFor(patient, file),
      ...placed(patient, file, `${file.path}: ${what}`),
      remedy: restoring(file),
      brings: bringsOf(file),
    }),
  ];
}

function pair(patient: Patient, certificateFlag: string, keyFlag: string): Cause[] {
  const certificate = fileOf(patient, certificateFlag);
  const key = fileOf(patient, keyFlag);
  const own = certificate?.certificates[0];
  if (!certificate || !key?.publicKey || !own || own.publicKey === key.publicKey) return [];
  return [
    cause('certificate-key-mismatch', {
      title: `${key.path} (${key.usedBy}) is not the key of ${certificate.path}`,
      when: whenFor(patient, key),
      ...placed(
        patient,
        key,
        `public key ${key.publicKey.slice(0, 16)}, the certificate's ${own.publicKey.slice(0, 16)}`,
      ),
      remedy: [
        `put the key that belongs to ${certificate.path} (CN ${commonName(own)}) there`,
        ...renewal(certificate),
      ],
      brings: bringsOf(key),
    }),
  ];
}

function issued(patient: Patient, certificateFlag: string, authorityFlag: string): Cause[] {
  const certificate = fileOf(patient, certificateFlag);
  const authority = fileOf(patient, authorityFlag);
  const own = certificate?.certificates[0];
  if (!certificate || !own || authority?.state !== 'read' || own.signedBy.includes(authority.path)) return [];
  // Whose flag is the API server's own is the one to look at: etcd may run well with its certificate.
  const blamed = authorityFlag.startsWith('--') ? authority : certificate;
  return [
    cause('certificate-other-authority', {
      title: `${certificate.path} (${certificateFlag}) is not signed by ${authority.path} (${authorityFlag}), but by ${nameIn(own.issuer)}`,
      when: whenFor(patient, blamed),
      ...placed(
        patient,
        blamed,
        `subject ${own.subject.replaceAll('\n', ', ')}; issuer ${own.issuer.replaceAll('\n', ', ')}`,
      ),
      remedy: ['correct the flag that names it', ...renewal(certificate)],
      brings: bringsOf(blamed),
    }),
  ];
}

function dates(patient: Patient, file: CertificateFile): Cause[] {
  const { at } = patient.sight;
  const own = file.certificates[0];
  if (!own) return [];
  const until = new Date(own.notAfter).toISOString();
  const placeOf = placed(patient, file, `${nameIn(own.subject)}: not after ${until}`);
  if (own.notAfter < at) {
    return [
      cause('certificate-expired', {
        title: `${file.path} (${file.usedBy}) expired on ${until}`,
        ...placeOf,
        remedy: renewal(file),
        brings: [...bringsOf(file), 'api-not-ready'],
      }),
    ];
  }
  if (own.notBefore > at) {
    return [
      cause('certificate-not-yet-valid', {
        title: `${file.path} (${file.usedBy}) is valid only from ${new Date(own.notBefore).toISOString()} on: is the clock right?`,
        ...placeOf,
        remedy: ['timedatectl', ...renewal(file)],
        brings: bringsOf(file),
      }),
    ];
  }
  const days = Math.floor((own.notAfter - at) / DAY);
  if (days >= SOON_DAYS) return [];
  return [
    cause('certificate-ends-soon', {
      title: `${file.path} (${file.usedBy}) expires in ${days} day${days === 1 ? '' : 's'}, on ${until}`,
      when: 'later',
      ...placeOf,
      remedy: renewal(file),
    }),
  ];
}

function fileOf({ sight }: Patient, usedBy: string): CertificateFile | undefined {
  return sight.certificates.find((file) => file.usedBy === usedBy);
}

/** A running server has read its files: what is wrong with them shows at its next start. */
function whenFor(patient: Patient, file: CertificateFile): 'now' | 'later' {
  if (file.usedBy.startsWith('etcd ')) return patient.sight.etcd.runs ? 'later' : 'now';
  return patient.healthy ? 'later' : 'now';
}

function bringsOf(file: CertificateFile): readonly string[] {
  return /etcd/.test(file.usedBy) ? [...ETCD_BRINGS, ...BRINGS] : BRINGS;
}

function placed(patient: Patient, file: CertificateFile, text: string): ReturnType<typeof flagAt> {
  const own: Evidence = { source: 'file', where: file.path, text };
  if (!file.usedBy.startsWith('--')) return { evidence: [own] };
  const found = flagAt(patient, file.usedBy.slice(2));
  return { ...found, evidence: [own, ...found.evidence] };
}

/** Name of kubeadm's renewal by the file's name. Source: cmd/kubeadm/app/phases/certs/renewal. */
const RENEWALS: Readonly<Record<string, string>> = {
  'apiserver.crt': 'apiserver',
  'apiserver-etcd-client.crt': 'apiserver-etcd-client',
  'apiserver-kubelet-client.crt': 'apiserver-kubelet-client',
  'front-proxy-client.crt': 'front-proxy-client',
  'etcd/server.crt': 'etcd-server',
  'etcd/peer.crt': 'etcd-peer',
  'etcd/healthcheck-client.crt': 'etcd-healthcheck-client',
  'admin.conf': 'admin.conf',
};

function renewal({ path, role }: CertificateFile): string[] {
  const name = Object.entries(RENEWALS).find(([ending]) => path.endsWith(`/${ending}`))?.[1];
  if (name !== undefined)
    return [
      `kubeadm certs renew ${name}   (before 1.20: kubeadm alpha certs renew)`,
      'a server that runs reads it at its next start',
    ];
  if (role === 'authority')
    return [
      'an authority is not renewed by kubeadm: see "Manual rotation of CA certificates" in the Kubernetes documentation',
    ];
  return ['kubeadm certs check-expiration'];
}

function restoring(file: CertificateFile): string[] {
  const renew = renewal(file);
  return [
    'correct the path in the flag that names it, if it is the path that is wrong',
    `ls -l ${file.path.replace(/\/[^/]*$/, '')}`,
    ...(/\/(?:apiserver|front-proxy|etcd\/|sa\.)/.test(file.path)
      ? ['or have kubeadm make it anew: kubeadm init phase certs --help']
      : renew),
  ];
}

function commonName({ subject }: Certificate): string {
  return nameIn(subject).replace(/^CN=/, '');
}

function nameIn(name: string): string {
  return name.split('\n').find((part) => part.startsWith('CN=')) ?? name.replaceAll('\n', ', ');
}
