/** A cluster's certificates, made anew for a test: its authority, and whatever that one is to sign. */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;

x509.cryptoProvider.set(webcrypto);

export interface Pem {
  cert: string;
  key: string;
}

export interface Authority {
  cert: string;
  /** @param subject e.g. `CN=jane, O=dev`. @param days of validity; negative: over since then. */
  issue(subject: string, more?: { days?: number; server?: boolean }): Promise<Pem>;
}

export async function makeAuthority(subject = 'CN=kubernetes'): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(3650),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  let serial = 1;
  return {
    cert: ca.toString('pem'),
    async issue(name, { days = 365, server = false } = {}) {
      const pair = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const usage = server ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
      const alternatives = [
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ] as const;
      const cert = await x509.X509CertificateGenerator.create({
        serialNumber: (++serial).toString(16).padStart(4, '0'),
        subject: name,
        issuer: ca.subject,
        publicKey: pair.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity(days),
        extensions: [
          new x509.ExtendedKeyUsageExtension([usage]),
          ...(server ? [new x509.SubjectAlternativeNameExtension([...alternatives])] : []),
        ],
      });
      const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey));
      return { cert: cert.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
    },
  };
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  const until = days > 0 ? now + days * DAY : now + days * DAY + DAY / 2;
  return { notBefore: new Date(now - 3650 * DAY), notAfter: new Date(until) };
}
