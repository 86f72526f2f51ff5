/**
 * The sandbox's certificates, laid out as kubeadm lays out a cluster's: three authorities, what they sign, and the key
 * pair of the service accounts. Rule: elliptic keys, because a sandbox is made in a second or not at all; nothing here
 * writes a file.
 */
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type Extension,
  type X509Certificate,
} from '@peculiar/x509';
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 24 * 60 * 60 * 1000;

cryptoProvider.set(webcrypto as never);

type Pair = webcrypto.CryptoKeyPair;

/** A certificate and its key, PEM. */
export interface Signed {
  crt: string;
  key: string;
}

export interface Authority extends Signed {
  /** @param groups the O fields of a client, which are groups to the API server. */
  client(name: string, groups?: readonly string[]): Promise<Signed>;
  /** For both sides, as etcd's members need it. @param names DNS names and addresses. */
  server(name: string, names: readonly string[], alsoClient?: boolean): Promise<Signed>;
}

export async function createAuthority(name: string, now = Date.now()): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [name] }],
    notBefore: new Date(now - DAY),
    notAfter: new Date(now + 3650 * DAY),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyCertSign,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey, false),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
    ],
  });
  const sign = (subject: Subject, extensions: readonly Extension[]): Promise<Signed> =>
    issue({ certificate, keys }, subject, extensions, now);
  return {
    ...(await pem(certificate, keys)),
    client: (user, groups = []) =>
      sign({ name: user, groups }, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]),
    server: (user, names, alsoClient = false) =>
      sign({ name: user, groups: [] }, [
        new ExtendedKeyUsageExtension([
          ExtendedKeyUsage.serverAuth,
          ...(alsoClient ? [ExtendedKeyUsage.clientAuth] : []),
        ]),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
      ]),
  };
}

/** What service account tokens are signed with: `sa.key` and `sa.pub`. */
export async function createServiceAccountKeys(): Promise<{ key: string; pub: string }> {
  const { privateKey, publicKey } = await newKeys();
  return { key: privatePem(privateKey), pub: publicPem(publicKey) };
}

interface Subject {
  name: string;
  groups: readonly string[];
}

async function issue(
  ca: { certificate: X509Certificate; keys: Pair },
  { name, groups }: Subject,
  extensions: readonly Extension[],
  now: number,
): Promise<Signed> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [...groups.map((group) => ({ O: [group] })), { CN: [name] }],
    issuer: ca.certificate.subjectName,
    notBefore: new Date(now - DAY),
    notAfter: new Date(now + 365 * DAY),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      await AuthorityKeyIdentifierExtension.create(ca.keys.publicKey, false),
      ...extensions,
    ],
  });
  return pem(certificate, keys);
}

async function newKeys(): Promise<Pair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** Positive, as RFC 5280 wants it: the first bit must be clear. */
function serial(): string {
  const bytes = randomBytes(8);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

function pem(certificate: X509Certificate, keys: Pair): Promise<Signed> {
  return Promise.resolve({ crt: `${certificate.toString('pem')}\n`, key: privatePem(keys.privateKey) });
}

/** As kubeadm writes elliptic keys: SEC 1. */
function privatePem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'sec1', format: 'pem' }).toString();
}

function publicPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'spki', format: 'pem' }).toString();
}
