/**
 * The sandbox's kubelet, put together: files, containers and the API on one side, the state machines on the other. Rule:
 * everything that lasts stands on the disk, so that this process can be ended and started anew under running containers.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { ApiAgent } from './api/agent';
import { createApiClient } from './api/client';
import type { ApiClient } from './api/client';
import { EventRecorder } from './api/events';
import { readKubeconfig } from './api/kubeconfig';
import { Mirrors } from './api/mirrors';
import type { NodeFacts } from './api/objects';
import { createPreciseNow, systemClock } from './clock';
import { folderView, watchFolder } from './folder/folder';
import { FileSource } from './folder/source';
import { openJournal } from './journal';
import { klogLine } from './klog';
import { kubeletLog } from './lines';
import { askProbe } from './probes/ask';
import { watchContainer } from './probes/prober';
import { statOfNode } from './runtime/node-path';
import type { ProcessId } from './runtime/process-files';
import {
  enterProcess,
  isAlive,
  leaveProcess,
  readJson,
  startTicksOf,
  sweepProcesses,
  writeWhole,
} from './runtime/process-files';
import { createRuntime } from './runtime/runtime';
import { createVolumes } from './runtime/volumes';
import { readSandboxFile, staticPodPath } from './sandbox-file';
import { PodWorkers } from './workers/workers';
import type { World } from './world';
import { relistPeriod } from './world';

const KUBELET_CONF = '/etc/kubernetes/kubelet.conf';
/** A pod on the node's own network answers here: the sandbox listens nowhere else. */
const NODE_IP = '127.0.0.1';

export interface RunningKubelet {
  /** Containers run on. */
  stop(): Promise<void>;
}

/** @param programs where shim.cjs and the containers' programs lie. */
export function startKubelet(dir: string, programs: string): RunningKubelet {
  const sandbox = readSandboxFile(dir);
  const { timings, nodeName, version, minor } = sandbox;
  const root = join(dir, 'node');
  const runDir = join(dir, 'run');
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  refuseSecond(runDir);
  sweepProcesses(runDir);

  const clock = systemClock();
  const preciseNow = createPreciseNow();
  const startedAt = clock.now();
  const journal = openJournal(join(runDir, 'journal.jsonl'), { pid: process.pid, now: preciseNow, host: nodeName });
  const log = kubeletLog(
    (record) => {
      journal.write(klogLine(record, preciseNow(), process.pid));
    },
    { structuredText: minor >= 21, now: preciseNow, startedAt },
  );
  const events = new EventRecorder(nodeName, Date.now);
  const probeOptions = { nodeIp: NODE_IP, version: `1.${minor}` };
  const world: World = {
    clock,
    timings,
    nodeName,
    log,
    runtime: createRuntime({
      root,
      runDir,
      programs,
      images: sandbox.images,
      timings,
      nodeName,
      nodeIp: NODE_IP,
      now: Date.now,
    }),
    volumes: createVolumes(root),
    event(pod, event) {
      events.record(pod, event);
    },
    probe: (pod, spec, unhealthy) =>
      watchContainer(spec, {
        clock,
        timings,
        ask: (probe, timeoutMs) => askProbe(probe, spec, timeoutMs, probeOptions),
        failed(kind, problem) {
          const message = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} probe failed: ${problem}`;
          events.record(pod, { type: 'Warning', reason: 'Unhealthy', message, container: spec.name ?? '' });
        },
        unhealthy,
        changed: () => {
          agent.changed();
        },
      }),
    changed() {
      agent.changed();
    },
  };
  const workers = new PodWorkers(world);
  const node = nodeFacts(nodeName, version);
  const agent = new ApiAgent({
    clock,
    timings,
    log,
    node,
    connect: () => connect(root, version),
    mirrors: new Mirrors(workers, log, node),
    events,
    seen() {
      workers.seeApi();
    },
  });

  const manifests = staticPodPath(root);
  const source = new FileSource({
    folder: folderView(root, manifests),
    path: manifests,
    nodeName,
    minor,
    log,
    seen: () => new Date(clock.now()).toISOString(),
    onPods(pods) {
      workers.update(pods);
    },
  });
  const watching = watchFolder(root, manifests, (name, renamed) => {
    source.touched(name, renamed);
  });

  announce(runDir, startedAt);
  log.started(version, manifests);
  // Without credentials there is no API to wait for: what the kubelet calls standalone.
  if (statOfNode(root, KUBELET_CONF) === undefined) workers.seeApi();
  else agent.start();
  const poll = (): void => {
    watching.ensure();
    source.poll();
  };
  poll();
  const timers = [
    setInterval(poll, timings.fileCheck),
    setInterval(() => {
      workers.relist();
    }, relistPeriod(timings)),
    setInterval(() => {
      workers.housekeeping();
    }, timings.housekeeping),
    setInterval(() => {
      workers.cleanLogs();
    }, timings.logCleanup),
  ];

  return {
    async stop() {
      for (const timer of timers) clearInterval(timer);
      watching.close();
      workers.stop();
      await agent.stop();
      leaveProcess(runDir, process.pid);
      rmSync(kubeletFile(runDir), { force: true });
    },
  };
}

const kubeletFile = (runDir: string): string => join(runDir, 'kubelet.json');

/** Two kubelets on one folder would start everything twice. */
function refuseSecond(runDir: string): void {
  const other = readJson(kubeletFile(runDir)) as Partial<ProcessId> | undefined;
  if (other?.pid === undefined || other.startTicks === undefined) return;
  if (isAlive({ pid: other.pid, startTicks: other.startTicks })) {
    throw new Error(`a kubelet runs here already (pid ${other.pid})`);
  }
}

function announce(runDir: string, startedAt: number): void {
  const { pid } = process;
  const startTicks = startTicksOf(pid) ?? '';
  const argv = [
    '/usr/bin/kubelet',
    '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf',
    `--kubeconfig=${KUBELET_CONF}`,
    '--config=/var/lib/kubelet/config.yaml',
  ];
  enterProcess(runDir, { pid, startTicks, startedAt, argv });
  writeWhole(kubeletFile(runDir), { pid, startTicks, startedAt });
}

function connect(root: string, version: string): ApiClient | undefined {
  try {
    const access = readKubeconfig(root, KUBELET_CONF);
    return createApiClient(access, `kubelet/${version} (linux/${goArchitecture()}) kubernetes/sandbox`);
  } catch {
    // Half written, or gone: looked at again at the next try.
    return undefined;
  }
}

function nodeFacts(name: string, version: string): NodeFacts {
  return {
    name,
    ip: NODE_IP,
    version,
    cpus: cpus().length,
    memoryKib: Math.floor(totalmem() / 1024),
    kernel: release(),
    architecture: goArchitecture(),
  };
}

function goArchitecture(): string {
  const name = arch();
  return name === 'x64' ? 'amd64' : name;
}
