/** Objects as they stand in events: with the fields in the order of the server's structs, without managed fields. */

type Fields = Readonly<Record<string, unknown>>;

const METADATA = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
];

/** @param minor before 1.34 a time that is not set was printed as null. */
export function externalObject(value: unknown, minor: number): unknown {
  if (!isFields(value)) return value;
  const { kind, apiVersion, metadata, ...rest } = value;
  const isObject = isFields(metadata) && kind !== 'Status' && kind !== 'Table' && !Array.isArray(value['items']);
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(metadata === undefined ? {} : { metadata: isObject ? orderedMetadata(metadata, minor) : metadata }),
    ...rest,
  };
}

/** The object's own and those of a list's items or a table's rows. */
export function withoutManagedFields(value: unknown): unknown {
  if (!isFields(value)) return value;
  const copy: Record<string, unknown> = { ...value };
  if (isFields(copy['metadata']) && 'managedFields' in copy['metadata']) {
    const metadata = { ...copy['metadata'] };
    delete metadata['managedFields'];
    copy['metadata'] = metadata;
  }
  if (Array.isArray(copy['items'])) copy['items'] = copy['items'].map(withoutManagedFields);
  if (Array.isArray(copy['rows'])) {
    copy['rows'] = copy['rows'].map((row: unknown) =>
      isFields(row) && 'object' in row ? { ...row, object: withoutManagedFields(row['object']) } : row,
    );
  }
  return copy;
}

function orderedMetadata(metadata: Fields, minor: number): Fields {
  const ordered: Record<string, unknown> = {};
  for (const key of METADATA) {
    if (metadata[key] !== undefined) ordered[key] = metadata[key];
    else if (key === 'creationTimestamp' && minor < 34) ordered[key] = null;
  }
  return { ...ordered, ...Object.fromEntries(Object.entries(metadata).filter(([key]) => !METADATA.includes(key))) };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
