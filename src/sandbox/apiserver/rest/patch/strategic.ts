/**
 * Strategic merge patch (apimachinery/pkg/util/strategicpatch/patch.go): like a merge patch, but known lists are merged
 * item by item, and directives say what else is to happen. Rule: the original is not changed.
 */
import { badRequest } from '../status';
import { arr, isObj, same, str, without, type Obj } from '../value';
import { mergedList } from './lists';

const DELETE_FROM = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

export function strategicMerge(original: Obj, patch: Obj): Obj {
  return mergeObject(original, patch, '');
}

function mergeObject(original: Obj, patch: Obj, within: string): Obj {
  const directive = patch.$patch;
  if (directive === 'replace') return without(patch, '$patch');
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw badRequest(`Unknown patch type found: ${str(directive)}`);
  const retained = retain(original, patch);
  const result: Obj = { ...retained };
  for (const [field, value] of Object.entries(patch)) {
    if (field === '$patch' || field === '$retainKeys' || field.startsWith(ORDER)) continue;
    if (field.startsWith(DELETE_FROM)) {
      const name = field.slice(DELETE_FROM.length);
      result[name] = arr(result[name]).filter((item) => !arr(value).some((gone) => same(gone, item)));
    } else if (value === null) Reflect.deleteProperty(result, field);
    else if (isObj(value)) mergeField(result, field, value);
    else if (Array.isArray(value)) result[field] = mergeList(result[field], value as unknown[], patch, field, within);
    else result[field] = value;
  }
  for (const field of Object.keys(patch)) {
    if (!field.startsWith(ORDER)) continue;
    const name = field.slice(ORDER.length);
    if (Array.isArray(result[name])) {
      result[name] = inOrder(arr(result[name]), arr(patch[field]), arr(original[name]), mergedList(name, within)?.key);
    }
  }
  return result;
}

function mergeField(result: Obj, field: string, value: Obj): void {
  if (value.$patch === 'delete') Reflect.deleteProperty(result, field);
  else result[field] = mergeObject(isObj(result[field]) ? result[field] : {}, value, field);
}

/** Volumes and update strategies: of the fields that exclude each other, only the named ones stay. */
function retain(original: Obj, patch: Obj): Obj {
  if (!Array.isArray(patch.$retainKeys)) return original;
  const names = new Set(arr(patch.$retainKeys).map(str));
  return Object.fromEntries(Object.entries(original).filter(([field]) => names.has(field)));
}

function mergeList(before: unknown, items: unknown[], patch: Obj, field: string, within: string): unknown[] {
  const merged = mergedList(field, within);
  if (merged === undefined) return items;
  const { key } = merged;
  if (key === undefined) {
    const result = [...arr(before)];
    for (const item of items) if (!result.some((known) => same(known, item))) result.push(item);
    return result;
  }
  if (items.some((item) => isObj(item) && item.$patch === 'replace')) {
    return items.filter((item) => !(isObj(item) && item.$patch === 'replace' && Object.keys(item).length === 1));
  }
  let result = [...arr(before)];
  for (const item of items) {
    if (!isObj(item)) throw badRequest(`expected an object in the list ${field}`);
    const wanted = item[key];
    if (wanted === undefined || wanted === null) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const has = (known: unknown): boolean => isObj(known) && known[key] === wanted;
    if (item.$patch === 'delete') result = result.filter((known) => !has(known));
    else {
      const index = result.findIndex(has);
      const known = result[index];
      if (isObj(known)) result[index] = mergeObject(known, item, field);
      else result.push(mergeObject({}, item, field));
    }
  }
  return result;
}

/** Named items in the named order; the others stay behind whatever they stood behind. */
function inOrder(
  items: readonly unknown[],
  order: readonly unknown[],
  live: readonly unknown[],
  key?: string,
): unknown[] {
  const idOf = (item: unknown): unknown => (key !== undefined && isObj(item) ? item[key] : item);
  const find = (list: readonly unknown[], id: unknown): number => list.findIndex((item) => same(idOf(item), id));
  const ids = order.map(idOf);
  const result = ids.flatMap((id) => {
    const index = find(items, id);
    return index === -1 ? [] : [items[index]];
  });
  for (const item of items) {
    const id = idOf(item);
    if (ids.some((known) => same(known, id))) continue;
    let at = find(live, id) - 1;
    while (at >= 0 && find(result, idOf(live[at])) === -1) at--;
    const place = find(live, id) === -1 ? result.length : at < 0 ? 0 : find(result, idOf(live[at])) + 1;
    result.splice(place, 0, item);
  }
  return result;
}
