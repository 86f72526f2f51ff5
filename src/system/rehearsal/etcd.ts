/** Asks etcd servers after their health. Rule: GET /health and nothing else; any answer over HTTP is an answer. */
import { readFile } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import type { EtcdAccess, EtcdAnswer } from '../../core/rehearsal/etcd';
import { messageOf } from '../../core/errors';

const TIMEOUT_MS = 1500;

/** Never rejects. */
export async function askEtcd(access: EtcdAccess, signal: AbortSignal): Promise<EtcdAnswer[]> {
  const read = async (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined ? undefined : readFile(path);
  try {
    const [ca, cert, key] = await Promise.all([access.ca, access.cert, access.key].map(read));
    return await Promise.all(access.servers.map((server) => ask(server, { ca, cert, key }, signal)));
  } catch (error) {
    return access.servers.map((server) => ({ server, failure: messageOf(error) }));
  }
}

function ask(
  server: string,
  files: { ca: Buffer | undefined; cert: Buffer | undefined; key: Buffer | undefined },
  signal: AbortSignal,
): Promise<EtcdAnswer> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => {
      resolve({ server, failure: reason(error) });
    };
    try {
      const url = new URL('/health', server);
      const options = { agent: false as const, timeout: TIMEOUT_MS, signal };
      const get = url.protocol === 'http:' ? httpGet(url, options) : httpsGet(url, { ...options, ...files });
      get.on('response', (response) => {
        response.resume();
        response.on('error', () => undefined);
        resolve({ server });
      });
      get.on('timeout', () => get.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      get.on('error', failed);
    } catch (error) {
      failed(error);
    }
  });
}

/** In the words of the server itself, where it has some. */
function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'connection refused';
  return messageOf(error);
}
