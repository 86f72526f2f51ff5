/** Another port, on which somebody listens already: the new server would end at once, when the old one is gone. */
import { canonicalAddress, isAny } from '../../core/preflight/addresses';
import type { Check } from './preflight';

export const portFree: Check = async ({ listeners }, { live, next }) => {
  const { port } = next.endpoint;
  if (port === live.endpoint.port) return [];
  const bind = canonicalAddress(next.server.effectiveValue('bind-address') ?? '');
  const inTheWay = (address: string): boolean => {
    const host = canonicalAddress(address.replace(/:\d+$/, ''));
    return isAny(bind) || isAny(host) || host === bind;
  };
  const [holder] = (await listeners(port).catch(() => [])).filter(({ address }) => inTheWay(address));
  if (!holder) return [];
  const flag = next.server.effective('secure-port');
  return [
    {
      code: 'port-in-use',
      severity: 'error',
      title: `another process listens on ${holder.address}: pid ${holder.pid} (${holder.argv.slice(0, 3).join(' ').slice(0, 120)})`,
      detail: 'The API server would end at once: bind: address already in use',
      ...(flag ? { place: flag.valueAt?.place ?? flag.place } : {}),
      remedy: [`ps -fp ${holder.pid}`, 'stop that process, or write another --secure-port'],
    },
  ];
};
