/**
 * The program and the file tree of an image that is on the node, for when no server runs that they could be taken from.
 * Rule: nothing is pulled. containerd mounts a view of it (`ctr`), and notes that under a name of ours: it is removed
 * afterwards, by the next rehearsal after a kill -9, and by containerd itself after a day. Where CRI-O runs, or no ctr is
 * there, the store that CRI-O and podman share is read; crictl gives no files.
 */
import { statSync } from 'node:fs';
import { messageOf } from '../../core/errors';
import { nodeFsCalls } from '../fs-calls';
import { inRoot } from '../root';
import { run } from '../run';
import { imageLayersInStore, storeRoots } from './image-store';
import { runInside, type Namespace } from './namespace';

export interface OpenImage {
  /** Its file tree, topmost layer first, inside the namespace. */
  layers: readonly string[];
  /** The server's path in it. */
  program: string;
  close(): Promise<void>;
}

const IMAGES = ['--namespace', 'k8s.io', 'images'];
const PLACES = ['/usr/local/bin', '/usr/bin', '/bin', ''].map((folder) => `${folder}/kube-apiserver`);

/** Rejects when the image is not on this node, or in no store that can be looked into. */
export async function openImage(
  namespace: Namespace,
  scratch: string,
  image: string,
  roots: readonly string[] = storeRoots(),
): Promise<OpenImage> {
  const attempts: string[] = [];
  for (const open of [() => fromContainerd(namespace, scratch, image), () => fromStore(namespace, image, roots)]) {
    try {
      return await open();
    } catch (error) {
      attempts.push(messageOf(error));
    }
  }
  throw new Error(`the files of ${image} cannot be had: ${attempts.join('; ')}`);
}

async function fromContainerd(namespace: Namespace, scratch: string, image: string): Promise<OpenImage> {
  const folder = `${scratch}/kube-auditctl-image`;
  const close = async (): Promise<void> => {
    await run('ctr', [...IMAGES, 'unmount', '--rm', folder], { timeoutMs: 5000 }).catch(() => undefined);
  };
  await close();
  await runInside(namespace, ['mkdir', '-p', folder]);
  try {
    await runInside(namespace, ['ctr', ...IMAGES, 'mount', image, folder]);
    return { layers: [folder], program: await programIn(namespace, [folder], image), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function fromStore(namespace: Namespace, image: string, roots: readonly string[]): Promise<OpenImage> {
  const layers = imageLayersInStore(image, roots);
  return { layers, program: await programIn(namespace, layers, image), close: () => Promise.resolve() };
}

async function programIn(namespace: Namespace, layers: readonly string[], image: string): Promise<string> {
  for (const place of PLACES)
    for (const layer of layers) {
      const path = await inRoot(nodeFsCalls(), namespace.path(layer), place, { followLast: true });
      if (statSync(path, { throwIfNoEntry: false })?.isFile()) return place;
    }
  throw new Error(`the image ${image} has no kube-apiserver where one is looked for`);
}
