/** Asks etcd for its health as the API server would: same address, same certificates. One request, one connection. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { EtcdEndpoint } from '../../core/diagnosis/node-sight';
import { messageOf } from '../../core/errors';
import { hasCode } from '../file-errors';
import { readBelow } from '../root';

const MAX_FILE = 1 << 20;
const MAX_BODY = 64 << 10;

export async function probeEtcd(
  url: string,
  files: { ca?: string; cert?: string; key?: string },
  { root = '/', timeoutMs = 5000 } = {},
): Promise<EtcdEndpoint> {
  let address: URL;
  try {
    address = new URL('/health', url);
  } catch {
    return { url, state: 'unreachable', detail: 'this is no URL' };
  }
  const read = async (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined ? undefined : Buffer.from(await readBelow(root, path, MAX_FILE));
  let ca, cert, key: Buffer | undefined;
  try {
    [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)]);
  } catch (error) {
    return reached(await connect(address, {}, timeoutMs), url, messageOf(error));
  }
  try {
    return { url, ...(await connect(address, { ca, cert, key }, timeoutMs)) };
  } catch (error) {
    // Certificate and key that do not fit each other cannot even be loaded; that is told of the files themselves.
    return { url, state: 'unasked', detail: messageOf(error) };
  }
}

type Answer = Omit<EtcdEndpoint, 'url'>;

/** Without our files nothing but the connection itself can be judged. */
function reached(answer: Answer, url: string, why: string): EtcdEndpoint {
  return answer.state === 'refused' || answer.state === 'unreachable'
    ? { url, ...answer }
    : { url, state: 'unasked', detail: why };
}

function connect(address: URL, tls: { ca?: Buffer; cert?: Buffer; key?: Buffer }, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    let late = false;
    const secure = address.protocol === 'https:';
    const options = { ...tls, agent: false as const, headers: { 'User-Agent': 'kube-auditctl' } };
    const sent = (secure ? httpsRequest : httpRequest)(address, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < MAX_BODY) body += chunk;
      });
      response.on('error', fail);
      response.on('end', () => {
        done(
          response.statusCode === 200 && /"health"\s*:\s*"?true/.test(body)
            ? { state: 'healthy' }
            : { state: 'unhealthy', detail: `HTTP ${response.statusCode ?? 0}: ${body.trim().slice(0, 300)}` },
        );
      });
    });
    const timer = setTimeout(() => {
      late = true;
      sent.destroy(new Error('timeout'));
    }, timeoutMs);
    const done = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    function fail(error: unknown): void {
      done(late ? { state: 'unreachable', detail: `no answer within ${timeoutMs / 1000} s` } : explain(error));
    }
    sent.on('error', fail);
    sent.end();
  });
}

function explain(error: unknown): Answer {
  const detail = messageOf(error);
  if (hasCode(error, 'ECONNREFUSED')) return { state: 'refused', detail: 'connection refused' };
  if (
    /alert (?:bad certificate|unknown ca|certificate (?:required|expired|unknown|revoked)|handshake failure)|ERR_SSL_\w*ALERT/i.test(
      detail,
    )
  )
    return { state: 'rejected', detail };
  if (hasCode(error, ...UNTRUSTED)) return { state: 'untrusted', detail };
  return { state: 'unreachable', detail };
}

const UNTRUSTED = [
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];
