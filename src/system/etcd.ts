/** Whether an etcd member is well, as it says itself. Rule: looking never rejects; the answer says what stood in the way. */
import { messageOf } from '../core/errors';
import type { EtcdHealth, EtcdFiles } from '../change/ports';
import { ask } from './api';
import { explain } from './file-errors';
import { readBelow } from './root';

const MAX_BYTES = 1024 * 1024;

/** @param server as in `--etcd-servers`, e.g. https://127.0.0.1:2379. Files as the node names them. */
export async function etcdHealth(root: string, server: string, files: EtcdFiles): Promise<EtcdHealth> {
  const read = async (path: string | undefined): Promise<Buffer | undefined> => {
    if (path === undefined) return undefined;
    try {
      return Buffer.from(await readBelow(root, path, MAX_BYTES));
    } catch (error) {
      throw explain(error, 'read', path);
    }
  };
  try {
    const { hostname, port, protocol } = new URL(server);
    if (protocol !== 'https:') return await plain(server);
    const [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)]);
    const endpoint = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 2379) };
    const answer = await ask(
      endpoint,
      { ca: ca ?? Buffer.alloc(0), ...(cert ? { cert } : {}), ...(key ? { key } : {}) },
      { method: 'GET', path: '/health', timeoutMs: 5_000 },
    );
    return judge(answer.status, answer.body);
  } catch (error) {
    return { state: 'unhealthy', detail: messageOf(error) };
  }
}

async function plain(server: string): Promise<EtcdHealth> {
  const answer = await fetch(new URL('/health', server), { signal: AbortSignal.timeout(5_000) });
  return judge(answer.status, await answer.text());
}

function judge(status: number, body: string): EtcdHealth {
  // `{"health":"true","reason":""}`: a string, not a truth value.
  if (status === 200 && /"health"\s*:\s*"?true/.test(body)) return { state: 'healthy' };
  return { state: 'unhealthy', detail: `GET /health: HTTP ${status}: ${body.slice(0, 200)}` };
}
