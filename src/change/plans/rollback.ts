/**
 * `rollback`: the files as an earlier change left them. What the user edited since stays, when it does not overlap; when
 * it does, nothing is written and the overlap is shown.
 */
import { UserError } from '../../core/errors';
import type { Finding } from '../../core/finding';
import { mergeText } from '../../core/manifest/diff';
import { standingChanges, type ChangeRecord, type FileVersion, type RecordedFile } from '../../core/record';
import { decodeText, type LiveManifest } from '../manifest';
import type { Plan, PlannedFile } from '../plan';
import type { FileImage, Ports } from '../ports';
import type { Store } from '../store';
import { carryEdits } from './carry-edits';

export interface RollbackOptions {
  /** A change's id (the state it left behind), or `original` (before the oldest recorded change). */
  to?: string;
  discardEdits: boolean;
}

export async function planRollback(
  ports: Ports,
  store: Store,
  live: LiveManifest,
  options: RollbackOptions,
): Promise<Plan> {
  const { records } = await store.list();
  const kept = records.filter((record) => record.state === 'kept' && record.manifestPath === live.path);
  const from = firstUndone(kept, options.to);
  const undone = kept.slice(from);
  const paths = [...new Map(undone.flatMap((record) => record.files).map((file) => [file.path, file.role])).entries()];
  const others: PlannedFile[] = [];
  const notes: string[] = [];
  const findings: Finding[] = [];
  let manifestText = live.text;
  for (const [path, role] of paths) {
    const target = await imageOf(store, versionBefore(undone, path));
    const last = await imageOf(store, versionAfter(undone, path));
    if (role === 'manifest') {
      const wanted = target && !options.discardEdits ? await withEditsBetween(store, undone, target) : target;
      const merged = mergeManifest(live, last, wanted, options.discardEdits);
      if ('finding' in merged) findings.push(merged.finding);
      else manifestText = merged.text;
      if ('note' in merged && merged.note !== undefined) notes.push(merged.note);
      continue;
    }
    const now = (await ports.files.look(path)) ? await ports.files.read(path, 16 << 20) : null;
    const sha = (image: FileImage | null): string => (image ? ports.files.sha256(image.bytes) : '');
    if (sha(now) !== sha(last) && sha(now) !== sha(target) && !options.discardEdits) {
      notes.push(`${path} was edited since, and is left as it is`);
      continue;
    }
    others.push({ path, role, before: now, after: target });
  }
  const effective = undone.filter((record) => !record.undoes);
  return {
    manifestText,
    // A conflict leaves the manifest as it is; to judge it beside the other files' old state would mislead.
    others: findings.length > 0 ? [] : others,
    folders: [],
    changes: effective.map((record) => `undo ${record.id} (${record.command})`).reverse(),
    findings,
    notes,
    undoes: undone.map((record) => record.id),
  };
}

/** Index of the first kept change that is taken back. */
function firstUndone(kept: readonly ChangeRecord[], to: string | undefined): number {
  if (kept.length === 0) throw new UserError('nothing-to-roll-back', 'no change is recorded that could be taken back');
  if (to === 'original') return 0;
  if (to !== undefined) {
    const at = kept.findIndex((record) => record.id === to);
    if (at === -1) {
      throw new UserError('unknown-change', `there is no kept change ${to}`, { hints: ['kube-auditctl history'] });
    }
    return at + 1;
  }
  const last = standingChanges(kept).at(-1);
  if (!last) {
    throw new UserError('nothing-to-roll-back', 'every recorded change has been taken back already', {
      hints: ['kube-auditctl history', 'to go forward again: kube-auditctl rollback --to ID'],
    });
  }
  return kept.indexOf(last);
}

function versionBefore(undone: readonly ChangeRecord[], path: string): Version {
  for (const record of undone) {
    const file = record.files.find((each) => each.path === path);
    if (file) return { id: record.id, version: file.before };
  }
  return { id: '', version: null };
}

function versionAfter(undone: readonly ChangeRecord[], path: string): Version {
  for (const record of [...undone].reverse()) {
    const file: RecordedFile | undefined = record.files.find((each) => each.path === path);
    if (file) return { id: record.id, version: file.after };
  }
  return { id: '', version: null };
}

async function withEditsBetween(store: Store, undone: readonly ChangeRecord[], target: FileImage): Promise<FileImage> {
  const versions = [];
  for (const record of undone) {
    const file = record.files.find((each) => each.role === 'manifest');
    if (!file?.before || !file.after) continue;
    const text = async (version: FileVersion): Promise<string> =>
      decodeText(await store.copy(record.id, version.copy), version.copy);
    versions.push({ before: await text(file.before), after: await text(file.after) });
  }
  return { ...target, bytes: new TextEncoder().encode(carryEdits(versions, decodeText(target.bytes, 'before'))) };
}

interface Version {
  id: string;
  version: FileVersion | null;
}

async function imageOf(store: Store, { id, version }: Version): Promise<FileImage | null> {
  if (!version) return null;
  return { bytes: await store.copy(id, version.copy), mode: version.mode, uid: version.uid, gid: version.gid };
}

function mergeManifest(
  live: LiveManifest,
  last: FileImage | null,
  target: FileImage | null,
  discardEdits: boolean,
): { text: string; note?: string } | { finding: Finding } {
  const base = last ? decodeText(last.bytes, live.path) : live.text;
  const wanted = target ? decodeText(target.bytes, live.path) : live.text;
  if (discardEdits || live.text === base) return { text: wanted };
  const merged = mergeText({ base, current: live.text, target: wanted });
  if (merged.ok) return { text: merged.text, note: `${live.path} was edited since; those edits are kept` };
  return {
    finding: {
      code: 'rollback-conflict',
      severity: 'error',
      title: `${live.path} was edited since, in the same lines that would be taken back`,
      detail: merged.conflicts.map(({ line, current }) => `line ${line}: ${current.join(' ').trim()}`).join('\n'),
      remedy: [
        'put those lines back by hand, then run this again',
        'or give the edits up: kube-auditctl rollback --discard-edits',
      ],
    },
  };
}
