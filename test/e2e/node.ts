/**
 * The node under test, reached through a command prefix: KUBE_AUDITCTL_NODE="ssh root@cp1" or "docker exec -i
 * kind-control-plane". The tool is installed on it from this checkout, with this machine's Node.js where it has none.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// A real node keeps its own time: what fails once is told and tried once more; what fails twice has failed.
jest.retryTimes(1, { logErrorsBeforeRetry: true });

const PREFIX = (process.env.KUBE_AUDITCTL_NODE ?? '').split(' ').filter(Boolean);
const HOME = '/opt/kube-auditctl-e2e';
export const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
export const REPO = join(__dirname, '../..');

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Observed extends Ran {
  signal: string | null;
  startedAt: number;
  endedAt: number;
  peakMib: number;
  health: { at: number; ok: boolean }[];
  failedPolls: number;
  visibleNames: string[];
  manifestEvents: { at: number; kind: string }[];
}

/** Runs a command on the node, whatever its exit code. */
export async function on(command: readonly string[], input?: Uint8Array | string): Promise<Ran> {
  const [program = '', ...rest] = [...PREFIX, ...command];
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? -1));
  });
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Runs a command that must succeed; its standard output. */
export async function sh(script: string, input?: Uint8Array | string): Promise<string> {
  const { code, stdout, stderr } = await on(['sh', '-euc', script], input);
  if (code !== 0) throw new Error(`exit ${code}: ${script}\n${stdout}${stderr}`);
  return stdout;
}

let nodeBinary = 'node';

export async function install(): Promise<void> {
  if (PREFIX.length === 0)
    throw new Error('KUBE_AUDITCTL_NODE names no node, e.g. "docker exec -i kind-control-plane"');
  const tar = spawnSync('tar', ['-C', REPO, '-c', 'bin', 'dist', 'package.json', 'test/e2e/on-node'], {
    maxBuffer: 1 << 28,
  });
  await sh(`rm -rf ${HOME} && mkdir -p ${HOME} && tar -C ${HOME} -x`, tar.stdout);
  if ((await on(['sh', '-c', 'node --version'])).code === 0) {
    nodeBinary = (await sh('command -v node')).trim();
    return;
  }
  nodeBinary = `${HOME}/node`;
  await sh(`cat > ${nodeBinary} && chmod 755 ${nodeBinary}`, readFileSync(process.execPath));
}

export function toolCommand(...args: string[]): string[] {
  return [nodeBinary, `${HOME}/bin/kube-auditctl`, ...args];
}

export function tool(...args: string[]): Promise<Ran> {
  return on(toolCommand(...args));
}

export function nodeScript(name: string): string[] {
  return [nodeBinary, `${HOME}/test/e2e/on-node/${name}`];
}

export interface ObserveOptions {
  pollMs?: number;
  settleMs?: number;
  env?: Record<string, string>;
  /** Sends these signals once its stderr contains the text. */
  killOn?: { text: string; signals: string[] };
}

/** Runs a command while the folder, /readyz and its memory are watched from outside it. */
export async function observe(command: readonly string[], options: ObserveOptions = {}): Promise<Observed> {
  const { host, port } = await endpoint();
  const settings = JSON.stringify({ manifest: MANIFEST, host, port, ...options });
  const ran = await on([...nodeScript('observe.mjs'), settings, ...command]);
  if (ran.code !== 0) throw new Error(`the observer failed: ${ran.stderr}`);
  return JSON.parse(ran.stdout) as Observed;
}

let known: { host: string; port: number } | undefined;

async function endpoint(): Promise<{ host: string; port: number }> {
  if (known) return known;
  const text = await sh(`cat ${MANIFEST}`);
  const flag = (name: string): string | undefined => new RegExp(`--${name}=(\\S+)`).exec(text)?.[1];
  known = { host: flag('advertise-address') ?? '127.0.0.1', port: Number(flag('secure-port') ?? 6443) };
  return known;
}

export async function ready(): Promise<boolean> {
  const { host, port } = await endpoint();
  return (await on(['curl', '-sk', '--max-time', '2', `https://${host}:${port}/readyz`])).stdout === 'ok';
}

/** Waits for a condition of the node; the only place where the suite waits. */
export async function until(what: string, condition: () => Promise<boolean>, seconds: number): Promise<number> {
  const start = Date.now();
  while (!(await condition())) {
    if (Date.now() - start > seconds * 1000) throw new Error(`not ${what} within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return (Date.now() - start) / 1000;
}

let first: string | undefined;
let base = '';
let bases = 0;

/** The manifest that the running test began with. */
export function pristine(): Promise<string> {
  return Promise.resolve(base);
}

/**
 * Back to the manifest of the beginning, with nothing of ours on the node, and the API ready. An annotation makes it
 * another pod for the kubelet each time: restarts of one and the same within ten minutes are held back, longer each time.
 */
export async function reset(wait: () => Promise<void> = settled): Promise<void> {
  // A run that was ended in the middle has left its annotation.
  first ??= (await sh(`cat ${MANIFEST}`)).replace(/^ +e2e: .*\n/m, '');
  base = first.replace(/^( +)(kubeadm\.kubernetes\.io\/\S+: .*)$/m, `$1e2e: "${Date.now()}-${++bases}"\n$1$2`);
  if (base === first) throw new Error('the manifest has no annotation of kubeadm to put ours beside');
  await sh(`cat > /etc/kubernetes/.e2e && chmod 600 /etc/kubernetes/.e2e && mv /etc/kubernetes/.e2e ${MANIFEST}`, base);
  await sh('rm -rf /var/lib/kube-auditctl /etc/kubernetes/audit-policy.yaml /var/log/kubernetes/audit');
  await wait();
  // Last: a container of the test before, tried once more meanwhile, makes a folder of a path that is gone.
  await sh('rm -rf /etc/kubernetes/e2e-policy.yaml');
}

/** The node as the suite found it. */
export async function leave(): Promise<void> {
  if (first === undefined) return;
  base = first;
  await sh(
    `cat > /etc/kubernetes/.e2e && chmod 600 /etc/kubernetes/.e2e && mv /etc/kubernetes/.e2e ${MANIFEST}`,
    first,
  );
  await settled();
}

/** One API server, with the manifest's arguments, and ready: the old pod of the last test is gone. */
export async function settled(): Promise<void> {
  let since = 0;
  await until(
    'settled',
    async () => {
      const status = JSON.parse((await tool('status', '-o', 'json')).stdout || '{}') as {
        running?: { asConfigured?: boolean };
      };
      const count = Number((await on(['sh', '-c', 'pgrep -xc kube-apiserver'])).stdout);
      const good = (await ready()) && count === 1 && status.running?.asConfigured === true;
      if (!good) since = 0;
      else if (since === 0) since = Date.now();
      return since !== 0 && Date.now() - since > 1000;
    },
    400,
  );
}
