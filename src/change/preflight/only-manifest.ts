/**
 * The kubelet takes every file of its folder for a pod, whatever its ending, and of those that define the same pod the last
 * one in sort order wins: a backup there is a trap. Source: pkg/kubelet/config/file.go.
 */
import { messageOf } from '../../core/errors';
import type { Finding } from '../../core/finding';
import { podOfFile } from '../../core/pod-file';
import { decodeText, MANIFEST_LIMIT, type LiveManifest } from '../manifest';
import type { Files } from '../ports';
import { followed } from './look';
import type { Check } from './preflight';

export const onlyManifest: Check = async ({ files }, { live }) => {
  const own = live.path.slice(live.folder.length + 1);
  const names = (await files.list(live.folder)).filter((name) => name !== own);
  const open = names.filter((name) => name.startsWith('.')).flatMap((name) => hidden(live, name, own));
  const read = names.filter((name) => !name.startsWith('.'));
  const found = await Promise.all(read.map((name) => judge(files, live, name, own)));
  return [...open, ...found.flat()];
};

async function judge(files: Files, live: LiveManifest, name: string, own: string): Promise<Finding[]> {
  const path = `${live.folder}/${name}`;
  let text: string;
  try {
    const entry = await files.look(path);
    // Gone again: an editor's.
    if (!entry) return [];
    if (entry.kind === 'folder' || entry.kind === 'other')
      return [
        stray(path, `the kubelet expects files there, and this is ${entry.kind === 'folder' ? 'a folder' : 'none'}`),
      ];
    const target = entry.kind === 'symlink' ? followed(path, entry.target) : path;
    text = decodeText((await files.read(target, MANIFEST_LIMIT)).bytes, path);
  } catch (error) {
    return [stray(path, messageOf(error))];
  }
  const pod = podOfFile(text);
  if (pod?.name === live.pod.name && pod.namespace === live.pod.namespace) return [second(live, path, name > own)];
  if (pod) return [];
  return [
    /^kind:\s*["']?Policy\b/m.test(text)
      ? stray(path, 'it is an audit policy, and the kubelet takes every file there for a pod', '/etc/kubernetes/')
      : stray(path, 'the kubelet takes every file there for a pod, and this is none'),
  ];
}

function second({ pod }: LiveManifest, path: string, wins: boolean): Finding {
  const why = leftBehindBy(path);
  return {
    code: 'second-manifest',
    severity: 'error',
    title: `${path} defines the pod ${pod.namespace}/${pod.name} too${why === undefined ? '' : `: ${why}`}`,
    detail: wins
      ? 'The kubelet reads every file without a leading dot, and the last name wins: it would run that file, not yours.'
      : 'The kubelet reads every file without a leading dot: whichever changed last runs until its next poll.',
    remedy: [`mv ${path} /root/`, 'backups never belong into the manifests folder, whatever their ending'],
  };
}

function stray(path: string, why: string, to = '/root/'): Finding {
  const by = leftBehindBy(path);
  return {
    code: 'stray-file',
    severity: 'warning',
    title: `${path} cannot be read as a manifest${by === undefined ? '' : ` (${by})`}: ${why}`,
    remedy: [`mv ${path} ${to}`],
  };
}

/** The kubelet does not read it, but somebody may be about to write over the change. */
function hidden({ path, folder }: LiveManifest, name: string, own: string): Finding[] {
  if (!name.startsWith(`.${own}.sw`) && !name.startsWith(`.#${own}`)) return [];
  return [
    {
      code: 'being-edited',
      severity: 'warning',
      title: `an editor seems to have ${path} open: ${folder}/${name} is there`,
      detail: 'Saved there later, its text would replace this change.',
      remedy: ['close the editor', `if none is open: rm ${folder}/${name}`],
    },
  ];
}

function leftBehindBy(path: string): string | undefined {
  if (path.endsWith('~')) return 'the backup of an editor';
  if (/\/(?:4913|sed[A-Za-z0-9]{6})$/.test(path)) return 'the temporary file of an editor or of sed -i';
  if (/\.(?:rpm(?:save|new|orig)|dpkg-(?:dist|old|new))$/.test(path)) return 'left by a package';
  return /\.(?:bak|old|orig|save|tmp|swp)\b|\.\d{8,}/.test(path) ? 'a backup' : undefined;
}
