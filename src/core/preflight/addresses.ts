/** Addresses that the server is given: of etcd, which a rehearsal must replace, so that only here a misspelt one is seen. */
import type { Finding } from '../finding';
import type { Flag } from '../manifest/flags';
import type { Judge } from './judged';

/** One spelling for one address: no brackets, no capitals, IPv6 as short as it can be. */
export function canonicalAddress(address: string): string {
  const plain = address
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:(?=\d+\.)/, '');
  if (!plain.includes(':')) return plain;
  try {
    return new URL(`http://[${plain}]`).hostname.replace(/^\[(.*)\]$/, '$1');
  } catch {
    return plain;
  }
}

export const isLoopback = (address: string): boolean => address === 'localhost' || /^127\.|^::1$/.test(address);

/** Every address of the machine is meant. */
export const isAny = (address: string): boolean => /^(?:|0\.0\.0\.0|[0:]+)$/.test(address);

/** A scheme that etcd's client knows, and a host behind it; or a host and its port alone. */
const ENDPOINT =
  /^(?:https?:\/\/[^/\s:@]+(?::\d+)?\/?|https?:\/\/\[[0-9a-f:.%]+\](?::\d+)?\/?|unixs?:.+|[^/\s:]+:\d+|\[[0-9a-f:.%]+\]:\d+)$/i;

export const etcdServers: Judge = ({ server, doc }) => {
  const flags = server.flags.filter(({ name }) => name === 'etcd-servers');
  const last = flags.at(-1);
  if (!last)
    return [
      invalid('the flag --etcd-servers is missing', 'The API server ends at once: --etcd-servers must be specified', {
        place: doc.place([...server.path, 'command']),
      }),
    ];
  const value = server.effectiveValue('etcd-servers');
  if (value === undefined) return last.value === undefined ? [notOne(last, '')] : [];
  return value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => !ENDPOINT.test(each))
    .map((each) => notOne(last, each));
};

function notOne(flag: Flag, value: string): Finding {
  return invalid(
    value === ''
      ? '--etcd-servers names no server'
      : `--etcd-servers names ${JSON.stringify(value)}, which is no address of etcd`,
    'The API server would never reach etcd, and end after twenty seconds, again and again.',
    { place: flag.valueAt?.place ?? flag.place },
  );
}

function invalid(title: string, detail: string, at: Pick<Finding, 'place'>): Finding {
  return {
    code: 'etcd-servers-invalid',
    severity: 'error',
    title,
    detail,
    ...at,
    remedy: ['write it as https://HOST:PORT; kubeadm’s own etcd is --etcd-servers=https://127.0.0.1:2379'],
  };
}
