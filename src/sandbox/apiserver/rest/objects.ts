/**
 * From what a client sent to what is stored: the server's own fields, defaults, checks. Rule: what the client says about
 * the server's own fields (uid, times, generation, status on the main path) counts for nothing.
 */
import { afterUpdate, type Writer } from './patch/fields';
import { apiVersionOf, type Kind, type Surroundings } from './kinds/kind';
import { validateMetadata } from './kinds/validate';
import { FieldErrors, MODIFIED, badRequest, conflict, invalidObject } from './status';
import { clone, isObj, obj, same, str, type KubeObject, type Metadata, type Obj } from './value';

export interface Making {
  now: Date;
  uid: () => string;
  writer: Omit<Writer, 'time' | 'apiVersion'>;
  around: Surroundings;
}

/** Whole seconds, as the API's times are. */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

export function writerOf(kind: Kind, { now, writer }: Pick<Making, 'now' | 'writer'>): Writer {
  return { ...writer, time: timestamp(now), apiVersion: apiVersionOf(kind) };
}

/** As decoding leaves it; a copy. What the audit log shows of a request. */
export function defaulted(kind: Kind, decoded: Obj): Obj {
  const object = clone(decoded);
  kind.defaults?.(object);
  return object;
}

/** @throws {StatusError} 400 when the object says another namespace than the URL. */
export function checkNamespace(metadata: Obj, namespace: string): void {
  const own = str(metadata.namespace);
  if (own !== '' && own !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** @param object with its defaults, the client's metadata and its name set. @throws {StatusError} 422. */
export function newObject(kind: Kind, object: Obj, namespace: string, making: Making): KubeObject {
  const metadata = obj(object.metadata);
  const created: KubeObject = {
    // A copy: what the server adds is no part of what the client is logged to have sent.
    ...clone(body(object)),
    metadata: ordered({
      ...metadata,
      name: str(metadata.name),
      namespace: kind.namespaced ? namespace : undefined,
      uid: making.uid(),
      // etcd says which; here it keeps its place.
      resourceVersion: '0',
      generation: kind.generation ? 1 : undefined,
      creationTimestamp: timestamp(making.now),
      deletionTimestamp: undefined,
      deletionGracePeriodSeconds: undefined,
    }),
  } as KubeObject;
  if ('status' in kind.subresources && kind.resource !== 'nodes') {
    delete created.status;
    kind.defaults?.(created);
  }
  kind.prepare?.(created, undefined, making.around);
  check(kind, created, undefined);
  const given = Array.isArray(metadata.managedFields) && metadata.managedFields.length > 0;
  created.metadata.managedFields = given
    ? (metadata.managedFields as Obj[])
    : afterUpdate(undefined, created, writerOf(kind, making));
  return created;
}

/**
 * @param subresource `status`: only that counts; otherwise all but the status.
 * @param next what the client wants it to be, with its defaults.
 * @throws {StatusError} 409 when it names another revision or uid, 422 when it is wrong.
 */
export function updatedObject(
  kind: Kind,
  before: KubeObject,
  next: Obj,
  subresource: '' | 'status',
  making: Making,
  managed?: Obj[],
): KubeObject {
  const metadata = obj(next.metadata);
  const { name } = before.metadata;
  const version = str(metadata.resourceVersion);
  if (version !== '' && version !== before.metadata.resourceVersion) throw conflict(kind, name, MODIFIED);
  const uid = str(metadata.uid);
  if (uid !== '' && uid !== before.metadata.uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid ?? ''}`,
    );
  }
  // A copy where something will be changed in it: `next` may share its inside with what is stored.
  const own = (): Obj => (kind.prepare ? clone(body(next)) : body(next));
  const content = subresource === 'status' ? { ...body(before), status: next.status } : own();
  const updated: KubeObject = {
    ...content,
    kind: before.kind,
    apiVersion: before.apiVersion,
    metadata: ordered({
      ...(subresource === 'status' ? { ...before.metadata, ...labelsOf(metadata) } : metadata),
      name,
      namespace: before.metadata.namespace,
      generateName: before.metadata.generateName,
      uid: before.metadata.uid,
      resourceVersion: before.metadata.resourceVersion,
      generation: before.metadata.generation,
      creationTimestamp: before.metadata.creationTimestamp,
      deletionTimestamp: before.metadata.deletionTimestamp,
      deletionGracePeriodSeconds: before.metadata.deletionGracePeriodSeconds,
      managedFields: before.metadata.managedFields,
    }),
  };
  if (subresource === '') {
    if ('status' in kind.subresources) keepStatus(updated, before);
    kind.prepare?.(updated, before, making.around);
    checkFinalizers(kind, updated, before);
  }
  check(kind, updated, before);
  if (kind.generation && !same(updated.spec, before.spec)) {
    updated.metadata.generation = (before.metadata.generation ?? 0) + 1;
  }
  updated.metadata.managedFields = managed ?? afterUpdate(before, updated, writerOf(kind, making));
  return updated;
}

function check(kind: Kind, object: KubeObject, before: KubeObject | undefined): void {
  const errors = new FieldErrors();
  validateMetadata(object.metadata, kind.names, errors);
  kind.validate?.(object, errors, before);
  if (errors.causes.length > 0) throw invalidObject(kind.group, kind.kind, str(object.metadata.name), errors.causes);
}

function checkFinalizers(kind: Kind, updated: KubeObject, before: KubeObject): void {
  if (before.metadata.deletionTimestamp === undefined) return;
  const known = before.metadata.finalizers ?? [];
  const added = (updated.metadata.finalizers ?? []).filter((finalizer) => !known.includes(finalizer));
  if (added.length === 0) return;
  const errors = new FieldErrors();
  errors.forbidden(
    'metadata.finalizers',
    `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(', ')}}`,
  );
  throw invalidObject(kind.group, kind.kind, updated.metadata.name, errors.causes);
}

function keepStatus(updated: KubeObject, before: KubeObject): void {
  if (before.status === undefined) delete updated.status;
  else updated.status = before.status;
}

/** Without metadata, which is put in its place by `ordered`; an empty map stands for where it belongs. */
function body({ kind, apiVersion, ...rest }: Obj): Obj {
  return { kind, apiVersion, ...rest, metadata: {} };
}

function labelsOf({ labels, annotations }: Obj): Obj {
  return { ...(isObj(labels) ? { labels } : {}), ...(isObj(annotations) ? { annotations } : {}) };
}

const ORDER = [
  'name',
  'generateName',
  'namespace',
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
] as const;

/** In the order of the API's types, without what is empty; other fields are no part of metadata. */
function ordered(metadata: Obj): Metadata {
  const result: Obj = {};
  for (const field of ORDER) {
    const value = metadata[field];
    if (value === undefined || value === null || value === '') continue;
    if (Array.isArray(value) ? value.length === 0 : isObj(value) && Object.keys(value).length === 0) continue;
    result[field] = value;
  }
  return result as Metadata;
}
