/** What differs between two manifests in all that concerns auditing, told in the words of the manifest. */
import { policyAnnotation } from './audit';
import type { ManifestDocument } from './document';
import type { Flag } from './flags';
import { readServer } from './server';
import type { Server } from './server';
import { deepEqual, isMap, scalarOf } from './value';
import type { PlainMap } from './value';

export type ChangeKind =
  | 'flag-added'
  | 'flag-changed'
  | 'flag-removed'
  | 'volume-added'
  | 'volume-changed'
  | 'volume-removed'
  | 'mount-added'
  | 'mount-changed'
  | 'mount-removed'
  | 'annotation-set'
  | 'annotation-removed';

export interface ManifestChange {
  what: ChangeKind;
  /** The flag, volume, mount or annotation, by name. */
  detail: string;
  before?: string;
  after?: string;
}

/** Flags, volumes, mounts of the API server's container, and our annotation; in this order. */
export function auditChanges(before: ManifestDocument, after: ManifestDocument): ManifestChange[] {
  const [from, to] = [readServer(before), readServer(after)];
  return [
    ...flagChanges(from, to),
    ...listChanges('volume', volumesOf(from), volumesOf(to)),
    ...listChanges('mount', mountsOf(from), mountsOf(to)),
    ...annotationChanges(before, after),
  ];
}

function flagChanges(from: Server, to: Server): ManifestChange[] {
  const names = [...new Set([...from.flags, ...to.flags].map(({ name }) => name))];
  return names.flatMap((name): ManifestChange[] => {
    const [before, after] = [from.effective(name), to.effective(name)];
    const text = (flag: Flag): string => (flag.value === undefined ? `--${name}` : `--${name}=${flag.value}`);
    if (before === undefined) return after ? [{ what: 'flag-added', detail: `--${name}`, after: text(after) }] : [];
    if (after === undefined) return [{ what: 'flag-removed', detail: `--${name}`, before: text(before) }];
    if (before.value === after.value) return [];
    return [{ what: 'flag-changed', detail: `--${name}`, before: text(before), after: text(after) }];
  });
}

/** Entries are paired by name and, where that is not enough, by being equal. */
function listChanges(kind: 'volume' | 'mount', from: readonly PlainMap[], to: readonly PlainMap[]): ManifestChange[] {
  const gone = from.filter((entry) => !to.some((other) => deepEqual(entry, other)));
  const come = to.filter((entry) => !from.some((other) => deepEqual(entry, other)));
  const changes: ManifestChange[] = [];
  for (const entry of gone) {
    const detail = scalarOf(entry.name);
    const at = come.findIndex((other) => other.name === entry.name);
    const [after] = at === -1 ? [] : come.splice(at, 1);
    if (after === undefined) changes.push({ what: `${kind}-removed`, detail, before: describe(entry) });
    else changes.push({ what: `${kind}-changed`, detail, before: describe(entry), after: describe(after) });
  }
  for (const entry of come)
    changes.push({ what: `${kind}-added`, detail: scalarOf(entry.name), after: describe(entry) });
  return changes;
}

function annotationChanges(before: ManifestDocument, after: ManifestDocument): ManifestChange[] {
  const [from, to] = [before, after].map((doc) => doc.map(['metadata', 'annotations'])[policyAnnotation]);
  if (from === to) return [];
  const was = from === undefined ? {} : { before: scalarOf(from) };
  if (to === undefined) return [{ what: 'annotation-removed', detail: policyAnnotation, ...was }];
  return [{ what: 'annotation-set', detail: policyAnnotation, ...was, after: scalarOf(to) }];
}

function volumesOf(server: Server): PlainMap[] {
  return server.doc.list(['spec', 'volumes']).filter(isMap);
}

function mountsOf(server: Server): PlainMap[] {
  return server.doc.list([...server.path, 'volumeMounts']).filter(isMap);
}

/** `hostPath: {path: /x, type: File}`, `mountPath: /x, readOnly: true`: all but the name. */
function describe(entry: PlainMap): string {
  const text = (value: unknown): string =>
    isMap(value)
      ? `{${Object.entries(value)
          .map(([key, item]) => `${key}: ${text(item)}`)
          .join(', ')}}`
      : scalarOf(value);
  return text(Object.fromEntries(Object.entries(entry).filter(([key]) => key !== 'name'))).slice(1, -1);
}
