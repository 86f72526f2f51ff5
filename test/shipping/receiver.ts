/** HTTP receivers that stand in for OpenSearch and Loki: strict about what they take, and out of order on demand. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Post {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}
export interface Answer {
  status: number;
  body: string;
}
type Answering = (post: Post) => Answer | Promise<Answer>;

export class Receiver {
  /** What every POST is answered instead, while this is set. */
  outOfOrder: Answer | undefined;
  /** Requests that were answered out of order. */
  refusals = 0;
  posts: Post[] = [];
  /** What a sender did wrong. Nothing may be in here. */
  problems: string[] = [];
  #server: Server | undefined;
  #port = 0;

  constructor(private readonly answer: Answering) {}

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** On the port it had before, if it had one. */
  async up(): Promise<void> {
    const server = createServer((request, response) => {
      this.#take(request, response).catch((error: unknown) => {
        this.problems.push(String(error));
        response.writeHead(500).end(String(error));
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const post = { path: request.url ?? '', headers: request.headers, body: bytes.toString('utf8') };
    if (request.method !== 'POST') throw new Error(`${request.method} ${post.path}`);
    if (!Buffer.from(post.body).equals(bytes)) throw new Error('not UTF-8');
    if (this.outOfOrder !== undefined) this.refusals++;
    else this.posts.push(post);
    const { status, body } = this.outOfOrder ?? (await this.answer(post));
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }
}

export type Fields = Record<string, unknown>;

export function withoutBodies(line: string): Fields {
  const event = JSON.parse(line) as Fields;
  delete event.requestObject;
  delete event.responseObject;
  return event;
}

/** `_bulk` of OpenSearch, as far as `create` goes: an id is taken once, and every item is answered in order. */
export class BulkIndex {
  /** By id; the JSON as it came. */
  readonly documents = new Map<string, { index: string; source: string }>();
  conflicts = 0;
  /** Of one document: the status it is answered, in place of 201. */
  judge: (source: Fields) => number = () => 201;

  take({ path, headers, body }: Post): Answer {
    if (path !== '/_bulk') throw new Error(`POST ${path}`);
    if (headers['content-type'] !== 'application/x-ndjson') throw new Error(`type ${headers['content-type']}`);
    if (!body.endsWith('\n')) throw new Error('The bulk request must be terminated by a newline');
    const lines = body.slice(0, -1).split('\n');
    if (lines.length % 2 !== 0) throw new Error('an action without its document');
    const items = [];
    for (let at = 0; at < lines.length; at += 2) {
      const action = JSON.parse(lines[at] ?? '') as { create: { _index: string; _id: string } };
      const { _index: index, _id: id, ...others } = action.create;
      if (Object.keys(action).length !== 1 || Object.keys(others).length !== 0) throw new Error(lines[at]);
      // Names with a capital letter are none, and an id has at most 512 bytes.
      if (!/^[a-z][a-z0-9._-]*$/.test(index) || id.length === 0 || id.length > 512) throw new Error(lines[at]);
      const source = lines[at + 1] ?? '';
      const fields = JSON.parse(source) as Fields;
      let status = this.judge(fields);
      if (status === 201 && this.documents.has(id)) status = 409;
      if (status === 409) this.conflicts++;
      if (status === 201) this.documents.set(id, { index, source });
      const error = status < 300 ? {} : { error: { type: 'some_exception', reason: 'as the test has it' } };
      items.push({ create: { _index: index, _id: id, status, ...error } });
    }
    const errors = items.some(({ create }) => create.status >= 300);
    return { status: 200, body: JSON.stringify({ took: 1, errors, items }) };
  }
}
