/**
 * A node in memory with a time of its own: a kubelet that acts on the manifest, API servers that start, refuse or serve,
 * and the ports through which the story sees all this. It proves nothing about real nodes: it is there to fail the n-th
 * effect, to pull the plug at the n-th effect, and to ask what was left.
 */
import { createHash } from 'node:crypto';
import type { ChangeEvent } from '../../src/change/events';
import { describe as takeApartAnew, type Described } from '../../src/change/manifest';
import type { Answer, Endpoint, EtcdHealth, Holder, LogTail, Ports, WatchPoint } from '../../src/change/ports';
import type { HealthSample, LogLine, ServerProcess, Sight } from '../../src/core/evidence';
import { loadPolicy } from '../../src/core/policy/load';
import { compilePolicy } from '../../src/core/policy/match';
import { auditRequest } from '../../src/core/policy/request';
import type { CertificateFile, PortHolder } from '../../src/core/diagnosis/node-sight';
import type { Trial, TrialEnd } from '../../src/core/rehearsal/trial';
import { createFiles } from '../../src/system/files';
import { memoryFs, type MemoryFs } from './memory-fs';

export const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
export const STATE = '/var/lib/kube-auditctl';
const ADMIN = { user: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** Thousands of runs ask after the same few texts. */
function remember<T>(ask: (text: string) => T): (text: string) => T {
  const known = new Map<string, { value: T } | { error: unknown }>();
  return (text) => {
    let found = known.get(text);
    if (!found) {
      try {
        found = { value: ask(text) };
      } catch (error) {
        found = { error };
      }
      known.set(text, found);
    }
    if ('error' in found) throw found.error;
    return found.value;
  };
}

const takeApart = remember((text) => takeApartAnew(text, MANIFEST));
const policyOf = remember((text) => loadPolicy(text));
const decideBy = remember((text) => {
  const { policy } = policyOf(text);
  return policy && compilePolicy(policy);
});

/** beside: the new pod starts beside the old one (1.20). after: only when the old one has ended (1.36). */
export type Kubelet = 'beside' | 'after';

interface Process extends ServerProcess {
  listening: boolean;
  text: string;
  readyAt: number;
  events: boolean;
  port: number;
}

export class Crash extends Error {}

export interface EffectHook {
  /** Called with the number and the name of every effect, before it happens. Throw to make it fail. */
  (n: number, name: string): void;
}

export class FakeNode {
  readonly fs: MemoryFs = memoryFs();
  now = Date.UTC(2026, 0, 1, 12);
  processes: Process[] = [];
  journal: LogLine[] = [];
  guards = new Set<string>();
  /** The change that a guard was last set for. */
  lastGuard = '';
  kubeletRuns = true;
  kubeletPid = 50;
  /** The kubelet runs, and reads another folder. */
  kubeletIsDeaf = false;
  /** No new server ever gets ready. */
  neverReady = false;
  /** Servers run well and log nothing: a full disk, a log inside the container. */
  logsNothing = false;
  /** Bodies of Secrets end in the log, whatever the policy says. */
  leaksSecrets = false;
  /** The policy that servers go by, instead of the one on the disk. */
  otherPolicy: string | undefined;
  systemd = true;
  /** Somebody sets the time of day ahead, or back. */
  setClock(ms: number): void {
    this.now += ms;
    for (const event of this.#schedule) event.at += ms;
    this.#set += ms;
  }
  #set = 0;

  /** Milliseconds of this node's life, whatever its clock was set to. */
  elapsed(): number {
    return this.now - this.#set;
  }

  /** A signal of ours reaches its processes. */
  reachable = true;
  kubeletMinor: number | undefined;
  etcdHealth: EtcdHealth = { state: 'healthy' };
  controlPlane: { node: string; ready: boolean }[] | undefined = [{ node: 'node-1', ready: true }];
  /** The kubelet never lets go of a pod: its container logs stay. */
  neverLetsGo = false;
  /** Servers that were ended by the tool, and whether they still listened then. */
  readonly ended: { pid: number; listening: boolean }[] = [];
  /** Times at which the folder had no manifest. */
  readonly gaps: number[] = [];
  /** What a rehearsal comes to: as the server would, or something that goes wrong with the rehearsal itself. */
  rehearsal: 'as-server' | 'not-possible' | 'rejects' | 'no-sign' | 'killed' = 'not-possible';
  /** Rehearsals that were started, by their arguments. */
  rehearsed: Trial[] = [];
  /** What the certificates on the disk are; those that are not told of are not looked into. */
  certificates: CertificateFile[] = [];
  /** Other processes that listen. */
  listeners: PortHolder[] = [];
  /** Etcd servers that do not answer. */
  deadEtcd = new Set<string>();
  etcdFailure = 'connection refused';
  /** Runs at these times. */
  #schedule: { at: number; run: () => void }[] = [];
  #logs = new Map<string, { restart: number; lines: LogLine[] }[]>();
  #seen: string | undefined;
  #pod: string | undefined;
  #pids = 100;
  #lockedBy: { self: object; holder: Holder } | undefined;
  #tokens = 0;

  constructor(
    manifest: string,
    readonly kubelet: Kubelet = 'beside',
  ) {
    this.fs.put(MANIFEST, manifest, { mode: 0o600 });
    for (const folder of ['/var/log', '/var/lib', '/run']) this.fs.putFolder(folder);
    for (const path of manifest.match(/(?<==)\/etc\/kubernetes\/pki\/[^\s'"]+/g) ?? []) this.fs.put(path, 'PEM\n');
    this.boot();
  }

  /** The kubelet finds the manifest that is on the disk, and starts it; what ran before is gone. */
  boot(): void {
    this.processes = [];
    this.#schedule = [];
    this.#lockedBy = undefined;
    this.guards.clear();
    this.#seen = undefined;
    this.#pod = undefined;
    this.#free = true;
    this.pass(20_000);
  }

  /** Another node with the same files, an hour later. */
  twin(): FakeNode {
    const twin = new FakeNode(this.manifest() ?? '', this.kubelet);
    for (const [path, { text, ...attributes }] of Object.entries(this.fs.snapshot()))
      twin.fs.put(path, text, attributes);
    twin.rehearsal = this.rehearsal;
    twin.certificates = this.certificates;
    twin.now = this.now + 3_600_000;
    twin.#tokens = 1000;
    twin.boot();
    return twin;
  }

  manifest(): string | undefined {
    return this.fs.text(MANIFEST);
  }

  /** The server that answers, and whether it runs what the manifest says. */
  serving(): { argv: readonly string[]; asManifest: boolean } | undefined {
    const process = this.#serving();
    return process && { argv: process.argv, asManifest: process.text === this.manifest() };
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end;) {
      this.now = Math.min(end, this.now + 100);
      this.#look();
      const due = this.#schedule.filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at);
      this.#schedule = this.#schedule.filter(({ at }) => at > this.now);
      for (const { run } of due) run();
    }
  }

  /** The ports of one process of ours. After `hook` has thrown a Crash, every call of that process throws it again. */
  ports(hook: EffectHook = () => undefined): TestPorts {
    let effects = 0;
    let crash: Crash | undefined;
    const events: ChangeEvent[] = [];
    const alive = (): void => {
      if (crash) throw crash;
    };
    const effect = (name: string): void => {
      alive();
      try {
        hook(++effects, name);
      } catch (error) {
        if (error instanceof Crash) crash = error;
        throw error;
      }
    };
    const first = new AbortController();
    const second = new AbortController();
    const self = {};
    const { fs } = this;
    const calls = Object.assign(Object.create(null) as typeof fs, fs);
    for (const name of Object.keys(fs) as (keyof typeof fs)[]) {
      const call: unknown = Reflect.get(fs, name);
      if (typeof call !== 'function' || ['before', 'after'].includes(name)) continue;
      Object.assign(calls, {
        [name]: async (...args: unknown[]) => {
          effect(`${name} ${String(args[0])}${name === 'rename' || name === 'link' ? ` ${String(args[1])}` : ''}`);
          const result: unknown = await (call as (...all: unknown[]) => unknown)(...args);
          return result;
        },
      });
    }
    const ports: Ports = {
      files: createFiles(calls, { token: () => this.#token(8) }),
      clock: {
        now: () => this.now,
        elapsed: () => this.elapsed(),
        sleep: (ms) => {
          alive();
          this.pass(ms);
          return Promise.resolve();
        },
        token: (bytes) => this.#token(bytes),
      },
      lock: {
        acquire: (holder) => {
          effect(`lock ${holder.what}`);
          if (this.#lockedBy && this.#lockedBy.self !== self)
            return Promise.resolve({ state: 'taken', by: this.#lockedBy.holder });
          this.#lockedBy = { self, holder };
          return Promise.resolve({
            state: 'held',
            release: () => {
              if (!crash && this.#lockedBy?.self === self) this.#lockedBy = undefined;
              return Promise.resolve();
            },
          });
        },
      },
      guard: {
        arm: (id) => {
          effect('guard arm');
          if (!this.systemd) return Promise.resolve({ armed: false, why: 'no systemd here' });
          this.guards.add(id);
          this.lastGuard = id;
          return Promise.resolve({ armed: true });
        },
        disarm: (id) => {
          alive();
          this.guards.delete(id);
          return Promise.resolve();
        },
      },
      node: {
        watch: (target) => {
          effect('watch');
          return Promise.resolve(this.#watch(alive, target.endpoint));
        },
        request: (_endpoint, request) => {
          effect(`request ${request.path}`);
          return this.#request(request);
        },
        identity: () => Promise.resolve({ ...ADMIN, source: 'admin.conf' }),
        processes: () => Promise.resolve(this.processes),
        tail: () => Promise.resolve(this.#tail()),
        kubelet: () =>
          Promise.resolve(
            this.kubeletRuns ? { pid: this.kubeletPid, startedAt: 0, argv: ['/usr/bin/kubelet'] } : undefined,
          ),
        restartKubelet: () => {
          effect('restart kubelet');
          this.kubeletPid += 1;
          this.kubeletIsDeaf = false;
          return Promise.resolve();
        },
        kubeletVersion: () =>
          Promise.resolve({ major: 1, minor: this.kubeletMinor ?? (this.kubelet === 'beside' ? 20 : 36) }),
        reachesServer: () => this.reachable,
        endServer: ({ pid, startTicks }) => {
          effect(`endServer ${pid}`);
          const found = this.processes.find((each) => each.pid === pid && each.startTicks === startTicks);
          if (!found) return Promise.resolve('gone');
          this.ended.push({ pid, listening: found.listening });
          this.#end(found);
          return Promise.resolve('asked');
        },
        etcdHealth: () => Promise.resolve(this.etcdHealth),
        readInside: () => Promise.resolve(undefined),
        kubeletRenewed: () => Promise.resolve(this.now),
        addresses: () => ['127.0.0.1', /--advertise-address=([\d.]+)/.exec(this.manifest() ?? '')?.[1] ?? '::1'],
        reach: () => Promise.resolve({ state: 'ok' }),
        uid: () => 0,
        operator: () => ({ uid: 0, user: 'root' }),
        pid: () => 4711,
        hostname: () => 'node-1',
        name: () => 'node-1',
      },
      cluster: {
        mirrorPod: () => {
          alive();
          return Promise.resolve(this.#pod === undefined ? undefined : { uid: this.#pod, ready: true });
        },
        nodeReady: () => Promise.resolve(true),
        controlPlane: () => Promise.resolve(this.controlPlane),
        controlPlaneNodes: () => Promise.resolve(1),
      },
      rehearsal: {
        start: (trial) => {
          effect('rehearse');
          return this.#rehearse(trial);
        },
        etcd: ({ servers }) => {
          effect('ask etcd');
          return Promise.resolve(
            servers.map((server) => (this.deadEtcd.has(server) ? { server, failure: this.etcdFailure } : { server })),
          );
        },
      },
      listeners: (port) => Promise.resolve(this.listeners.filter(({ address }) => address.endsWith(`:${port}`))),
      certificates: (asked) =>
        Promise.resolve(this.certificates.filter(({ usedBy }) => asked.some((each) => each.usedBy === usedBy))),
      interrupts: { first: first.signal, second: second.signal },
      report: (event) => void events.push(event),
    };
    return Object.assign(ports, {
      events,
      effects: () => effects,
      interrupt: () => {
        (first.signal.aborted ? second : first).abort();
      },
    });
  }

  /** The process is gone: the kernel frees its lock. */
  reap(): void {
    this.#lockedBy = undefined;
  }

  #serving(): Process | undefined {
    return this.processes.find((process) => process.listening && process.readyAt <= this.now);
  }

  #token(bytes: number): string {
    return createHash('md5')
      .update(String(++this.#tokens))
      .digest('hex')
      .repeat(2)
      .slice(0, bytes * 2);
  }

  #at(delay: number, run: () => void): void {
    this.#schedule.push({ at: this.now + delay, run });
  }

  #say(text: string): void {
    this.journal.push({ at: this.now, text });
  }

  #look(): void {
    const text = this.manifest();
    if (text === this.#seen || this.kubeletIsDeaf) return;
    this.#seen = text;
    if (text === undefined) {
      this.gaps.push(this.now);
      if (this.processes.length > 0) this.#free = false;
      this.#stopAll();
      this.#pod = undefined;
      return;
    }
    let described: Described;
    try {
      described = takeApart(text);
      const missing = unmounted(described);
      if (missing) throw new Error(`invalid pod: [spec.containers[0].volumeMounts[0].name: Not found: "${missing}"]`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#say(
        `E0101 12:00:00.000000     50 file.go:108] "Unable to process watch event" err="can't process config file \\"${MANIFEST}\\": ${why.replaceAll('"', '\\"')}"`,
      );
      this.#at(15_000, () => {
        if (this.#seen === text) {
          this.#stopAll();
          this.#pod = undefined;
        }
      });
      return;
    }
    const uid = uidOf(described);
    if (uid === this.#pod) return;
    this.#pod = uid;
    if (this.processes.length > 0) this.#free = false;
    this.#stopAll();
    this.#at(500, () => {
      this.#tryStart(uid, text, described);
    });
  }

  /** Tells every server to stop, and lets go of their pods once they have ended. */
  #stopAll(): void {
    for (const process of this.processes) {
      process.listening = false;
      process.readyAt = Infinity;
      this.#at(30_000, () => {
        this.#end(process);
      });
    }
    if (this.processes.length === 0) this.#letGoSoon();
  }

  #end(process: Process): void {
    if (!this.processes.includes(process)) return;
    this.processes = this.processes.filter((each) => each !== process);
    this.#letGoSoon();
  }

  /** Whether a new pod may start: on newer kubelets only when the old one has been let go of. */
  #free = true;

  #letGoSoon(): void {
    this.#at(800, () => {
      if (this.processes.length > 0 || this.neverLetsGo) return;
      for (const uid of this.#logs.keys()) if (uid !== this.#pod) this.#logs.delete(uid);
      this.#free = true;
    });
  }

  /** A pod that has to wait is tried again only every now and then. */
  #tryStart(uid: string, text: string, described: Described): void {
    if (this.#pod !== uid) return;
    if (this.kubelet === 'beside' || this.#free || (this.neverLetsGo && this.processes.length === 0)) {
      this.#start(uid, text, described);
      return;
    }
    this.#at(12_000, () => {
      this.#tryStart(uid, text, described);
    });
  }

  #start(uid: string, text: string, described: Described): void {
    if (this.#pod !== uid) return;
    const missing = missingFile(described, (path) => this.fs.text(path) !== undefined);
    if (missing) {
      this.#say(
        `E0101 12:00:00.000000     50 nestedpendingoperations.go:348] Operation for "{volumeName:kubernetes.io/host-path/${uid}-x podName:${uid} nodeName:}" failed. Error: MountVolume.SetUp failed for volume "x" pod "kube-apiserver-node-1" (UID: "${uid}") : hostPath type check failed: ${missing} is not a file`,
      );
      this.#at(2000, () => {
        this.#start(uid, text, described);
      });
      return;
    }
    const pid = ++this.#pids;
    const logs = this.#logs.get(uid) ?? [];
    const lines: LogLine[] = [];
    logs.push({ restart: logs.length, lines });
    this.#logs.set(uid, logs);
    const process: Process = {
      pid,
      startTicks: String(this.now / 10),
      startedAt: this.now,
      argv: described.server.argv.map(({ value }) => value),
      podUid: uid,
      listening: false,
      readyAt: Infinity,
      text,
      events: false,
      port: described.endpoint.port,
    };
    this.processes.push(process);
    const refusal = this.#refusal(described);
    this.#at(200, () => {
      if (!this.processes.includes(process)) return;
      if (refusal !== undefined) {
        lines.push({ at: this.now, text: refusal });
        this.processes = this.processes.filter((each) => each !== process);
        this.#at(10_000, () => {
          this.#start(uid, text, described);
        });
        return;
      }
      process.listening = this.#pod === uid;
      process.readyAt = this.neverReady ? Infinity : this.now + 2000;
      process.events =
        !this.logsNothing && described.audit.policy !== undefined && described.audit.log?.hostPath !== undefined;
    });
  }

  #refusal(described: Described): string | undefined {
    const unknown = described.server.flags.find((flag) => ['audit-log-maxbackups', 'magic'].includes(flag.name));
    if (unknown) return `Error: unknown flag: --${unknown.name}`;
    const { policy } = described.audit;
    if (!policy) return undefined;
    const text = policy.hostPath === undefined ? undefined : this.fs.text(policy.hostPath);
    return text === undefined ? failed(missingPolicy(policy.containerPath)) : refusal(text);
  }

  #rehearse(trial: Trial): Promise<TrialEnd> {
    this.rehearsed.push(trial);
    switch (this.rehearsal) {
      case 'not-possible':
        return Promise.resolve({ state: 'not-possible', why: 'this node has no programs' });
      case 'rejects':
        return Promise.reject(new Error('the adapter is broken'));
      case 'no-sign':
        return Promise.resolve({ state: 'lives', reached: 'nothing', lines: [] });
      case 'killed':
        return Promise.resolve({ state: 'ended', code: null, signal: 'SIGKILL', lines: [] });
      case 'as-server': {
        this.pass(300);
        const words = this.#words(trial);
        return Promise.resolve(
          words === undefined
            ? {
                state: 'lives',
                reached: 'admission',
                lines: ['I0101 12:00:00.000000       2 server.go:182] Version: v1.36.0'],
              }
            : { state: 'ended', code: 1, signal: null, lines: [words] },
        );
      }
    }
  }

  /** The last words of a server with a trial's arguments, which sees the trial's files. */
  #words({ args, files, mounts }: Trial): string | undefined {
    const unknown = args.find((each) => /^--(?:audit-log-maxbackups|magic)\b/.test(each));
    if (unknown !== undefined) return `Error: unknown flag: ${unknown.replace(/=.*/, '')}`;
    const path = args.find((each) => each.startsWith('--audit-policy-file='))?.slice('--audit-policy-file='.length);
    if (path === undefined) return undefined;
    const source = mounts.find(({ mountPath }) => mountPath === path)?.source;
    const planned = files.find(({ hostPath }) => hostPath === source);
    const text = planned
      ? new TextDecoder().decode(planned.bytes)
      : source === undefined
        ? undefined
        : this.fs.text(source);
    return text === undefined ? failed(missingPolicy(path)) : refusal(text);
  }

  #watch(alive: () => void, endpoint: Endpoint): WatchPoint {
    let aimed = endpoint;
    const from = this.journal.length;
    return {
      look: () => {
        alive();
        const text = this.manifest();
        const sight: Sight = {
          at: this.now,
          manifest:
            text === undefined
              ? { state: 'absent' }
              : { state: 'present', sha256: createHash('sha256').update(text).digest('hex') },
          processes: this.processes.map((process) => ({ ...process })),
          pods: [...this.#logs].map(([uid, logs]) => ({
            uid,
            path: `/var/log/pods/kube-system_kube-apiserver-node-1_${uid}`,
            logs: logs.map(({ restart, lines }) => ({
              uid,
              container: 'kube-apiserver',
              restart,
              path: `/var/log/pods/kube-system_kube-apiserver-node-1_${uid}/kube-apiserver/${restart}.log`,
              lines: [...lines],
            })),
          })),
          kubelet: this.journal.slice(from),
          health: [this.#health(aimed)],
        };
        return Promise.resolve(sight);
      },
      aim: (endpoint) => {
        alive();
        aimed = endpoint;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
  }

  #health({ port }: Endpoint): HealthSample {
    const atPort = this.processes.filter((process) => process.port === port);
    const serves = atPort.some((process) => process.listening && process.readyAt <= this.now);
    if (serves) return { at: this.now, state: 'ok', status: 200 };
    return atPort.some((process) => process.listening)
      ? { at: this.now, state: 'not-ready', status: 500 }
      : { at: this.now, state: 'refused' };
  }

  #audit: string[] = [];

  #request(request: {
    method: string;
    path: string;
    headers?: Record<string, string>;
    body?: string;
  }): Promise<Answer> {
    const process = this.#serving();
    if (!process) return Promise.reject(new Error('connection refused'));
    const described = takeApart(process.text);
    const policyPath = described.audit.policy?.hostPath;
    const decide = policyPath === undefined ? undefined : decideBy(this.otherPolicy ?? this.fs.text(policyPath) ?? '');
    if (process.events && decide) {
      const decision = decide(auditRequest(request.method, request.path, ADMIN));
      if (decision.level !== 'None') {
        const auditID = request.headers?.['Audit-ID'];
        const { level } = decision;
        const body = this.leaksSecrets && request.body !== undefined;
        const requestObject = body ? (JSON.parse(request.body ?? '') as unknown) : undefined;
        this.#audit.push(JSON.stringify({ kind: 'Event', level, auditID, stage: 'ResponseComplete', requestObject }));
      }
    }
    return Promise.resolve({ status: 200, body: 'ok' });
  }

  #tail(): LogTail {
    let at = this.#audit.length;
    return {
      next: () => {
        const lines = this.#audit.slice(at);
        at = this.#audit.length;
        return Promise.resolve(lines);
      },
      close: () => Promise.resolve(),
    };
  }
}

function missingPolicy(path: string): string {
  return `loading audit policy file: failed to read file path \\"${path}\\": open ${path}: no such file or directory`;
}

function refusal(policy: string): string | undefined {
  const { serverMessage, loads } = policyOf(policy);
  return loads ? undefined : failed(serverMessage ?? '');
}

function failed(message: string): string {
  return `E0101 12:00:00.000000       1 run.go:72] "command failed" err="${message}"`;
}

export type TestPorts = Ports & { events: ChangeEvent[]; effects: () => number; interrupt: () => void };

/** As the kubelet: by meaning and path, not by layout. */
function uidOf(described: Described): string {
  return createHash('md5').update(JSON.stringify(described.doc.value)).digest('hex');
}

interface Volume {
  name?: string;
  hostPath?: { path?: string; type?: string };
}

function volumesOf(described: Described): Volume[] {
  return described.doc.list(['spec', 'volumes']) as Volume[];
}

function unmounted(described: Described): string | undefined {
  const names = new Set(volumesOf(described).map(({ name }) => name));
  const mounts = described.doc.list([...described.server.path, 'volumeMounts']) as { name?: string }[];
  return mounts.find(({ name }) => !names.has(name))?.name;
}

function missingFile(described: Described, exists: (path: string) => boolean): string | undefined {
  return volumesOf(described).find(({ hostPath }) => hostPath?.type === 'File' && !exists(hostPath.path ?? ''))
    ?.hostPath?.path;
}
