/**
 * A container's environment and its command's `$(VAR)` references, as the kubelet makes them. Rule: a reference to what is
 * not set stays as it stands. Source: pkg/kubelet/kubelet_pods.go, third_party/forked/golang/expansion.
 */
import type { StaticPod } from '../pod/read';
import type { ContainerSpec } from '../pod/types';

/** What would make Node.js itself behave otherwise, which no container's environment should. */
const NOT_PASSED = /^(NODE_|LD_|DYLD_)/;

export function environmentOf(pod: StaticPod, { env = [] }: ContainerSpec, nodeIp: string): Record<string, string> {
  const known: Record<string, string> = {};
  for (const { name = '', value = '', valueFrom } of env) {
    const field = valueFrom?.fieldRef?.fieldPath;
    known[name] = field === undefined ? expand(value, known) : fieldOf(pod, field, nodeIp);
  }
  return known;
}

/** For the process: its own variables, and what every container has. */
export function processEnvironment(known: Readonly<Record<string, string>>, nodeName: string): Record<string, string> {
  const passed = Object.entries(known).filter(([name]) => !NOT_PASSED.test(name));
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOSTNAME: nodeName,
    ...Object.fromEntries(passed),
  };
}

export function commandOf(
  { command = [], args = [] }: ContainerSpec,
  known: Readonly<Record<string, string>>,
): string[] {
  return [...command, ...args].map((word) => expand(word, known));
}

/** `$$` is a dollar sign. */
function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole: string, name?: string) =>
    name === undefined ? '$' : (known[name] ?? whole),
  );
}

function fieldOf(pod: StaticPod, path: string, nodeIp: string): string {
  const part = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (part) return pod[part[1] as 'labels' | 'annotations'][part[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.name;
    case 'metadata.namespace':
      return pod.namespace;
    case 'metadata.uid':
      return pod.uid;
    case 'spec.nodeName':
      return typeof pod.spec['nodeName'] === 'string' ? pod.spec['nodeName'] : '';
    case 'status.hostIP':
    case 'status.podIP':
      return nodeIp;
    default:
      return '';
  }
}
