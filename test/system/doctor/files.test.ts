/** Certificates, paths, disks, sockets and listeners, as they are on a disk and in a /proc. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { readCertificates } from '../../../src/system/doctor/certificates';
import { changedAt, holdersOf, lookAtDisk, lookAtPath, probeRuntime, swapOf } from '../../../src/system/doctor/machine';
import { ADMIN, CA, EXPIRED_ADMIN, kubeconfig, SERVER, STRANGER } from '../../support/certificates';
import { fakeProc, tcpLine } from '../../support/fake-proc';
import { tempFolder } from '../../support/temp-folder';

describe('certificates', () => {
  const root = tempFolder();
  const put = (path: string, text: string): void => {
    writeFileSync(join(root, path), text);
  };
  put('ca.crt', CA);
  put('server.crt', SERVER.cert);
  put('server.key', SERVER.key);
  put('other.key', STRANGER.key);
  put('stranger.crt', STRANGER.cert);
  put('admin.conf', kubeconfig({ pair: EXPIRED_ADMIN }));
  put('empty.crt', '');
  put('garbage.crt', 'no certificate');
  put('garbage.key', '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n');
  put('sa.pub', ADMIN.cert);
  const asked = [
    { usedBy: '--client-ca-file', path: '/ca.crt', role: 'authority' },
    { usedBy: '--tls-cert-file', path: '/server.crt', role: 'certificate' },
    { usedBy: '--tls-private-key-file', path: '/server.key', role: 'key' },
    { usedBy: '--a', path: '/other.key', role: 'key' },
    { usedBy: '--b', path: '/stranger.crt', role: 'certificate' },
    { usedBy: 'admin.conf', path: '/admin.conf', role: 'certificate' },
    { usedBy: '--c', path: '/empty.crt', role: 'certificate' },
    { usedBy: '--d', path: '/garbage.crt', role: 'certificate' },
    { usedBy: '--e', path: '/garbage.key', role: 'key' },
    { usedBy: '--f', path: '/gone.crt', role: 'certificate' },
    { usedBy: 'kubelet', path: '/gone.pem', role: 'certificate' },
    { usedBy: '--g', path: '/sa.pub', role: 'verifier' },
  ] as const;

  test('pairs, signatures, dates, and what is no certificate', async () => {
    const files = await readCertificates(root, asked);
    const of = (usedBy: string) => files.find((file) => file.usedBy === usedBy);
    expect(files.map(({ usedBy, state }) => [usedBy, state])).toEqual([
      ['--client-ca-file', 'read'],
      ['--tls-cert-file', 'read'],
      ['--tls-private-key-file', 'read'],
      ['--a', 'read'],
      ['--b', 'read'],
      ['admin.conf', 'read'],
      ['--c', 'empty'],
      ['--d', 'unreadable'],
      ['--e', 'unreadable'],
      ['--f', 'missing'],
      ['--g', 'read'],
    ]);
    const server = of('--tls-cert-file')?.certificates[0];
    expect(server?.publicKey).toBe(of('--tls-private-key-file')?.publicKey);
    expect(server?.publicKey).not.toBe(of('--a')?.publicKey);
    expect(server?.signedBy).toEqual(['/ca.crt']);
    // The same issuer by name, another key.
    expect(of('--b')?.certificates[0]?.signedBy).toEqual([]);
    expect(of('admin.conf')?.certificates[0]?.notAfter).toBe(Date.UTC(2024, 0, 1));
  });

  test('nothing secret comes out, not even in what went wrong', async () => {
    const text = JSON.stringify(await readCertificates(root, asked));
    for (const secret of ['PRIVATE', 'c2VjcmV0', SERVER.key.split('\n')[1] ?? '?']) expect(text).not.toContain(secret);
  });
});

describe('the machine', () => {
  const root = tempFolder();
  mkdirSync(join(root, 'data'));
  writeFileSync(join(root, 'data/file'), '');
  symlinkSync('/data/file', join(root, 'link'));

  test.each([
    ['/data', 'folder'],
    ['/data/file', 'file'],
    ['/link', 'file'],
    ['/data/file/below', 'missing'],
    ['/gone', 'missing'],
  ])('%s is a %s', async (path, kind) => {
    expect(await lookAtPath(root, path)).toEqual({ path, kind });
  });

  test('the disk of a path that is not there is that of its parent', async () => {
    const [disk, gone] = await Promise.all([lookAtDisk(root, '/data'), lookAtDisk(root, '/data/not/yet')]);
    expect(gone).toMatchObject({ path: '/data/not/yet', totalBytes: disk?.totalBytes, readOnly: false });
    expect(disk?.totalBytes).toBeGreaterThan(disk?.freeBytes ?? Infinity);
  });

  test('a file that was renamed into place has changed, whatever its own time says', async () => {
    const before = Date.now() - 2000;
    expect(await changedAt(root, '/data/file')).toBeGreaterThan(before);
    expect(await changedAt(root, '/gone')).toBeUndefined();
  });

  test('a runtime that answers, one that does not, and none', async () => {
    const socket = '/runtime.sock';
    expect(await probeRuntime(root, [socket])).toEqual({ socket, state: 'missing', detail: 'there is no socket' });
    const server = createServer((connection) => connection.destroy());
    await new Promise<void>((resolve) => server.listen(join(root, socket), resolve));
    expect(await probeRuntime(root, ['/gone.sock', socket])).toEqual({ socket, state: 'answers' });
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(join(root, 'dead.sock'), '');
    expect(await probeRuntime(root, ['/dead.sock'])).toMatchObject({ socket: '/dead.sock', state: 'refused' });
  });

  test('who listens on the port, and only there', () => {
    const proc = fakeProc();
    proc.put(1, { argv: ['systemd'], tcp: [tcpLine(6443, 77, '0A', '00000000'), tcpLine(6444, 78)] });
    proc.put(42, { argv: ['socat', 'TCP-LISTEN:6443'], fds: { 3: 'socket:[77]' } });
    proc.put(43, { argv: ['nginx'], fds: { 3: 'socket:[78]' } });
    expect(holdersOf(proc.path, 6443)).toEqual([
      { pid: 42, argv: ['socat', 'TCP-LISTEN:6443'], address: '0.0.0.0:6443' },
    ]);
    expect(holdersOf(proc.path, 1)).toEqual([]);
    writeFileSync(join(proc.path, 'swaps'), 'Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n');
    expect(swapOf(proc.path)).toEqual(['/dev/sda2 partition 1 0 -2']);
  });
});
