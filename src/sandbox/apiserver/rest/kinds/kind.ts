/** What a row of the table of kinds says. Rule: everything that tells one kind from another stands in its row. */
import type { FieldErrors } from '../status';
import type { KubeObject, Obj } from '../value';

export interface Column {
  /** As the server calls it; kubectl shows it in capitals. */
  name: string;
  type?: 'string' | 'integer' | 'boolean';
  format?: 'name';
  /** 1: only with `-o wide`. */
  priority?: 0 | 1;
  description: string;
  cell: (object: Obj, now: Date) => string | number | boolean;
}

/** Which names are allowed (apimachinery/pkg/api/validation/name.go). */
export type NameRule = 'subdomain' | 'label' | 'label-1035' | 'path-segment';

export interface Subresource {
  kind: string;
  group?: string;
  version?: string;
  verbs: readonly string[];
}

/** What a row may ask of the cluster while it fills in an object. */
export interface Surroundings {
  objects: (group: string, resource: string) => readonly KubeObject[];
  /** Integer from 0 up to, not including, `below`. */
  random: (below: number) => number;
}

export interface Kind {
  group: string;
  version: string;
  resource: string;
  singular: string;
  kind: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  verbs: readonly string[];
  subresources: Readonly<Record<string, Subresource>>;
  names: NameRule;
  columns: readonly Column[];
  /** What a field selector may name besides metadata.name and metadata.namespace. */
  fields: Readonly<Record<string, (object: Obj) => string>>;
  /** A change of the spec raises metadata.generation. */
  generation: boolean;
  /** Fills in what decoding fills in. The object is fresh and may be changed. */
  defaults?: (object: Obj) => void;
  /** What the server itself sets or keeps on create (`before` undefined) and update. */
  prepare?: (object: KubeObject, before: KubeObject | undefined, around: Surroundings) => void;
  validate?: (object: KubeObject, errors: FieldErrors, before: KubeObject | undefined) => void;
  /** Where objects of another group's resource are shown as this kind: where they are stored, and how they are turned. */
  view?: { group: string; resource: string; show: (stored: KubeObject) => KubeObject; store: (shown: Obj) => Obj };
}

export const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;
export const CREATE_ONLY = ['create'] as const;
const STATUS_VERBS = ['get', 'patch', 'update'] as const;

type Given = Pick<Kind, 'group' | 'version' | 'resource' | 'kind' | 'columns'> & Partial<Omit<Kind, 'subresources'>>;

/** A row: what is not said is what most kinds have. `status` and `scale` are subresources that many have. */
export function kindRow(
  given: Given & { status?: boolean; scale?: boolean; more?: Readonly<Record<string, Subresource>> },
): Kind {
  const { status = false, scale = false, more = {}, ...row } = given;
  return {
    singular: row.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: ALL_VERBS,
    names: 'subdomain',
    fields: {},
    generation: false,
    ...row,
    subresources: {
      ...more,
      ...(scale ? { scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: STATUS_VERBS } } : {}),
      ...(status ? { status: { kind: row.kind, verbs: STATUS_VERBS } } : {}),
    },
  };
}

export function apiVersionOf({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}
