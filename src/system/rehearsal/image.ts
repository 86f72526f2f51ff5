/**
 * The program and the file tree of an image that containerd has, for when no server runs that they could be taken from.
 * Rule: nothing is pulled. containerd notes a view of the image under a name of ours: it is removed afterwards, by the next
 * rehearsal after a kill -9, and by containerd itself after a day.
 */
import { statSync } from 'node:fs';
import { nodeFsCalls } from '../fs-calls';
import { inRoot } from '../root';
import { run } from '../run';
import { runInside, type Namespace } from './namespace';

export interface OpenImage {
  /** Where its file tree lies, inside the namespace. */
  folder: string;
  /** The server's path in it. */
  program: string;
  close(): Promise<void>;
}

const IMAGES = ['--namespace', 'k8s.io', 'images'];
const PLACES = ['/usr/local/bin', '/usr/bin', '/bin', ''].map((folder) => `${folder}/kube-apiserver`);

/** Rejects when the image is not on this node, or no containerd. */
export async function openImage(namespace: Namespace, scratch: string, image: string): Promise<OpenImage> {
  const folder = `${scratch}/kube-auditctl-image`;
  const close = async (): Promise<void> => {
    await run('ctr', [...IMAGES, 'unmount', '--rm', folder], { timeoutMs: 5000 }).catch(() => undefined);
  };
  await close();
  await runInside(namespace, ['mkdir', folder]);
  try {
    await runInside(namespace, ['ctr', ...IMAGES, 'mount', image, folder]);
    for (const place of PLACES) {
      const path = await inRoot(nodeFsCalls(), namespace.path(folder), place, { followLast: true });
      if (statSync(path, { throwIfNoEntry: false })?.isFile()) return { folder, program: place, close };
    }
    throw new Error(`the image ${image} has no kube-apiserver where one is looked for`);
  } catch (error) {
    await close();
    throw error;
  }
}
