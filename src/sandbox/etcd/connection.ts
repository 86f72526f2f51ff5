/**
 * etcd over the network, for the API server: one connection, made anew when it breaks. Rule: requests that were under way
 * when it broke are answered `EtcdUnavailable`, never sent twice; the watch goes on where it was.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EtcdUnavailable, readAll, type Etcd, type Follower } from './client';
import { FrameReader, frame } from './frames';
import type { Message, Reply, Request } from './server';
import type { Page } from './store';

export interface ConnectionOptions {
  host: string;
  port: number;
  ca?: string;
  cert?: string;
  key?: string;
  dialMs: number;
}

/** How long a request waits for a connection or an answer. */
const REQUEST_MS = 5_000;
const RETRY_MS = 100;

/** @throws {Error} `context deadline exceeded` when there was no contact within `dialMs`. */
export async function connectEtcd(options: ConnectionOptions, prefix: string, follower: Follower): Promise<Etcd> {
  const connection = new Connection(options, prefix, follower);
  const deadline = Date.now() + options.dialMs;
  for (;;) {
    try {
      await connection.open(Math.max(1, deadline - Date.now()));
      break;
    } catch {
      if (Date.now() + RETRY_MS >= deadline) {
        await connection.close();
        throw new Error('context deadline exceeded');
      }
      await delay(RETRY_MS);
    }
  }
  return connection;
}

type Wish = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

interface Pending {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

class Connection implements Etcd {
  readonly #options: ConnectionOptions;
  readonly #prefix: string;
  readonly #follower: Follower;
  #socket: Socket | undefined;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  /** The last revision the follower was told of. */
  #seen: number | undefined;
  /** While it resets the follower, changes wait here. */
  #held: Message[] | undefined;
  #closed = false;
  #whenOpen: Set<() => void> = new Set();
  #ready = false;

  constructor(options: ConnectionOptions, prefix: string, follower: Follower) {
    this.#options = options;
    this.#prefix = prefix;
    this.#follower = follower;
  }

  async open(timeoutMs: number): Promise<void> {
    const socket = await this.#dial(timeoutMs);
    if (this.#closed) {
      socket.destroy();
      throw new EtcdUnavailable();
    }
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#take(message as Message);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : undefined);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#lost();
    });
    try {
      await this.#follow();
    } catch (error) {
      socket.destroy();
      throw error;
    }
    this.#ready = true;
    for (const wake of this.#whenOpen) wake();
    this.#whenOpen.clear();
  }

  async write(write: Parameters<Etcd['write']>[0]): ReturnType<Etcd['write']> {
    const reply = await this.#ask(write);
    if ('write' in reply) return reply.write;
    throw new EtcdUnavailable();
  }

  async get(key: string): ReturnType<Etcd['get']> {
    const reply = await this.#ask({ op: 'get', key });
    if ('entry' in reply) return reply.entry ?? undefined;
    throw new EtcdUnavailable();
  }

  async revision(): Promise<number> {
    const reply = await this.#ask({ op: 'revision' });
    if ('revision' in reply) return reply.revision;
    throw new EtcdUnavailable();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#socket?.destroy();
    this.#lost();
    return Promise.resolve();
  }

  #dial(timeoutMs: number): Promise<Socket> {
    const { host, port, ca, cert, key } = this.#options;
    return new Promise((resolve, reject) => {
      const name = isIP(host) === 0 ? { servername: host } : {};
      const socket =
        ca === undefined
          ? connectTcp({ host, port, noDelay: true })
          : connectTls({ host, port, ca, ...(cert && key ? { cert, key } : {}), ...name });
      const timer = setTimeout(() => socket.destroy(new Error('timeout')), timeoutMs);
      socket.once('error', (error: Error) => {
        clearTimeout(timer);
        reject(error);
      });
      socket.once('close', () => {
        clearTimeout(timer);
        reject(new EtcdUnavailable());
      });
      socket.once(ca === undefined ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        socket.setNoDelay(true);
        resolve(socket);
      });
    });
  }

  /** Goes on with the watch; where etcd has forgotten too much, or is another one, begins anew. */
  async #follow(): Promise<void> {
    const prefix = this.#prefix;
    for (;;) {
      if (this.#seen !== undefined) {
        const reply = await this.#ask({ op: 'watch', prefix, after: this.#seen }, true);
        if ('watching' in reply && reply.watching) return;
      }
      this.#held = [];
      const { revision, entries } = await readAll(
        { range: (under, after, limit) => this.#page(under, after, limit) },
        prefix,
      );
      this.#held = undefined;
      this.#seen = revision;
      this.#follower.reset(revision, entries);
    }
  }

  async #page(prefix: string, after: string, limit: number): Promise<Page> {
    const reply = await this.#ask({ op: 'range', prefix, after, limit }, true);
    if ('page' in reply) return reply.page;
    throw new EtcdUnavailable();
  }

  #take(message: Message): void {
    if ('changes' in message) {
      if (this.#held) return;
      this.#seen = message.changes.at(-1)?.revision ?? this.#seen;
      this.#follower.changes(message.changes);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if ('error' in message) pending.reject(new EtcdUnavailable());
    else pending.resolve(message);
  }

  async #ask(wish: Wish, early = false): Promise<Reply> {
    if (!early && !this.#ready) await this.#untilOpen();
    const socket = this.#socket;
    if (socket === undefined || this.#closed) throw new EtcdUnavailable();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new EtcdUnavailable());
      }, REQUEST_MS);
      this.#pending.set(id, { resolve, reject, timer });
      socket.cork();
      socket.write(frame({ id, ...wish }));
      process.nextTick(() => {
        socket.uncork();
      });
    });
  }

  #untilOpen(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new EtcdUnavailable());
        return;
      }
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#whenOpen.delete(wake);
        reject(new EtcdUnavailable());
      }, REQUEST_MS);
      this.#whenOpen.add(wake);
    });
  }

  #lost(): void {
    const wasReady = this.#ready;
    this.#ready = false;
    this.#socket = undefined;
    this.#held = undefined;
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(new EtcdUnavailable());
    }
    this.#pending.clear();
    if (this.#closed) {
      for (const wake of this.#whenOpen) wake();
      this.#whenOpen.clear();
    } else if (wasReady) void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.open(REQUEST_MS);
        return;
      } catch {
        await delay(RETRY_MS);
      }
    }
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
