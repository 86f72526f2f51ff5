/** Builds the stage of a rehearsal inside its namespace. Rule: whatever is made here is made in memory that dies with it. */
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { fstab, type Prop, type Stage } from '../../core/rehearsal/stage';
import { runInside, type Namespace } from './namespace';

/** Of scratch: policies, and a log that nobody writes. */
const SCRATCH_SIZE = '32m';

/** Lays the scratch file system over a folder of the namespace. */
export async function openScratch(namespace: Namespace, scratch: string): Promise<void> {
  const options = `mode=755,nosuid,size=${SCRATCH_SIZE}`;
  await runInside(namespace, ['mount', '--no-mtab', '-t', 'tmpfs', '-o', options, 'tmpfs', scratch]);
}

/** Rejects with the words of mount(8) when the stage cannot be built. */
export async function build(namespace: Namespace, stage: Stage, scratch: string): Promise<void> {
  const inside = (below: string): string => namespace.path(`${scratch}/${below}`);
  for (const prop of stage.props) await put(prop, inside(prop.at));
  await fs.writeFile(inside('fstab'), fstab(stage.mounts));
  await runInside(namespace, ['mount', '--no-mtab', '--all', '--fstab', `${scratch}/fstab`]);
}

async function put(prop: Prop, path: string): Promise<void> {
  await fs.mkdir(prop.kind === 'folder' ? path : dirname(path), { recursive: true });
  switch (prop.kind) {
    case 'folder':
      if (prop.like !== undefined) {
        const { mode, uid, gid } = await fs.stat(prop.like);
        await fs.chmod(path, mode & 0o7777);
        await fs.chown(path, uid, gid);
      }
      return;
    case 'file':
      await fs.writeFile(path, prop.file?.bytes ?? '');
      await fs.chmod(path, prop.file?.mode ?? 0o600);
      await fs.chown(path, prop.file?.uid ?? 0, prop.file?.gid ?? 0);
      return;
    case 'link':
      await fs.symlink(prop.target, path);
  }
}
