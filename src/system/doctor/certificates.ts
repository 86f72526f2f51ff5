/** Certificates and keys as files. Rule: only public parts leave this module; of a key, the hash of its public half. */
import { createHash, createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { AskedCertificate } from '../../change/doctor-ports';
import type { Certificate, CertificateFile } from '../../core/diagnosis/node-sight';
import { messageOf } from '../../core/errors';
import { hasCode } from '../file-errors';
import { readBelow } from '../root';

const MAX_BYTES = 1 << 20;
const MAX_CERTIFICATES = 20;

type Read = CertificateFile & { parsed: readonly X509Certificate[] };

export async function readCertificates(
  root: string,
  asked: readonly AskedCertificate[],
): Promise<readonly CertificateFile[]> {
  const files = (await Promise.all(asked.map((each) => readOne(root, each)))).filter(
    // Files that no flag names may be elsewhere, or not be there at all.
    ({ usedBy, state }) => usedBy.includes('--') || state !== 'missing',
  );
  const authorities = files.filter(({ role, state }) => role === 'authority' && state === 'read');
  return files.map(({ parsed, ...file }) => ({
    ...file,
    certificates: parsed.map((certificate) => partsOf(certificate, authorities)),
  }));
}

async function readOne(root: string, { usedBy, path, role }: AskedCertificate): Promise<Read> {
  const answer = (state: CertificateFile['state'], more: Partial<Read> = {}): Read => ({
    usedBy,
    path,
    role,
    state,
    certificates: [],
    parsed: [],
    ...more,
  });
  let text: string;
  try {
    text = Buffer.from(await readBelow(root, path, MAX_BYTES)).toString('latin1');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return answer('missing');
    return answer(hasCode(error, 'EACCES', 'EPERM') ? 'denied' : 'unreadable', { detail: messageOf(error) });
  }
  if (text.trim() === '') return answer('empty');
  try {
    if (role === 'key') return answer('read', { publicKey: fingerprint(createPublicKey(createPrivateKey(text))) });
    if (role === 'verifier') return answer('read', { publicKey: fingerprint(publicKeyOf(text)) });
    const parsed = pemBlocks(path.endsWith('.conf') ? embedded(text) : text).map((pem) => new X509Certificate(pem));
    return parsed.length > 0
      ? answer('read', { parsed })
      : answer('unreadable', { detail: 'no PEM block CERTIFICATE' });
  } catch {
    // The library's own words may quote what it was given.
    return answer('unreadable');
  }
}

/** A service account key may be given as a public key, a private one, or a certificate. */
function publicKeyOf(text: string): KeyObject {
  return text.includes('CERTIFICATE') ? new X509Certificate(text).publicKey : createPublicKey(text);
}

function pemBlocks(text: string): string[] {
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)]
    .slice(0, MAX_CERTIFICATES)
    .map(([pem]) => pem);
}

/** The client certificate inside a kubeconfig. */
function embedded(kubeconfig: string): string {
  const data = /client-certificate-data:\s*([A-Za-z0-9+/=]+)/.exec(kubeconfig)?.[1] ?? '';
  return Buffer.from(data, 'base64').toString('latin1');
}

function partsOf(certificate: X509Certificate, authorities: readonly Read[]): Certificate {
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    publicKey: fingerprint(certificate.publicKey),
    signedBy: [
      ...new Set(
        authorities
          .filter(({ parsed }) => parsed.some((authority) => signed(authority, certificate)))
          .map(({ path }) => path),
      ),
    ],
  };
}

function signed(authority: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    return false;
  }
}

function fingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
