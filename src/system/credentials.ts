/**
 * Who this node's administrator is to its API server: the first of kubeadm's own files that works. Rule: what is expired
 * or unreadable is passed over and said, and only when nothing is left is that an error.
 */
import { X509Certificate } from 'node:crypto';
import { messageOf, UserError } from '../core/errors';
import { explain } from './file-errors';
import { readKubeconfig, type Access } from './kubeconfig';
import { readBelow } from './root';

export interface Credentials extends Access {
  /** The file they are from. */
  source: string;
  user: string | undefined;
  groups: string[];
}

const PKI = '/etc/kubernetes/pki';
const CLIENT = `${PKI}/apiserver-kubelet-client`;
const MAX_BYTES = 1024 * 1024;

/** Rejects with a UserError that tells why each candidate was no good; undefined when none of them exists. */
export async function findCredentials({ root = '/', now = Date.now() } = {}): Promise<Credentials | undefined> {
  const read = (path: string) =>
    readBelow(root, path, MAX_BYTES).catch((error: unknown) => {
      throw explain(error, 'read', path);
    });
  const kubeconfig = async (path: string) => readKubeconfig(Buffer.from(await read(path)).toString('utf8'), path, read);
  const candidates: [source: string, load: (path: string) => Promise<Access>][] = [
    ['/etc/kubernetes/admin.conf', kubeconfig],
    ['/etc/kubernetes/super-admin.conf', kubeconfig],
    [
      `${CLIENT}.crt`,
      async (path) => ({
        cert: Buffer.from(await read(path)),
        key: Buffer.from(await read(`${CLIENT}.key`)),
        ca: Buffer.from(await read(`${PKI}/ca.crt`)),
      }),
    ],
  ];

  const refusals: UserError[] = [];
  for (const [source, load] of candidates) {
    try {
      const access = await load(source);
      return { ...access, source, ...subject(access.cert, source, now) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (!(error.code === 'not-found' && error.message.includes(` ${source}:`))) refusals.push(error);
    }
  }
  const [first] = refusals;
  if (!first) return undefined;
  throw new UserError(first.code, refusals.map(messageOf).join('; '), {
    hints: [...new Set(refusals.flatMap(({ hints }) => hints))],
    cause: first,
  });
}

/** As the API server reads a client certificate: CN is the user, each O a group (apiserver pkg/authentication/request/x509). */
function subject(pem: Buffer | undefined, source: string, now: number): { user: string | undefined; groups: string[] } {
  if (!pem) return { user: undefined, groups: ['system:authenticated'] };
  const certificate = parseCertificate(pem, source);
  if (Date.parse(certificate.validTo) < now) {
    const name = source.endsWith('.crt') ? 'apiserver-kubelet-client' : (source.split('/').at(-1) ?? '');
    throw new UserError(
      'certificate-expired',
      `the client certificate in ${source} expired on ${new Date(certificate.validTo).toISOString()}`,
      { hints: ['sudo kubeadm certs check-expiration', `sudo kubeadm certs renew ${name}`] },
    );
  }
  // Not the printed subject: that one is escaped.
  const fields = certificate.toLegacyObject().subject as { CN?: string | string[]; O?: string | string[] } | undefined;
  const [user] = [fields?.CN ?? []].flat();
  return { user, groups: [...[fields?.O ?? []].flat(), 'system:authenticated'] };
}

function parseCertificate(pem: Buffer, source: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new UserError('certificate-unreadable', `the client certificate in ${source} cannot be read`, {
      hints: ['sudo kubeadm certs check-expiration'],
      cause,
    });
  }
}
