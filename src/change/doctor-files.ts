/** The files that doctor reads: the manifest, what stands beside it, the policy, and the audit log's dates. */
import { messageOf } from '../core/errors';
import type { NodeSight, Stranger } from '../core/diagnosis/node-sight';
import { documentKindOf, podOfFile } from '../core/pod-file';
import { decodeText, MANIFEST_LIMIT } from './manifest';
import type { Ports } from './ports';

export const POLICY_LIMIT = 4 << 20;

export async function lookAtManifest(
  ports: Ports,
  changedAt: (path: string) => Promise<number | undefined>,
  path: string,
): Promise<NodeSight['manifest']> {
  try {
    const entry = await ports.files.look(path);
    if (!entry) return { state: 'absent' };
    if (entry.kind === 'symlink') return { state: 'link', target: entry.target };
    if (entry.kind !== 'file') return { state: 'unreadable', detail: `it is a ${entry.kind}, not a file` };
    const image = await ports.files.read(path, MANIFEST_LIMIT);
    return {
      state: 'present',
      text: decodeText(image.bytes, path),
      sha256: ports.files.sha256(image.bytes),
      mode: image.mode,
      changedAt: (await changedAt(path)) ?? entry.mtimeMs,
    };
  } catch (error) {
    return { state: 'unreadable', detail: messageOf(error) };
  }
}

export async function textOf(ports: Ports, path: string): Promise<string | undefined> {
  if ((await ports.files.look(path))?.kind !== 'file') return undefined;
  return decodeText((await ports.files.read(path, MANIFEST_LIMIT)).bytes, path);
}

export async function policySight(
  { files }: Ports,
  changedAt: (path: string) => Promise<number | undefined>,
  path: string | undefined,
): Promise<NodeSight['policy']> {
  if (path === undefined || (await files.look(path))?.kind !== 'file') return undefined;
  const { bytes } = await files.read(path, POLICY_LIMIT);
  const changed = await changedAt(path);
  return {
    path,
    text: decodeText(bytes, path),
    sha256: files.sha256(bytes),
    ...(changed === undefined ? {} : { changedAt: changed }),
  };
}

/** Rotated files are audit-2024-01-15T10-30-00.000.log(.gz), in UTC, beside audit.log. */
export async function logSight(ports: Ports, path: string | undefined): Promise<NodeSight['log']> {
  const entry = path === undefined ? undefined : await ports.files.look(path);
  if (path === undefined || entry?.kind !== 'file') return undefined;
  const base = path.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
  const times = (await ports.files.list(path.replace(/\/[^/]*$/, '')))
    .filter((name) => name.startsWith(`${base}-`))
    .flatMap((name) => /-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)\.(\d{3})/.exec(name)?.slice(1).join(' ') ?? [])
    .map((time) => Date.parse(time.replace(/^(\S+) (\d+) (\d+) (\d+) (\d+)$/, '$1T$2:$3:$4.$5Z')));
  return {
    path,
    bytes: entry.size,
    writtenAt: entry.mtimeMs,
    rotated: times.length,
    ...(times.length > 0 ? { oldestRotatedAt: Math.min(...times) } : {}),
  };
}

export async function strangersIn(ports: Ports, folder: string, own: string): Promise<Stranger[]> {
  const found: Stranger[] = [];
  for (const name of await ports.files.list(folder)) {
    const path = `${folder}/${name}`;
    if (path === own || name.startsWith('.')) continue;
    const entry = await ports.files.look(path);
    if (!entry) continue;
    if (entry.kind !== 'file') {
      found.push({ path, kind: entry.kind });
      continue;
    }
    try {
      const text = decodeText((await ports.files.read(path, MANIFEST_LIMIT)).bytes, path);
      const pod = podOfFile(text);
      const kind = pod ? undefined : documentKindOf(text);
      found.push({
        path,
        kind: 'file',
        ...(pod ? { pod } : {}),
        ...(kind === undefined ? {} : { documentKind: kind }),
      });
    } catch (error) {
      found.push({ path, kind: 'file', detail: messageOf(error) });
    }
  }
  return found;
}
