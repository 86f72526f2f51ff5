/** What the kubelet needs to know of its sandbox: DIR/sandbox.json and the node's kubelet configuration. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Timings } from '../container';
import { TIMINGS } from '../timings';
import type { Images } from './runtime/images';
import { nodePath } from './runtime/node-path';

export interface SandboxFile {
  timings: Timings;
  /** `v1.36.0`. */
  version: string;
  /** 36 for 1.36. */
  minor: number;
  nodeName: string;
  images: Images;
}

export function readSandboxFile(dir: string): SandboxFile {
  const path = join(dir, 'sandbox.json');
  const file = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const { like, kubernetesVersion, nodeName, images } = file;
  const timings =
    typeof like === 'string' && Object.hasOwn(TIMINGS, like) ? TIMINGS[like as keyof typeof TIMINGS] : undefined;
  if (timings === undefined) throw new Error(`${path}: like is none of ${Object.keys(TIMINGS).join(', ')}`);
  if (typeof nodeName !== 'string' || nodeName === '') throw new Error(`${path}: nodeName is missing`);
  const text = typeof kubernetesVersion === 'string' ? kubernetesVersion : '';
  const minor = /^v?1\.(\d+)/.exec(text)?.[1];
  if (minor === undefined) throw new Error(`${path}: kubernetesVersion is missing`);
  return {
    timings,
    version: text.startsWith('v') ? text : `v${text}`,
    minor: Number(minor),
    nodeName,
    images: (images ?? {}) as Images,
  };
}

const CONFIG = '/var/lib/kubelet/config.yaml';
const MANIFESTS = '/etc/kubernetes/manifests';

/** Where the kubelet is told to look for manifests, as the node names it. */
export function staticPodPath(root: string): string {
  let config: unknown;
  try {
    config = parse(readFileSync(nodePath(root, CONFIG), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const path = (config as { staticPodPath?: unknown } | null | undefined)?.staticPodPath;
  return typeof path === 'string' && path !== '' ? path.replace(/\/+$/, '') : MANIFESTS;
}
