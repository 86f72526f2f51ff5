/** An HTTPS server with a certificate of our test CA, whose answers the test chooses. */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { CA, SERVER } from './certificates';

export interface TestServer {
  endpoint: { host: string; port: number };
  /** TCP connections taken so far. */
  connections: number;
  /** Common name of the client certificate of the last request. */
  client: string | undefined;
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
}

const running = new Map<Server, Set<Socket>>();

export async function apiServer(pair = SERVER, answer: TestServer['answer'] = (_, res) => res.end('ok')) {
  const server = createServer({ ...pair, ca: CA, requestCert: true, rejectUnauthorized: false }, (req, res) => {
    let body = '';
    const socket = req.socket as Socket & Pick<TLSSocket, 'getPeerCertificate'>;
    const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined;
    test.client = subject?.CN;
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      test.answer(req, res, body);
    });
  });
  const test: TestServer = { endpoint: { host: '127.0.0.1', port: 0 }, connections: 0, client: undefined, answer };
  const sockets = new Set<Socket>();
  running.set(server, sockets);
  server.on('connection', (socket: Socket) => {
    test.connections++;
    sockets.add(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.endpoint.port = (server.address() as AddressInfo).port;
  return test;
}

/** Also what is left hanging on purpose is ended. */
afterEach(() => {
  for (const [server, sockets] of running) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
  running.clear();
});
