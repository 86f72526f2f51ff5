/**
 * Whether the etcd of a plan answers. A rehearsed server must never reach one, so a wrong address, port or certificate
 * would only show after the write: it is asked for by its health alone. It is asked too when the plan changes nothing of it:
 * the files may have changed since the server that runs has read them.
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

/** Whether every file that flags name for it is a file of the host; asked without one of them, etcd would refuse. */
export function canAsk(server: Server): boolean {
  return ['etcd-cafile', 'etcd-certfile', 'etcd-keyfile'].every(
    (name) => (server.effectiveValue(name) ?? '') === '' || fileOfFlag(server, name) !== undefined,
  );
}

/** Words about the files that etcd is talked to with. Not: a key too short for the library we ask with, but not for Go's. */
const OF_FILES =
  /certificate|\balert\b|key values mismatch|unable to (?:verify|get)|self-signed|no start line|no such file|permission denied/i;
const OF_OUR_LIBRARY = /too (?:small|weak)/i;

/** The cause, when no server takes the files that the one which runs has read before they were changed. */
export function etcdCauseToday(answers: readonly EtcdAnswer[]): Finding | undefined {
  const told = answers.find(({ failure = '' }) => OF_FILES.test(failure) && !OF_OUR_LIBRARY.test(failure));
  if (!told || answers.some(({ failure }) => failure === undefined)) return undefined;
  return {
    code: 'etcd-unreachable',
    severity: 'error',
    title: `etcd at ${told.server.replace(/^https?:\/\//, '')} does not take its certificates: ${told.failure ?? ''}`,
    detail: answers.map(({ server, failure }) => `${server}: ${failure ?? ''}`).join('\n'),
    remedy: [
      'kubeadm certs check-expiration',
      'put the certificates there that etcd takes: --etcd-cafile, --etcd-certfile and --etcd-keyfile name them',
    ],
  };
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
