/** The Cluster port, whose code is loaded when it is first asked: it costs more time and memory than all the rest. */
import type { Cluster } from '../change/ports';

export function createCluster(options: { root?: string; timeoutMs?: number } = {}): Cluster {
  let loaded: Promise<Cluster> | undefined;
  const cluster = () => (loaded ??= import('./cluster').then(({ connectCluster }) => connectCluster(options)));
  return {
    mirrorPod: async (...args) => (await cluster()).mirrorPod(...args),
    nodeReady: async (...args) => (await cluster()).nodeReady(...args),
    controlPlane: async (...args) => (await cluster()).controlPlane(...args),
    controlPlaneNodes: async (...args) => (await cluster()).controlPlaneNodes(...args),
  };
}
