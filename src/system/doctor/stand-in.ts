/**
 * doctor's eyes and hands on a stand-in for a node. Rule: what would be asked of this machine's own systemd, runtime or /proc
 * is asked of the stand-in, or not at all: a cause found on the machine would be mended on the machine.
 */
import type { DoctorPorts } from '../../change/doctor-ports';
import type { EtcdEndpoint, PortHolder } from '../../core/diagnosis/node-sight';
import type { Eyes } from '../watch';
import { holdersOf } from './machine';
import { createDoctorPorts } from './ports';
import { journalLines } from './services';

export interface StandIn {
  root: string;
  nodeName: string;
  eyes: Pick<Eyes, 'processes' | 'journal'> & {
    listeners(port: number): readonly Omit<PortHolder, 'address'>[];
    etcdHealth(): ReturnType<Eyes['etcdHealth']>;
  };
  /** Starts its kubelet, the old one ended first when `anew`. */
  startKubelet(anew: boolean): Promise<void>;
  endPods(uids: readonly string[]): Promise<void>;
}

export function createStandInPorts(stand: StandIn): DoctorPorts {
  const { root, nodeName, eyes } = stand;
  return createDoctorPorts({
    root,
    nodeName,
    instead: {
      eyes: {
        async journal(unit, since, most) {
          if (unit !== 'kubelet') return { lines: [] };
          const all = journalLines((await eyes.journal.entries({ since })).split('\n'), most);
          return { lines: all.filter(({ at }) => at >= since) };
        },
        unit(name) {
          if (name !== 'kubelet') return Promise.resolve(undefined);
          const [active, sub] =
            eyes.processes.named('kubelet').length > 0 ? ['active', 'running'] : ['inactive', 'dead'];
          return Promise.resolve({ name, load: 'loaded', active, sub, result: 'success' });
        },
        programs: (name) => Promise.resolve(eyes.processes.named(name)),
        holders(port) {
          const own = eyes.listeners(port).map((each) => ({ ...each, address: `127.0.0.1:${port}` }));
          // The port itself is this machine's: another program on it keeps the stand-in's server away.
          const others = holdersOf('/proc', port).filter(({ pid }) => !own.some((each) => each.pid === pid));
          return Promise.resolve([...own, ...others]);
        },
        etcd: async (url): Promise<EtcdEndpoint> => {
          const health = await eyes.etcdHealth();
          const runs = eyes.processes.named('etcd').length > 0;
          return { url, ...health, ...(runs || health.state === 'healthy' ? {} : { state: 'refused' }) };
        },
        runtime: () => Promise.resolve(undefined),
        swap: () => Promise.resolve([]),
      },
      hands: {
        startUnit: () => stand.startKubelet(false),
        restartUnit: () => stand.startKubelet(true),
        async removePods(uids) {
          await stand.endPods(uids);
          return [];
        },
      },
    },
  });
}
