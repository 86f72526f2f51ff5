/**
 * Who set which field: sets of field paths, and metadata.managedFields made of them (structured-merge-diff's FieldsV1).
 * Rule: a path is its elements joined by a unit separator: `f:NAME` a field, `k:{…}` an item by its identity, `v:…` a
 * plain value of a set.
 */
import { at, isObj, objs, same, str, type Obj } from '../value';
import { mergedList, type MergedList } from './lists';

export type FieldValues = ReadonlyMap<string, unknown>;
const SEPARATOR = '\u001f';

/** Kept by the server itself: nobody owns them. */
const NOBODYS = new Set(['apiVersion', 'kind']);
const NOBODYS_METADATA = new Set([
  'name',
  'namespace',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
]);
/** Maps whose keys are data: the map itself can be owned. */
const MAPS = new Set(['labels', 'annotations', 'data', 'binaryData', 'limits', 'requests', 'capacity', 'allocatable']);
/** Owned only as a whole. */
const ATOMIC = new Set([
  'selector',
  'nodeSelector',
  'roleRef',
  'involvedObject',
  'configMapKeyRef',
  'secretKeyRef',
  'fieldRef',
  'claimRef',
  'labelSelector',
  'podSelector',
  'namespaceSelector',
]);

/** The fields of an object with what stands there; a map or an item that can be owned itself has the value true. */
export function fieldValues(object: Obj): FieldValues {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(object)) {
    if (NOBODYS.has(name) || value === undefined) continue;
    if (name !== 'metadata') collect(found, `f:${name}`, value, name, '');
    else if (isObj(value)) {
      for (const [inner, data] of Object.entries(value)) {
        if (NOBODYS_METADATA.has(inner) || data === undefined) continue;
        collect(found, `f:metadata${SEPARATOR}f:${inner}`, data, inner, 'metadata');
      }
    }
  }
  return found;
}

function collect(found: Map<string, unknown>, path: string, value: unknown, name: string, within: string): void {
  if (Array.isArray(value)) {
    const list = mergedList(name, within);
    if (list === undefined) found.set(path, value);
    else collectList(found, path, value as unknown[], list, name);
  } else if (!isObj(value) || ATOMIC.has(name)) found.set(path, value);
  else {
    const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
    if (MAPS.has(name) || fields.length === 0) found.set(path, true);
    for (const [inner, data] of fields) collect(found, `${path}${SEPARATOR}f:${inner}`, data, inner, name);
  }
}

function collectList(
  found: Map<string, unknown>,
  path: string,
  items: unknown[],
  list: MergedList,
  name: string,
): void {
  found.set(path, true);
  for (const item of items) {
    if (list.key === undefined) found.set(`${path}${SEPARATOR}v:${JSON.stringify(item)}`, item);
    else if (isObj(item)) {
      const own = `${path}${SEPARATOR}k:${JSON.stringify(identity(item, list))}`;
      found.set(own, true);
      for (const [field, data] of Object.entries(item)) {
        if (data !== undefined) collect(found, `${own}${SEPARATOR}f:${field}`, data, field, name);
      }
    }
  }
}

/** What tells an item of a merged list from the others. */
export function identity(item: Obj, list: MergedList): Obj {
  const id: Obj = {};
  for (const [field, otherwise] of Object.entries(list.identity ?? {})) {
    const value = item[field] ?? otherwise;
    if (value !== undefined) id[field] = value;
  }
  return id;
}

export function toFieldsV1(paths: Iterable<string>): Obj {
  const root: Obj = {};
  const sorted = [...paths].sort();
  for (const path of sorted) {
    let node = root;
    for (const element of path.split(SEPARATOR)) node = (node[element] ??= {}) as Obj;
    node['.'] = {};
  }
  return pruned(root);
}

/** A leaf is `{}`; only where something lies below does `.` say that the thing itself is meant as well. */
function pruned(node: Obj): Obj {
  const names = Object.keys(node);
  if (names.length === 1 && names[0] === '.') return {};
  return Object.fromEntries(names.map((name) => [name, name === '.' ? {} : pruned(node[name] as Obj)]));
}

export function fromFieldsV1(fields: unknown): Set<string> {
  const paths = new Set<string>();
  const visit = (node: Obj, path: string): void => {
    const names = Object.keys(node);
    if (path !== '' && (names.length === 0 || '.' in node)) paths.add(path);
    for (const name of names) {
      const inner = node[name];
      if (name !== '.' && isObj(inner)) visit(inner, path === '' ? name : path + SEPARATOR + name);
    }
  };
  if (isObj(fields)) visit(fields, '');
  return paths;
}

/** As messages name it: `.spec.containers[name="web"].image`. */
export function pathText(path: string): string {
  return path
    .split(SEPARATOR)
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const id = Object.entries(JSON.parse(rest) as Obj);
      return `[${id.map(([field, value]) => `${field}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}

/** Takes the field out of the object, which is changed. What does not exist is left alone. */
export function removePath(object: Obj, path: string): void {
  const elements = path.split(SEPARATOR);
  let node: unknown = object;
  let within = '';
  let list: MergedList | undefined;
  for (const [index, element] of elements.entries()) {
    const last = index === elements.length - 1;
    const rest = element.slice(2);
    if (element.startsWith('f:')) {
      if (!isObj(node)) return;
      const holder = elements[index - 1] ?? '';
      // What tells an item from the others stays as long as the item does.
      if (last && holder.startsWith('k:') && rest in (JSON.parse(holder.slice(2)) as Obj)) return;
      if (last) Reflect.deleteProperty(node, rest);
      else {
        list = mergedList(rest, within);
        within = rest;
        node = node[rest];
      }
    } else {
      if (!Array.isArray(node)) return;
      const items = node as unknown[];
      const found = items.findIndex((item) =>
        element.startsWith('v:')
          ? JSON.stringify(item) === rest
          : isObj(item) && list !== undefined && JSON.stringify(identity(item, list)) === rest,
      );
      if (found === -1) return;
      if (last) items.splice(found, 1);
      else node = items[found];
    }
  }
}

export interface Writer {
  manager: string;
  /** RFC 3339. */
  time: string;
  apiVersion: string;
  subresource?: string;
}

/** managedFields after an update or a create: what the writer changed is the writer's now. */
export function afterUpdate(before: Obj | undefined, after: Obj, writer: Writer): Obj[] {
  const old: FieldValues = before ? fieldValues(before) : new Map<string, unknown>();
  const now = fieldValues(after);
  const changed = new Set<string>();
  for (const [path, value] of now) if (!old.has(path) || !same(old.get(path), value)) changed.add(path);
  const entries: Obj[] = [];
  let own = false;
  let touched = changed.size > 0;
  for (const path of old.keys()) if (!now.has(path)) touched = true;
  const known = objs(at(before, 'metadata', 'managedFields'));
  if (!touched) return [...known];
  for (const entry of known) {
    const ours = isWriters(entry, writer, 'Update');
    const fields = fromFieldsV1(entry.fieldsV1);
    for (const path of fields) if (!now.has(path) || (changed.has(path) && !ours)) fields.delete(path);
    if (ours) for (const path of changed) fields.add(path);
    own ||= ours;
    if (fields.size > 0) {
      entries.push({
        ...entry,
        ...(ours && changed.size > 0 ? { time: writer.time } : {}),
        fieldsV1: toFieldsV1(fields),
      });
    }
  }
  if (!own && changed.size > 0) entries.push(entryOf(writer, 'Update', changed));
  return entries;
}

export function entryOf(writer: Writer, operation: 'Apply' | 'Update', paths: Iterable<string>): Obj {
  return {
    manager: writer.manager,
    operation,
    apiVersion: writer.apiVersion,
    time: writer.time,
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(paths),
    ...(writer.subresource ? { subresource: writer.subresource } : {}),
  };
}

export function isWriters(entry: Obj, writer: Writer, operation: 'Apply' | 'Update'): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === operation &&
    entry.apiVersion === writer.apiVersion &&
    str(entry.subresource) === (writer.subresource ?? '')
  );
}

/** Whether a path is the other one, or lies below it. */
export function isWithin(path: string, above: string): boolean {
  return path === above || path.startsWith(above + SEPARATOR);
}
