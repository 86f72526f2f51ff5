/**
 * etcd's stand-in as a process: flags, certificates, ports, disk, health. Rule: it listens before it opens its data, so
 * that a second one on the same folder ends before it has touched anything.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { Server } from 'node:net';
import { dirname, join } from 'node:path';
import { messageOf } from '../../core/errors';
import { resolveInside, type Container } from '../container';
import { openDisk } from './disk';
import { Engine } from './engine';
import { parseEtcdFlags, type EtcdFlags } from './flags';
import { etcdServer, type ServerTls } from './server';

export interface EtcdProcess {
  container: Container;
  pid: number;
  /** A line for stderr, without its line break. */
  log: (line: string) => void;
  /** Called once, when it cannot go on; the process is then to end with this code. */
  fatal: (code: number) => void;
  now: () => Date;
}

export interface RunningEtcd {
  ports: readonly number[];
  close(): Promise<void>;
}

/** @returns undefined when it could not start: `fatal` was called. */
export async function runEtcd(context: EtcdProcess): Promise<RunningEtcd | undefined> {
  const { container, fatal } = context;
  const say = logger(context);
  const parsed = parseEtcdFlags(container.argv.slice(1));
  if (!parsed.ok) {
    context.log(parsed.message);
    fatal(2);
    return undefined;
  }
  const { flags } = parsed;
  const listening = join(container.runDir, 'listening', `${context.pid}.json`);
  const servers: Server[] = [];
  try {
    say('info', 'sandbox stand-in for etcd, not etcd itself', { name: flags.name, 'data-dir': flags.dataDir });
    const tls = readTls(container, flags);
    const engine = deferred<Engine>();
    for (const url of flags.clientUrls) {
      const secure = url.protocol === 'https:';
      if (secure && tls === undefined) throw new Error('TLS key/cert must be provided for client url https');
      const server = etcdServer(engine.promise, secure ? tls : undefined, (error) => {
        say('fatal', 'failed to save entries', { error: error.message });
        fatal(1);
      });
      await listen(server, url);
      servers.push(server);
    }
    const { store, disk } = await openDisk(resolveInside(container, flags.dataDir).path);
    const running = new Engine(store, disk);
    for (const url of flags.metricsUrls) {
      const server = healthServer(running);
      await listen(server, url);
      servers.push(server);
    }
    engine.resolve(running);
    mkdirSync(dirname(listening), { recursive: true });
    writeFileSync(listening, JSON.stringify([...new Set(servers.map(portOf))]));
    say('info', 'ready to serve client requests', { revision: store.revision, keys: store.size });
    return {
      ports: servers.map(portOf),
      async close() {
        rmSync(listening, { force: true });
        for (const server of servers) server.close();
        await running.close();
        say('info', 'closed etcd server', { name: flags.name });
      },
    };
  } catch (error) {
    for (const server of servers) server.close();
    say('fatal', 'discovery failed', { error: messageOf(error) });
    fatal(1);
    return undefined;
  }
}

function readTls(container: Container, flags: EtcdFlags): ServerTls | undefined {
  const { certFile, keyFile, trustedCaFile, clientCertAuth } = flags;
  if (certFile === undefined || keyFile === undefined) return undefined;
  const read = (path: string): string => readFileSync(resolveInside(container, path).path, 'utf8');
  const ca = clientCertAuth && trustedCaFile !== undefined ? { ca: read(trustedCaFile) } : {};
  return { cert: read(certFile), key: read(keyFile), ...ca };
}

/** Plain HTTP, as kubeadm's probes ask for it. */
function healthServer(engine: Engine): Server {
  return createHttpServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    const ok = engine.broken === undefined;
    if (path === '/health') {
      response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ health: String(ok), reason: ok ? '' : 'RAFT NO LEADER' }));
    } else if (path === '/livez' || path === '/readyz') {
      response.writeHead(ok ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(ok ? 'ok\n' : 'not ok\n');
    } else {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('404 page not found\n');
    }
  });
}

function listen(server: Server, url: URL): Promise<void> {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'bind: address already in use' : error.message;
      reject(new Error(`listen tcp ${url.host}: ${reason}`));
    });
    server.listen(port, host, resolve);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

/** One JSON object a line, as etcd's own logger writes. */
function logger({ log, now }: EtcdProcess) {
  return (level: 'info' | 'fatal', msg: string, more: Readonly<Record<string, unknown>>): void => {
    log(JSON.stringify({ level, ts: now().toISOString(), caller: 'sandbox/etcd', msg, ...more }));
  };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
