/** The stage of a rehearsal: what is laid over what, and that nothing of the host can be written. */
import {
  fstab,
  imageLayers,
  layOut,
  scratchFolder,
  type HostView,
  type Kind,
  type Stage,
} from '../../../src/core/rehearsal/stage';
import type { Trial, TrialFile, TrialMount } from '../../../src/core/rehearsal/trial';

const planned = (hostPath: string): TrialFile => ({
  hostPath,
  bytes: Buffer.from('policy'),
  mode: 0o644,
  uid: 1,
  gid: 2,
});

function trialOf(mounts: Partial<TrialMount>[], more: Partial<Trial> = {}): Trial {
  return {
    args: [],
    environment: {},
    program: { pid: 7 },
    files: [],
    folders: [],
    ...more,
    mounts: mounts.map((mount) => ({ mountPath: '/m', source: undefined, readOnly: false, type: undefined, ...mount })),
  };
}

function hostOf(kinds: Record<string, Kind>, more: Partial<HostView> = {}): HostView {
  return { kind: (path) => kinds[path] ?? 'missing', mountPoints: [], layers: [], program: '/proc/7/exe', ...more };
}

function stage(trial: Trial, host: HostView): Stage {
  const made = layOut(trial, '/mnt', host);
  if ('why' in made) throw new Error(made.why);
  return made;
}

/** `source target options` of every line. */
const linesOf = ({ mounts }: Stage): string[] =>
  mounts.map(({ source, target, options }) => `${source} ${target} ${options}`);

test('what the host has is mounted read-only, whatever the manifest says, shorter paths first', () => {
  const trial = trialOf([
    { mountPath: '/etc/kubernetes/pki', source: '/pki', readOnly: true },
    { mountPath: '/etc', source: '/srv/etc' },
    { mountPath: '/policy.yaml', source: '/p.yaml', type: 'File' },
  ]);
  const host = hostOf({
    '/pki': 'folder',
    '/srv/etc': 'folder',
    '/srv/etc/kubernetes/pki': 'folder',
    '/p.yaml': 'file',
  });
  expect(linesOf(stage(trial, host))).toEqual([
    '/srv/etc /mnt/root/etc rbind,ro',
    '/p.yaml /mnt/root/policy.yaml bind,ro',
    '/pki /mnt/root/etc/kubernetes/pki rbind,ro',
  ]);
});

test('the folder of the log is an overlay: what is written there stays in scratch', () => {
  const trial = trialOf([{ mountPath: '/logs', source: '/var/log/kubernetes' }], { logPath: '/logs/audit/audit.log' });
  const made = stage(trial, hostOf({ '/var/log/kubernetes': 'folder' }));
  expect(linesOf(made)).toEqual([
    '/var/log/kubernetes /mnt/low/m0 bind,ro',
    'overlay /mnt/root/logs lowerdir=/mnt/low/m0,upperdir=/mnt/up/m0,workdir=/mnt/work/m0',
  ]);
  // Its mode and owner are the host's: another user than root may not be able to write there.
  expect(made.props).toContainEqual({ kind: 'folder', at: 'up/m0', like: '/var/log/kubernetes' });
});

test('a log mounted read-only stays read-only', () => {
  const trial = trialOf([{ mountPath: '/logs', source: '/l', readOnly: true }], { logPath: '/logs/a.log' });
  expect(linesOf(stage(trial, hostOf({ '/l': 'folder' }))).at(-1)).toMatch(/workdir=\S+,ro$/);
  expect(linesOf(stage(trial, hostOf({}))).at(-1)).toBe('/mnt/up/m0 /mnt/root/logs bind,ro');
});

test('a single log file is a scratch file of its own', () => {
  const trial = trialOf([{ mountPath: '/a.log', source: '/l/a.log', type: 'FileOrCreate' }], { logPath: '/a.log' });
  for (const kind of ['file', 'missing'] as const) {
    expect(linesOf(stage(trial, hostOf({ '/l/a.log': kind })))).toEqual(['/mnt/files/m0 /mnt/root/a.log bind']);
  }
});

test.each<[string, Partial<TrialMount>, string[], object]>([
  [
    'mounted as a file',
    { mountPath: '/p.yaml', source: '/etc/p.yaml', type: 'File', readOnly: true },
    ['/mnt/files/m0 /mnt/root/p.yaml bind,ro'],
    { kind: 'file', at: 'files/m0', file: planned('/etc/p.yaml') },
  ],
  [
    'in a mounted folder',
    { mountPath: '/etc/kubernetes', source: '/etc', readOnly: true },
    [
      '/etc /mnt/low/m0 bind,ro',
      'overlay /mnt/root/etc/kubernetes lowerdir=/mnt/low/m0,upperdir=/mnt/up/m0,workdir=/mnt/work/m0,ro',
    ],
    { kind: 'file', at: 'up/m0/p.yaml', file: planned('/etc/p.yaml') },
  ],
])('a policy that is not written yet: %s', (_, mount, lines, prop) => {
  const trial = trialOf([mount], { files: [planned('/etc/p.yaml')] });
  const made = stage(trial, hostOf({ '/etc': 'folder' }));
  expect(linesOf(made)).toEqual(lines);
  expect(made.props).toContainEqual(prop);
});

test('policy and log in one mounted folder, which the change makes', () => {
  const trial = trialOf([{ mountPath: '/audit', source: '/etc/audit', type: 'Directory' }], {
    files: [planned('/etc/audit/policy.yaml')],
    folders: ['/etc/audit'],
    logPath: '/audit/logs/audit.log',
  });
  const made = stage(trial, hostOf({}));
  expect(linesOf(made)).toEqual(['/mnt/up/m0 /mnt/root/audit bind']);
  expect(made.props).toContainEqual({ kind: 'file', at: 'up/m0/policy.yaml', file: planned('/etc/audit/policy.yaml') });
});

test('folders between a mounted folder and a planned file keep their mode and owner', () => {
  const trial = trialOf([{ mountPath: '/etc', source: '/etc' }], { files: [planned('/etc/a/b/p.yaml')] });
  const { props } = stage(trial, hostOf({ '/etc': 'folder', '/etc/a': 'folder' }));
  expect(props).toEqual(
    expect.arrayContaining([
      { kind: 'folder', at: 'up/m0/a', like: '/etc/a' },
      { kind: 'folder', at: 'up/m0/a/b' },
      { kind: 'file', at: 'up/m0/a/b/p.yaml', file: planned('/etc/a/b/p.yaml') },
    ]),
  );
});

test('a mount point that its outer mount lacks is made in scratch, not on the host', () => {
  const trial = trialOf([
    { mountPath: '/etc', source: '/srv/etc' },
    { mountPath: '/etc/audit/p.yaml', source: '/p.yaml', type: 'File' },
  ]);
  const made = stage(trial, hostOf({ '/srv/etc': 'folder', '/p.yaml': 'file' }));
  expect(linesOf(made).slice(0, 2)).toEqual([
    '/srv/etc /mnt/low/m0 bind,ro',
    'overlay /mnt/root/etc lowerdir=/mnt/low/m0,upperdir=/mnt/up/m0,workdir=/mnt/work/m0',
  ]);
  expect(made.props).toContainEqual({ kind: 'file', at: 'up/m0/audit/p.yaml' });
});

test('file systems mounted below an overlay are mounted again, but for the one of the live log', () => {
  const trial = trialOf([{ mountPath: '/var/log', source: '/var/log' }], { logPath: '/var/log/audit/a.log' });
  const host = hostOf({ '/var/log': 'folder' }, { mountPoints: ['/', '/var/log/pods', '/var/log/audit', '/var/logs'] });
  expect(linesOf(stage(trial, host)).slice(2)).toEqual(['/var/log/pods /mnt/root/var/log/pods rbind,ro']);
});

test.each<[string | undefined, Kind, string | undefined]>([
  ['File', 'missing', 'file'],
  ['File', 'folder', 'file'],
  ['FileOrCreate', 'folder', 'file'],
  ['Directory', 'missing', 'directory'],
  ['DirectoryOrCreate', 'file', 'directory'],
  ['Socket', 'file', 'Socket'],
  ['Socket', 'other', undefined],
  ['FileOrCreate', 'missing', undefined],
  ['DirectoryOrCreate', 'missing', undefined],
  [undefined, 'missing', undefined],
  [undefined, 'file', undefined],
])('hostPath type %s where there is %s: not a %s', (type, kind, not) => {
  const made = layOut(trialOf([{ source: '/x', type }]), '/mnt', hostOf({ '/x': kind }));
  expect('why' in made ? made.why : undefined).toBe(
    not === undefined ? undefined : `hostPath type check failed: /x is not a ${not}`,
  );
});

test('the layers of the image lie below all of it, with what a container always has', () => {
  const host = hostOf({ '/proc': 'folder', '/dev/null': 'other' }, { layers: ['/l/2', '/l/1'] });
  const made = stage(trialOf([{ mountPath: '/x' }]), host);
  expect(linesOf(made)).toEqual([
    'overlay /mnt/root lowerdir=/l/2:/l/1,upperdir=/mnt/up/root,workdir=/mnt/work/root',
    '/proc /mnt/root/proc bind,ro',
    '/dev/null /mnt/root/dev/null bind,ro',
    '/mnt/up/m0 /mnt/root/x bind',
  ]);
  expect(made.props).toContainEqual({ kind: 'link', at: 'up/root/.rehearsal', target: '/proc/7/exe' });
});

test('paths with blanks and backslashes survive fstab', () => {
  expect(fstab([{ source: '/a b\\c#', target: '/d\te', type: 'none', options: 'bind,ro' }])).toBe(
    '/a\\040b\\134c\\043 /d\\011e none bind,ro 0 0\n',
  );
});

test('the scratch covers no folder that the trial looks into', () => {
  const all = (): boolean => true;
  expect(scratchFolder([], all)).toBe('/mnt');
  expect(scratchFolder(['/mnt/audit', '/mnts'], all)).toBe('/media');
  expect(scratchFolder([], (path) => path === '/home')).toBe('/home');
  expect(scratchFolder([], () => false)).toBeUndefined();
});

test.each([
  [
    '544 210 0:78 / / rw - overlay overlay rw,lowerdir=/s/2/fs:/s/1/fs,upperdir=/s/6/fs,workdir=/s/6/work\n545 544 0:80 / /proc rw - proc proc rw',
    ['/s/2/fs', '/s/1/fs'],
  ],
  ['544 210 0:78 / / rw - overlay overlay rw,lowerdir=2/fs:1/fs,upperdir=6/fs', []],
  ['544 210 8:1 / / rw - ext4 /dev/vda rw', []],
  ['', []],
])('layers of an image, from its mount table', (mountinfo, layers) => {
  expect(imageLayers(mountinfo)).toEqual(layers);
});
