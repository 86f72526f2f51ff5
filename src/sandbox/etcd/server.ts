/** The engine on the network: each connection's requests are answered by number, and one watch streams on it. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Engine } from './engine';
import { FrameReader, frame } from './frames';
import type { Change, Page, Write, WriteResult } from './store';

export type Request = { id: number } & (
  | Write
  | { op: 'get'; key: string }
  | { op: 'range'; prefix: string; after: string; limit: number }
  | { op: 'revision' }
  | { op: 'watch'; prefix: string; after: number }
);

export type Reply =
  | { id: number; write: WriteResult }
  | { id: number; entry: Page['entries'][number] | null }
  | { id: number; page: Page }
  | { id: number; revision: number }
  | { id: number; watching: boolean }
  | { id: number; error: string };

export type Message = Reply | { changes: readonly Change[] };

/** PEM. A client certificate of `ca` is asked for when `ca` is given. */
export interface ServerTls {
  cert: string;
  key: string;
  ca?: string;
}

/**
 * Not yet listening; clients that come before the engine is there wait. Calls `onBroken` when the disk fails: nothing can
 * be promised any more.
 */
export function etcdServer(
  engine: Promise<Engine>,
  tls: ServerTls | undefined,
  onBroken: (error: Error) => void,
): Server {
  const serve = (socket: Socket): void => {
    socket.on('error', () => undefined);
    engine.then(
      (ready) => {
        serveClient(ready, socket, onBroken);
      },
      () => socket.destroy(),
    );
  };
  if (tls === undefined) return createServer({ noDelay: true }, serve);
  const { cert, key, ca } = tls;
  const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  const server = createTlsServer({ cert, key, noDelay: true, ...clients }, serve);
  // A scanner's or a stranger's failed handshake concerns nobody else.
  server.on('tlsClientError', () => undefined);
  return server;
}

function serveClient(engine: Engine, socket: Socket, onBroken: (error: Error) => void): void {
  const reader = new FrameReader();
  let endWatch: (() => void) | undefined;
  const send = (message: Message): void => {
    if (!socket.writable) return;
    // What is ready in one turn goes out as one packet.
    socket.cork();
    socket.write(frame(message));
    process.nextTick(() => {
      socket.uncork();
    });
  };
  const answer = (request: Request): void => {
    reply(engine, request, (prefix, after) => {
      endWatch?.();
      endWatch = engine.watch(prefix, after, (changes) => {
        send({ changes });
      });
      return endWatch !== undefined;
    }).then(send, (error: unknown) => {
      if (engine.broken) onBroken(engine.broken);
      send({ id: request.id, error: String(error) });
    });
  };
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const message of reader.push(chunk)) answer(message as Request);
    } catch {
      socket.destroy();
    }
  });
  socket.on('close', () => endWatch?.());
}

async function reply(
  engine: Engine,
  request: Request,
  watch: (prefix: string, after: number) => boolean,
): Promise<Reply> {
  const { id } = request;
  switch (request.op) {
    case 'put':
    case 'remove':
      return { id, write: await engine.write(request) };
    case 'get':
      return { id, entry: (await engine.get(request.key)).entry ?? null };
    case 'range':
      return { id, page: await engine.range(request.prefix, request.after, request.limit) };
    case 'revision':
      return { id, revision: engine.revision };
    case 'watch':
      return { id, watching: watch(request.prefix, request.after) };
    default:
      return { id, error: 'unknown operation' };
  }
}
