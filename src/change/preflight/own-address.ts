/**
 * Health is asked at this node's own address: a load balancer would answer for another node's server. And one that is to
 * listen on an address that this node does not have ends at once.
 */
import { canonicalAddress, isAny, isLoopback } from '../../core/preflight/addresses';
import type { Check } from './preflight';

export const ownAddress: Check = async ({ node }, { live, next }) => {
  const { host } = next.endpoint;
  const address = canonicalAddress(host);
  const own = isLoopback(address) || node.addresses().map(canonicalAddress).includes(address);
  // Looked at from another machine (--root of a copied disk), addresses tell nothing.
  if (own || !(await node.processes(live.endpoint.port)).some(({ listening }) => listening)) return [];
  const bind = next.server.effectiveValue('bind-address');
  const binds = bind !== undefined && !isAny(canonicalAddress(bind));
  const flag =
    (binds ? next.server.effective('bind-address') : undefined) ?? next.server.effective('advertise-address');
  const place = flag ? { place: flag.valueAt?.place ?? flag.place } : {};
  // Today's server listens there, by whatever means.
  if (binds && live.server.effectiveValue('bind-address') !== bind)
    return [
      {
        code: 'address-not-of-this-node',
        severity: 'error',
        title: `--bind-address=${bind} is no address of this machine`,
        detail: 'The API server would end at once: bind: cannot assign requested address',
        ...place,
        remedy: [
          'ip -brief address',
          'write an address of this node, or take --bind-address out: then it listens on all',
        ],
      },
    ];
  return [
    {
      code: 'address-not-of-this-node',
      severity: 'warning',
      title: `${host} is no address of this machine: a load balancer there could answer for another node`,
      detail: 'Whether the new server is healthy is asked there. What counts besides is the process on this node.',
      ...place,
      remedy: ['ip -brief address', 'give --advertise-address an address of this node'],
    },
  ];
};
