/** Objects as the rows of a Table, the way kubectl asks for them (apiserver/pkg/endpoints/handlers/response.go). */
import { NAME, AGE } from './kinds/columns';
import type { Column, Kind } from './kinds/kind';
import { badRequest } from './status';
import type { KubeObject, Obj } from './value';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function includeObject(query: URLSearchParams): IncludeObject {
  const wish = query.get('includeObject') || 'Metadata';
  if (wish !== 'None' && wish !== 'Metadata' && wish !== 'Object') {
    throw badRequest(`unrecognized includeObject value: "${wish}"`);
  }
  return wish;
}

export interface TableOptions {
  /** meta.k8s.io's: v1 or v1beta1. */
  version: string;
  include: IncludeObject;
  now: Date;
  /** Columns were already sent on this watch. */
  withoutHeader?: boolean;
}

/** @param metadata the list's, or of an only object its resourceVersion. */
export function table(kind: Kind, objects: readonly KubeObject[], metadata: Obj, options: TableOptions): Obj {
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: options.withoutHeader === true ? null : columns.map(definition),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, options.now)),
      ...rowObject(object, options),
    })),
  };
}

export function partial(object: KubeObject, version: string): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

function columnsOf({ columns }: Kind): readonly Column[] {
  return columns.length === 0 ? [NAME, AGE] : columns;
}

function definition({ name, type = 'string', format, priority = 0, description }: Column): Obj {
  return { name, type, format: format ?? '', description, priority };
}

function rowObject(object: KubeObject, { include, version }: TableOptions): Obj {
  if (include === 'None') return { object: null };
  return { object: include === 'Object' ? object : partial(object, version) };
}
