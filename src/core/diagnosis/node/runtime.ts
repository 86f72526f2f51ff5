/** The kubelet can start nothing without its container runtime. */
import { cause, type Cause } from '../cause';
import type { Patient } from '../patient';

export function runtimeRules({ sight }: Patient): Cause[] {
  const { runtime } = sight;
  if (!runtime || runtime.state === 'answers') return [];
  const service = runtime.unit?.name.replace(/\.service$/, '') ?? 'containerd';
  return [
    cause('runtime-not-answering', {
      title: `the container runtime does not answer at ${runtime.socket}${runtime.unit ? ` (${service} is ${runtime.unit.active})` : ''}`,
      remedy: [`systemctl start ${service}`, `journalctl -u ${service} -n 50`],
      evidence: [
        {
          source: 'probe',
          where: runtime.socket,
          text: runtime.detail ?? (runtime.state === 'missing' ? 'there is no socket' : 'connection refused'),
        },
      ],
      brings: ['kubelet-no-runtime', 'kubelet-failing', 'etcd-not-running', 'etcd-unreachable', 'etcd-refuses'],
    }),
  ];
}
