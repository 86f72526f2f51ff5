/** A manifest in a folder that the kubelet does not read is a file like any other: nothing would happen. */
import { kubeletFlag, staticPodPathOf } from '../../core/kubelet-config';
import { joinPath, normalPath } from '../../core/manifest/paths';
import type { Files, Node } from '../ports';
import { followed } from './look';
import type { Check } from './preflight';

const CONFIG = '/var/lib/kubelet/config.yaml';

export const staticPodPath: Check = async ({ files, node }, { live }) => {
  const told = await whereKubeletLooks(files, node);
  if (told === undefined) return [];
  const [theirs, ours] = await Promise.all([real(files, told.path), real(files, live.folder)]);
  if (theirs === ours) return [];
  return [
    {
      code: 'other-static-pod-path',
      severity: 'error',
      title: `the kubelet reads its static pods from ${told.path}, not from ${live.folder}`,
      detail: `${told.by} says so: it would not see the change.`,
      remedy: [`name the manifest there: --manifest ${joinPath(told.path, 'kube-apiserver.yaml')}`],
    },
  ];
};

/** The flag overrides the configuration. Source: cmd/kubelet/app/server.go. */
export async function whereKubeletLooks(
  files: Files,
  node: Pick<Node, 'kubelet'>,
): Promise<{ path: string; by: string } | undefined> {
  const argv = (await node.kubelet())?.argv ?? [];
  const flag = kubeletFlag(argv, 'pod-manifest-path');
  if (flag !== undefined) return { path: flag, by: '--pod-manifest-path' };
  const dropIns = kubeletFlag(argv, 'config-dir');
  const names = dropIns === undefined ? [] : await files.list(dropIns).catch(() => []);
  const paths = [
    kubeletFlag(argv, 'config') ?? CONFIG,
    ...names.filter((name) => name.endsWith('.conf')).map((name) => joinPath(dropIns ?? '', name)),
  ];
  for (const by of paths.reverse()) {
    const bytes = await files.read(by, 1 << 20).then(
      (image) => image.bytes,
      () => undefined,
    );
    const path = bytes && staticPodPathOf(new TextDecoder().decode(bytes));
    if (path !== undefined && path !== '') return { path, by };
  }
  return undefined;
}

/** A folder may be named by a link to it. */
export async function real(files: Files, path: string): Promise<string> {
  const entry = await files.look(normalPath(path)).catch(() => undefined);
  return entry?.kind === 'symlink' ? followed(normalPath(path), entry.target) : normalPath(path);
}
