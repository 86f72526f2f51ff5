/** dist/sandbox/etcd.cjs, made from the sources, as a process in a container's folders. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync, readFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { Container } from '../../../src/sandbox/container';
import { TIMINGS } from '../../../src/sandbox/timings';
import { tempFolder } from '../../support/temp-folder';
import { until } from '../../support/until';
import { makePki, type Pki } from './pki';

export interface EtcdNode {
  dir: string;
  pki: Pki;
  port: number;
  healthPort: number;
  dataDir: string;
}

export async function etcdNode(): Promise<EtcdNode> {
  const dir = tempFolder();
  const pki = await makePki();
  const files = { 'ca.crt': pki.ca, 'server.crt': pki.server.cert, 'server.key': pki.server.key };
  mkdirSync(join(dir, 'pki'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, 'pki', name), text);
  return { dir, pki, port: await freePort(), healthPort: await freePort(), dataDir: join(dir, 'data') };
}

export interface EtcdChild {
  child: ChildProcess;
  stderr: () => string;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

let script: string | undefined;

export function startEtcd(node: EtcdNode, more: readonly string[] = []): EtcdChild {
  if (script === undefined) {
    script = join(tempFolder(), 'etcd.cjs');
    const entryPoints = [join(__dirname, '../../../src/sandbox/programs/etcd.ts')];
    buildSync({ entryPoints, outfile: script, bundle: true, format: 'cjs', platform: 'node', logLevel: 'error' });
  }
  const container: Container = {
    id: 'c1',
    podUid: 'u1',
    podName: 'etcd-cp1',
    namespace: 'kube-system',
    name: 'etcd',
    image: 'registry.k8s.io/etcd:3.6.5-0',
    argv: [
      'etcd',
      '--cert-file=/pki/server.crt',
      '--key-file=/pki/server.key',
      '--trusted-ca-file=/pki/ca.crt',
      '--client-cert-auth=true',
      '--data-dir=/var/lib/etcd',
      `--listen-client-urls=https://127.0.0.1:${node.port}`,
      `--listen-metrics-urls=http://127.0.0.1:${node.healthPort}`,
      ...more,
    ],
    mounts: [
      { containerPath: '/pki', hostPath: join(node.dir, 'pki'), readOnly: true, kind: 'folder' },
      { containerPath: '/var/lib/etcd', hostPath: node.dataDir, readOnly: false, kind: 'folder' },
    ],
    rootfs: join(node.dir, 'rootfs'),
    runDir: join(node.dir, 'run'),
    timings: TIMINGS.fast,
  };
  const file = join(node.dir, 'container.json');
  writeFileSync(file, JSON.stringify(container));
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, CONTAINER_FILE: file },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal ?? ''));
  });
  return { child, stderr: () => text, ended };
}

export async function etcdReady(node: EtcdNode, { child }: EtcdChild): Promise<readonly number[]> {
  const path = join(node.dir, 'run/listening', `${child.pid}.json`);
  return until(() => {
    if (!existsSync(path)) return undefined;
    const text = readFileSync(path, 'utf8');
    return text === '' ? undefined : (JSON.parse(text) as number[]);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
