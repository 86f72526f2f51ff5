/**
 * One probe's question and its answer. Rule: as the kubelet asks, with a connection of its own, no proxy and no look at the
 * certificate; 200 to 399 is good. Source: pkg/probe/{http/http,tcp/tcp}.go.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { ContainerSpec, HttpGet, ProbeSpec } from '../pod/types';
import { goNetworkError } from '../api/go-errors';

export interface AskOptions {
  /** Where a pod with the node's network answers when the probe names no host. */
  nodeIp: string;
  /** Kubernetes' version, `1.36`: part of the user agent. */
  version: string;
}

/** Undefined when the answer is good. What the sandbox cannot run in a container (exec, gRPC) is taken for good. */
export function askProbe(
  probe: ProbeSpec,
  spec: ContainerSpec,
  timeoutMs: number,
  options: AskOptions,
): Promise<string | undefined> {
  if (probe.httpGet) return askHttp(probe.httpGet, spec, timeoutMs, options);
  if (probe.tcpSocket) {
    const { host, port } = probe.tcpSocket;
    return askTcp(nonEmpty(host) ?? options.nodeIp, portOf(port, spec), timeoutMs);
  }
  return Promise.resolve(undefined);
}

function askHttp(
  get: HttpGet,
  spec: ContainerSpec,
  timeoutMs: number,
  options: AskOptions,
): Promise<string | undefined> {
  const host = nonEmpty(get.host) ?? options.nodeIp;
  const port = portOf(get.port, spec);
  const scheme = (get.scheme ?? 'HTTP').toLowerCase();
  const path = (get.path ?? '/').startsWith('/') ? (get.path ?? '/') : `/${get.path ?? ''}`;
  const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  const headers: Record<string, string> = { 'User-Agent': `kube-probe/${options.version}`, Accept: '*/*' };
  for (const { name = '', value = '' } of get.httpHeaders ?? []) headers[name] = value;
  const send = scheme === 'https' ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      resolve(`Get "${url}": ${goNetworkError(error, host, port)}`);
    };
    const sent = send({ host, port, path, headers, agent: false, rejectUnauthorized: false }, (response) => {
      response.on('error', () => undefined);
      response.resume();
      clearTimeout(timer);
      const { statusCode = 0 } = response;
      const good = statusCode >= 200 && statusCode < 400;
      resolve(good ? undefined : `HTTP probe failed with statuscode: ${statusCode}`);
    });
    const timer = setTimeout(() => {
      sent.destroy(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'));
    }, timeoutMs);
    sent.on('error', fail);
    sent.end();
  });
}

function askTcp(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (problem?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(problem);
    };
    const timer = setTimeout(() => {
      done(`dial tcp ${host}:${port}: i/o timeout`);
    }, timeoutMs);
    socket.on('connect', () => {
      done();
    });
    socket.on('error', (error) => {
      done(goNetworkError(error, host, port));
    });
  });
}

function portOf(port: number | string | undefined, { ports = [] }: ContainerSpec): number {
  if (typeof port === 'number') return port;
  return ports.find(({ name }) => name === port)?.containerPort ?? (Number(port) || 0);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
