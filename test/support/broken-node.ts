/**
 * A node's file system in a folder of its own, broken as a scenario's break.json says, and the dynamic half of what doctor
 * sees of it (processes, journal, answers) as the scenario tells it. The eyes that look at files are the real ones.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lookAtNode } from '../../src/change/doctor';
import type { DoctorEyes, DoctorPorts } from '../../src/change/doctor-ports';
import type { Ports } from '../../src/change/ports';
import type { Disk, EtcdEndpoint, NodeSight, RuntimeSight, UnitState } from '../../src/core/diagnosis/node-sight';
import type { HealthSample, LogLine, PodFolder, ServerProcess } from '../../src/core/evidence';
import { parseManifest } from '../../src/core/manifest/document';
import { readServer } from '../../src/core/manifest/server';
import { createDoctorPorts } from '../../src/system/doctor/ports';
import { reach } from '../../src/system/reach';
import { createFiles } from '../../src/system/files';
import { nodeFsCalls } from '../../src/system/fs-calls';
import { edit, type Edit } from '../e2e/edit';
import { ADMIN, CA, EXPIRED_ADMIN, kubeconfig, SERVER } from './certificates';
import { fixture } from './manifests';
import { tempFolder } from './temp-folder';

export const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';

export type Step =
  | ({ do: 'edit' } & Edit)
  | { do: 'replace'; find: string; by: string }
  | { do: 'write'; path: string; text: string }
  | { do: 'folder'; path: string }
  | { do: 'copy' | 'move'; from: string; to: string }
  | { do: 'expired-certificate'; path: string; key: string };

/** break.json. */
export interface Break {
  about: string;
  steps: Step[];
  /** Commands for a real node, after the steps, and those that undo it all but the manifest. */
  onNode?: string[][];
  undo?: string[][];
  wait?: string;
  seen?: Seen;
}

/** What the folder cannot show. Seconds count from the last change of the manifest. */
export interface Seen {
  api?: HealthSample['state'];
  /** right: with the manifest's arguments; other: with those of before. */
  server?: 'right' | 'other';
  kubelet?: Omit<UnitState, 'name'>;
  kubeletStarted?: number;
  etcd?: EtcdEndpoint['state'];
  etcdRuns?: boolean;
  runtime?: RuntimeSight;
  holder?: string[];
  disk?: Disk;
  later?: number;
  /** The policy as the server's process has it mounted. */
  policyInside?: string;
}

const ETCD = `apiVersion: v1
kind: Pod
metadata:
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://192.168.56.10:2379
    - --cert-file=/etc/kubernetes/pki/etcd/server.crt
    - --key-file=/etc/kubernetes/pki/etcd/server.key
    - --listen-client-urls=https://127.0.0.1:2379,https://192.168.56.10:2379
    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    image: registry.k8s.io/etcd:3.6.4-0
    name: etcd
`;

/** A whole control plane on the disk; its manifest is kubeadm's of 1.36. */
export function soundNode(): string {
  const root = tempFolder();
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o600 });
  };
  for (const folder of ['/etc/ssl/certs', '/etc/ca-certificates', '/usr/local/share/ca-certificates', '/root'])
    mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ['/usr/share/ca-certificates', '/var/lib/etcd', '/var/log/pods'])
    mkdirSync(join(root, folder), { recursive: true });
  const pki = '/etc/kubernetes/pki';
  for (const name of ['ca', 'front-proxy-ca', 'etcd/ca']) put(`${pki}/${name}.crt`, CA);
  for (const name of ['apiserver-kubelet-client', 'apiserver-etcd-client', 'front-proxy-client']) {
    put(`${pki}/${name}.crt`, ADMIN.cert);
    put(`${pki}/${name}.key`, ADMIN.key);
  }
  for (const name of ['apiserver', 'etcd/server']) {
    put(`${pki}/${name}.crt`, SERVER.cert);
    put(`${pki}/${name}.key`, SERVER.key);
  }
  put(`${pki}/sa.key`, ADMIN.key);
  put(`${pki}/sa.pub`, ADMIN.cert);
  put('/etc/kubernetes/admin.conf', kubeconfig());
  put('/etc/kubernetes/manifests/etcd.yaml', ETCD);
  put('/var/lib/kubelet/config.yaml', 'staticPodPath: /etc/kubernetes/manifests\n');
  put(MANIFEST, fixture('kubeadm-1.36.yaml'));
  return root;
}

export function breakNode(root: string, steps: readonly Step[]): void {
  const at = (path: string): string => join(root, path);
  for (const step of steps) {
    switch (step.do) {
      case 'edit':
        writeFileSync(at(MANIFEST), edit(readFileSync(at(MANIFEST), 'utf8'), step));
        break;
      case 'replace': {
        const text = readFileSync(at(MANIFEST), 'utf8');
        if (!text.includes(step.find)) throw new Error(`the manifest has no ${step.find}`);
        writeFileSync(at(MANIFEST), text.replace(step.find, step.by));
        break;
      }
      case 'write':
        writeFileSync(at(step.path), step.text);
        break;
      case 'folder':
        mkdirSync(at(step.path), { recursive: true });
        break;
      case 'copy':
        cpSync(at(step.from), at(step.to));
        break;
      case 'move':
        renameSync(at(step.from), at(step.to));
        break;
      case 'expired-certificate':
        writeFileSync(at(step.path), EXPIRED_ADMIN.cert);
        writeFileSync(at(step.key), EXPIRED_ADMIN.key);
    }
  }
}

/** What was said, a line each: `+2.5 TEXT`, so many seconds after the change of the manifest. */
export interface Said {
  kubelet?: readonly string[];
  server?: readonly string[];
}

/** Looks at a broken node with doctor's eyes. */
export async function lookAtBroken(root: string, seen: Seen, said: Said = {}): Promise<NodeSight> {
  const path = join(root, MANIFEST);
  const changedAt = existsSync(path) ? statSync(path).ctimeMs : Date.now();
  const now = changedAt + (seen.later ?? 90) * 1000;
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const ports = {
    files: createFiles(nodeFsCalls(), { root }),
    clock: { now: () => now, sleep: never, token: () => '0' },
    node: {
      name: () => 'cp1',
      processes: () => Promise.resolve(servers(seen, text, now)),
      reach,
      readInside: () => Promise.resolve(seen.policyInside === undefined ? undefined : Buffer.from(seen.policyInside)),
    },
  } as unknown as Ports;
  const doctor: DoctorPorts = {
    eyes: { ...createDoctorPorts({ root }).eyes, ...dynamicEyes(seen, said, changedAt, now) },
    hands: {
      startUnit: () => Promise.reject(new Error('nothing is started here')),
      restartUnit: () => Promise.reject(new Error('nothing is restarted here')),
      removePods: () => Promise.resolve([]),
    },
  };
  return lookAtNode(ports, doctor, { manifestPath: MANIFEST, stateDir: '/var/lib/kube-auditctl' });
}

function dynamicEyes(seen: Seen, said: Said, changedAt: number, now: number): Partial<DoctorEyes> {
  const kubelet = {
    pid: 812,
    startedAt: changedAt + (seen.kubeletStarted ?? -3600) * 1000,
    argv: ['/usr/bin/kubelet'],
  };
  return {
    journal: (_unit, _since, most) => Promise.resolve({ lines: linesOf(said.kubelet, changedAt).slice(-most) }),
    searchJournal: (_unit, since, pattern) => {
      const lines = linesOf(said.kubelet, changedAt).filter(({ at }) => at >= since);
      const line = lines.findLast(({ text }) => new RegExp(pattern).test(text));
      return Promise.resolve({ ...(line ? { line } : {}), whole: (lines[0]?.at ?? Infinity) < since + 15_000 });
    },
    unit: (name) =>
      Promise.resolve(
        name === 'kubelet' ? { name, load: 'loaded', active: 'active', sub: 'running', ...seen.kubelet } : undefined,
      ),
    podLogs: (_namespace, podName) => Promise.resolve(podName === 'etcd' ? [] : podsOf(said, changedAt)),
    programs: (name) =>
      Promise.resolve(
        name === 'kubelet'
          ? seen.kubelet
            ? []
            : [kubelet]
          : seen.etcdRuns === false
            ? []
            : [{ ...kubelet, argv: ['etcd'] }],
      ),
    holders: () => Promise.resolve(seen.holder ? [{ pid: 4242, argv: seen.holder, address: '0.0.0.0:6443' }] : []),
    etcd: (url) => Promise.resolve({ url, state: seen.etcd ?? 'healthy', detail: seen.etcd ?? 'healthy' }),
    runtime: () => Promise.resolve(seen.runtime ?? { socket: '/run/containerd/containerd.sock', state: 'answers' }),
    disk: (path) =>
      Promise.resolve(
        seen.disk?.path === path
          ? seen.disk
          : { path, freeBytes: 5e10, totalBytes: 1e11, freeInodes: 1e6, totalInodes: 2e6, readOnly: false },
      ),
    swap: () => Promise.resolve([]),
    health: () => Promise.resolve({ at: now, state: seen.api ?? 'refused' }),
  };
}

function servers(seen: Seen, text: string, now: number): ServerProcess[] {
  if (!seen.server) return [];
  const of = (manifest: string): string[] => {
    try {
      return readServer(parseManifest(manifest)).argv.map(({ value }) => value);
    } catch {
      return ['kube-apiserver'];
    }
  };
  const argv = of(seen.server === 'right' ? text : fixture('kubeadm-1.36.yaml'));
  return [
    {
      pid: 999,
      startTicks: '5',
      startedAt: now - 60_000,
      argv,
      podUid: 'a3c9d1e2f4b5061728394a5b6c7d8e9f',
      listening: true,
    },
  ];
}

function podsOf({ server }: Said, changedAt: number): PodFolder[] {
  if (!server) return [];
  const uid = '6f1f2ab7c0de4c1e9a4b7d3e5f607182';
  const path = `/var/log/pods/kube-system_kube-apiserver-cp1_${uid}`;
  const log = `${path}/kube-apiserver/0.log`;
  const lines = linesOf(server, changedAt);
  return [{ uid, path, logs: [{ uid, container: 'kube-apiserver', restart: 0, path: log, lines }] }];
}

/** The evidence of a scenario, as its folder holds it. */
export function saidIn(folder: string): Said {
  const read = (name: string): readonly string[] | undefined =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean) : undefined;
  const [kubelet, server] = [read('kubelet.log'), read('kube-apiserver.log')];
  return { ...(kubelet ? { kubelet } : {}), ...(server ? { server } : {}) };
}

function linesOf(lines: readonly string[] = [], changedAt: number): LogLine[] {
  return lines.map((line) => {
    const space = line.indexOf(' ');
    return { at: changedAt + Number(line.slice(0, space)) * 1000, text: line.slice(space + 1) };
  });
}

function never(): Promise<void> {
  return new Promise(() => undefined);
}
