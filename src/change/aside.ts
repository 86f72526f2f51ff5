/**
 * Where a manifest waits during a hand-over: in its own folder, under a name that the kubelet does not read. Whoever finds no
 * manifest looks there first.
 */
import type { Files } from './ports';

const PREFIX = '.kube-auditctl-aside-';
const NEW = '-new';

/** Of the old manifest; on the way back, of the new one. */
export function asidePath(manifestPath: string, id: string, going: 'forth' | 'back' = 'forth'): string {
  return `${folderOf(manifestPath)}/${PREFIX}${id}${going === 'back' ? NEW : ''}`;
}

/** Paths of old manifests that wait aside, of whatever change, the newest last. */
export async function manifestsAside(files: Files, manifestPath: string): Promise<string[]> {
  const folder = folderOf(manifestPath);
  const names = await files.list(folder);
  return names.filter((name) => name.startsWith(PREFIX) && !name.endsWith(NEW)).map((name) => `${folder}/${name}`);
}

/** Whether there is a manifest. What cannot be told is taken for one: nothing is done about it then. */
export async function manifestStands(files: Files, path: string): Promise<boolean> {
  return (await files.look(path).catch(() => 'unknown')) !== undefined;
}

function folderOf(manifestPath: string): string {
  return manifestPath.replace(/\/[^/]*$/, '');
}
