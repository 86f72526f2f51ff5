/**
 * Which images the node has, and which program a container of one runs. Rule: an image is a name for one of the
 * sandbox's own programs, and nothing else in it can be run: there is no shell.
 */
import { posix } from 'node:path';
import type { ContainerSpec } from '../pod/types';
import type { PullResult } from '../world';

/** Image to program: `registry.k8s.io/kube-apiserver:v1.36.0` to `kube-apiserver`. */
export type Images = Readonly<Record<string, string>>;

export function pullImage(images: Images, image: string, policy: string): PullResult {
  if (!/^[a-z0-9]/.test(image) || /[\sA-Z]/.test(image.split(':')[0] ?? '') || /[:/@]$/.test(image)) {
    const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
    return { state: 'failed', reason: 'InvalidImageName', message };
  }
  if (Object.hasOwn(images, image)) return { state: 'present' };
  if (policy === 'Never') {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    return { state: 'failed', reason: 'ErrImageNeverPull', message };
  }
  const message = `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
  return { state: 'failed', reason: 'ErrImagePull', message };
}

export type Command =
  | { state: 'found'; program: string; argv: string[] }
  /** What runc says of it. */
  | { state: 'missing'; message: string };

/** @param words command and arguments with their references expanded. */
export function findProgram(
  images: Images,
  { image = '', command = [] }: ContainerSpec,
  words: readonly string[],
): Command {
  const program = images[image] ?? '';
  // The image's own entry point, for a container that names arguments only.
  const argv = command.length === 0 ? [program, ...words] : [...words];
  const [name = ''] = argv;
  if (name === program || name === `/usr/local/bin/${program}`) return { state: 'found', program, argv };
  const what = posix.isAbsolute(name)
    ? `exec: "${name}": stat ${name}: no such file or directory`
    : `exec: "${name}": executable file not found in $PATH`;
  return {
    state: 'missing',
    message: `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${what}`,
  };
}
