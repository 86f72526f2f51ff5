/**
 * The server cannot reach its etcd. It needs 20 s to say so itself; with an address that the change brought, its
 * connection errors are believed earlier.
 */
import { newestWords, quoted, type Rule } from '../diagnose';

const DIAL =
  /(?:createTransport failed to connect to|connection error|dial(?:ing)?).*?(\d[\d.]*:\d+|\[[0-9a-f:]+\]:\d+).*(connection refused|no route to host|no such host|i\/o timeout|network is unreachable)/;
const ENDED =
  /Error creating leases|error creating storage factory|context deadline exceeded|etcd.*(?:unhealthy|unreachable)/;

export function speaksOfEtcd(reason: string): boolean {
  return ENDED.test(reason);
}

export const etcdUnreachable: Rule = (scene) => {
  const { etcdServers, etcdChanged } = scene.facts;
  const refusals = scene.logs.flatMap((log) =>
    log.lines.flatMap((line) => {
      const match = DIAL.exec(line.text);
      const address = match?.[1];
      return address !== undefined && etcdServers.some((server) => hostPort(server) === address)
        ? [{ log, line, address, why: match?.[2] ?? '' }]
        : [];
    }),
  );
  const words = newestWords(scene);
  const said = words !== undefined && words.gone && ENDED.test(words.reason);
  const first = refusals[0];
  if (!first && !said) return undefined;
  const last = refusals.at(-1);
  const refused = new Set(refusals.map((refusal) => refusal.address));
  const all = etcdServers.length > 0 && etcdServers.every((server) => refused.has(hostPort(server)));
  const insistent = refusals.length >= 3 && (last?.line.at ?? 0) - (first?.line.at ?? 0) >= 1000;
  // An etcd that was there before may be restarting as well (after a reboot): it gets a second try.
  const certain = etcdChanged ? said || (all && insistent) : said && scene.starts >= 2;
  return {
    certain,
    finding: {
      code: 'etcd-unreachable',
      severity: 'error',
      title: last
        ? `kube-apiserver cannot reach etcd at ${last.address}: ${last.why}`
        : `kube-apiserver cannot reach etcd (${etcdServers.join(', ')})`,
      detail: last ? `${last.log.path}\n  ${last.line.text}` : words ? quoted(words) : '',
      remedy: etcdChanged
        ? ['correct --etcd-servers in the manifest']
        : ['crictl ps -a --name etcd', 'ls -l /var/log/pods/kube-system_etcd-*/etcd/'],
    },
  };
};

/** `https://127.0.0.1:2379` -> `127.0.0.1:2379`. */
function hostPort(server: string): string {
  const bare = server.replace(/^\w+:\/\//, '').replace(/\/.*$/, '');
  return bare.startsWith('localhost:') ? bare.replace('localhost', '127.0.0.1') : bare;
}
