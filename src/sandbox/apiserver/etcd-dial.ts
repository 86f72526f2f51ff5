/** Which etcd the flags name, and the lines that a server writes while it does not answer. */
import { connect, type Socket } from 'node:net';
import type { EtcdClientOptions } from './contract';
import type { ContainerFiles } from './files';
import type { Flags } from './flags/parse';
import { goError } from './go-errors';
import type { Klog } from './klog';

/** @throws what Go says of a certificate that cannot be read. */
export function etcdOptions(flags: Flags, files: ContainerFiles, dialMs: number): EtcdClientOptions {
  const { host, port, secure } = address(flags);
  const read = (flag: string) => (flags.string(flag) === '' ? undefined : files.read(flags.string(flag)).toString());
  const [ca, cert, key] = ['etcd-cafile', 'etcd-certfile', 'etcd-keyfile'].map(read);
  if (!secure) return { host, port, dialMs };
  return { host, port, dialMs, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

/** Tries the port beside the client proper, and tells of every refusal. Returns what ends it. */
export function tellOfRefusals(flags: Flags, klog: Klog, minor: number): () => void {
  const { host, port, server } = address(flags);
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let last: Socket | undefined;
  const attempt = (wait: number) => {
    const socket = connect({ host, port });
    last = socket;
    socket.on('connect', () => socket.destroy());
    socket.on('error', (error) => {
      if (ended) return;
      const dial = goError(`dial tcp ${host}:${port}: connect`, error).message;
      if (minor >= 24) {
        klog.warning(
          'logging.go:55',
          `[core] [Channel #1 SubChannel #2]${transport(`{Addr: "${host}:${port}", ServerName: "${host}:${port}", }. Err: connection error: desc = "transport: Error while dialing: ${dial}"`)}`,
        );
      } else {
        klog.warning(
          'clientconn.go:1223',
          transport(
            `{${server}  <nil> 0 <nil>}. Err :connection error: desc = "transport: Error while dialing ${dial}". Reconnecting...`,
          ),
        );
      }
      timer = setTimeout(attempt, wait, wait * 1.6);
    });
  };
  attempt(1000);
  return () => {
    ended = true;
    clearTimeout(timer);
    // An address that swallows packets would keep the process from ending.
    last?.destroy();
  };
}

function transport(rest: string): string {
  return `grpc: addrConn.createTransport failed to connect to ${rest}`;
}

function address(flags: Flags): { host: string; port: number; secure: boolean; server: string } {
  const server = flags.list('etcd-servers')[0] ?? '';
  const match = /^(?:(https?):\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(server);
  const host = (match?.[2] ?? '').replace(/^\[|\]$/g, '');
  return { server, host, port: Number(match?.[3] ?? 2379), secure: match?.[1] === 'https' };
}
