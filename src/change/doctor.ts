/**
 * `doctor` looks at the whole node and examines what it saw. The rules it keeps: nothing is written; no part of the look
 * can end it (what cannot be seen is noted); it needs no API, no record, no readable manifest.
 */
import { messageOf } from '../core/errors';
import { examine, type Examination } from '../core/diagnosis/examine';
import type { CertificateRole, NodeSight } from '../core/diagnosis/node-sight';
import { MET_THE_API } from '../core/diagnosis/node/wedge';
import { examineManifest, flagsOf, questionsOf } from '../core/diagnosis/patient';
import type { LogLine } from '../core/evidence';
import { CERTIFICATE_FLAGS } from '../core/preflight/certificates';
import { listVolumes, resolveMount } from '../core/manifest/mounts';
import type { Server } from '../core/manifest/server';
import { findBackups, recordSight } from './doctor-backups';
import { logSight, lookAtManifest, POLICY_LIMIT, policySight, strangersIn, textOf } from './doctor-files';
import { webhookSight } from './doctor-webhook';
import type { AskedCertificate, DoctorPorts } from './doctor-ports';
import type { Ports } from './ports';
import { real, whereKubeletLooks } from './preflight/static-pod-path';

export interface DoctorOptions {
  manifestPath: string;
  stateDir: string;
}

const JOURNAL_LINES = 2000;
/** A kubelet that starts says so within this time. */
const FIRST_WORDS_MS = 15_000;
const HALF_AN_HOUR = 30 * 60_000;

export async function runDoctor(
  ports: Ports,
  doctor: DoctorPorts,
  options: DoctorOptions,
): Promise<{ sight: NodeSight; examination: Examination }> {
  const sight = await lookAtNode(ports, doctor, options);
  return { sight, examination: examine(sight) };
}

export async function lookAtNode(ports: Ports, { eyes }: DoctorPorts, options: DoctorOptions): Promise<NodeSight> {
  const { clock, node } = ports;
  const { manifestPath, stateDir } = options;
  const notes: string[] = [];
  /** What fails is replaced by what stands for not having seen it, and said. */
  const seeing = <T>(what: string, work: Promise<T>, otherwise: T): Promise<T> =>
    work.catch((error: unknown) => {
      notes.push(`${what}: ${messageOf(error)}`);
      return otherwise;
    });

  const manifest = await seeing('manifest', lookAtManifest(ports, eyes.changedAt.bind(eyes), manifestPath), {
    state: 'unreadable' as const,
    detail: 'it could not be looked at',
  });
  const text = manifest.state === 'present' ? manifest.text : '';
  const { endpoint, pod } = questionsOf(text, manifestPath);
  const folder = manifestPath.replace(/\/[^/]*$/, '') || '/';
  const etcdManifest = await seeing('etcd.yaml', textOf(ports, `${folder}/etcd.yaml`), undefined);
  const [kubeletProcess] = await seeing('kubelet', eyes.programs('kubelet'), []);
  const at = clock.now();
  const since = Math.min(kubeletProcess ? kubeletProcess.startedAt - 1000 : at, at - HALF_AN_HOUR);
  const blank: NodeSight = {
    at,
    nodeName: node.name(),
    manifestPath,
    stateDir,
    manifest,
    strangers: [],
    kubelet: { journal: [] },
    servers: [],
    pods: [],
    etcd: { pods: [], runs: false, endpoints: [] },
    port: { number: endpoint.port, holders: [] },
    health: { at, state: 'unreachable' },
    certificates: [],
    paths: [],
    disks: [],
    swap: [],
    backups: [],
    record: {},
    notes,
  };
  const { server, audit } = examineManifest(blank);
  const ask = questions(text, etcdManifest, server);
  const logFolder = audit?.log?.hostPath?.replace(/\/[^/]*$/, '');
  const sockets = runtimeSockets(
    kubeletProcess?.argv ?? [],
    await seeing('kubelet config', textOf(ports, '/var/lib/kubelet/config.yaml'), undefined),
  );

  const staticPods = await seeing('kubelet config', staticPodsOf(ports.files, kubeletProcess?.argv, folder), undefined);

  const [
    journal,
    unit,
    servers,
    pods,
    etcdPods,
    etcdRuns,
    endpoints,
    holders,
    health,
    certificates,
    paths,
    policy,
    webhook,
    log,
    disks,
    swap,
    runtime,
    strangers,
    backups,
    record,
  ] = await Promise.all([
    seeing('kubelet journal', eyes.journal('kubelet', since, JOURNAL_LINES), { lines: [] as readonly LogLine[] }),
    seeing('systemctl', eyes.unit('kubelet'), undefined),
    seeing('processes', node.processes(endpoint.port), []),
    seeing('container logs', eyes.podLogs(pod.namespace, pod.name), []),
    seeing('etcd logs', eyes.podLogs('kube-system', 'etcd'), []),
    seeing('processes', eyes.programs('etcd'), []),
    seeing('etcd', Promise.all(ask.etcdUrls.map((url) => eyes.etcd(url, ask.etcdFiles))), []),
    seeing('port', eyes.holders(endpoint.port), []),
    seeing('API server', eyes.health(endpoint), { at, state: 'unreachable' as const, detail: 'no answer in time' }),
    seeing('certificates', eyes.certificates(ask.certificates), []),
    seeing('host paths', Promise.all([...new Set(ask.paths)].map((path) => eyes.hostPath(path))), []),
    seeing('policy', policySight(ports, eyes.changedAt.bind(eyes), audit?.policy?.hostPath), undefined),
    seeing('webhook', audit?.webhook ? webhookSight(ports, text, options) : Promise.resolve(undefined), undefined),
    seeing('audit log', logSight(ports, audit?.log?.hostPath), undefined),
    seeing(
      'disks',
      Promise.all(
        [...(logFolder ? [logFolder] : []), '/var/lib/etcd', '/var/lib/kubelet', '/var/log', folder, '/'].map((path) =>
          eyes.disk(path),
        ),
      ),
      [],
    ),
    seeing('swap', eyes.swap(), []),
    seeing('container runtime', eyes.runtime(sockets), undefined),
    seeing('manifests folder', strangersIn(ports, folder, manifestPath), []),
    seeing('backups', findBackups(ports, options), []),
    seeing('record', recordSight(ports, options), {}),
  ]);
  const runtimeUnit =
    runtime && runtime.state !== 'answers'
      ? await seeing('systemctl', eyes.unit(serviceOf(runtime.socket)), undefined)
      : undefined;
  const serving = servers.find(({ listening }) => listening);
  const inside =
    policy && audit?.policy && serving
      ? await seeing('policy', insideOf(ports, serving.pid, audit.policy.containerPath), undefined)
      : undefined;
  const metApi =
    kubeletProcess && health.state !== 'ok'
      ? await seeing('kubelet journal', metTheApi(eyes, journal.lines, kubeletProcess.startedAt), undefined)
      : undefined;
  if (journal.note !== undefined) notes.push(`kubelet journal: ${journal.note}`);
  return {
    ...blank,
    at: clock.now(),
    strangers,
    kubelet: {
      ...(kubeletProcess ? { process: kubeletProcess } : {}),
      ...(unit ? { unit } : {}),
      journal: journal.lines,
      ...(staticPods ? { staticPods } : {}),
      ...(metApi ? { metApi } : {}),
    },
    ...(runtime ? { runtime: { ...runtime, ...(runtimeUnit ? { unit: runtimeUnit } : {}) } } : {}),
    servers,
    pods,
    etcd: {
      ...(etcdManifest === undefined ? {} : { manifest: etcdManifest }),
      pods: etcdPods,
      runs: etcdRuns.length > 0,
      endpoints,
    },
    port: { number: endpoint.port, holders },
    health,
    certificates,
    paths,
    ...(policy ? { policy: { ...policy, ...(inside ? { inside } : {}) } } : {}),
    ...(webhook ? { webhook } : {}),
    ...(log ? { log } : {}),
    disks: distinct(disks.filter((disk) => disk !== undefined)),
    swap,
    backups,
    record,
    notes,
  };
}

/** The policy as the server's process sees it: a copy that was renamed over it is not what is mounted there. */
async function insideOf(
  { files, node }: Ports,
  pid: number,
  path: string,
): Promise<{ pid: number; sha256: string } | undefined> {
  const bytes = await node.readInside(pid, path, POLICY_LIMIT);
  return bytes && { pid, sha256: files.sha256(bytes) };
}

/** A configuration that is read and names no path is a kubelet without static pods; one that cannot be read says nothing. */
async function staticPodsOf(
  files: Ports['files'],
  argv: readonly string[] | undefined,
  folder: string,
): Promise<NodeSight['kubelet']['staticPods']> {
  const process = argv && { pid: 0, startedAt: 0, argv };
  const told = await whereKubeletLooks(files, { kubelet: () => Promise.resolve(process) });
  if (told === undefined) return undefined;
  const { path, by } = told;
  if (path === undefined) return { by, ours: false };
  return { path, by, ours: (await real(files, path)) === (await real(files, folder)) };
}

/**
 * The newest lines answer when they reach back to the kubelet's start. While the API is away it writes ten lines a second,
 * and soon they do not: then the journal is asked for these words alone.
 */
async function metTheApi(
  eyes: DoctorPorts['eyes'],
  lines: readonly LogLine[],
  startedAt: number,
): Promise<'yes' | 'never' | undefined> {
  if (lines.some(({ at, text }) => at >= startedAt && MET_THE_API.test(text))) return 'yes';
  if (reachesBack(lines, startedAt)) return 'never';
  const found = await eyes.searchJournal?.('kubelet', startedAt, MET_THE_API.source);
  if (found?.line) return 'yes';
  return found?.whole === true ? 'never' : undefined;
}

/** An old journal may have been cut off; what is missing then has not been left unsaid. */
function reachesBack(lines: readonly LogLine[], startedAt: number): boolean {
  const first = lines[0];
  return first !== undefined && lines.length < JOURNAL_LINES && first.at <= startedAt + FIRST_WORDS_MS;
}

/** Of kubeadm's own manifest of etcd. */
const ETCD_FLAGS: typeof CERTIFICATE_FLAGS = [
  ['cert-file', 'certificate'],
  ['key-file', 'key'],
  ['trusted-ca-file', 'authority'],
  ['peer-cert-file', 'certificate'],
  ['peer-key-file', 'key'],
];

function questions(text: string, etcdManifest: string | undefined, server: Server | undefined) {
  const flag = flagsOf(text, server);
  const onHost = (path: string): string => (server ? (resolveMount(server, path)?.hostPath ?? path) : path);
  const asked = (prefix: string, name: string, role: CertificateRole, value: string | undefined): AskedCertificate[] =>
    value === undefined || value === '' ? [] : [{ usedBy: `${prefix}--${name}`, path: value, role }];
  const etcdFlag = etcdManifest === undefined ? () => undefined : flagsOf(etcdManifest, undefined);
  const file = (name: string): string | undefined => {
    const path = flag(name);
    return path === undefined ? undefined : onHost(path);
  };
  const [ca, cert, key] = [file('etcd-cafile'), file('etcd-certfile'), file('etcd-keyfile')];
  const volumes = server ? listVolumes(server) : [];
  return {
    certificates: [
      ...CERTIFICATE_FLAGS.flatMap(([name, role]) => asked('', name, role, file(name))),
      ...ETCD_FLAGS.flatMap(([name, role]) => asked('etcd ', name, role, etcdFlag(name))),
      { usedBy: 'admin.conf', path: '/etc/kubernetes/admin.conf', role: 'certificate' as const },
      { usedBy: 'kubelet', path: '/var/lib/kubelet/pki/kubelet-client-current.pem', role: 'certificate' as const },
    ],
    etcdUrls: (flag('etcd-servers') ?? (etcdManifest === undefined ? '' : 'https://127.0.0.1:2379'))
      .split(',')
      .filter(Boolean),
    etcdFiles: { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) },
    paths: [
      ...volumes.flatMap(({ hostPath }) => hostPath ?? []),
      ...['audit-policy-file', 'audit-log-path', 'audit-webhook-config-file'].flatMap((name) => {
        const path = file(name);
        return path === undefined || path === '-' || !path.startsWith('/') ? [] : [path];
      }),
    ],
  };
}

const SOCKETS = [
  '/run/containerd/containerd.sock',
  '/var/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
  '/run/docker.sock',
];

/** Where the kubelet looks for its runtime: its flag, its configuration, or the usual places. */
function runtimeSockets(argv: readonly string[], config: string | undefined): readonly string[] {
  const flag = argv.map((word) => /^--container-runtime-endpoint=(\S+)/.exec(word)?.[1]).find(Boolean);
  const named = flag ?? /^containerRuntimeEndpoint:\s*["']?(\S+?)["']?\s*$/m.exec(config ?? '')?.[1];
  return named === undefined ? SOCKETS : [named.replace(/^unix:\/\//, '')];
}

function serviceOf(socket: string): string {
  return /crio/.test(socket)
    ? 'crio'
    : /cri-dockerd/.test(socket)
      ? 'cri-docker'
      : /docker/.test(socket)
        ? 'docker'
        : 'containerd';
}

/** Paths of one disk say the same: the first of them stands for it. */
function distinct(disks: NodeSight['disks']): NodeSight['disks'] {
  const key = (disk: NodeSight['disks'][number]): string => JSON.stringify({ ...disk, path: '' });
  return disks.filter((disk, index) => disks.findIndex((other) => key(other) === key(disk)) === index);
}
