/**
 * The stage of a rehearsal: a file tree like the container's, made of mounts in a namespace of its own. Rule: of the host
 * everything is mounted read-only; what the server writes (its audit log) and what the change has yet to write (the
 * policy) lies in scratch memory laid over it, and is gone with the namespace.
 */
import { covers, folderOf, joinPath, normalPath } from '../manifest/paths';
import type { Trial, TrialFile, TrialMount } from './trial';

/** What stands at a path of the host, links followed. */
export type Kind = 'file' | 'folder' | 'other' | 'missing';

export interface HostView {
  kind(path: string): Kind;
  /** Mount points of the host. */
  mountPoints: readonly string[];
  /** Folders with the layers of the server's image, topmost first; empty when they are not known. */
  layers: readonly string[];
  /** The program to start, as the stage names it. */
  program: string;
}

/** Made in scratch before anything is mounted; paths below the scratch folder, parents made as needed. */
export type Prop =
  | { kind: 'folder'; at: string; /** Takes mode and owner from this path of the host. */ like?: string }
  | { kind: 'file'; at: string; file?: TrialFile }
  | { kind: 'link'; at: string; target: string };

/** One line for mount(8), in the form of fstab(5). */
export interface MountLine {
  source: string;
  target: string;
  type: string;
  options: string;
}

export interface Stage {
  /** The root folder of the server, below the scratch folder. */
  root: string;
  props: readonly Prop[];
  mounts: readonly MountLine[];
}

const ROOT = 'root';
/** The name under which the program is started: no kube-apiserver to whoever looks for one. */
export const PROGRAM = '/.rehearsal';

/**
 * Lays out the stage.
 * @param scratch where the scratch file system is mounted.
 */
export function layOut(trial: Trial, scratch: string, host: HostView): Stage | { mount: TrialMount; why: string } {
  const at = (below: string): string => joinPath(scratch, below);
  const props: Prop[] = [];
  const lines: MountLine[] = [];
  const overlay = (target: string, lower: string, name: string, readOnly = false): void => {
    props.push({ kind: 'folder', at: `up/${name}` }, { kind: 'folder', at: `work/${name}` });
    const options = `lowerdir=${lower},upperdir=${at(`up/${name}`)},workdir=${at(`work/${name}`)}`;
    lines.push({ source: 'overlay', target, type: 'overlay', options: readOnly ? `${options},ro` : options });
  };

  const ground = host.layers.length > 0 ? `up/${ROOT}` : ROOT;
  props.push({ kind: 'folder', at: ROOT });
  if (host.layers.length > 0) overlay(at(ROOT), host.layers.join(':'), ROOT);
  furnish(ground, host.program, props);
  for (const [path, kind] of FURNITURE) {
    if (kind !== host.kind(path)) continue;
    props.push(kind === 'folder' ? { kind: 'folder', at: `${ground}${path}` } : empty(`${ground}${path}`));
    lines.push({ source: path, target: at(`${ROOT}${path}`), type: 'none', options: 'bind,ro' });
  }

  // The shorter paths first: a mount lies over what is mounted above it.
  const mounts = [...trial.mounts].sort((a, b) => depth(a.mountPath) - depth(b.mountPath));
  const log = trial.logPath === undefined ? undefined : normalPath(trial.logPath);
  const over = (path: string, among: readonly TrialMount[]): TrialMount | undefined =>
    among.filter(({ mountPath }) => covers(mountPath, path)).at(-1);
  const logMount = log === undefined ? undefined : over(log, mounts);

  for (const [index, mount] of mounts.entries()) {
    const name = `m${index}`;
    const target = at(`${ROOT}${mount.mountPath}`);
    const { source, readOnly } = mount;
    const sight = source === undefined ? 'folder' : afterChange(trial, source, host);
    const problem = unmountable(mount, sight);
    if (problem !== undefined) return { mount, why: problem };
    const single = sight === 'file' || sight === 'other' || (sight === 'missing' && mount.type === 'FileOrCreate');

    // The mount point itself, where no other mount has one for it.
    if (over(mount.mountPath, mounts.slice(0, index)) === undefined)
      props.push(single ? empty(`${ground}${mount.mountPath}`) : { kind: 'folder', at: `${ground}${mount.mountPath}` });

    const holdsLog = logMount === mount && log !== undefined;
    if (single) {
      const planned = trial.files.find(({ hostPath }) => hostPath === source);
      if (planned || sight === 'missing' || (holdsLog && sight === 'file')) {
        props.push({ ...empty(`files/${name}`), ...(planned ? { file: planned } : {}) });
        lines.push(bind(at(`files/${name}`), target, readOnly));
      } else if (source !== undefined) lines.push(bind(source, target, true));
      continue;
    }

    const added = additions(trial, mounts, index, host);
    const logBelow = holdsLog ? log.slice(mount.mountPath === '/' ? 0 : mount.mountPath.length) : undefined;
    const real = source !== undefined && host.kind(source) === 'folder';
    if (!real) {
      props.push({ kind: 'folder', at: `up/${name}` }, ...added.map((prop) => under(`up/${name}`, prop)));
      lines.push(bind(at(`up/${name}`), target, readOnly));
      continue;
    }
    if (added.length === 0 && logBelow === undefined) {
      lines.push({ source, target, type: 'none', options: 'rbind,ro' });
      continue;
    }
    // By way of a mount of its own: commas and colons of the path would be options of the overlay.
    props.push({ kind: 'folder', at: `low/${name}` });
    lines.push({ source, target: at(`low/${name}`), type: 'none', options: 'bind,ro' });
    overlay(target, at(`low/${name}`), name, readOnly);
    props.push({ kind: 'folder', at: `up/${name}`, like: source }, ...added.map((prop) => under(`up/${name}`, prop)));
    const logOnHost = logBelow === undefined ? undefined : joinPath(source, logBelow);
    for (const point of host.mountPoints) {
      if (point === source || !covers(source, point)) continue;
      // The live log's own file system stays away: the scratch lies in its place.
      if (logOnHost !== undefined && covers(point, logOnHost)) continue;
      lines.push({
        source: point,
        target: target + point.slice(source === '/' ? 0 : source.length),
        type: 'none',
        options: 'rbind,ro',
      });
    }
  }
  return { root: ROOT, props, mounts: lines };
}

/** What the container runtime puts into every container. */
const FURNITURE: readonly (readonly [string, Kind])[] = [
  ['/proc', 'folder'],
  ['/etc/hosts', 'file'],
  ['/etc/resolv.conf', 'file'],
  ['/dev/null', 'other'],
  ['/dev/zero', 'other'],
  ['/dev/urandom', 'other'],
];

function furnish(ground: string, program: string, props: Prop[]): void {
  props.push({ kind: 'folder', at: `${ground}/tmp` });
  for (const [fd, name] of ['stdin', 'stdout', 'stderr'].entries())
    props.push({ kind: 'link', at: `${ground}/dev/${name}`, target: `/proc/self/fd/${fd}` });
  props.push({ kind: 'link', at: `${ground}${PROGRAM}`, target: program });
}

/** What stands at a path of the host once the change is written. */
function afterChange(trial: Trial, path: string, host: HostView): Kind {
  if (trial.files.some(({ hostPath }) => hostPath === path)) return 'file';
  if (trial.folders.some((folder) => covers(path, folder))) return 'folder';
  return host.kind(path);
}

/** Source: pkg/volume/hostpath/host_path.go; what is missing without a type, the container runtime makes as a folder. */
function unmountable({ source, type }: TrialMount, kind: Kind): string | undefined {
  if (source === undefined || type === undefined) return undefined;
  const wants = /^Directory/.test(type) ? 'folder' : /^File/.test(type) ? 'file' : 'other';
  const failed = (what: string): string => `hostPath type check failed: ${source} is not a ${what}`;
  if (kind === 'missing' && type.endsWith('OrCreate')) return undefined;
  if (wants === 'folder' && kind !== 'folder') return failed('directory');
  if (wants === 'file' && kind !== 'file') return failed('file');
  return wants === 'other' && kind !== 'other' ? failed(type) : undefined;
}

/** What must stand in a mounted folder and does not yet: planned files, and the mount points of other mounts. */
function additions(trial: Trial, mounts: readonly TrialMount[], index: number, host: HostView): Prop[] {
  const mount = mounts[index];
  const source = mount?.source;
  if (mount === undefined) return [];
  const added: Prop[] = [];
  if (source !== undefined) {
    for (const file of trial.files)
      if (file.hostPath !== source && covers(source, file.hostPath))
        added.push(...parents(source, file.hostPath, host), { ...empty(file.hostPath.slice(source.length)), file });
  }
  for (const [later, inner] of mounts.entries()) {
    if (later <= index || inner === mount || !covers(mount.mountPath, inner.mountPath)) continue;
    const nearest: TrialMount | undefined = mounts
      .slice(0, later)
      .findLast(({ mountPath }) => covers(mountPath, inner.mountPath));
    if (nearest !== mount) continue;
    const below = inner.mountPath.slice(mount.mountPath === '/' ? 0 : mount.mountPath.length);
    if (below === '') continue;
    const onHost = source === undefined ? undefined : joinPath(source, below);
    if (onHost !== undefined && host.kind(onHost) !== 'missing') continue;
    const inside = inner.source === undefined ? 'folder' : afterChange(trial, inner.source, host);
    added.push(inside === 'file' || inner.type === 'FileOrCreate' ? empty(below) : { kind: 'folder', at: below });
  }
  return added;
}

/** Folders between a mounted folder and a planned file: laid over the host's, they keep its modes and owners. */
function parents(source: string, hostPath: string, host: HostView): Prop[] {
  const folder = folderOf(hostPath);
  if (folder === source || !covers(source, folder)) return [];
  const like = host.kind(folder) === 'folder' ? { like: folder } : {};
  return [...parents(source, folder, host), { kind: 'folder', at: folder.slice(source.length), ...like }];
}

function under(folder: string, prop: Prop): Prop {
  return { ...prop, at: `${folder}${prop.at}` };
}

function empty(at: string): Extract<Prop, { kind: 'file' }> {
  return { kind: 'file', at };
}

function bind(source: string, target: string, readOnly: boolean): MountLine {
  return { source, target, type: 'none', options: readOnly ? 'bind,ro' : 'bind' };
}

function depth(path: string): number {
  return path === '/' ? 0 : path.split('/').length;
}

/** The lines as fstab(5) has them: blanks and backslashes as octal escapes. */
export function fstab(lines: readonly MountLine[]): string {
  const field = (text: string): string =>
    text.replace(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return lines
    .map(({ source, target, type, options }) => `${[source, target, type, options].map(field).join(' ')} 0 0\n`)
    .join('');
}

/**
 * A folder to mount the scratch on: one that every node has, and that holds nothing the trial looks at. Inside the
 * namespace it is covered; outside nothing changes.
 * @param used paths that the trial needs, links followed.
 */
export function scratchFolder(used: readonly string[], isFolder: (path: string) => boolean): string | undefined {
  return ['/mnt', '/media', '/srv', '/opt', '/home'].find(
    (folder) => isFolder(folder) && !used.some((path) => covers(folder, path)),
  );
}

/** The layers of a container's image, topmost first, as its mount table tells them; empty when it tells none. */
export function imageLayers(mountinfo: string): string[] {
  for (const line of mountinfo.split('\n')) {
    const [mount = '', rest = ''] = line.split(' - ');
    if (mount.split(' ')[4] !== '/' || !rest.startsWith('overlay ')) continue;
    const layers = /(?:^|,)lowerdir=((?:[^,\\]|\\.)*)/.exec(rest.split(' ')[2] ?? '')?.[1] ?? '';
    // Beyond that a page of options is full; an escaped path is not worth the trouble.
    if (layers.includes('\\') || layers.length > 3000) return [];
    const found = layers.split(':').filter((layer) => layer !== '');
    return found.every((layer) => layer.startsWith('/')) ? found : [];
  }
  return [];
}
