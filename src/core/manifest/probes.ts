/** The probes by which the kubelet judges the API server's container: what they ask, and where that is written. */
import type { Server } from './server';
import { isMap } from './value';
import type { Path, PlainMap } from './value';

export const PROBES = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const;

export interface Probe {
  name: (typeof PROBES)[number];
  handler: 'httpGet' | 'tcpSocket';
  /** Of the handler. */
  path: Path;
  fields: PlainMap;
  /** As the kubelet resolves it: a number, or the number of the port of that name; undefined when there is none. */
  port: number | undefined;
}

/** Those that ask over the network; a command inside the container asks whatever it likes. */
export function probesOf(server: Server): Probe[] {
  const { doc } = server;
  const ports = doc.list([...server.path, 'ports']).filter(isMap);
  return PROBES.flatMap((name): Probe[] =>
    (['httpGet', 'tcpSocket'] as const).flatMap((handler): Probe[] => {
      const path = [...server.path, name, handler];
      const probe = doc.map(server.path)[name];
      const fields = isMap(probe) ? probe[handler] : undefined;
      return isMap(fields) ? [{ name, handler, path, fields, port: portOf(fields.port, ports) }] : [];
    }),
  );
}

/** A name goes before a number in quotes. Source: pkg/probe/util.go (ResolveContainerPort). */
function portOf(port: unknown, ports: readonly PlainMap[]): number | undefined {
  if (typeof port === 'number') return port;
  if (typeof port !== 'string') return undefined;
  const named = ports.find(({ name }) => name === port)?.containerPort;
  if (typeof named === 'number') return named;
  return /^\d+$/.test(port) ? Number(port) : undefined;
}
