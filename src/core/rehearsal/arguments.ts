/**
 * The arguments of a rehearsal: those of the manifest, all of them, changed only where the server would reach out of its
 * own network namespace or write elsewhere than into scratch. What is replaced keeps its form, so that a misspelt value is
 * still found.
 */
import { expand, known } from '../manifest/expand';
import type { Argument } from '../manifest/flags';
import type { Server } from '../manifest/server';

/** Nothing listens there: a network namespace of its own has nobody in it. */
const NOWHERE = '127.0.0.1:1';

/** How the value of a flag is changed, by the flag's name. */
const HARMLESS: Readonly<Record<string, (value: string) => string>> = {
  'etcd-servers': (value) => value.split(',').map(nowhere).join(),
  // group/resource#server;server, several separated by commas
  'etcd-servers-overrides': (value) =>
    value.replace(/#([^,]*)/g, (_, servers: string) => `#${servers.split(';').map(nowhere).join(';')}`),
  // Its words are what the rehearsal is for.
  'log-file': () => '/dev/stderr',
};

/**
 * @returns the arguments behind the program's name, or the first one that depends on a variable which is set outside
 * the manifest.
 */
export function rehearsalArguments(server: Server): { args: string[] } | { unknown: string } {
  const own = server.argv.slice(server.startsAt + 1);
  const args: string[] = [];
  for (const { value } of own) {
    const text = known(expand(value, server.environment));
    if (text === undefined) return { unknown: value };
    args.push(text);
  }
  for (const flag of server.flags) {
    const change = HARMLESS[flag.name];
    if (!change) continue;
    const at = position(own, flag.valueAt ?? flag);
    const text = args[at];
    if (text === undefined || flag.form === 'bare') continue;
    const equals = flag.form === 'equals' ? text.indexOf('=') + 1 : 0;
    args[at] = text.slice(0, equals) + change(text.slice(equals));
  }
  const end = args.indexOf('--');
  // pflag lets the last one win; what the manifest says is parsed all the same.
  args.splice(end === -1 ? args.length : end, 0, ...addresses(server));
  return { args };
}

/**
 * In a network namespace of its own the node's addresses do not exist: neither can they be bound, nor can the server find
 * one to advertise. Source: staging/src/k8s.io/apiserver/pkg/server/options/serving.go (DefaultExternalAddress).
 */
function addresses(server: Server): string[] {
  const bind = specific(server.effectiveValue('bind-address'));
  const advertise = specific(server.effectiveValue('advertise-address'));
  const six = (server.effectiveValue('service-cluster-ip-range') ?? '').split(',')[0]?.includes(':') ?? false;
  return [
    ...(bind === undefined ? [] : ['--bind-address=0.0.0.0']),
    ...(advertise === undefined ? [`--advertise-address=${bind ?? (six ? '2001:db8::1' : '192.0.2.1')}`] : []),
  ];
}

function specific(address: string | undefined): string | undefined {
  return address === undefined || /^(?:|0\.0\.0\.0|[0:]+)$/.test(address) ? undefined : address;
}

function position(own: readonly Argument[], at: { list: string; index: number }): number {
  return own.findIndex(({ list, index }) => list === at.list && index === at.index);
}

function nowhere(server: string): string {
  const scheme = /^https?:\/\//.exec(server)?.[0] ?? (server.includes('://') ? 'http://' : '');
  return `${scheme}${NOWHERE}`;
}
