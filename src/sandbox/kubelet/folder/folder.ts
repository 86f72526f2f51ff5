/** The manifests folder on the disk: what stands in it, and word of what happens to it. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readdirSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { nodePath, statOfNode } from '../runtime/node-path';
import type { FolderView } from './source';

/** @param path as the node names it. */
export function folderView(root: string, path: string): FolderView {
  return {
    list() {
      try {
        return readdirSync(nodePath(root, path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    kind(name) {
      try {
        const found = statOfNode(root, join(path, name));
        if (found === undefined) return undefined;
        return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
      } catch {
        return undefined;
      }
    },
    read(name, limit) {
      // Not blocking: a FIFO that has taken the file's place would otherwise stop the kubelet for good.
      const fd = openSync(nodePath(root, join(path, name)), constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        if (fstatSync(fd).size > limit) throw Object.assign(new Error(`EFBIG: ${name}`), { code: 'EFBIG' });
        return readFileSync(fd);
      } finally {
        closeSync(fd);
      }
    },
  };
}

export interface FolderWatch {
  /** Sets the watch up where there is none: the folder may not have been there before. */
  ensure(): void;
  close(): void;
}

/** @param touched as FileSource.touched */
export function watchFolder(
  root: string,
  path: string,
  touched: (name: string, renamed: boolean) => void,
): FolderWatch {
  let watcher: FSWatcher | undefined;
  return {
    ensure() {
      if (watcher !== undefined) return;
      try {
        watcher = watch(nodePath(root, path), (kind, name) => {
          if (name !== null) touched(name, kind === 'rename');
        });
        // Without a watch the polls are left, as with the real one.
        watcher.on('error', () => undefined);
      } catch {
        watcher = undefined;
      }
    },
    close() {
      watcher?.close();
    },
  };
}
