import fc from 'fast-check';
import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../src/core/errors';
import { wasWritten } from '../../src/change/ports';
import { createFiles } from '../../src/system/files';
import { errnoError, nodeFsCalls } from '../../src/system/fs-calls';
import { memoryFs } from '../support/memory-fs';
import { tempFolder } from '../support/temp-folder';

const FOLDER = '/etc/kubernetes/manifests';
const MANIFEST = `${FOLDER}/kube-apiserver.yaml`;
const image = (text: string, mode = 0o600) => ({ bytes: new TextEncoder().encode(text), mode, uid: 0, gid: 0 });
const token = () => '0123456789abcdef';

function node() {
  const fs = memoryFs();
  fs.put(MANIFEST, 'old');
  return { fs, files: createFiles(fs, { token }) };
}

describe('writeAtomic', () => {
  test('the bytes, owner and mode as asked, and nothing left beside them', async () => {
    const { fs, files } = node();
    await files.writeAtomic(MANIFEST, { bytes: new TextEncoder().encode('new'), mode: 0o640, uid: 7, gid: 8 });
    expect(fs.snapshot()).toEqual({ [MANIFEST]: { text: 'new', mode: 0o640, uid: 7, gid: 8 } });
  });

  test('the kubelet never sees a name but the manifest, nor a text but old and new', async () => {
    const { fs, files } = node();
    await files.writeAtomic(MANIFEST, image('new'));
    const seen = fs.history(FOLDER).map((state) => Object.entries(state).filter(([name]) => !name.startsWith('.')));
    expect(new Set(seen.flat().map(([name, text]) => `${name}: ${text}`))).toEqual(
      new Set(['kube-apiserver.yaml: old', 'kube-apiserver.yaml: new']),
    );
    // After the file first stood there it was never away.
    expect(seen.slice(1).every((names) => names.length === 1)).toBe(true);
  });

  test('survives a power cut once it has resolved', async () => {
    const { fs, files } = node();
    await files.writeAtomic(MANIFEST, image('new'));
    fs.powerCut();
    expect(fs.text(MANIFEST)).toBe('new');
  });

  // Whatever call fails, before or after its effect: what the answer says is what the folder holds.
  const faults = ['before', 'after'].flatMap((side) =>
    [1, 2, 3, 4].map((n) => [side as 'before' | 'after', n] as const),
  );
  test.each(faults)('a fault %s call %i leaves old or new, no temp file, and the truth', async (side, n) => {
    const { fs, files } = node();
    fs[side] = (call) => {
      if (call.n === n) throw errnoError('EIO', call.name, call.path);
    };
    const thrown: unknown = await files.writeAtomic(MANIFEST, image('new')).catch((error: unknown) => error);
    expect(Object.keys(fs.snapshot())).toEqual([MANIFEST]);
    expect(fs.text(MANIFEST)).toBe(thrown === undefined || wasWritten(thrown) ? 'new' : 'old');
    if (thrown !== undefined) expect(thrown).toBeInstanceOf(UserError);
  });

  test('a folder that cannot be flushed: rejects, and says that it is written', async () => {
    const { fs, files } = node();
    fs.fault({ code: 'EIO', under: FOLDER, call: 'fsyncFolder' });
    const thrown: unknown = await files.writeAtomic(MANIFEST, image('new')).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'not-durable', written: true });
    expect(fs.text(MANIFEST)).toBe('new');
  });

  test.each(['EINVAL', 'ENOTSUP'])('a file system that flushes no folders (%s) is good enough', async (code) => {
    const { fs, files } = node();
    fs.fault({ code, under: FOLDER, call: 'fsyncFolder' });
    await files.writeAtomic(MANIFEST, image('new'));
    expect(fs.text(MANIFEST)).toBe('new');
  });

  test('a temp name that is taken belongs to somebody else and stays', async () => {
    const { fs, files } = node();
    fs.put(`${FOLDER}/.kube-auditctl-${token()}`, 'theirs');
    await expect(files.writeAtomic(MANIFEST, image('new'))).rejects.toMatchObject({ code: 'exists' });
    expect(fs.text(`${FOLDER}/.kube-auditctl-${token()}`)).toBe('theirs');
    expect(fs.text(MANIFEST)).toBe('old');
  });

  test.each([
    ['a symlink', 'is-symlink', (fs: ReturnType<typeof memoryFs>) => fs.putLink(MANIFEST, '/srv/m.yaml')],
    ['a folder', 'not-a-file', (fs: ReturnType<typeof memoryFs>) => fs.putFolder(MANIFEST)],
    ['a device', 'not-a-file', (fs: ReturnType<typeof memoryFs>) => fs.putOther(MANIFEST)],
  ])('%s is not replaced', async (_, code, put) => {
    const fs = memoryFs();
    put(fs);
    const before = fs.snapshot();
    await expect(createFiles(fs).writeAtomic(MANIFEST, image('new'))).rejects.toMatchObject({ code });
    expect(fs.snapshot()).toEqual(before);
  });
});

describe('refusals', () => {
  test.each([
    ['ENOSPC', 'disk-full', `df -h ${FOLDER}`],
    ['EDQUOT', 'disk-full', `df -h ${FOLDER}`],
    ['EROFS', 'read-only-file-system', `findmnt -T ${FOLDER}`],
    ['EACCES', 'permission-denied', 'run it again with sudo'],
    ['EIO', 'file-error', `ls -ld ${MANIFEST}`],
  ])('%s while writing is %s', async (code, name, hint) => {
    const { fs, files } = node();
    fs.fault({ code, under: FOLDER, call: 'createExclusive' });
    const thrown = (await files.writeAtomic(MANIFEST, image('new')).catch((error: unknown) => error)) as UserError;
    expect(thrown).toBeInstanceOf(UserError);
    expect({ code: thrown.code, hints: thrown.hints }).toEqual({
      code: name,
      hints: expect.arrayContaining([hint]) as string[],
    });
    expect(thrown.message).toContain(`cannot write ${MANIFEST}: `);
    expect(Object.keys(fs.snapshot())).toEqual([MANIFEST]);
  });

  test.each([
    ['rename', `sudo chattr -i -a ${MANIFEST}`, 'it is marked'],
    ['createExclusive', `sudo chattr -i -a ${FOLDER}`, 'its folder is marked'],
  ] as const)('EPERM at %s names what is immutable', async (call, hint, words) => {
    const { fs, files } = node();
    fs.fault({ code: 'EPERM', under: FOLDER, call });
    await expect(files.writeAtomic(MANIFEST, image('new'))).rejects.toMatchObject({
      code: 'immutable-file',
      message: expect.stringContaining(words) as string,
      hints: expect.arrayContaining([hint]) as string[],
    });
  });

  test('an owner that only root may give is a question of permission, not of attributes', async () => {
    const { fs, files } = node();
    fs.before = ({ name, path }) => {
      if (name === 'createExclusive') throw Object.assign(errnoError('EPERM', 'fchown', path), { syscall: 'fchown' });
    };
    await expect(files.writeAtomic(MANIFEST, image('new'))).rejects.toMatchObject({ code: 'permission-denied' });
  });

  test.each([
    ['too-large', '/big'],
    ['not-found', '/none'],
    ['is-symlink', '/link'],
    ['not-a-file', '/folder'],
    ['not-a-file', '/fifo'],
    ['not-a-folder', '/big/x'],
  ])('reading answers %s for %s', async (code, path) => {
    const fs = memoryFs();
    fs.put('/big', 'x'.repeat(11));
    fs.putLink('/link', '/big');
    fs.putFolder('/folder');
    fs.putOther('/fifo');
    await expect(createFiles(fs).read(path, 10)).rejects.toMatchObject({ code, name: 'UserError' });
    if (path === '/fifo') expect(fs.calls.map(({ name }) => name)).toEqual(['lstat']);
  });

  test('a path with a space and a quote is quoted in what can be typed', async () => {
    await expect(createFiles(memoryFs()).read("/a b/it's", 9)).rejects.toMatchObject({
      hints: ["ls -ld '/a b'"],
    });
  });

  test('what is no errno is a bug and passes as it is', async () => {
    const { fs, files } = node();
    const bug = new TypeError('bug');
    fs.before = () => {
      throw bug;
    };
    await expect(files.read(MANIFEST, 9)).rejects.toBe(bug);
  });
});

test('look tells what is there, and nothing for nothing', async () => {
  const { fs, files } = node();
  fs.putLink('/link', '/etc');
  fs.putOther('/fifo');
  expect(await files.look(MANIFEST)).toMatchObject({ kind: 'file', size: 3, mode: 0o600, uid: 0, gid: 0 });
  expect(await files.look(FOLDER)).toEqual({ kind: 'folder', mode: 0o755, uid: 0, gid: 0 });
  expect(await files.look('/link')).toEqual({ kind: 'symlink', target: '/etc' });
  expect(await files.look('/fifo')).toEqual({ kind: 'other' });
  expect(await files.look('/none')).toBeUndefined();
  expect(await files.look(`${MANIFEST}/x`)).toBeUndefined();
  fs.fault({ code: 'EACCES', under: FOLDER });
  await expect(files.look(MANIFEST)).rejects.toMatchObject({ code: 'permission-denied' });
});

test('remove is durable, and done when the file is gone already', async () => {
  const { fs, files } = node();
  await files.remove(MANIFEST);
  fs.powerCut();
  expect(fs.text(MANIFEST)).toBeUndefined();
  await files.remove(MANIFEST);
  await files.remove('/none/at/all');
});

describe('makeFolder', () => {
  test('makes what is missing, with the mode, and answers it outermost first', async () => {
    const { fs, files } = node();
    expect(await files.makeFolder('/etc/kubernetes/audit/logs', 0o770)).toEqual([
      '/etc/kubernetes/audit',
      '/etc/kubernetes/audit/logs',
    ]);
    expect(await files.look('/etc/kubernetes/audit')).toMatchObject({ mode: 0o770 });
    fs.powerCut();
    expect(await files.makeFolder('/etc/kubernetes/audit/logs', 0o700)).toEqual([]);
  });

  test('takes its folders back when it fails half way', async () => {
    const { fs, files } = node();
    fs.fault({ code: 'ENOSPC', under: '/a/b', call: 'mkdir' });
    await expect(files.makeFolder('/a/b/c', 0o700)).rejects.toMatchObject({ code: 'disk-full' });
    expect(await files.look('/a')).toBeUndefined();
  });

  test('a link to a folder is a folder; a file in the way is said', async () => {
    const { fs, files } = node();
    fs.putLink('/var/log', '/etc');
    expect(await files.makeFolder('/var/log/kubernetes', 0o700)).toEqual([]);
    await expect(files.makeFolder(`${MANIFEST}/x`, 0o700)).rejects.toMatchObject({ code: 'not-a-folder' });
  });

  test('a folder that appears meanwhile is not ours', async () => {
    const { fs, files } = node();
    fs.before = ({ name, path }) => {
      if (name === 'mkdir' && path === '/a') fs.putFolder('/a', 0o755);
    };
    expect(await files.makeFolder('/a/b', 0o700)).toEqual(['/a/b']);
    expect(await files.look('/a')).toMatchObject({ mode: 0o755 });
  });
});

test('removeEmptyFolder removes only what is empty', async () => {
  const { fs, files } = node();
  fs.putFolder('/empty');
  expect(await files.removeEmptyFolder('/empty')).toBe(true);
  expect(await files.removeEmptyFolder('/empty')).toBe(false);
  expect(await files.removeEmptyFolder(FOLDER)).toBe(false);
  expect(fs.text(MANIFEST)).toBe('old');
});

test('removeTree takes links, not what they point to', async () => {
  const { fs, files } = node();
  fs.put('/own/a/b', 'x');
  fs.putLink('/own/a/etc', '/etc');
  await files.removeTree('/own');
  expect(Object.keys(fs.snapshot())).toEqual([MANIFEST]);
  await files.removeTree('/own');
});

test('list is sorted, and empty for a folder that is not there', async () => {
  const { fs, files } = node();
  fs.put(`${FOLDER}/etcd.yaml`, '');
  expect(await files.list(FOLDER)).toEqual(['etcd.yaml', 'kube-apiserver.yaml']);
  expect(await files.list('/none')).toEqual([]);
  await expect(files.list(MANIFEST)).rejects.toMatchObject({ code: 'not-a-folder' });
});

test('sweepTemp removes the temp files of a crash and no other dot file', async () => {
  const { fs, files } = node();
  fs.put(`${FOLDER}/.kube-auditctl-00112233aabbccdd`, 'half');
  fs.put(`${FOLDER}/.kube-auditctl-aside.yaml`, 'the manifest, put aside');
  fs.put(`${FOLDER}/.swp`, 'an editor');
  fs.putFolder(`${FOLDER}/.kube-auditctl-0011223344556677`);
  expect(await files.sweepTemp(FOLDER)).toEqual(['.kube-auditctl-00112233aabbccdd']);
  expect(await files.sweepTemp('/none')).toEqual([]);
  expect(await files.list(FOLDER)).toEqual([
    '.kube-auditctl-0011223344556677',
    '.kube-auditctl-aside.yaml',
    '.swp',
    'kube-apiserver.yaml',
  ]);
});

describe('free', () => {
  test('asks the nearest folder that exists', async () => {
    const { fs, files } = node();
    expect(await files.free('/etc/kubernetes/audit/logs/audit.log')).toEqual({
      bytes: 10 * 1024 ** 3,
      readOnly: false,
    });
    expect(fs.calls.find(({ name }) => name === 'statfs')?.path).toBe('/etc/kubernetes');
    await files.free(MANIFEST);
    expect(fs.calls.filter(({ name }) => name === 'statfs').at(-1)?.path).toBe(FOLDER);
  });

  test('read-only is read-only, no right to write is not', async () => {
    const { fs, files } = node();
    fs.fault({ code: 'EROFS', under: '/etc', call: 'accessForWriting', times: 1 });
    expect(await files.free('/etc')).toMatchObject({ readOnly: true });
    fs.fault({ code: 'EACCES', under: '/etc', call: 'accessForWriting' });
    expect(await files.free('/etc')).toMatchObject({ readOnly: false });
  });

  test('no inodes left is no room', async () => {
    const { fs, files } = node();
    fs.statfs = () => Promise.resolve({ bytes: 1e9, inodes: 100, freeInodes: 0 });
    expect((await files.free('/etc')).bytes).toBe(0);
    fs.statfs = () => Promise.resolve({ bytes: 1e9, inodes: 0, freeInodes: 0 });
    expect((await files.free('/etc')).bytes).toBe(1e9);
  });
});

test('sha256', () => {
  expect(createFiles(memoryFs()).sha256(new TextEncoder().encode('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

describe('under --root', () => {
  test('an absolute link inside the node stays inside the node', async () => {
    const root = tempFolder();
    mkdirSync(join(root, 'data/kubernetes'), { recursive: true });
    mkdirSync(join(root, 'etc'));
    symlinkSync('/data/kubernetes', join(root, 'etc/kubernetes'));
    symlinkSync('../../../../../etc/kubernetes', join(root, 'up'));
    writeFileSync(join(root, 'data/kubernetes/a'), 'inside');
    const files = createFiles(nodeFsCalls(), { root });
    for (const path of ['/etc/kubernetes/a', '/up/a', '/../../etc/./kubernetes/a']) {
      expect(Buffer.from((await files.read(path, 99)).bytes).toString()).toBe('inside');
    }
    const { uid, gid } = await files.read('/up/a', 99);
    await files.writeAtomic('/etc/kubernetes/b', { bytes: new Uint8Array([1]), mode: 0o600, uid, gid });
    expect(await files.list('/data/kubernetes')).toEqual(['a', 'b']);
    expect(await files.makeFolder('/etc/kubernetes/c/d', 0o700)).toEqual(['/etc/kubernetes/c', '/etc/kubernetes/c/d']);
    expect(await files.look('/etc/kubernetes')).toEqual({ kind: 'symlink', target: '/data/kubernetes' });
    expect(readlinkSync(join(root, 'etc/kubernetes'))).toBe('/data/kubernetes');
  });

  test('a loop ends, and the refusal names the path on this machine', async () => {
    const fs = memoryFs();
    fs.putLink('/host/etc', '/etc');
    await expect(createFiles(fs, { root: '/host' }).read('/etc/x', 9)).rejects.toMatchObject({
      code: 'is-symlink',
      message: expect.stringContaining('/host/etc/x') as string,
    });
  });

  test('no chain of links leads out of it', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const step = fc.constantFrom('..', '.', '/', 'a', 'b', 'c');
    const links = fc.array(fc.tuple(name, fc.array(step, { maxLength: 5 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(links, fc.array(step, { minLength: 1, maxLength: 6 }), async (made, path) => {
        const fs = memoryFs();
        fs.put('/host/a/f', 'inside');
        for (const outside of ['/a', '/b', '/c', '/f']) fs.putOther(outside);
        for (const [from, to] of made) if (from !== 'a') fs.putLink(`/host/${from}`, to.join('/') || '/');
        await createFiles(fs, { root: '/host' })
          .look(`/${path.join('/')}`)
          .catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'is-symlink' });
          });
        for (const call of fs.calls) expect(call.path.startsWith('/host')).toBe(true);
        for (const call of fs.calls) expect(call.path).not.toContain('..');
      }),
    );
  });
});
