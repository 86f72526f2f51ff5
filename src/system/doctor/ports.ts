/** doctor's eyes and hands on a real node, put together. Rule: no look lasts longer than ten seconds. */
import { join } from 'node:path';
import type { DoctorEyes, DoctorPorts } from '../../change/doctor-ports';
import { messageOf, UserError } from '../../core/errors';
import { ask } from '../api';
import { findCredentials } from '../credentials';
import { createPodLogs } from '../pod-logs';
import { createProcesses } from '../processes';
import { readBelow } from '../root';
import { readCertificates } from './certificates';
import { probeEtcd } from './etcd-probe';
import { changedAt, holdersOf, lookAtDisk, lookAtPath, probeRuntime, swapOf } from './machine';
import { controlUnit, readJournal, readUnit, removePods, searchJournal } from './services';

const LIMIT_MS = 10_000;
const CA = '/etc/kubernetes/pki/ca.crt';

export interface DoctorPortsOptions {
  root?: string;
  nodeName?: string;
  proc?: string;
  /** What a stand-in for a node has other eyes and hands for. */
  instead?: { eyes: Partial<DoctorEyes>; hands: DoctorPorts['hands'] };
}

export function createDoctorPorts({
  root = '/',
  nodeName,
  proc = join(root, 'proc'),
  instead,
}: DoctorPortsOptions = {}): DoctorPorts {
  return {
    eyes: bounded({
      journal: (unit, since, most) => readJournal(root, unit, since, most),
      searchJournal: (unit, since, pattern) => searchJournal(root, unit, since, pattern, Date.now()),
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
          const { status, body } = await ask(endpoint, access, { method: 'GET', path: '/readyz', timeoutMs: 4000 });
          if (status === 200) return { at, state: 'ok', status };
          const failing = body.split('\n').filter((line) => line.startsWith('[-]'));
          return { at, state: 'not-ready', status, detail: failing.join(' ') || `HTTP ${status}` };
        } catch (error) {
          const refused = error instanceof UserError && error.code === 'api-refused';
          return { at, state: refused ? 'refused' : 'unreachable', detail: messageOf(error) };
        }
      },
      ...instead?.eyes,
    }),
    hands: instead?.hands ?? {
      startUnit: (name) => controlUnit(root, 'start', name),
      restartUnit: (name) => controlUnit(root, 'restart', name),
      removePods: (uids) => removePods(uids),
    },
  };
}

/** A dead network mount or a journal of many gigabytes must not keep the rest from being told. */
function bounded(eyes: DoctorEyes): DoctorEyes {
  const names = Object.keys(eyes) as (keyof DoctorEyes)[];
  const limited = names.map((name) => {
    const look = Reflect.get(eyes, name) as unknown as (...args: unknown[]) => Promise<unknown>;
    return [name, (...args: unknown[]) => limit(look(...args))];
  });
  return Object.fromEntries(limited) as DoctorEyes;
}

async function limit<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${LIMIT_MS / 1000} s`));
    }, LIMIT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
