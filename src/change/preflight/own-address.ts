/** Health is asked at this node's own address. A load balancer would answer for another node's server. */
import type { Check } from './preflight';

export const ownAddress: Check = async ({ node }, { next }) => {
  const { host, port } = next.endpoint;
  const plain = (address: string): string => address.toLowerCase().replace(/^::ffff:/, '');
  const own = host === 'localhost' || /^(?:127\.|::1$)/.test(host) || node.addresses().map(plain).includes(plain(host));
  // Looked at from another machine (--root of a copied disk), addresses tell nothing.
  if (own || !(await node.processes(port)).some(({ listening }) => listening)) return [];
  const flag = next.server.effective('bind-address') ?? next.server.effective('advertise-address');
  return [
    {
      code: 'address-not-of-this-node',
      severity: 'warning',
      title: `${host} is no address of this machine: a load balancer there could answer for another node`,
      detail: 'Whether the new server is healthy is asked there. What counts besides is the process on this node.',
      ...(flag ? { place: flag.valueAt?.place ?? flag.place } : {}),
      remedy: ['ip -brief address', 'give --advertise-address an address of this node'],
    },
  ];
};
