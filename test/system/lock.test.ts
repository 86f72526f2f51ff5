import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLock } from '../../src/system/lock';
import { bundle } from '../support/bundle';
import { tempFolder } from '../support/temp-folder';

const me = { pid: process.pid, what: 'enable', since: '2024-01-15T10:30:00Z' };
const fileIn = (root: string) => join(root, 'run/kube-auditctl/lock');

test('held once; the next one learns by whom; free again after release', async () => {
  const root = tempFolder();
  const first = await createLock({ root }).acquire(me);
  expect(first.state).toBe('held');
  // Another open file of the same process is another holder to the kernel.
  expect(await createLock({ root }).acquire({ ...me, what: 'disable' })).toEqual({ state: 'taken', by: me });
  if (first.state === 'held') await first.release();
  const second = await createLock({ root }).acquire({ ...me, what: 'disable' });
  expect(second.state).toBe('held');
  expect(JSON.parse(readFileSync(fileIn(root), 'utf8'))).toMatchObject({ what: 'disable' });
  if (second.state === 'held') await second.release();
});

test('only its owner can read it', async () => {
  const root = tempFolder();
  const held = await createLock({ root }).acquire(me);
  expect([statSync(join(root, 'run/kube-auditctl')).mode & 0o777, statSync(fileIn(root)).mode & 0o777]).toEqual([
    0o700, 0o600,
  ]);
  if (held.state === 'held') await held.release();
});

test('text that is no holder is no reason to fail', async () => {
  const root = tempFolder();
  const held = await createLock({ root }).acquire(me);
  writeFileSync(fileIn(root), '{"pid": "seven"}');
  expect(await createLock({ root }).acquire(me)).toEqual({ state: 'taken', by: undefined });
  if (held.state === 'held') await held.release();
});

test('a link in place of the lock file is not followed', async () => {
  const root = tempFolder();
  mkdirSync(join(root, 'run/kube-auditctl'), { recursive: true });
  symlinkSync(join(root, 'precious'), fileIn(root));
  await expect(createLock({ root }).acquire(me)).rejects.toMatchObject({ code: 'is-symlink' });
  expect(existsSync(join(root, 'precious'))).toBe(false);
});

test('no flock program: says what to install', async () => {
  const lock = createLock({ root: tempFolder(), program: join(tempFolder(), 'flock') });
  await expect(lock.acquire(me)).rejects.toMatchObject({
    code: 'no-flock',
    hints: expect.arrayContaining(['sudo apt-get install util-linux']) as string[],
  });
});

test('kill -9 frees it, although children of the dead holder live on', async () => {
  const root = tempFolder();
  const script = bundle(`
    import { createLock } from './src/system/lock';
    import { spawn } from 'node:child_process';
    const held = await createLock({ root: ${JSON.stringify(root)} }).acquire({ pid: process.pid, what: 'enable', since: '' });
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    process.stdout.write(JSON.stringify({ state: held.state, child: child.pid }));
    setInterval(() => undefined, 1000);
  `);
  const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told = JSON.parse(await firstWords(holder)) as { state: string; child: number };
  try {
    expect(told.state).toBe('held');
    expect(await createLock({ root }).acquire(me)).toMatchObject({ state: 'taken', by: { pid: holder.pid } });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    process.kill(told.child, 0);
    const held = await createLock({ root }).acquire(me);
    expect(held.state).toBe('held');
    if (held.state === 'held') await held.release();
  } finally {
    process.kill(told.child, 'SIGKILL');
  }
});

async function firstWords(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
  return chunk.toString();
}
