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
  if (told.path === undefined)
    return [
      {
        code: 'other-static-pod-path',
        severity: 'error',
        title: `the kubelet reads no static pods: ${told.by} sets no staticPodPath`,
        detail: 'It would not see the change, and once it is started anew it would end the API server that runs.',
        remedy: [
          `write \`staticPodPath: ${live.folder}\` in ${told.by}`,
          'systemctl restart kubelet   (while the API answers)',
        ],
      },
    ];
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
): Promise<{ path: string | undefined; by: string } | undefined> {
  const argv = (await node.kubelet())?.argv ?? [];
  let silent: string | undefined;
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
    const text = bytes && new TextDecoder().decode(bytes);
    const path = text === undefined ? undefined : staticPodPathOf(text);
    if (path !== undefined && path !== '') return { path, by };
    // A drop-in need not say it; the configuration itself is the last to be asked.
    silent = text !== undefined && isSilent(text) ? by : undefined;
  }
  return silent === undefined ? undefined : { path: undefined, by: silent };
}

/** Not: a file that names it in a way that is not understood here. */
function isSilent(text: string): boolean {
  return /^kind:\s*KubeletConfiguration\b/m.test(text) && !/staticPodPath["']?:[ \t]*["']?[^\s"'#]/.test(text);
}

/** A folder may be named by a link to it. */
export async function real(files: Files, path: string): Promise<string> {
  const entry = await files.look(normalPath(path)).catch(() => undefined);
  return entry?.kind === 'symlink' ? followed(normalPath(path), entry.target) : normalPath(path);
}
