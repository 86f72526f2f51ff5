/** What a rehearsal of a manifest needs, read off the manifest. */
import { listMounts, resolveMount } from '../manifest/mounts';
import type { Server } from '../manifest/server';
import { rehearsalArguments } from './arguments';
import type { Program, Trial, TrialFile } from './trial';

/** Flags whose file names sockets of key and network plugins: what they stand for must not be asked to do anything. */
const SOCKET_FILES: readonly string[] = ['encryption-provider-config', 'egress-selector-config-file'];

/**
 * @param after the host as it will be once the change is written; a later file of the same path counts.
 * @returns the trial, or why there can be none.
 */
export function planTrial(
  server: Server,
  program: Program,
  after: { files: readonly TrialFile[]; folders: readonly string[] },
): Trial | { why: string } {
  const made = rehearsalArguments(server);
  if ('unknown' in made) return { why: `${made.unknown} depends on a variable that is set outside the manifest` };
  const mounts = listMounts(server);
  const missing = mounts.find(({ volumeType }) => volumeType === 'missing');
  if (missing) return { why: `the pod has no volume ${missing.volumeName}` };
  const strange = mounts.find(({ volumeType, hostSource }) => volumeType === 'hostPath' && hostSource === undefined);
  if (strange) return { why: `what is mounted at ${strange.mountPath} is not known from the manifest` };
  const log = server.effectiveValue('audit-log-path');
  const user = userOf(server);
  return {
    args: made.args,
    environment: environment(server),
    program,
    ...(user ? { user } : {}),
    mounts: mounts.map(({ mountPath, hostSource, readOnly, hostPathType }) => ({
      mountPath,
      source: hostSource,
      readOnly,
      type: hostPathType,
    })),
    files: [...new Map(after.files.map((file) => [file.hostPath, file])).values()],
    folders: after.folders,
    ...(log === undefined || log === '' || log === '-' ? {} : { logPath: log }),
  };
}

/** Where the host keeps the files that name sockets. */
export function socketFiles(server: Server): string[] {
  return SOCKET_FILES.flatMap((name) => fileOfFlag(server, name) ?? []);
}

/** Where the host keeps the file that a flag names; undefined when the flag is not set, or its file not of the host. */
export function fileOfFlag(server: Server, name: string): string | undefined {
  const path = server.effectiveValue(name);
  return path === undefined || path === '' ? undefined : resolveMount(server, path)?.hostPath;
}

/** The text with every socket replaced by one that is not there; the server connects to it when it must, and goes on. */
export function withoutSockets(text: string): string {
  return text
    .replace(/((?:^|[\s,{])["']?endpoint["']?:\s*["']?)unix:[^\s"',}]+/gm, '$1unix:///run/rehearsal/none.sock')
    .replace(/((?:^|[\s,{])["']?udsName["']?:\s*["']?)[^\s"',}]+/gm, '$1/run/rehearsal/none.sock');
}

function environment(server: Server): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of server.environment) if (value !== null) values[name] = value;
  return values;
}

/** The container's own securityContext goes before the pod's. */
function userOf(server: Server): Trial['user'] {
  const contexts = [server.doc.map([...server.path, 'securityContext']), server.doc.map(['spec', 'securityContext'])];
  const number = (name: string): number | undefined => {
    const value = contexts.map((context) => context[name]).find((each) => each != null);
    return typeof value === 'number' ? value : undefined;
  };
  const uid = number('runAsUser') ?? 0;
  const gid = number('runAsGroup') ?? 0;
  return uid === 0 && gid === 0 ? undefined : { uid, gid };
}
