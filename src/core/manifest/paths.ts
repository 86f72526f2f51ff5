/** Absolute paths on a node, compared a segment at a time: `/var/log` covers `/var/log/audit`, never `/var/logs`. */

/** One spelling for one path: no `//`, no `.`, no slash at the end. `..` is left alone: Kubernetes refuses it. */
export function normalPath(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  return (path.startsWith('/') ? '/' : '') + segments.join('/');
}

/** Whether `path` is `folder` or lies under it. Both normal. */
export function covers(folder: string, path: string): boolean {
  return folder === path || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** Moves a path from under one folder to under another: `/a/x` from `/a` to `/b` is `/b/x`. All normal. */
export function rebase(path: string, from: string, to: string): string {
  return joinPath(to, path.slice(from.length));
}

export function joinPath(folder: string, below: string): string {
  return normalPath(`${folder}/${below}`);
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}
