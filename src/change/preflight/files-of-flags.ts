/**
 * The files that flags name must be seen by the server: through a mount, on the host, and files. Files that today's flags
 * name too must be there as well: the server read them once, and needs them at its next start.
 */
import type { Finding } from '../../core/finding';
import { folderOf } from '../../core/manifest/paths';
import { flagFiles, type FlagFile } from '../../core/preflight/flag-files';
import { kindAt, type Kind } from './look';
import type { Check } from './preflight';

export const filesOfFlags: Check = async (ports, subject) => {
  const folders = new Map<string, Promise<ReadonlySet<string> | undefined>>();
  const today = new Set(subject.live.broken ? [] : flagFiles(subject.live.server).map(identity));
  const found = await Promise.all(
    flagFiles(subject.next.server).map(async (file) => {
      const isNew = !today.has(identity(file));
      return { isNew, file, findings: await judge(file, isNew) };
    }),
  );
  const fresh = found.filter(({ isNew }) => isNew).flatMap(({ findings }) => findings);
  const old = found.filter(({ isNew }) => !isNew).flatMap(({ findings }) => findings);
  const [first] = old;
  if (first === undefined) return fresh;
  // Where no server runs, these files are none of its news: whether it ever had them cannot be told.
  const runs = (await ports.node.processes(subject.live.endpoint.port)).some(({ listening }) => listening);
  return [
    ...fresh,
    {
      ...first,
      severity: runs ? 'error' : 'warning',
      title: old.length === 1 ? first.title : `${old.length} files that flags name are not there, or no files`,
      detail: `${old.length === 1 ? '' : `${old.map(({ title }) => title).join('\n')}\n`}The server that runs has read them before. It would not start again, not even with the old manifest.`,
    },
  ];

  async function judge(file: FlagFile, isNew: boolean): Promise<Finding[]> {
    const { flag, path, mount } = file;
    const place = flag.valueAt?.place ?? flag.place;
    if (mount === undefined || (mount.hostPath === undefined && mount.volumeType === 'emptyDir'))
      return isNew ? [notMounted(file)] : [];
    // The kubelet's own check of the volume comes before the server's.
    if (mount.hostPath === undefined || (mount.exact && mount.hostPathType?.startsWith('File') === true)) return [];
    const kind = isNew ? await kindAt(ports.files, mount.hostPath, subject) : await listed(mount.hostPath);
    if (kind === 'absent')
      return [
        {
          code: 'flag-file-missing',
          severity: 'error',
          title: `--${flag.name} names ${path}, and there is no ${mount.hostPath} on this node`,
          detail: 'The API server would not start.',
          place,
          remedy: [`ls -la ${folderOf(mount.hostPath)}`, 'put the file there, or correct the flag'],
        },
      ];
    if (kind === 'folder')
      return [
        {
          code: 'flag-file-is-folder',
          severity: 'error',
          title: `--${flag.name} names ${path}, and ${mount.hostPath} is a folder`,
          detail: 'The API server would not start: it reads a file there.',
          place,
          remedy: [
            `rmdir ${mount.hostPath}   (a volume without type: File makes such folders where nothing is)`,
            'then put the file there, and write `type: File`',
          ],
        },
      ];
    return [];
  }

  /** Today's files lie together in one or two folders: to list those asks less than to look at each. */
  async function listed(path: string): Promise<Kind> {
    const folder = folderOf(path);
    let names = folders.get(folder);
    if (!names)
      folders.set(
        folder,
        (names = ports.files.list(folder).then(
          (all) => new Set(all),
          () => undefined,
        )),
      );
    const known = await names;
    if (known === undefined) return 'unknown';
    return known.has(path.slice(path.lastIndexOf('/') + 1)) ? 'file' : kindAt(ports.files, path, subject);
  }
};

function identity({ flag, path, mount }: FlagFile): string {
  return JSON.stringify([flag.name, path, mount?.hostPath, mount?.volumeType]);
}

function notMounted({ flag, path }: FlagFile): Finding {
  const name = flag.name.startsWith('audit-') ? flag.name.replace(/-(?:config-)?file$/, '') : flag.name.slice(0, 63);
  return {
    code: 'path-not-mounted',
    severity: 'error',
    title: `--${flag.name} names ${path}, which no volume brings into the container`,
    detail: 'The API server would not start: open: no such file or directory',
    place: flag.valueAt?.place ?? flag.place,
    remedy: [
      [
        'under volumeMounts and volumes:',
        `- {name: ${name}, mountPath: ${path}, readOnly: true}`,
        `- {name: ${name}, hostPath: {path: ${path}, type: File}}`,
      ].join('\n'),
      ...(flag.name === 'audit-policy-file' ? ['or let the tool do it: kube-auditctl enable --policy FILE'] : []),
    ],
  };
}
