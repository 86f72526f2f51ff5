/** The manifest as it stands on the node: read once, checked for being what it should be, and taken apart. */
import { UserError } from '../core/errors';
import type { Expectation } from '../core/verdict';
import { readAudit, type AuditSettings } from '../core/manifest/audit';
import type { ResolvedMount } from '../core/manifest/mounts';
import { parseManifest, type ManifestDocument } from '../core/manifest/document';
import {
  expectedArgv,
  podIdentity,
  readServer,
  serverEndpoint,
  shutdownSeconds,
  type Server,
} from '../core/manifest/server';
import { manifestsAside } from './aside';
import { recognise, type Distribution } from './distribution';
import type { Endpoint, FileImage, Files } from './ports';

/** The kubelet reads no larger manifest. Source: pkg/kubelet/config/common.go. */
export const MANIFEST_LIMIT = 10 << 20;

/** A manifest taken apart. */
export interface Described {
  text: string;
  doc: ManifestDocument;
  server: Server;
  audit: AuditSettings;
  endpoint: Endpoint;
  pod: { name: string; namespace: string };
}

export interface LiveManifest extends Described {
  path: string;
  folder: string;
  image: FileImage;
  sha256: string;
  /** Why what stands there cannot be taken apart. Then only its bytes are its own: the rest is what shall replace it. */
  broken?: UserError;
}

/** The file alone, whatever stands in it. */
export type RawManifest = Pick<LiveManifest, 'path' | 'folder' | 'image' | 'sha256'>;

export async function readLiveManifest(files: Files, path: string): Promise<LiveManifest> {
  const raw = await readRawManifest(files, path);
  return { ...describe(decodeText(raw.image.bytes, path), path), ...raw };
}

/** Whether an error says that a manifest stands there, and that no server can be made out in it. */
export function isUnreadable(error: unknown): error is UserError {
  return error instanceof UserError && /^(?:manifest-(?!is-symlink)|not-text$)/.test(error.code);
}

/** Today's manifest by what shall replace it, where it cannot be taken apart itself: the server is looked for as that says. */
export async function readBrokenManifest(
  files: Files,
  path: string,
  broken: UserError,
  next: { bytes: Uint8Array; from: string },
): Promise<LiveManifest> {
  const raw = await readRawManifest(files, path);
  return { ...describe(decodeText(next.bytes, next.from), next.from), ...raw, text: lossyText(raw), broken };
}

/** For showing, and for an editor: what is no UTF-8 is lost in it. */
export function lossyText({ image }: RawManifest): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(image.bytes);
}

export async function readRawManifest(files: Files, path: string): Promise<RawManifest> {
  const entry = await files.look(path);
  if (!entry) {
    const aside = (await manifestsAside(files, path)).at(-1);
    throw aside === undefined ? missing(path, await recognise(files)) : waitsAside(path, aside);
  }
  if (entry.kind === 'symlink') {
    throw new UserError('manifest-is-symlink', `${path} is a symbolic link to ${entry.target}`, {
      hints: [
        'replacing the link would leave its target behind, and the kubelet sees no event when the target changes',
        `put the file itself there: cp --remove-destination "$(readlink -f ${path})" ${path}`,
      ],
    });
  }
  const image = await files.read(path, MANIFEST_LIMIT);
  return { path, folder: path.replace(/\/[^/]*$/, '') || '/', image, sha256: files.sha256(image.bytes) };
}

/** Takes a manifest apart. Throws UserError with its place when it is no kube-apiserver pod. */
export function describe(text: string, path: string): Described {
  return describeDocument(parseManifest(text, path));
}

/** The same for one that has been parsed already. */
export function describeDocument(doc: ManifestDocument): Described {
  const server = readServer(doc);
  const { name, namespace } = podIdentity(doc);
  return {
    text: doc.text,
    doc,
    server,
    audit: readAudit(doc, server),
    endpoint: serverEndpoint(server),
    pod: { name, namespace },
  };
}

/** Bytes as text; what is no UTF-8 is refused, since writing it back would change it. */
export function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new UserError('not-text', `${path} is not UTF-8 text`, { cause: error, hints: [`file ${path}`] });
  }
}

/** What the watch must know of the server it waits for. */
export function expectationOf(
  wanted: Described,
  against: Described,
  rest: Pick<
    Expectation,
    'goal' | 'standing' | 'writtenAt' | 'manifestSha256' | 'manifestPath' | 'before' | 'restarts' | 'handedOver'
  >,
): Expectation {
  const { policy, log } = wanted.audit;
  const argv = expectedArgv(wanted.server);
  return {
    ...rest,
    wanted: argv,
    shutdownDelaySeconds: shutdownDelayOf(against),
    facts: {
      ...(policy ? { policyPath: policy.containerPath, policyMounted: policy.mount !== undefined } : {}),
      ...(policy?.hostPath === undefined ? {} : { policyHostPath: policy.hostPath }),
      ...(log
        ? {
            logPath: log.containerPath,
            logMounted: log.mount !== undefined,
            logMountedAsFolder: mountedAsFolder(log.mount),
          }
        : {}),
      etcdServers: etcdServers(wanted.server),
      etcdChanged: etcdServers(wanted.server).join() !== etcdServers(against.server).join(),
      wantedArgv: wanted.server.argv.map(({ value }) => value),
      ...(wanted.server.image === undefined ? {} : { image: wanted.server.image }),
    },
  };
}

/** Seconds that a server of this manifest goes on listening after it was told to stop. */
export function shutdownDelayOf({ server }: Described): number {
  return shutdownSeconds(server).delay;
}

function mountedAsFolder(mount: ResolvedMount | undefined): boolean {
  return mount?.exact === true && (mount.hostPathType ?? '').startsWith('Directory');
}

function etcdServers(server: Server): string[] {
  return (server.effective('etcd-servers')?.value ?? '').split(',').filter((each) => each !== '');
}

function waitsAside(path: string, aside: string): UserError {
  return new UserError('manifest-aside', `there is no ${path}: a hand-over was interrupted, and it waits as ${aside}`, {
    hints: ['kube-auditctl recover', `by hand: mv ${aside} ${path}`],
  });
}

function missing(path: string, known: Distribution | undefined): UserError {
  return new UserError('no-manifest', `there is no ${path}`, {
    hints: known
      ? [`this node is run by ${known.name}`, ...known.instead]
      : [
          'run this on a control-plane node that kubeadm laid out, or name the file with --manifest',
          'k3s and RKE2 take the flags from /etc/rancher/k3s/config.yaml or /etc/rancher/rke2/config.yaml (kube-apiserver-arg)',
          'Talos takes them from its machine config (cluster.apiServer.auditPolicy)',
        ],
  });
}

/** The server's version as its image's tag tells it; undefined when the tag is none. */
export function kubeVersionOf(server: Server): { major: number; minor: number } | undefined {
  const match = /:v?(\d+)\.(\d+)\.\d+/.exec(server.image ?? '');
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}
