/**
 * Makes a sandbox's folder. Rule: it is built under another name and renamed, so that a half-made one is never taken for a
 * sandbox; an empty folder that is there is filled, sandbox.json last: a shell may stand in it, and would stand nowhere if
 * another took its place.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../core/errors';
import { shellWord } from '../core/text';
import { createAuthority, createServiceAccountKeys, type Signed } from './certificates';
import { FORMAT, layoutOf, type Layout, type Like, type SandboxFile } from './layout';
import { apiServerManifest, etcdManifest, kubeconfig, kubeletConfig, VERSIONS, type Ports } from './manifests';
import { USERS } from './users';

export const NODE_NAME = 'sandbox';

export async function makeSandbox(layout: Layout, like: Like, ports: Ports, now = Date.now()): Promise<SandboxFile> {
  const { dir } = layout;
  const parent = dirname(dir);
  let temp: string | undefined;
  try {
    const inPlace = existsSync(dir);
    mkdirSync(parent, { recursive: true });
    temp = mkdtempSync(inPlace ? join(dir, '.making-') : join(parent, `.${basename(dir)}.`));
    const file = await fill(temp, like, ports, now);
    if (inPlace) moveInto(dir, temp);
    else {
      chmodSync(temp, 0o755);
      renameSync(temp, dir);
    }
    return file;
  } catch (error) {
    if (temp !== undefined) rmSync(temp, { recursive: true, force: true });
    throw explain(error, dir);
  }
}

function moveInto(dir: string, temp: string): void {
  const last = basename(layoutOf(dir).file);
  const moved: string[] = [];
  try {
    if (readdirSync(dir).some((name) => name !== basename(temp))) throw inUse(dir);
    for (const name of [...readdirSync(temp).filter((each) => each !== last), last]) {
      renameSync(join(temp, name), join(dir, name));
      moved.push(name);
    }
    rmdirSync(temp);
  } catch (error) {
    for (const name of moved) rmSync(join(dir, name), { recursive: true, force: true });
    throw error;
  }
}

async function fill(dir: string, like: Like, ports: Ports, now: number): Promise<SandboxFile> {
  const { file, node, run, users, processes, listening, guards } = layoutOf(dir);
  const version = VERSIONS[like];
  const put = (path: string, text: string, mode: number): void => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, text, { mode });
    // The umask has had its say.
    chmodSync(path, mode);
  };
  const folder = (path: string, mode: number): void => {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
  };
  const kubernetes = join(node, 'etc/kubernetes');
  await putCertificates(
    join(kubernetes, 'pki'),
    put,
    (who, signed, ca) => {
      put(who.path(dir), kubeconfig({ port: ports.port, ...who, ca, ...signed }), 0o600);
    },
    version.old,
  );

  folder(join(kubernetes, 'manifests'), 0o700);
  put(join(kubernetes, 'manifests/kube-apiserver.yaml'), apiServerManifest(version, ports), 0o600);
  put(join(kubernetes, 'manifests/etcd.yaml'), etcdManifest(version, ports, NODE_NAME), 0o600);
  put(join(node, 'var/lib/kubelet/config.yaml'), kubeletConfig(), 0o644);
  for (const path of ['var/lib/etcd', 'var/lib/kubelet', 'root']) folder(join(node, path), 0o700);
  for (const path of ['var/log/pods', 'var/log/containers', 'etc/ssl/certs', 'run', 'tmp'])
    folder(join(node, path), 0o755);
  for (const path of [run, users, processes, listening, guards]) folder(path, 0o755);
  // What a program writes to a path that no mount covers lies there: an audit log, perhaps.
  folder(join(run, 'containers'), 0o700);

  const about: SandboxFile = {
    format: FORMAT,
    like,
    kubernetesVersion: version.kubernetes,
    ...ports,
    nodeName: NODE_NAME,
    createdAt: new Date(now).toISOString(),
    images: { [version.apiServerImage]: 'kube-apiserver', [version.etcdImage]: 'etcd' },
  };
  put(file, `${JSON.stringify(about, null, 2)}\n`, 0o644);
  return about;
}

interface Person {
  user: string;
  groups: readonly string[];
  namespace?: string;
  path(dir: string): string;
}

async function putCertificates(
  pki: string,
  put: (path: string, text: string, mode: number) => void,
  putKubeconfig: (who: Person, signed: Signed, ca: string) => void,
  old: boolean,
): Promise<void> {
  const pair = (name: string, { crt, key }: Signed): void => {
    put(join(pki, `${name}.crt`), crt, 0o644);
    put(join(pki, `${name}.key`), key, 0o600);
  };
  const [cluster, etcd, frontProxy, serviceAccounts] = await Promise.all([
    createAuthority('kubernetes'),
    createAuthority('etcd-ca'),
    createAuthority('front-proxy-ca'),
    createServiceAccountKeys(),
  ]);
  pair('ca', cluster);
  pair('etcd/ca', etcd);
  pair('front-proxy-ca', frontProxy);
  put(join(pki, 'sa.key'), serviceAccounts.key, 0o600);
  put(join(pki, 'sa.pub'), serviceAccounts.pub, 0o600);

  const local = ['localhost', NODE_NAME, '127.0.0.1', '::1'];
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  pair('apiserver', await cluster.server('kube-apiserver', [...service, '10.96.0.1', ...local]));
  const masters = old ? 'system:masters' : 'kubeadm:cluster-admins';
  pair('apiserver-kubelet-client', await cluster.client('kube-apiserver-kubelet-client', [masters]));
  pair('apiserver-etcd-client', await etcd.client('kube-apiserver-etcd-client', old ? ['system:masters'] : []));
  pair('front-proxy-client', await frontProxy.client('front-proxy-client'));
  pair('etcd/server', await etcd.server(NODE_NAME, local, true));
  pair('etcd/peer', await etcd.server(NODE_NAME, local, true));
  pair('etcd/healthcheck-client', await etcd.client('kube-etcd-healthcheck-client', old ? ['system:masters'] : []));

  const conf = (name: string) => (dir: string) => join(dir, 'node/etc/kubernetes', name);
  const people: Person[] = [
    { user: 'kubernetes-admin', groups: [masters], path: conf('admin.conf') },
    ...(old ? [] : [{ user: 'kubernetes-super-admin', groups: ['system:masters'], path: conf('super-admin.conf') }]),
    { user: `system:node:${NODE_NAME}`, groups: ['system:nodes'], path: conf('kubelet.conf') },
    ...USERS.map(({ name, groups, namespace }) => ({
      user: name,
      groups,
      ...(namespace === undefined ? {} : { namespace }),
      path: (dir: string) => join(dir, 'users', `${name}.conf`),
    })),
  ];
  for (const who of people) putKubeconfig(who, await cluster.client(who.user, who.groups), cluster.crt);
}

function explain(error: unknown, dir: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof UserError || typeof code !== 'string') return error;
  if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return inUse(dir, error);
  return new UserError('sandbox-not-made', `${dir} could not be made: ${message}`, {
    hints: [`ls -ld ${shellWord(dirname(dir))}`, 'kube-auditctl sandbox start ANOTHER-FOLDER'],
    cause: error,
  });
}

function inUse(dir: string, cause?: unknown): UserError {
  return new UserError('sandbox-folder-in-use', `${dir} holds something that is no sandbox`, {
    hints: [`ls -la ${shellWord(dir)}`, 'kube-auditctl sandbox start ANOTHER-FOLDER'],
    cause,
  });
}
