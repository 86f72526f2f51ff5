/** What will stand at a path of the node once the plan's files are written, links followed. */
import { folderOf, joinPath } from '../../core/manifest/paths';
import type { Files } from '../ports';
import type { Subject } from './preflight';

/** unknown: it cannot be told, for lack of permission or because of a broken disk. */
export type Kind = 'file' | 'folder' | 'other' | 'absent' | 'unknown';

const MOST_LINKS = 40;

export async function kindAt(
  files: Pick<Files, 'look'>,
  path: string,
  plan: Pick<Subject, 'changed' | 'folders'>,
): Promise<Kind> {
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const planned = plan.changed.find((file) => file.path === at);
    if (planned) return planned.after ? 'file' : 'absent';
    if (plan.folders.some((folder) => folder.path === at)) return 'folder';
    const entry = await files.look(at).catch(() => 'unknown' as const);
    if (entry === 'unknown') return entry;
    if (entry?.kind !== 'symlink') return entry?.kind ?? 'absent';
    at = followed(at, entry.target);
  }
  return 'unknown';
}

/** Where a link leads: `..` counts from the folder that holds it. */
export function followed(link: string, target: string): string {
  const parts: string[] = [];
  for (const part of (target.startsWith('/') ? target : joinPath(folderOf(link), target)).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
