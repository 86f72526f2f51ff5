/**
 * A whole sandbox for a test file: the built program, as an ordinary user also where the tests run as root, in a folder
 * that is gone afterwards. It needs `npm run build`; the kubectl tests need kubectl on the PATH.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const REPO = join(__dirname, '../..');
const PROGRAM = join(REPO, 'bin/kube-auditctl');
const NOBODY = 65534;

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export class Box {
  readonly home = mkdtempSync(join(tmpdir(), 'kube-auditctl-suite-'));
  readonly dir = join(this.home, 'box');
  readonly #as = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

  constructor() {
    if (!existsSync(join(REPO, 'dist/sandbox/kubelet.cjs'))) throw new Error('run `npm run build` first');
    if (this.#as.uid !== undefined) chownSync(this.home, NOBODY, NOBODY);
  }

  get env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.home, KUBE_AUDITCTL_SANDBOX: this.dir, TMPDIR: tmpdir() };
  }

  /** Runs any program as the sandbox's owner. */
  run(
    program: string,
    args: readonly string[],
    options: { input?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Ran> {
    const { input = '', env = {} } = options;
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { ...this.#as, cwd: this.home, env: { ...this.env, ...env } });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
  }

  tool(...args: string[]): Promise<Ran> {
    return this.run(process.execPath, [PROGRAM, ...args]);
  }

  async json(...args: string[]): Promise<Record<string, unknown> & { exitCode: number }> {
    return JSON.parse((await this.tool(...args, '-o', 'json')).stdout) as never;
  }

  /** As one of the sandbox's users; the administrator without a name. */
  kubectl(user: string | undefined, line: string, input?: string): Promise<Ran> {
    const config = user === undefined ? 'node/etc/kubernetes/admin.conf' : `users/${user}.conf`;
    const env = { KUBECONFIG: join(this.dir, config) };
    return this.run(process.env.KUBECTL ?? 'kubectl', line.split(' '), {
      env,
      ...(input === undefined ? {} : { input }),
    });
  }

  async start(...args: string[]): Promise<void> {
    // Others may want the usual ports.
    const { code, stderr } = await this.tool('sandbox', 'start', '--port', '0', ...args);
    if (code !== 0) throw new Error(`the sandbox does not start: ${stderr}`);
  }

  /** Ends and removes everything. */
  async leave(): Promise<void> {
    await this.tool('sandbox', 'stop', '--delete');
    rmSync(this.home, { recursive: true, force: true });
  }

  /** The pids of everything that has this sandbox's folder in its command line. */
  processes(): string[] {
    const { stdout } = spawnSync('pgrep', ['-f', this.dir], { encoding: 'utf8' });
    return stdout.split('\n').filter(Boolean);
  }
}
