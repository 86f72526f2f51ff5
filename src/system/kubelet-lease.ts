/** The kubelet's lease: the one thing that it tells the API all the time. Rule: what cannot be read tells nothing. */
import type { Answer } from '../change/ports';

/** Its path in the API. */
export function leasePath(nodeName: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${encodeURIComponent(nodeName)}`;
}

/** When it was last renewed, in milliseconds since the epoch; undefined when the answer does not tell. */
export function renewTime({ status, body }: Answer): number | undefined {
  if (status !== 200) return undefined;
  try {
    const { spec } = JSON.parse(body) as { spec?: { renewTime?: unknown } };
    const at = typeof spec?.renewTime === 'string' ? Date.parse(spec.renewTime) : Number.NaN;
    return Number.isNaN(at) ? undefined : at;
  } catch {
    return undefined;
  }
}
