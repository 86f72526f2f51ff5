/** What disable takes out or puts back, part by part: flags, mounts, volumes, the annotation. */
import { isAuditFlag, policyAnnotation } from './audit';
import type { ManifestDocument } from './document';
import type { Flag } from './flags';
import { Locator } from './locate';
import { isVolumeUsed } from './mounts';
import { covers, normalPath } from './paths';
import type { Draft } from './plan';
import { readServer } from './server';
import type { Server } from './server';
import { deepEqual, isMap, valueAt } from './value';
import type { Path, PlainMap, Scalar } from './value';

const annotations = ['metadata', 'annotations'];

/** Back to what the baseline says, wherever the last `enable` said otherwise. */
export function planRestoration(draft: Draft, baseline: ManifestDocument, last: ManifestDocument): void {
  const [before, enabled] = [readServer(baseline), readServer(last)];
  const { leaving, come } = restoreFlags(draft, before, enabled);
  const mountsPath: Path = [...draft.server.path, 'volumeMounts'];
  const mounts = compare(mountsOf(before), mountsOf(enabled));
  restoreFields(draft, mountsPath, mounts.changed);
  const ours = mounts.added.filter((mount) => hasOurName(mount.name) || servesAny(mount, leaving));
  const removed = mountsOf(draft.server).flatMap((mount, index) =>
    ours.some((other) => deepEqual(mount, other)) && !servesAny(mount, come) ? [index] : [],
  );
  removeItems(draft, mountsPath, removed, { doc: baseline, path: [...before.path, 'volumeMounts'] });

  const volumes = compare(volumesOf(baseline), volumesOf(last));
  restoreFields(draft, ['spec', 'volumes'], volumes.changed);
  const unused = volumesOf(draft.doc).flatMap((volume, index) => {
    const isOurs = hasOurName(volume.name) || ours.some(({ name }) => name === volume.name);
    const isAdded = volumes.added.some((other) => deepEqual(volume, other));
    return isOurs && isAdded && !isVolumeUsed(draft.server, volume.name, removed) ? [index] : [];
  });
  removeItems(draft, ['spec', 'volumes'], unused, { doc: baseline, path: ['spec', 'volumes'] });
  restoreAnnotation(draft, baseline);
}

/** Without a record: all audit flags, and the mounts under our names that served them alone. */
export function planRemoval(draft: Draft): void {
  const gone = draft.server.flags.filter(({ name }) => isAuditFlag(name));
  const kept = draft.server.flags.filter((flag) => !gone.includes(flag));
  removeFlags(draft, gone);
  const mounts = mountsOf(draft.server);
  const removed = mounts.flatMap((mount, index) =>
    hasOurName(mount.name) && servesAny(mount, gone) && !servesAny(mount, kept) ? [index] : [],
  );
  removeItems(draft, [...draft.server.path, 'volumeMounts'], removed);
  const names = new Set(removed.map((index) => mounts[index]?.name));
  const unused = volumesOf(draft.doc).flatMap((volume, index) =>
    names.has(volume.name) && !isVolumeUsed(draft.server, volume.name, removed) ? [index] : [],
  );
  removeItems(draft, ['spec', 'volumes'], unused);
  if (draft.doc.map(annotations)[policyAnnotation] !== undefined) removeAnnotation(draft);
}

/** Answers the flags that will not be as they are any more, and those that stay but were not in the baseline. */
function restoreFlags(draft: Draft, before: Server, enabled: Server): { leaving: Flag[]; come: Flag[] } {
  const { server } = draft;
  const gone: Flag[] = [];
  const restored: Flag[] = [];
  for (const name of new Set(server.flags.map((flag) => flag.name).filter(isAuditFlag))) {
    const [was, made, now] = [before.effective(name), enabled.effective(name), server.effective(name)];
    if (was === undefined) {
      if (made === undefined) noteForeign(draft, now);
      else gone.push(...server.flags.filter((flag) => flag.name === name));
      continue;
    }
    // A flag that enable left alone is the user's, whatever it says today.
    if (now === undefined || now.value === was.value || made?.value === was.value) continue;
    if (now.valueAt === undefined && was.valueAt === undefined)
      draft.edit.replace([...server.path, now.list, now.index], written(before, was));
    else draft.changeFlag(now, was.value ?? 'true');
    restored.push(now);
  }
  removeFlags(draft, gone);
  const known = (flag: Flag): boolean => before.flags.some((was) => was.name === flag.name && was.value === flag.value);
  const leaving = [...gone, ...restored];
  return { leaving, come: server.flags.filter((flag) => !leaving.includes(flag) && !known(flag)) };
}

function removeFlags(draft: Draft, flags: readonly Flag[]): void {
  for (const list of ['command', 'args'] as const) {
    const indices = flags.flatMap((flag) => [
      ...(flag.list === list ? [flag.index] : []),
      ...(flag.valueAt?.list === list ? [flag.valueAt.index] : []),
    ]);
    removeItems(draft, [...draft.server.path, list], indices);
  }
}

/** An audit flag that came by hand after `enable` is the user's, and stays: without a backend it means nothing. */
function noteForeign(draft: Draft, flag: Flag | undefined): void {
  if (flag === undefined) return;
  draft.findings.push({
    code: 'flag-not-ours',
    severity: 'info',
    title: `--${flag.name} was not set by enable, and stays`,
    place: flag.place,
    remedy: ['to take out every audit flag, whoever set it: kube-auditctl disable --all'],
  });
}

/** Fields that enable changed in entries that were there before, and nobody has changed since. */
function restoreFields(draft: Draft, path: Path, changed: readonly Changed[]): void {
  const now = draft.doc.list(path);
  for (const { was, made } of changed) {
    const index = now.findIndex(
      (entry) => isMap(entry) && entry.name === made.name && entry.mountPath === made.mountPath,
    );
    if (index !== -1) restoreMap(draft, [...path, index], was, made);
  }
}

function restoreMap(draft: Draft, path: Path, was: PlainMap, made: PlainMap): void {
  for (const key of new Set([...Object.keys(was), ...Object.keys(made)])) {
    const [old, set] = [was[key], made[key]];
    const now = valueAt(draft.doc.value, [...path, key]);
    if (deepEqual(old, set)) continue;
    if (isMap(old) && isMap(set) && isMap(now)) restoreMap(draft, [...path, key], old, set);
    else if (!deepEqual(now, set)) continue;
    else if (old === undefined) draft.edit.remove([...path, key]);
    else draft.put([...path, key], old as Scalar);
  }
}

function restoreAnnotation(draft: Draft, baseline: ManifestDocument): void {
  const [now, was] = [draft.doc, baseline].map((doc) => doc.map(annotations)[policyAnnotation]);
  if (now === undefined || now === was) return;
  if (was === undefined) removeAnnotation(draft, baseline);
  else draft.edit.replace([...annotations, policyAnnotation], was as Scalar);
}

function removeAnnotation(draft: Draft, baseline?: ManifestDocument): void {
  if (Object.keys(draft.doc.map(annotations)).length > 1) draft.edit.remove([...annotations, policyAnnotation]);
  else leaveEmpty(draft, annotations, baseline && { doc: baseline, path: annotations });
}

function removeItems(draft: Draft, path: Path, indices: readonly number[], baseline?: Spot): void {
  if (indices.length === 0) return;
  if (indices.length === draft.doc.list(path).length) leaveEmpty(draft, path, baseline);
  else for (const index of indices) draft.edit.remove([...path, index]);
}

/** Where a list or mapping of the baseline stands; its path may be another there. */
interface Spot {
  doc: ManifestDocument;
  path: Path;
}

/** A collection with nothing left in it goes altogether, unless it was there before: then it is as it was, or empty. */
function leaveEmpty(draft: Draft, path: Path, baseline: Spot | undefined): void {
  const was = baseline && valueAt(baseline.doc.value, baseline.path);
  if (baseline === undefined || was === undefined) {
    draft.edit.remove(path);
    return;
  }
  const isMapping = isMap(valueAt(draft.doc.value, path));
  const range = new Locator(baseline.doc).spot(baseline.path).node?.range ?? [0, 0];
  const written = baseline.doc.text.slice(range[0], range[1]);
  const wasEmpty =
    was === null || (isMap(was) ? Object.keys(was).length === 0 : Array.isArray(was) && was.length === 0);
  if (wasEmpty && !written.includes('\n')) draft.edit.blank(path, was, written);
  else draft.edit.blank(path, isMapping ? {} : [], isMapping ? '{}' : '[]');
}

interface Changed {
  was: PlainMap;
  made: PlainMap;
}

/** Entries that `enable` changed in place, and those that it added. */
function compare(before: readonly PlainMap[], enabled: readonly PlainMap[]): { changed: Changed[]; added: PlainMap[] } {
  const changed: Changed[] = [];
  const added = enabled.filter((entry) => !before.some((other) => deepEqual(entry, other)));
  for (const was of before) {
    if (enabled.some((entry) => deepEqual(entry, was))) continue;
    const at = added.findIndex(({ name }) => name === was.name);
    const [made] = at === -1 ? [] : added.splice(at, 1);
    if (made !== undefined) changed.push({ was, made });
  }
  return { changed, added };
}

function hasOurName(name: unknown): boolean {
  return typeof name === 'string' && /^audit-(?:policy|log|webhook)(?:-\d+)?$/.test(name);
}

/** Whether a flag names a path that is seen through the mount. */
function servesAny(mount: PlainMap, flags: readonly Flag[]): boolean {
  const path = typeof mount.mountPath === 'string' ? normalPath(mount.mountPath) : '';
  return flags.some(({ value }) => value?.startsWith('/') === true && covers(path, normalPath(value)));
}

function written(server: Server, flag: Flag): string {
  return server.argv.find(({ list, index }) => list === flag.list && index === flag.index)?.value ?? '';
}

function mountsOf(server: Server): PlainMap[] {
  return server.doc.list([...server.path, 'volumeMounts']).map((item) => (isMap(item) ? item : {}));
}

function volumesOf(doc: ManifestDocument): PlainMap[] {
  return doc.list(['spec', 'volumes']).map((item) => (isMap(item) ? item : {}));
}
