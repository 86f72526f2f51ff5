/**
 * The table of file system calls, in memory: for tests that fail a call, pull the plug, or ask what was ever visible.
 * Rule: it answers as Linux does to root (test/system/fs-calls.test.ts holds both against the same table), and every
 * call is asked for at `before` and told at `after`, so that a test can fail the n-th one on either side of its effect.
 */
import { errnoError, type Attributes, type FsCalls, type Stat } from '../../src/system/fs-calls';

interface Common extends Attributes {
  inode: number;
  mtimeMs: number;
}
type File = Common & { kind: 'file'; bytes: Uint8Array };
type Folder = Common & { kind: 'folder'; names: Map<string, Node>; durable: Map<string, Node> };
type Link = Common & { kind: 'symlink'; target: string };
type Other = Common & { kind: 'other' };
type Node = File | Folder | Link | Other;

export interface Call {
  /** Counts from 1. */
  n: number;
  name: keyof FsCalls;
  path: string;
}

export interface Fault {
  code: string;
  /** A folder's path covers what is in it. */
  under: string;
  /** Every call when absent. */
  call?: keyof FsCalls;
  /** How often; always when absent. */
  times?: number;
}

/** What a file looks like in a snapshot. */
export interface FileShot extends Attributes {
  text: string;
}

export interface MemoryFs extends FsCalls {
  /** Throw here and the call fails without an effect. */
  before: (call: Call) => void;
  /** Throw here and the call fails although its effect took place. */
  after: (call: Call) => void;
  /** Calls made so far. */
  readonly calls: readonly Call[];
  fault(fault: Fault): void;
  clearFaults(): void;
  /** Puts a file there, with its folders, durably and without counting as a call. */
  put(path: string, text: string | Uint8Array, attributes?: Partial<Attributes>): void;
  putFolder(path: string, mode?: number): void;
  putLink(path: string, target: string): void;
  /** A FIFO, device or socket. */
  putOther(path: string): void;
  /** What the file says, undefined when there is none. */
  text(path: string): string | undefined;
  /** All files by path; links as `-> target`. */
  snapshot(): Record<string, FileShot>;
  /**
   * Each state that a reader of this folder could ever have seen, oldest first: name to text (folders as `/`). A state is
   * added with every change of a name or of a file's bytes.
   */
  history(folder: string): Record<string, string>[];
  /** Back to what is certainly on the disk: names as of the last flush of their folder. */
  powerCut(): void;
}

const ROOT = { mode: 0o755, uid: 0, gid: 0 };

export function memoryFs(): MemoryFs {
  let inodes = 1;
  let time = Date.UTC(2024, 0, 1);
  const common = (attributes: Attributes): Common => ({ ...attributes, inode: ++inodes, mtimeMs: ++time });
  const newFolder = (attributes: Attributes): Folder => ({
    ...common(attributes),
    kind: 'folder',
    names: new Map(),
    durable: new Map(),
  });
  const root = newFolder(ROOT);
  const calls: Call[] = [];
  let faults: Fault[] = [];
  const histories = new Map<Folder, Record<string, string>[]>();

  const record = (folder: Folder) => {
    const states = histories.get(folder) ?? [];
    const state = Object.fromEntries([...folder.names].sort().map(([name, node]) => [name, textOf(node)]));
    if (JSON.stringify(states.at(-1)) !== JSON.stringify(state)) states.push(state);
    histories.set(folder, states);
  };
  const set = (folder: Folder, name: string, node: Node) => {
    folder.names.set(name, node);
    record(folder);
  };

  /** The folder that holds the path's last component, symlinks before it followed. */
  const parentOf = (call: string, path: string, depth = 0): { folder: Folder; name: string } => {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const name = parts.pop() ?? '';
    let folder = root;
    for (const [index, part] of parts.entries()) {
      let next: Node | undefined = folder.names.get(part);
      if (next?.kind === 'symlink') {
        if (depth > 40) throw errnoError('ELOOP', call, path);
        const from = next.target.startsWith('/') ? '' : `/${parts.slice(0, index).join('/')}/`;
        next = nodeAt(call, from + next.target, true, depth + 1);
      }
      if (!next) throw errnoError('ENOENT', call, path);
      if (next.kind !== 'folder') throw errnoError('ENOTDIR', call, path);
      folder = next;
    }
    return { folder, name };
  };
  const nodeAt = (call: string, path: string, follow = false, depth = 0): Node => {
    const { folder, name } = parentOf(call, path, depth);
    const node = name === '' ? root : folder.names.get(name);
    if (!node) throw errnoError('ENOENT', call, path);
    if (!follow || node.kind !== 'symlink') return node;
    if (depth > 40) throw errnoError('ELOOP', call, path);
    const from = node.target.startsWith('/') ? '' : `${path.slice(0, path.lastIndexOf('/'))}/`;
    return nodeAt(call, from + node.target, true, depth + 1);
  };
  const folderAt = (call: string, path: string): Folder => {
    const node = nodeAt(call, path, true);
    if (node.kind !== 'folder') throw errnoError('ENOTDIR', call, path);
    return node;
  };

  const faultAt = (name: keyof FsCalls, path: string): Fault | undefined => {
    const fault = faults.find(
      ({ under, call, times }) =>
        (call === undefined || call === name) &&
        (times === undefined || times > 0) &&
        (path === under || path.startsWith(under.endsWith('/') ? under : `${under}/`)),
    );
    if (fault?.times !== undefined) fault.times--;
    return fault;
  };

  /** One counted call. */
  const call = <A extends [string, ...unknown[]], R>(name: keyof FsCalls, effect: (...args: A) => R) => {
    return async (...args: A): Promise<R> => {
      const made: Call = { n: calls.length + 1, name, path: args[0] };
      calls.push(made);
      await Promise.resolve();
      fs.before(made);
      const fault =
        faultAt(name, args[0]) ?? (name === 'rename' || name === 'link' ? faultAt(name, String(args[1])) : undefined);
      if (fault) {
        // A full disk still takes the name, and often the first part of the bytes.
        if (fault.code === 'ENOSPC' && name === 'createExclusive') half(args[0], args[1] as Uint8Array);
        const syscall = name === 'createExclusive' || name === 'readFile' ? 'open' : name;
        throw errnoError(fault.code, syscall, args[0]);
      }
      const result = effect(...args);
      fs.after(made);
      return result;
    };
  };

  const half = (path: string, bytes: Uint8Array) => {
    const { folder, name } = parentOf('open', path);
    const attributes = { mode: 0o600, uid: 0, gid: 0 };
    set(folder, name, { ...common(attributes), kind: 'file', bytes: bytes.slice(0, bytes.length / 2) });
  };

  const put = (path: string, make: () => Node) => {
    const parts = path.split('/').filter(Boolean);
    const name = parts.pop() ?? '';
    let folder = root;
    for (const part of parts) {
      const next: Node = folder.names.get(part) ?? newFolder(ROOT);
      if (next.kind !== 'folder') throw errnoError('ENOTDIR', 'put', path);
      folder.names.set(part, next);
      folder.durable.set(part, next);
      record(folder);
      folder = next;
    }
    const node = make();
    folder.durable.set(name, node);
    set(folder, name, node);
  };

  const fs: MemoryFs = {
    before: () => undefined,
    after: () => undefined,
    calls,
    fault: (fault) => void faults.push({ ...fault }),
    clearFaults: () => void (faults = []),
    put: (path, text, attributes) => {
      const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : Uint8Array.from(text);
      put(path, () => ({ ...common({ mode: 0o600, uid: 0, gid: 0, ...attributes }), kind: 'file', bytes }));
    },
    putFolder: (path, mode = 0o755) => {
      put(path, () => newFolder({ ...ROOT, mode }));
    },
    putLink: (path, target) => {
      put(path, () => ({ ...common({ ...ROOT, mode: 0o777 }), kind: 'symlink', target }));
    },
    putOther: (path) => {
      put(path, () => ({ ...common(ROOT), kind: 'other' }));
    },
    text: (path) => {
      try {
        const node = nodeAt('text', path, true);
        return node.kind === 'file' ? textOf(node) : undefined;
      } catch {
        return undefined;
      }
    },
    snapshot: () => {
      const shot: Record<string, FileShot> = {};
      const walk = (folder: Folder, path: string) => {
        for (const [name, node] of [...folder.names].sort()) {
          const { mode, uid, gid } = node;
          if (node.kind === 'folder') walk(node, `${path}/${name}`);
          else shot[`${path}/${name}`] = { text: textOf(node), mode, uid, gid };
        }
      };
      walk(root, '');
      return shot;
    },
    history: (path) => histories.get(folderAt('history', path)) ?? [{}],
    powerCut: () => {
      const cut = (folder: Folder) => {
        folder.names = new Map(folder.durable);
        record(folder);
        for (const node of folder.names.values()) if (node.kind === 'folder') cut(node);
      };
      cut(root);
    },

    lstat: call('lstat', (path) => statOf(nodeAt('lstat', path))),
    readlink: call('readlink', (path) => {
      const node = nodeAt('readlink', path);
      if (node.kind !== 'symlink') throw errnoError('EINVAL', 'readlink', path);
      return node.target;
    }),
    readFile: call('readFile', (path: string, limit: number) => {
      const node = nodeAt('open', path);
      if (node.kind === 'symlink') throw errnoError('ELOOP', 'open', path);
      if (node.kind === 'folder') throw errnoError('EISDIR', 'read', path);
      if (node.kind === 'other') throw errnoError('ENXIO', 'read', path);
      if (node.bytes.length > limit) throw errnoError('EFBIG', 'read', path);
      return { bytes: Uint8Array.from(node.bytes), stat: statOf(node) };
    }),
    createExclusive: call('createExclusive', (path: string, bytes: Uint8Array, attributes: Attributes) => {
      const { folder, name } = parentOf('open', path);
      if (folder.names.has(name) || name === '') throw errnoError('EEXIST', 'open', path);
      const file: File = { ...common({ mode: 0o600, uid: 0, gid: 0 }), kind: 'file', bytes: new Uint8Array() };
      set(folder, name, file);
      Object.assign(file, { bytes: Uint8Array.from(bytes), ...attributes });
      record(folder);
      return statOf(file);
    }),
    rename: call('rename', (from: string, to: string) => {
      const source = parentOf('rename', from);
      const target = parentOf('rename', to);
      const node = source.folder.names.get(source.name);
      if (!node) throw errnoError('ENOENT', 'rename', from);
      const there = target.folder.names.get(target.name);
      if (there === node) return;
      if (there?.kind === 'folder' && node.kind !== 'folder') throw errnoError('EISDIR', 'rename', to);
      if (there && there.kind !== 'folder' && node.kind === 'folder') throw errnoError('ENOTDIR', 'rename', to);
      if (there?.kind === 'folder' && there.names.size > 0) throw errnoError('ENOTEMPTY', 'rename', to);
      source.folder.names.delete(source.name);
      target.folder.names.set(target.name, node);
      record(source.folder);
      record(target.folder);
    }),
    link: call('link', (from: string, to: string) => {
      const source = parentOf('link', from);
      const target = parentOf('link', to);
      const node = source.folder.names.get(source.name);
      if (!node) throw errnoError('ENOENT', 'link', from);
      if (target.folder.names.has(target.name)) throw errnoError('EEXIST', 'link', to);
      if (node.kind === 'folder') throw errnoError('EPERM', 'link', from);
      set(target.folder, target.name, node);
    }),
    unlink: call('unlink', (path) => {
      const { folder, name } = parentOf('unlink', path);
      const node = folder.names.get(name);
      if (!node) throw errnoError('ENOENT', 'unlink', path);
      if (node.kind === 'folder') throw errnoError('EISDIR', 'unlink', path);
      folder.names.delete(name);
      record(folder);
    }),
    chmod: call('chmod', (path: string, mode: number) => {
      nodeAt('chmod', path, true).mode = mode;
    }),
    mkdir: call('mkdir', (path: string, mode: number) => {
      const { folder, name } = parentOf('mkdir', path);
      if (folder.names.has(name) || name === '') throw errnoError('EEXIST', 'mkdir', path);
      set(folder, name, newFolder({ mode: mode & ~0o022, uid: 0, gid: 0 }));
    }),
    rmdir: call('rmdir', (path) => {
      const { folder, name } = parentOf('rmdir', path);
      const node = folder.names.get(name);
      if (!node) throw errnoError('ENOENT', 'rmdir', path);
      if (node.kind !== 'folder') throw errnoError('ENOTDIR', 'rmdir', path);
      if (node.names.size > 0) throw errnoError('ENOTEMPTY', 'rmdir', path);
      folder.names.delete(name);
      record(folder);
    }),
    readdir: call('readdir', (path) => [...folderAt('scandir', path).names.keys()]),
    fsyncFolder: call('fsyncFolder', (path) => {
      const folder = folderAt('open', path);
      folder.durable = new Map(folder.names);
    }),
    statfs: call('statfs', (path) => {
      nodeAt('statfs', path, true);
      return { bytes: 10 * 1024 ** 3, inodes: 1_000_000, freeInodes: 900_000 };
    }),
    accessForWriting: call('accessForWriting', (path) => {
      nodeAt('access', path, true);
    }),
  };
  return fs;
}

function statOf(node: Node): Stat {
  const { kind, mode, uid, gid, mtimeMs, inode } = node;
  const size = node.kind === 'file' ? node.bytes.length : node.kind === 'symlink' ? node.target.length : 0;
  return { kind, size, mode, uid, gid, mtimeMs, inode };
}

function textOf(node: Node): string {
  switch (node.kind) {
    case 'file':
      return new TextDecoder().decode(node.bytes);
    case 'folder':
      return '/';
    case 'symlink':
      return `-> ${node.target}`;
    case 'other':
      return '';
  }
}
