/**
 * The port and its TLS. Rule: the port is taken first, before any file is read; connections that come before the server
 * is built wait, as they do in the kernel's queue of the real one. Who listens on what stands in RUN/listening/PID.json
 * for as long as it is true.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import type { ListeningEntry } from '../container';
import { goQuote } from '../../core/policy/go-text';
import type { ContainerFiles } from './files';
import { goError } from './go-errors';

export interface ServingFiles {
  certFile: string;
  cert: Buffer;
  key: Buffer;
}

export class Listener {
  readonly #server: Server;
  readonly #entry: string;
  readonly #waiting: Socket[] = [];
  readonly #open = new Set<Socket>();
  /** Connections past their handshake, and how many requests each has under way. */
  readonly #requests = new Map<Socket, number>();
  #https: HttpsServer | undefined;

  private constructor(server: Server, entry: string) {
    this.#server = server;
    this.#entry = entry;
    server.on('connection', (socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      if (this.#https === undefined) this.#waiting.push(socket);
      else this.#https.emit('connection', socket);
    });
  }

  /** @throws with the server's message. */
  static async open(address: string, port: number, runDir: string, pid: number): Promise<Listener> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const at = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
        const reason = goError(`listen tcp ${at}: bind`, error).message;
        reject(new Error(`failed to create listener: failed to listen on ${at}: ${reason}`));
      });
      server.listen({ host: address, port, backlog: 511 }, () => {
        server.removeAllListeners('error');
        resolve();
      });
    });
    return new Listener(server, announce(runDir, pid, [port]));
  }

  /** @param ca whose certificates clients are asked for. */
  serve(files: ServingFiles, ca: readonly Buffer[], minVersion: 'TLSv1.2' | 'TLSv1.3', handle: RequestListener): void {
    const https = createHttpsServer(
      {
        cert: files.cert,
        key: files.key,
        ca: [...ca],
        requestCert: true,
        rejectUnauthorized: false,
        minVersion,
        keepAliveTimeout: 0,
        requestTimeout: 0,
        headersTimeout: 32_000,
      },
      (request, response) => {
        const { socket } = request;
        this.#requests.set(socket, (this.#requests.get(socket) ?? 0) + 1);
        response.once('close', () => {
          const left = this.#requests.get(socket);
          if (left !== undefined) this.#requests.set(socket, left - 1);
        });
        handle(request, response);
      },
    );
    https.on('secureConnection', (socket) => {
      neverFull(socket);
      this.#requests.set(socket, 0);
      socket.on('close', () => this.#requests.delete(socket));
    });
    // A client that speaks no TLS, or goes away in between, is its own affair.
    https.on('tlsClientError', () => undefined);
    https.on('clientError', (_error, socket) => socket.destroy());
    this.#https = https;
    for (const socket of this.#waiting.splice(0)) https.emit('connection', socket);
  }

  /** Takes no new connections; those without a request are closed, the others when theirs has ended. */
  stopListening(): void {
    this.#server.close();
    rmSync(this.#entry, { force: true });
    this.closeIdle();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  /** Of its own: Node.js keeps no list of the connections of a server that does not listen itself. */
  closeIdle(): void {
    for (const [socket, requests] of this.#requests) {
      if (requests === 0) socket.destroy();
    }
  }

  closeAll(): void {
    this.stopListening();
    for (const socket of this.#open) socket.destroy();
  }
}

/**
 * While an answer has not drained, Node.js pauses the connection's parser; a next request that comes in several TLS records
 * then runs into the paused parser, and the connection is lost (HPE_PAUSED). A client may send it as soon as it has read the
 * answer, which is before this side knows that it drained. The limit of a TLS socket cannot be given to it, only changed
 * where it is kept; where Node.js keeps it elsewhere, the limit stays.
 */
function neverFull(socket: TLSSocket): void {
  const { _writableState: state } = socket as { _writableState?: { highWaterMark: number } };
  if (state !== undefined) state.highWaterMark = 64 << 20;
}

/** @throws with the server's message. */
export function readServingFiles(certFile: string, keyFile: string, files: ContainerFiles): ServingFiles {
  if (certFile === '' || keyFile === '') throw new Error('missing filename for serving cert');
  const cert = files.read(certFile);
  const key = files.read(keyFile);
  if (cert.length === 0 || key.length === 0) {
    throw new Error(`missing content for serving cert ${goQuote(`serving-cert::${certFile}::${keyFile}`)}`);
  }
  const leaf = certificates(cert)[0];
  if (leaf === undefined) throw new Error('tls: failed to find any PEM data in certificate input');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key.toString())) {
    throw new Error('tls: failed to find any PEM data in key input');
  }
  let pair: ReturnType<typeof createPrivateKey>;
  try {
    pair = createPrivateKey(key);
  } catch {
    throw new Error('tls: failed to parse private key');
  }
  const own = createPublicKey(pair).export({ type: 'spki', format: 'der' });
  if (!own.equals(leaf.publicKey.export({ type: 'spki', format: 'der' }))) {
    throw new Error('tls: private key does not match public key');
  }
  return { certFile, cert, key };
}

/** @param purpose as the server names the bundle: `client-ca-bundle`, `request-header`. @throws with its message. */
export function readBundle(
  path: string,
  purpose: string,
  files: ContainerFiles,
): { pem: Buffer; list: X509Certificate[] } {
  const pem = files.read(path);
  const name = goQuote(`${purpose}::${path}`);
  if (pem.length === 0) throw new Error(`missing content for CA bundle ${name}`);
  const list = certificates(pem);
  if (list.length === 0) {
    throw new Error(`error loading CA bundle for ${name}: data does not contain any valid RSA or ECDSA certificates`);
  }
  return { pem, list };
}

function certificates(pem: Buffer): X509Certificate[] {
  const blocks = pem.toString().match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

/** Written whole: a reader sees all of it or none. */
function announce(runDir: string, pid: number, ports: ListeningEntry): string {
  const folder = join(runDir, 'listening');
  const path = join(folder, `${pid}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(ports));
  renameSync(`${path}.new`, path);
  return path;
}
