/**
 * Whether the etcd of a plan answers. A rehearsed server must never reach one, so a wrong address, port or certificate
 * would only show after the write: it is asked for by its health alone, and only when the plan changes who or how to ask.
 */
import type { Finding } from '../finding';
import type { Server } from '../manifest/server';
import { fileOfFlag } from './plan-trial';

/** Where etcd is, and with which files of the host it is talked to. */
export interface EtcdAccess {
  servers: readonly string[];
  ca?: string;
  cert?: string;
  key?: string;
}

export interface EtcdAnswer {
  server: string;
  /** Absent when it answered over HTTP, whatever it answered. */
  failure?: string;
}

/** Undefined when nothing can be asked: no server that is reached over the network. */
export function etcdAccess(server: Server): EtcdAccess | undefined {
  const servers = (server.effectiveValue('etcd-servers') ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => /^https?:\/\/[^/]/.test(each));
  if (servers.length === 0) return undefined;
  const [ca, cert, key] = ['etcd-cafile', 'etcd-certfile', 'etcd-keyfile'].map((name) => fileOfFlag(server, name));
  return {
    servers,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Whether a plan asks another etcd, or the same one otherwise. */
export function sameAccess(a: EtcdAccess | undefined, b: EtcdAccess | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * The cause, when no server of the plan answers and one of today's does; undefined otherwise. One of several may be away
 * for reasons of its own.
 */
export function etcdCause(planned: readonly EtcdAnswer[], today: readonly EtcdAnswer[]): Finding | undefined {
  const [first] = planned;
  if (first === undefined || planned.some(({ failure }) => failure === undefined)) return undefined;
  if (!today.some(({ failure }) => failure === undefined)) return undefined;
  return {
    code: 'etcd-unreachable',
    severity: 'error',
    title: `kube-apiserver could not reach etcd at ${first.server.replace(/^https?:\/\//, '')}: ${first.failure ?? ''}`,
    detail: [
      ...planned.map(({ server, failure }) => `planned: ${server}: ${failure ?? ''}`),
      ...today.map(({ server, failure }) => `today:   ${server}: ${failure ?? 'answers'}`),
    ].join('\n'),
    remedy: ['correct --etcd-servers, --etcd-cafile, --etcd-certfile and --etcd-keyfile in the manifest'],
  };
}
