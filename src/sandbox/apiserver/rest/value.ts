/** Objects as they come from clients: nothing is taken for granted. Rule: readers here never throw. */

export type Obj = Record<string, unknown>;

/** An object as it is stored and served; what else it has is its kind's. */
export interface KubeObject extends Obj {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

export interface Metadata extends Obj {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: Obj[];
  finalizers?: string[];
  managedFields?: Obj[];
}

export function isObj(value: unknown): value is Obj {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function obj(value: unknown): Obj {
  return isObj(value) ? value : {};
}

export function arr(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export function objs(value: unknown): readonly Obj[] {
  return arr(value).filter(isObj);
}

export function str(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function num(value: unknown, otherwise = 0): number {
  return typeof value === 'number' ? value : otherwise;
}

/** The value along a path of fields; undefined where it ends early. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const field of path) current = isObj(current) ? current[field] : undefined;
  return current;
}

/** A copy without some fields. */
export function without(object: Obj, ...fields: readonly string[]): Obj {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !fields.includes(name)));
}

export function clone<T>(value: T): T {
  return structuredClone(value);
}

/** Equal as JSON; the order of fields plays no part, and an absent field is as good as an undefined one. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => same(item, other[index]));
  }
  if (!isObj(one) || !isObj(other)) return false;
  for (const key of Object.keys(one)) if (!same(one[key], other[key])) return false;
  for (const key of Object.keys(other)) if (other[key] !== undefined && one[key] === undefined) return false;
  return true;
}
