/**
 * The webhook backend (apiserver/plugin/pkg/audit/webhook): a list of events a POST, every failure tried again with a
 * growing wait, and given up after five tries. A receiver that cannot be reached is no reason for the server to end.
 */
import type { RequestOptions } from 'node:http';
import { request as requestHttp } from 'node:http';
import { Agent, request as requestHttps } from 'node:https';
import { parse } from 'yaml';
import { messageOf } from '../../../core/errors';
import type { ContainerFiles } from '../files';
import { GoError, errnoOf, goError } from '../go-errors';
import type { Backend, Report } from './backend';
import { REAL_TIMER, type Timer } from './buffered';
import { encodeEventList } from './event';

export interface Receiver {
  url: URL;
  ca?: Buffer;
  insecure: boolean;
  cert?: Buffer;
  key?: Buffer;
  token?: string;
}

const TRIES = 5;
const FACTOR = 1.5;
const TIMEOUT_MS = 30_000;

/** @throws with the server's message, `initializing audit webhook: …`. */
export function readReceiver(path: string, files: ContainerFiles): Receiver {
  try {
    return receiver(path, files);
  } catch (error) {
    throw new Error(`initializing audit webhook: ${messageOf(error)}`);
  }
}

export function webhookBackend(
  target: Receiver,
  initialBackoff: number,
  report: Report,
  timer: Timer = REAL_TIMER,
): Backend {
  const agent = target.url.protocol === 'https:' ? new Agent({ keepAlive: true, ...tls(target) }) : undefined;
  const stopped = new AbortController();

  const deliver = async (body: string): Promise<string | undefined> => {
    let wait = initialBackoff;
    for (let attempt = 1; ; attempt++) {
      const problem = await post(target, body, agent, stopped.signal);
      if (problem === undefined || attempt === TRIES || stopped.signal.aborted) return problem;
      await pause(wait, timer, stopped.signal);
      wait *= FACTOR;
    }
  };

  return {
    async process(events) {
      const problem = await deliver(encodeEventList(events));
      if (problem !== undefined) report('webhook', problem, events);
      return problem === undefined;
    },
    close() {
      stopped.abort();
      agent?.destroy();
      return Promise.resolve();
    },
  };
}

interface Kubeconfig {
  clusters?: { name?: string; cluster?: Record<string, unknown> }[];
  users?: { name?: string; user?: Record<string, unknown> }[];
  contexts?: { name?: string; context?: { cluster?: string; user?: string } }[];
  'current-context'?: string;
}

function receiver(path: string, files: ContainerFiles): Receiver {
  const text = readConfig(path, files);
  let config: Kubeconfig;
  try {
    config = (parse(text) as Kubeconfig | null) ?? {};
  } catch (error) {
    throw new Error(
      `error loading config file ${JSON.stringify(path)}: yaml: ${messageOf(error).split('\n')[0] ?? ''}`,
    );
  }
  const { contexts = [], clusters = [], users = [] } = config;
  if (contexts.length === 0 && clusters.length === 0 && users.length === 0) {
    throw new Error(
      'invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
    );
  }
  const current = config['current-context'] ?? '';
  const context = contexts.find(({ name }) => name === current)?.context;
  const cluster = clusters.find(({ name }) => name === (context?.cluster ?? ''))?.cluster;
  const server = cluster?.['server'];
  if (typeof server !== 'string' || server === '') {
    const missing =
      context === undefined && current !== '' ? `context was not found for specified context: ${current}` : '';
    const parts = [missing, 'cluster has no server defined'].filter(Boolean);
    throw new Error(`invalid configuration: ${parts.length > 1 ? `[${parts.join(', ')}]` : (parts[0] ?? '')}`);
  }
  const user = users.find(({ name }) => name === context?.user)?.user ?? {};
  const material = (from: Record<string, unknown> | undefined, key: string, owner: string) =>
    pem(from, key, owner, files);
  const ca = material(cluster, 'certificate-authority', context?.cluster ?? '');
  const cert = material(user, 'client-certificate', context?.user ?? '');
  const key = material(user, 'client-key', context?.user ?? '');
  const tokenFile = user['tokenFile'];
  const token = typeof tokenFile === 'string' ? files.read(tokenFile).toString().trim() : user['token'];
  return {
    url: new URL(server),
    insecure: cluster?.['insecure-skip-tls-verify'] === true,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(typeof token === 'string' && token !== '' ? { token } : {}),
  };
}

function readConfig(path: string, files: ContainerFiles): string {
  if (files.stat(path) === undefined) throw new GoError(`stat ${path}`, 'ENOENT');
  return files.read(path).toString();
}

function pem(
  from: Record<string, unknown> | undefined,
  key: string,
  owner: string,
  files: ContainerFiles,
): Buffer | undefined {
  const data = from?.[`${key}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64');
  const path = from?.[key];
  if (typeof path !== 'string' || path === '') return undefined;
  try {
    return files.read(path);
  } catch (error) {
    throw new Error(`invalid configuration: unable to read ${key} ${path} for ${owner} due to ${messageOf(error)}`);
  }
}

function tls(target: Receiver): object {
  return {
    rejectUnauthorized: !target.insecure,
    ...(target.ca && { ca: target.ca }),
    ...(target.cert && { cert: target.cert }),
    ...(target.key && { key: target.key }),
  };
}

/** undefined: taken; otherwise Go's words for what went wrong. Never rejects. */
function post(
  target: Receiver,
  body: string,
  agent: Agent | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const url = new URL(target.url);
  url.searchParams.set('timeout', '30s');
  const options: RequestOptions = {
    method: 'POST',
    headers: {
      Accept: 'application/json, */*',
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'User-Agent': 'kube-apiserver-admission',
      ...(target.token === undefined ? {} : { Authorization: `Bearer ${target.token}` }),
    },
    timeout: TIMEOUT_MS,
    signal,
    ...(agent === undefined ? {} : { agent }),
  };
  return new Promise((resolve) => {
    const failed = (error: unknown) => {
      resolve(`Post ${JSON.stringify(url.href)}: ${dialWords(error, url)}`);
    };
    const sent = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, (response) => {
      response.resume();
      response.on('error', failed);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const text = 'the server responded with the status code';
        resolve(status >= 200 && status < 300 ? undefined : `${text} ${status} but did not return more information`);
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('context deadline exceeded')));
    sent.on('error', failed);
    sent.end(body);
  });
}

function dialWords(error: unknown, url: URL): string {
  const errno = errnoOf(error);
  const address = `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
  if (errno === 'ENOTFOUND' || errno === 'EAI_AGAIN') return `dial tcp: lookup ${url.hostname}: no such host`;
  if (errno !== undefined && /CERT|SIGNATURE|SELF_SIGNED/.test(errno)) {
    return `x509: ${errno.includes('EXPIRED') ? 'certificate has expired or is not yet valid' : 'certificate signed by unknown authority'}`;
  }
  if (errno !== undefined && /^E[A-Z]+$/.test(errno)) return goError(`dial tcp ${address}: connect`, error).message;
  return messageOf(error);
}

function pause(ms: number, timer: Timer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = timer.after(ms, done);
    signal.addEventListener('abort', done);
  });
}
