/** A change before it is made: every file it will touch, in order, and what it means. */
import type { Finding } from '../core/finding';
import { unifiedDiff } from '../core/manifest/diff';
import type { FileDiff } from '../core/outcome';
import type { RecordedFile } from '../core/record';
import type { Described, LiveManifest } from './manifest';
import type { FileImage, Files } from './ports';

export interface PlannedFile {
  path: string;
  role: RecordedFile['role'];
  before: FileImage | null;
  after: FileImage | null;
}

export interface Plan {
  /** The new manifest. */
  manifestText: string;
  /** The same taken apart, where the plan has that at hand; its places name the file that the user knows. */
  next?: Described;
  /** Other files, in the order they are written; those whose `after` is null are removed once all is well. */
  others: readonly PlannedFile[];
  folders: readonly { path: string; mode: number }[];
  changes: readonly string[];
  findings: readonly Finding[];
  notes: readonly string[];
  /** Marks the first change of audit settings: `disable` goes back to what was before it. */
  baseline?: boolean;
  undoes?: readonly string[];
  /** A mend of doctor: see ChangeRecord. */
  repair?: { healthyBefore: boolean };
}

/** The other files first, the manifest last: it is what wakes the kubelet. Files that stay as they are fall out. */
export function filesOf(plan: Plan, live: LiveManifest, files: Files): PlannedFile[] {
  const manifest: PlannedFile = {
    path: live.path,
    role: 'manifest',
    before: live.image,
    after: { ...live.image, bytes: new TextEncoder().encode(plan.manifestText) },
  };
  const differs = ({ before, after }: PlannedFile): boolean =>
    before === null || after === null
      ? before !== after
      : files.sha256(before.bytes) !== files.sha256(after.bytes) ||
        before.mode !== after.mode ||
        before.uid !== after.uid ||
        before.gid !== after.gid;
  return [...plan.others.filter(differs), ...(differs(manifest) ? [manifest] : [])];
}

/** Unified diffs by file; a file that was not there, or will not be, is /dev/null as in git. */
export function diffsOf(changed: readonly PlannedFile[]): FileDiff[] {
  const text = (image: FileImage | null): string => (image ? new TextDecoder().decode(image.bytes) : '');
  return changed.map(({ path, role, before, after }) => {
    const diff = unifiedDiff(text(before), text(after), { file: path });
    const made = before ? diff : diff.replace(/^--- .*$/m, '--- /dev/null');
    return { path, role, diff: after ? made : made.replace(/^\+\+\+ .*$/m, '+++ /dev/null') };
  });
}
