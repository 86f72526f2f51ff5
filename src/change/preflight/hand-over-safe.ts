/**
 * A hand-over ends the server's process instead of waiting for it. Where the server's own etcd member is not well, or where
 * no other API server could take the requests of a highly available cluster meanwhile, that is not done without `--force`.
 */
import type { Finding } from '../../core/finding';
import { resolveMount } from '../../core/manifest/mounts';
import type { LiveManifest } from '../manifest';
import type { Ports } from '../ports';
import type { Check } from './preflight';

export const handOverSafe: Check = async (ports, { live, fast }) => {
  if (!fast) return [];
  const found = await Promise.all([etcdWell(ports, live), othersReady(ports, live)]);
  return found.flat();
};

async function etcdWell({ node }: Ports, live: LiveManifest): Promise<Finding[]> {
  const flag = (name: string): string | undefined => live.server.effectiveValue(name);
  const [server] = (flag('etcd-servers') ?? '').split(',').filter((each) => each !== '');
  if (server === undefined) return [];
  const file = (name: string): string | undefined => {
    const path = flag(name);
    return path === undefined ? undefined : resolveMount(live.server, path)?.hostPath;
  };
  const health = await node.etcdHealth(server, {
    ca: file('etcd-cafile'),
    cert: file('etcd-certfile'),
    key: file('etcd-keyfile'),
  });
  if (health.state === 'healthy') return [];
  return [
    {
      code: 'etcd-not-healthy',
      severity: 'error',
      title: `etcd at ${server} is not healthy; the server would be ended all the same`,
      detail: health.detail,
      remedy: ['crictl ps --name etcd', 'mend etcd first, or leave --fast out; to hand over all the same: --force'],
    },
  ];
}

async function othersReady({ cluster, node }: Ports, live: LiveManifest): Promise<Finding[]> {
  const seen = await cluster.controlPlane(live.endpoint);
  const leaveOut = 'leave --fast out; to hand over all the same: --force';
  const look = 'kubectl get pods -n kube-system -l component=kube-apiserver -o wide';
  if (seen === undefined) {
    return [
      {
        code: 'other-api-servers-unknown',
        severity: 'error',
        title: 'the API did not tell whether another API server could take the requests meanwhile',
        remedy: [look, leaveOut],
      },
    ];
  }
  const absent = seen.filter(({ node: name, ready }) => !ready && name.toLowerCase() !== node.name());
  if (absent.length === 0) return [];
  return [
    {
      code: 'other-api-server-not-ready',
      severity: 'error',
      title: `the API server of ${absent.map(({ node: name }) => name).join(', ')} is not ready, and could not take the requests meanwhile`,
      remedy: [look, `mend it first, or ${leaveOut}`],
    },
  ];
}
