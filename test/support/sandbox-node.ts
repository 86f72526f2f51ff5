/**
 * A sandbox on the real disk with a real kubelet process, whose containers run a small program of ours: it tells in its
 * log what happens to it. Everything is ended with the test, by pid and start time.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { ProcessEntry } from '../../src/sandbox/container';
import { endContainers } from '../../src/sandbox/kubelet/runtime/end-containers';
import { tempFolder } from './temp-folder';

/** Its arguments steer it: --exit=CODE ends it at once, --stubborn makes it deaf to SIGTERM. */
const PROGRAM = `
const args = process.argv.slice(2);
process.stderr.write('up ' + args.join(' ') + '\\n');
process.stdout.write(process.env.GREETING ? process.env.GREETING + '\\n' : '');
const exit = args.find((arg) => arg.startsWith('--exit='));
if (exit) process.exit(Number(exit.slice(7)));
process.on('SIGTERM', () => {
  process.stderr.write('told to stop\\n');
  if (!args.includes('--stubborn')) process.exit(0);
});
setInterval(() => undefined, 1000);
`;

let programs: string | undefined;

/** kubelet.cjs and shim.cjs as the build makes them, and the program in the API server's place. */
function buildPrograms(): string {
  const folder = tempFolder();
  const sources = join(__dirname, '../../src/sandbox/programs');
  buildSync({
    entryPoints: [join(sources, 'kubelet.ts'), join(sources, 'shim.ts')],
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
  writeFileSync(join(folder, 'apiserver.cjs'), PROGRAM);
  return folder;
}

export interface ManifestOptions {
  args?: readonly string[];
  annotation?: string;
  grace?: number;
  volumes?: string;
  mounts?: string;
  image?: string;
}

export const IMAGE = 'registry.k8s.io/kube-apiserver:v1.36.0';

export function manifest({
  args = [],
  annotation,
  grace,
  volumes,
  mounts,
  image = IMAGE,
}: ManifestOptions = {}): string {
  return `apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
  namespace: kube-system
${annotation === undefined ? '' : `  annotations: {note: ${annotation}}\n`}spec:
  hostNetwork: true
${grace === undefined ? '' : `  terminationGracePeriodSeconds: ${grace}\n`}  containers:
  - name: kube-apiserver
    image: ${image}
    command: [kube-apiserver${args.map((arg) => `, ${JSON.stringify(arg)}`).join('')}]
${mounts === undefined ? '' : `    volumeMounts: ${mounts}\n`}${volumes === undefined ? '' : `  volumes: ${volumes}\n`}`;
}

const nodes: SandboxNode[] = [];

export class SandboxNode {
  readonly dir = tempFolder();
  readonly run = join(this.dir, 'run');
  readonly #manifests = join(this.dir, 'node/etc/kubernetes/manifests');
  #kubelet: ChildProcess | undefined;

  constructor(like = 'fast') {
    programs ??= buildPrograms();
    mkdirSync(this.#manifests, { recursive: true });
    const version = like === '1.20' ? 'v1.20.2' : 'v1.36.0';
    const file = { like, kubernetesVersion: version, nodeName: 'cp1', images: { [IMAGE]: 'kube-apiserver' } };
    writeFileSync(join(this.dir, 'sandbox.json'), JSON.stringify(file));
    nodes.push(this);
  }

  /** By rename from a dot name, as the tool does it. */
  put(text: string, name = 'kube-apiserver.yaml'): void {
    writeFileSync(join(this.#manifests, '.new'), text);
    renameSync(join(this.#manifests, '.new'), join(this.#manifests, name));
  }

  start(): void {
    this.#kubelet = this.#spawn('inherit');
  }

  /** Another kubelet on the same folder; its complaint is not shown. */
  second(): ChildProcess {
    return this.#spawn('ignore');
  }

  #spawn(stderr: 'inherit' | 'ignore'): ChildProcess {
    if (programs === undefined) throw new Error('not built');
    return spawn(process.execPath, [join(programs, 'kubelet.cjs'), '--dir', this.dir], {
      stdio: ['ignore', 'ignore', stderr],
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const kubelet = this.#kubelet;
    if (kubelet === undefined || kubelet.exitCode !== null || kubelet.signalCode !== null) return null;
    this.#kubelet = undefined;
    const ended = once(kubelet, 'exit');
    kubelet.kill(signal);
    await ended;
    return kubelet.exitCode;
  }

  /** Entries of RUN/processes, the kubelet's own left out. */
  processes(): ProcessEntry[] {
    return json<ProcessEntry>(join(this.run, 'processes')).filter(({ podUid }) => podUid !== undefined);
  }

  kubelet(): ProcessEntry | undefined {
    return json<ProcessEntry>(join(this.run, 'processes')).find(({ podUid }) => podUid === undefined);
  }

  /** Pod folder / container / file to text. */
  logs(): Record<string, string> {
    const pods = join(this.dir, 'node/var/log/pods');
    return Object.fromEntries(
      list(pods).flatMap((pod) =>
        list(join(pods, pod, 'kube-apiserver')).map((file) => [
          `${pod}/${file}`,
          readFileSync(join(pods, pod, 'kube-apiserver', file), 'utf8'),
        ]),
      ),
    );
  }

  journal(): { MESSAGE: string; _PID?: string }[] {
    const path = join(this.run, 'journal.jsonl');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { MESSAGE: string });
  }
}

export function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function json<T>(folder: string): T[] {
  return list(folder).flatMap((name) => {
    if (!/^\d+\.json$/.test(name)) return [];
    try {
      return [JSON.parse(readFileSync(join(folder, name), 'utf8')) as T];
    } catch {
      return []; // gone between the listing and the reading
    }
  });
}

// Not after all: the folders of the tests are removed then, from under whatever still runs.
afterEach(async () => {
  for (const node of nodes.splice(0)) {
    await node.stop('SIGKILL');
    await endContainers(node.run, { graceMs: 0 });
  }
});
