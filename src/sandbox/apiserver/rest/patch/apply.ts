/**
 * Server-side apply: the configuration is merged into what is there; what the manager applied before and now leaves out
 * goes, unless somebody else owns it too; what another manager owns and would be changed is a conflict.
 */
import { applyConflict } from '../status';
import { clone, isObj, objs, at, same, type Obj } from '../value';
import {
  entryOf,
  fieldValues,
  fromFieldsV1,
  identity,
  isWithin,
  isWriters,
  pathText,
  removePath,
  toFieldsV1,
  type Writer,
} from './fields';
import { mergedList, type MergedList } from './lists';

/**
 * @param live undefined: it is made. @param config as the client sent it, with its defaults.
 * @returns the merged object, its managedFields set.
 * @throws {StatusError} 409 with a cause a field, unless forced.
 */
export function applied(live: Obj | undefined, config: Obj, writer: Writer, force: boolean): Obj {
  const wanted = fieldValues(config);
  const entries = objs(at(live, 'metadata', 'managedFields'));
  const others = entries.filter((entry) => !isWriters(entry, writer, 'Apply'));
  const conflicts = live ? conflictsOf(fieldValues(live), wanted, others) : [];
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);

  const merged = live ? (mergeApplied(live, config, '') as Obj) : clone(config);
  const before = entries.find((entry) => isWriters(entry, writer, 'Apply'));
  const keptByOthers = new Set(others.flatMap((entry) => [...fromFieldsV1(entry.fieldsV1)]));
  const gone = [...fromFieldsV1(before?.fieldsV1)].filter(
    (path) => !wanted.has(path) && ![...keptByOthers].some((kept) => isWithin(kept, path)),
  );
  // Whole items first: without its identity an item could not be found any more.
  for (const path of gone.sort((one, other) => one.length - other.length)) removePath(merged, path);

  const lost = new Set(conflicts.map(({ path }) => path));
  const rest = others.flatMap((entry) => {
    const fields = fromFieldsV1(entry.fieldsV1);
    for (const path of lost) fields.delete(path);
    return fields.size === 0 ? [] : [{ ...entry, fieldsV1: toFieldsV1(fields) }];
  });
  const own = entryOf(writer, 'Apply', wanted.keys());
  const time =
    before && same(before.fieldsV1, own.fieldsV1) && live && unchanged(live, merged) ? before.time : own.time;
  const metadata = isObj(merged.metadata) ? merged.metadata : {};
  merged.metadata = { ...metadata, managedFields: [{ ...own, time }, ...rest] };
  return merged;
}

function unchanged(live: Obj, merged: Obj): boolean {
  const bare = (value: Obj): Obj => ({
    ...value,
    metadata: { ...(isObj(value.metadata) ? value.metadata : {}), managedFields: undefined },
  });
  return same(bare(live), bare(merged));
}

interface Conflict {
  manager: Obj;
  path: string;
}

function conflictsOf(
  live: ReadonlyMap<string, unknown>,
  wanted: ReadonlyMap<string, unknown>,
  others: readonly Obj[],
): Conflict[] {
  const found: Conflict[] = [];
  for (const manager of others) {
    const owned = fromFieldsV1(manager.fieldsV1);
    for (const [path, value] of wanted) {
      if (owned.has(path) && live.has(path) && !same(live.get(path), value)) found.push({ manager, path });
    }
  }
  return found;
}

function conflictError(conflicts: readonly Conflict[]): Error {
  const nameOf = ({ manager }: Conflict): string => `"${String(manager.manager)}" using ${String(manager.apiVersion)}`;
  const causes = conflicts.map((conflict) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${nameOf(conflict)}`,
    field: pathText(conflict.path),
  }));
  const [first] = conflicts;
  if (conflicts.length === 1 && first) {
    const message = `Apply failed with 1 conflict: conflict with ${nameOf(first)}: ${pathText(first.path)}`;
    return applyConflict(causes, message);
  }
  const managers = [...new Set(conflicts.map(nameOf))].sort();
  const lines = managers.flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...conflicts.filter((conflict) => nameOf(conflict) === manager).map(({ path }) => `- ${pathText(path)}`),
  ]);
  return applyConflict(causes, `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`);
}

function mergeApplied(live: unknown, config: unknown, within: string): unknown {
  if (!isObj(config) || !isObj(live)) return clone(config);
  const result: Obj = { ...clone(live) };
  for (const [field, value] of Object.entries(config)) {
    if (value === undefined) continue;
    const list = Array.isArray(value) ? mergedList(field, within) : undefined;
    if (list !== undefined && Array.isArray(result[field])) {
      result[field] = mergeItems(result[field] as unknown[], value as unknown[], list, field);
    } else result[field] = isObj(value) ? mergeApplied(result[field], value, field) : clone(value);
  }
  return result;
}

function mergeItems(live: readonly unknown[], config: readonly unknown[], list: MergedList, field: string): unknown[] {
  const result = [...live];
  for (const item of config) {
    const id = isObj(item) && list.key !== undefined ? identity(item, list) : item;
    const index = result.findIndex((known) =>
      same(isObj(known) && list.key !== undefined ? identity(known, list) : known, id),
    );
    if (index === -1) result.push(clone(item));
    else result[index] = mergeApplied(result[index], item, field);
  }
  return result;
}
