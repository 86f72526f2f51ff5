/**
 * The rehearsal port on a real node. Rule: a trial lives in namespaces of its own (mounts, network, processes) that end
 * with the pipe to this process, so that a kill -9 of ours ends it too; on the disk it never was.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Rehearsal } from '../../change/ports';
import { messageOf } from '../../core/errors';
import { imageLayers, layOut, scratchFolder, type Kind } from '../../core/rehearsal/stage';
import type { Trial, TrialEnd } from '../../core/rehearsal/trial';
import { askEtcd } from './etcd';
import { tryLog } from './log';
import { openImage, type OpenImage } from './image';
import { storeRoots } from './image-store';
import { openNamespace, type Namespace } from './namespace';
import { build, openScratch } from './scenery';
import { runServer } from './server';

export interface RehearsalOptions {
  /** Where the node's file system lies on this machine. */
  root?: string;
  proc?: string;
  /** Where CRI-O and podman have their images; as their configuration says when absent. */
  imageStores?: readonly string[];
  /** How long a server may take to give a sign, or to end. */
  limitMs?: number;
}

/** What a server takes while it starts, with room to spare: the one that runs must not pay for the trial. */
const MEMORY_KIB = 500 << 10;

export function createRehearsal(options: RehearsalOptions = {}): Rehearsal {
  const { root = '/', proc = '/proc', imageStores, limitMs = 2000 } = options;
  return {
    async start(trial, signal) {
      if (root !== '/')
        return notPossible(`the node's file system lies under ${root}: its processes are not ours to start`);
      if (available(proc) < MEMORY_KIB) return notPossible('less than 500 MiB of memory are free');
      const layers = 'pid' in trial.program ? layersOf(proc, trial.program.pid) : [];
      const scratch = scratchFolder(pathsOf(trial, layers), (path) => kindOf(path) === 'folder');
      if (scratch === undefined) return notPossible('every folder that could hold its scratch is used by a volume');
      let namespace: Namespace | undefined;
      let image: OpenImage | undefined;
      try {
        namespace = await openNamespace(proc);
        await openScratch(namespace, scratch);
        if ('image' in trial.program) image = await openImage(namespace, scratch, trial.program.image, imageStores);
        const stage = layOut(trial, scratch, {
          kind: kindOf,
          mountPoints: mountPoints(proc),
          ...('pid' in trial.program
            ? { layers, program: `/proc/${trial.program.pid}/exe` }
            : { layers: image?.layers ?? [], program: image?.program ?? '' }),
        });
        if ('why' in stage) return { state: 'unmountable', ...stage };
        await build(namespace, stage, scratch);
        const root = `${scratch}/${stage.root}`;
        const log = trial.logPath === undefined ? {} : await tryLog(namespace.path(root), trial.logPath);
        const end = await runServer(namespace, root, trial, { limitMs, signal, sign: log.sign });
        // A server that ends has said so itself, or something more telling.
        return end.state === 'lives' && log.problem !== undefined ? { ...end, logProblem: log.problem } : end;
      } catch (error) {
        return notPossible(messageOf(error));
      } finally {
        await namespace?.close();
        await image?.close();
      }
    },
    etcd: (access, signal) => askEtcd(access, signal),
  };
}

function notPossible(why: string): TrialEnd {
  return { state: 'not-possible', why };
}

/** What the trial looks at, by every name that leads there. */
function pathsOf(trial: Trial, layers: readonly string[]): string[] {
  const store = 'image' in trial.program ? ['/var/lib/containerd', ...storeRoots()] : layers;
  const sources = trial.mounts.flatMap(({ source }) => source ?? []);
  return [...sources, ...trial.files.map(({ hostPath }) => hostPath), ...store].flatMap((path) => {
    try {
      return [path, realpathSync(path)];
    } catch {
      return [path];
    }
  });
}

function kindOf(path: string): Kind {
  try {
    const stat = statSync(path);
    return stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'other';
  } catch {
    return 'missing';
  }
}

function available(proc: string): number {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(text(`${proc}/meminfo`))?.[1] ?? Infinity);
}

function mountPoints(proc: string): string[] {
  return text(`${proc}/self/mountinfo`)
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((field) => field.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))));
}

/** Only layers that are there: a runtime may have mounted them in a namespace that is not ours. */
function layersOf(proc: string, pid: number): string[] {
  const layers = imageLayers(text(`${proc}/${pid}/mountinfo`));
  return layers.every((layer) => kindOf(layer) === 'folder') ? layers : [];
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
