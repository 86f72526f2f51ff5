/**
 * Whether somebody answers at a URL, asked as the API server would ask: by the node's own resolver, and with the given
 * authority. Rule: it connects and hangs up; nothing is sent, and it never rejects.
 */
import { lookup } from 'node:dns';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../core/errors';
import type { Node, Reached } from '../change/ports';

export const reach: Node['reach'] = async (url, { ca, serverName, insecure = false, timeoutMs }) => {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const tls = protocol === 'https:';
  const started = Date.now();
  try {
    await within(timeoutMs, addressOf(host));
  } catch (error) {
    return { state: 'unknown-host', detail: messageOf(error) };
  }
  const where = { host, port: Number(port) || (tls ? 443 : 80) };
  const name = serverName ?? host;
  const socket = tls
    ? connectTls({
        ...where,
        ...(ca === undefined ? {} : { ca }),
        ...(isIP(name) ? {} : { servername: name }),
        rejectUnauthorized: !insecure,
      })
    : connectPlain(where);
  return answered(socket, tls ? 'secureConnect' : 'connect', Math.max(500, timeoutMs - (Date.now() - started)));
};

function answered(socket: Socket, sign: string, timeoutMs: number): Promise<Reached> {
  return new Promise((resolve) => {
    let connected = false;
    const end = (reached: Reached): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reached);
    };
    const timer = setTimeout(() => {
      end({ state: 'unreachable', detail: `no answer within ${timeoutMs / 1000} s` });
    }, timeoutMs);
    socket.once('connect', () => {
      connected = true;
    });
    socket.once(sign, () => {
      end({ state: 'ok' });
    });
    socket.on('error', (error) => {
      end({ state: connected ? 'untrusted' : 'unreachable', detail: messageOf(error) });
    });
  });
}

function addressOf(host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    lookup(host, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** A resolver that hangs must not hold up a change; the thread that waits for it ends by itself. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer of the resolver within ${ms / 1000} s`));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
