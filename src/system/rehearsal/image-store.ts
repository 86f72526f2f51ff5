/**
 * The layers of an image in the store that CRI-O and podman share (containers/storage, overlay driver). Rule: it is read as
 * files, by no program, with nothing mounted or noted: there is nothing to take back, however this process ends.
 * Source: github.com/containers/storage (images.go, layers.go, drivers/overlay).
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../core/errors';
import { isMap, type PlainMap } from '../../core/manifest/value';

const DEFAULT_ROOT = '/var/lib/containers/storage';
const CONFIGS = ['/usr/share/containers/storage.conf', '/etc/containers/storage.conf', '/etc/crio/crio.conf'];
const DROP_INS = '/etc/crio/crio.conf.d';
/** A chain that is longer is none. */
const MOST_LAYERS = 200;

/** The folders of layers, topmost first. Throws when the image is in none of the stores, or its layers are not all there. */
export function imageLayersInStore(image: string, roots: readonly string[]): string[] {
  for (const root of roots) {
    const found = read(join(root, 'overlay-images', 'images.json')).find((each) => isNamed(each, image));
    if (found !== undefined) return layersOf(root, found['layer'], image);
  }
  throw new Error(`${image} is not in ${roots.join(', ')}`);
}

/** Where such a store may lie, as its configuration says: `graphroot` is podman's word, `root` CRI-O's. */
export function storeRoots(read: (path: string) => string = text): string[] {
  const configs = [...CONFIGS, ...namesIn(DROP_INS).map((name) => join(DROP_INS, name))].map(read);
  const named = configs.flatMap((config) => [
    ...[...config.matchAll(/^\s*(?:graphroot|root)\s*=\s*"(\/[^"]+)"/gm)].map(([, path = '']) => path),
    ...[...config.matchAll(/^\s*additionalimagestores\s*=\s*\[([^\]]*)\]/gm)].flatMap(([, list = '']) =>
      [...list.matchAll(/"(\/[^"]+)"/g)].map(([, path = '']) => path),
    ),
  ]);
  return [...new Set([...named.reverse(), DEFAULT_ROOT])];
}

function layersOf(root: string, top: unknown, image: string): string[] {
  const layers = ['layers.json', 'volatile-layers.json'].flatMap((name) => read(join(root, 'overlay-layers', name)));
  const folders: string[] = [];
  for (let id = top; typeof id === 'string' && id !== '';) {
    const folder = join(root, 'overlay', id, 'diff');
    // A path with a colon or comma would be two to the kernel.
    if (folders.length >= MOST_LAYERS || /[:,\\]/.test(folder) || !isFolder(folder))
      throw new Error(`${root} has no layer ${id} of ${image} that could be mounted`);
    folders.push(folder);
    const own = id;
    id = layers.find((layer) => layer['id'] === own)?.['parent'];
  }
  if (folders.length === 0) throw new Error(`${root} names no layer of ${image}`);
  return folders;
}

function isNamed(entry: PlainMap, image: string): boolean {
  const { names, digest } = entry;
  const [repository = '', wanted] = image.split('@');
  if (wanted !== undefined && digest === wanted) return true;
  const tagged = /:[^/]*$/.test(repository) ? image : `${repository}:latest`;
  return Array.isArray(names) && (names.includes(image) || (wanted === undefined && names.includes(tagged)));
}

function read(path: string): PlainMap[] {
  const json = text(path);
  if (json === '') return [];
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list.filter(isMap) : [];
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error)}`, { cause: error });
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
