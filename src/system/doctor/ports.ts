/** doctor's eyes and hands on a real node, put together. */
import { join } from 'node:path';
import type { DoctorPorts } from '../../change/doctor-ports';
import { messageOf, UserError } from '../../core/errors';
import { ask } from '../api';
import { findCredentials } from '../credentials';
import { createPodLogs } from '../pod-logs';
import { createProcesses } from '../processes';
import { readBelow } from '../root';
import { readCertificates } from './certificates';
import { probeEtcd } from './etcd-probe';
import { changedAt, holdersOf, lookAtDisk, lookAtPath, probeRuntime, swapOf } from './machine';
import { controlUnit, readJournal, readUnit, removePods } from './services';

const CA = '/etc/kubernetes/pki/ca.crt';

export interface DoctorPortsOptions {
  root?: string;
  nodeName?: string;
  proc?: string;
}

export function createDoctorPorts({
  root = '/',
  nodeName,
  proc = join(root, 'proc'),
}: DoctorPortsOptions = {}): DoctorPorts {
  return {
    eyes: {
      journal: (unit, since, most) => readJournal(root, unit, since, most),
      unit: (name) => readUnit(root, name),
      podLogs: (namespace, podName) =>
        createPodLogs({ root, namespace, podName, ...(nodeName === undefined ? {} : { nodeName }) }).look(),
      programs: (name) => Promise.resolve(createProcesses({ proc }).named(name)),
      holders: (port) => Promise.resolve(holdersOf(proc, port)),
      certificates: (asked) => readCertificates(root, asked),
      etcd: (url, files) => probeEtcd(url, files, { root }),
      runtime: (sockets) => probeRuntime(root, sockets),
      hostPath: (path) => lookAtPath(root, path),
      disk: (path) => lookAtDisk(root, path),
      swap: () => Promise.resolve(swapOf(proc)),
      changedAt: (path) => changedAt(root, path),
      async health(endpoint) {
        // An expired certificate of ours must not hide a server that is well: it is asked as anybody then.
        const own = await findCredentials({ root }).catch(() => undefined);
        const at = Date.now();
        try {
          const access = own ?? { ca: Buffer.from(await readBelow(root, CA, 1 << 20)) };
          const { status, body } = await ask(endpoint, access, { method: 'GET', path: '/readyz', timeoutMs: 8000 });
          if (status === 200) return { at, state: 'ok', status };
          const failing = body.split('\n').filter((line) => line.startsWith('[-]'));
          return { at, state: 'not-ready', status, detail: failing.join(' ') || `HTTP ${status}` };
        } catch (error) {
          const refused = error instanceof UserError && error.code === 'api-refused';
          return { at, state: refused ? 'refused' : 'unreachable', detail: messageOf(error) };
        }
      },
    },
    hands: {
      startUnit: (name) => controlUnit(root, 'start', name),
      restartUnit: (name) => controlUnit(root, 'restart', name),
      removePods: (uids) => removePods(uids),
    },
  };
}
