/** A request and its answer as HTTP has them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { goEncode } from './audit/event';
import { badRequest, tooLarge, type Status } from './status';

const BODY_LIMIT = 3 << 20;

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly target: string;
  /** Lower-case names, values as text. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  #query: URLSearchParams | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.method = request.method ?? 'GET';
    this.target = request.url ?? '/';
    this.headers = headersOf(request.rawHeaders);
  }

  header(name: string): string {
    return this.headers[name]?.[0] ?? '';
  }

  get query(): URLSearchParams {
    const mark = this.target.indexOf('?');
    return (this.#query ??= new URLSearchParams(mark === -1 ? '' : this.target.slice(mark + 1)));
  }

  /** Refused: larger than the server takes, or broken off. */
  body(): Promise<{ bytes: Uint8Array } | { refusal: Status }> {
    if (this.method === 'GET' || this.method === 'HEAD') return Promise.resolve({ bytes: new Uint8Array() });
    const { request, response } = this;
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const take = (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size <= BODY_LIMIT) return;
        // The rest runs into the void, so that the client gets to read the answer.
        request.off('data', take).resume();
        response.setHeader('Connection', 'close');
        resolve({ refusal: tooLarge(BODY_LIMIT) });
      };
      request.on('data', take);
      request.on('end', () => {
        resolve({ bytes: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks) });
      });
      request.on('error', () => {
        resolve({ refusal: badRequest('unexpected EOF') });
      });
    });
  }

  status(status: Status): void {
    if (status.reason === 'Forbidden') this.response.setHeader('X-Content-Type-Options', 'nosniff');
    this.bytes(status.code, `${goEncode(status)}\n`, 'application/json');
  }

  text(code: number, text: string, type = 'text/plain; charset=utf-8', nosniff = true): void {
    if (nosniff && !this.response.headersSent) this.response.setHeader('X-Content-Type-Options', 'nosniff');
    this.bytes(code, text, type);
  }

  bytes(code: number, body: string | Uint8Array, type: string): void {
    if (this.response.headersSent) {
      this.response.end();
      return;
    }
    this.response.writeHead(code, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
    this.response.end(body);
  }
}

/** A JSON value a line, until there are no more or the client is gone. */
export async function stream(response: ServerResponse, code: number, events: AsyncIterable<unknown>): Promise<void> {
  if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'application/json');
  response.writeHead(code);
  response.flushHeaders();
  for await (const event of events) {
    if (response.destroyed) return;
    await written(response, `${goEncode(event)}\n`);
  }
}

/** Each is waited for: a client that does not read must not fill the memory, and the socket itself never says that it is full. */
function written(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('close', done);
      resolve();
    };
    response.on('close', done);
    response.write(text, done);
  });
}

/** Node.js reads header bytes as Latin-1; Go keeps them, and they are meant as UTF-8. */
function headersOf(raw: readonly string[]): Record<string, string[]> {
  // Without a prototype: a header may be called constructor.
  const headers = Object.create(null) as Record<string, string[]>;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const value = raw[at + 1] ?? '';
    (headers[(raw[at] ?? '').toLowerCase()] ??= []).push(
      /[\x80-\xff]/.test(value) ? Buffer.from(value, 'latin1').toString() : value,
    );
  }
  return headers;
}

/** As Node.js wants a header's text. */
export function headerBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
