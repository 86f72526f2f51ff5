/**
 * The kubelet's file source: polls and events, one after the other, and what it says of files it cannot use. Rule: a file
 * that makes no pod changes nothing at an event and drops out at a poll, which is how a bad edit kills a server late.
 * Source: pkg/kubelet/config/{file,file_linux}.go.
 */
import type { KubeletLog } from '../lines';
import { MAX_MANIFEST_BYTES, ManifestProblem, readManifest } from '../pod/read';
import type { StaticPod } from '../pod/read';
import { ManifestStore } from './store';

/** The folder as the source sees it; paths are the node's. */
export interface FolderView {
  /** Names in it; undefined when there is no such folder. Throws Node's errno error when it cannot be read. */
  list(): readonly string[] | undefined;
  /** Through symlinks; undefined when nothing is there. */
  kind(name: string): 'file' | 'folder' | 'other' | undefined;
  /** Through symlinks. Throws Node's errno error, EFBIG beyond the limit. */
  read(name: string, limit: number): Uint8Array;
}

export interface SourceOptions {
  folder: FolderView;
  /** The folder, as the node names it. */
  path: string;
  nodeName: string;
  minor: number;
  log: KubeletLog;
  /** RFC 3339 time of now. */
  seen: () => string;
  onPods: (pods: readonly StaticPod[]) => void;
}

export class FileSource {
  readonly #options: SourceOptions;
  readonly #store = new ManifestStore();

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  poll(): void {
    const { folder, path, log, onPods } = this.#options;
    let names: readonly string[] | undefined;
    try {
      names = folder.list();
    } catch (problem) {
      // Not to be seen is not to be gone: what runs, runs on.
      log.folderProblem(path, wordsOf(problem, path));
      return;
    }
    if (names === undefined) {
      log.folderProblem(path, 'path does not exist, ignoring');
      // An empty list all the same: without its folder the kubelet runs nothing.
      this.#store.replace([]);
    } else this.#store.replace(this.#readAll(names));
    onPods(this.#store.pods());
  }

  /** Something happened to a file. `renamed`: it was made, removed or moved; else its content or mode was touched. */
  touched(name: string, renamed: boolean): void {
    const { folder, log, onPods } = this.#options;
    if (name.startsWith('.')) return;
    const path = this.#pathOf(name);
    if (renamed && folder.kind(name) === undefined) this.#store.removeFile(path);
    else {
      try {
        this.#store.put(this.#readPod(name));
      } catch (problem) {
        log.eventProblem(path, wordsOf(problem, path));
        return;
      }
    }
    onPods(this.#store.pods());
  }

  #readAll(names: readonly string[]): StaticPod[] {
    const { folder, log } = this.#options;
    const pods: StaticPod[] = [];
    for (const name of names.filter((each) => !each.startsWith('.')).sort()) {
      const path = this.#pathOf(name);
      const kind = folder.kind(name);
      if (kind === 'folder') log.manifestIsFolder(path);
      else if (kind === 'other') log.manifestIsOther(path);
      else if (kind === 'file') {
        try {
          pods.push(this.#readPod(name));
        } catch (problem) {
          log.manifestProblem(path, wordsOf(problem, path));
        }
      }
    }
    return pods;
  }

  #readPod(name: string): StaticPod {
    const { folder, nodeName, minor, seen } = this.#options;
    const bytes = folder.read(name, MAX_MANIFEST_BYTES);
    return readManifest(bytes, { path: this.#pathOf(name), nodeName, minor, seen: seen() });
  }

  #pathOf(name: string): string {
    return `${this.#options.path}/${name}`;
  }
}

/** The words of Go's os package for what Node says of a file. */
function wordsOf(problem: unknown, path: string): string {
  if (problem instanceof ManifestProblem) return problem.message;
  const { code } = problem as NodeJS.ErrnoException;
  if (code === 'EFBIG') return 'rest of the data is too large';
  if (code === undefined) throw problem;
  const text = ERRNO.get(code) ?? code;
  return code === 'EISDIR' ? `read ${path}: ${text}` : `open ${path}: ${text}`;
}

const ERRNO: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'is a directory'],
  ['ELOOP', 'too many levels of symbolic links'],
  ['ENOTDIR', 'not a directory'],
  ['EIO', 'input/output error'],
  ['ENXIO', 'no such device or address'],
]);
