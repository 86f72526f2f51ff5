/** create, update, patch. Rule: dry run goes the whole way but the last step. */
import { objectAnswer, rejectUnless } from './answers';
import { checkSize, decode, mediaType, objectOf, readBody } from './codec';
import { making, type Call, type Handler } from './context';
import { checkEscalation } from './escalation';
import { nameFor } from './names';
import { checkNamespace, defaulted, newObject, updatedObject, writerOf } from './objects';
import { writeOptions, type WriteOptions } from './options';
import { applied } from './patch/apply';
import { APPLY_PATCH, JSON_PATCH, patched, readPatch, type Patch } from './patch/patch';
import { prepareNamespace } from './namespaces';
import type { Item } from './bucket';
import type { RestResponse } from '../contract';
import { FieldErrors, StatusError, badRequest, forbidden, invalidObject, methodNotAllowed, notFound } from './status';
import { notDeclared, strictError, strictWords, typed, warningHeader } from './strict';
import { obj, str, type KubeObject, type Obj } from './value';

export const create: Handler = async (call) => {
  const { request, kind, namespace } = call;
  if (kind.namespaced && namespace === '') throw methodNotAllowed();
  const options = writeOptions('CreateOptions', request.query, request.userAgent, false);
  const sent = objectOf(kind, readBody(request.body, request.contentType, kind.kind));
  const { object: decoded, headers } = decodedAs(call, sent, options);
  const object = defaulted(kind, decoded);
  const metadata = obj(object.metadata);
  return heard(object, async () => {
    checkNamespace(metadata, kind.namespaced ? namespace : '');
    if (str(metadata.resourceVersion) !== '') {
      throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
    }
    const item = await store(call, object, options);
    return { ...objectAnswer(call, item, { status: 201, requestObject: object }), headers };
  });
};

/** Unknown fields are gone from it. @throws {StatusError} 400 for a field of a wrong type; Strict: for an unknown one, too. */
function decodedAs(
  { kind, server }: Call,
  sent: Obj,
  { validation }: WriteOptions,
): { object: Obj; headers: RestResponse['headers'] & object } {
  const { object, unknown } = typed(kind, sent);
  if (validation === 'Ignore' || !validatesFields(server.gitVersion)) return { object, headers: {} };
  if (validation === 'Strict' && unknown.length > 0) throw strictError(kind, unknown);
  return { object, headers: warningHeader(unknown) };
}

/** By default since 1.25; servers before it drop unknown fields without a word. */
function validatesFields(gitVersion: string): boolean {
  return Number(/^v1\.(\d+)/.exec(gitVersion)?.[1] ?? 99) >= 25;
}

/** Makes it, under a name of its own if none is given. @param object with its defaults. */
async function store(call: Call, object: Obj, options: WriteOptions): Promise<Item> {
  const { server, kind, namespace } = call;
  if (kind.namespaced) await checkNamespaceIsThere(call, str(obj(object.metadata).name));
  checkEscalation(call, object, undefined);
  const metadata = { ...obj(object.metadata) };
  const generated = str(metadata.name) === '' && str(metadata.generateName) !== '';
  for (let tries = 0; ; tries++) {
    if (generated) metadata.name = nameFor(str(metadata.generateName), server.around.random);
    await checkServiceAccount(call, object);
    const made = newObject(kind, { ...object, metadata }, namespace, making(call, options.fieldManager));
    try {
      const item = await server.registry.create(kind, made, options.dryRun);
      if (kind.group === '' && kind.resource === 'namespaces' && !options.dryRun)
        await prepareNamespace(server, item.object);
      return item;
    } catch (error) {
      // A generated name that is taken is no fault of the client's.
      if (!generated || tries > 6 || !(error instanceof StatusError) || error.reason !== 'AlreadyExists') throw error;
    }
  }
}

export const update: Handler = async (call) => {
  const { server, request, kind, namespace, name, subresource } = call;
  const options = writeOptions('UpdateOptions', request.query, request.userAgent, false);
  const sent = objectOf(kind, readBody(request.body, request.contentType, kind.kind));
  const { object: decoded, headers } = decodedAs(call, sent, options);
  const object = defaulted(kind, decoded);
  return heard(object, async () => {
    const metadata = obj(object.metadata);
    checkNamespace(metadata, kind.namespaced ? namespace : '');
    checkName(metadata, name);
    const part = subresource === 'status' ? 'status' : '';
    const { item } = await server.registry.update(
      kind,
      namespace,
      name,
      (current) => {
        checkEscalation(call, object, current);
        return finished(updatedObject(kind, current, object, part, making(call, options.fieldManager, part)));
      },
      options.dryRun,
    );
    return { ...objectAnswer(call, item, { requestObject: object }), headers };
  });
};

export const patch: Handler = async (call) => {
  const { server, request, kind, namespace, name, subresource } = call;
  const type = mediaType(request.contentType);
  const options = writeOptions('PatchOptions', request.query, request.userAgent, type === APPLY_PATCH);
  checkSize(request.body);
  const value = decode(request.body, type === APPLY_PATCH, kind.kind);
  const wish = readPatch(type, value);
  return heard(value, async () => {
    const part = subresource === 'status' ? 'status' : '';
    const make = making(call, options.fieldManager, part);
    let headers: RestResponse['headers'] = {};
    const next = (current: KubeObject): KubeObject | 'remove' => {
      if (wish.type !== APPLY_PATCH) {
        const { object, unknown } = typed(kind, patchedObject(call, current, wish));
        if (options.validation !== 'Ignore' && validatesFields(server.gitVersion)) {
          if (options.validation === 'Strict' && unknown.length > 0) throw strictPatch(request.body, unknown);
          headers = warningHeader(unknown);
        }
        checkEscalation(call, object, current);
        return finished(updatedObject(kind, current, object, part, make));
      }
      const merged = applied(current, applyConfig(call, wish.value), writerOf(kind, make), options.force);
      checkEscalation(call, merged, current);
      const managed = obj(merged.metadata).managedFields as Obj[];
      return finished(updatedObject(kind, current, defaulted(kind, merged), part, make, managed));
    };
    if (wish.type === APPLY_PATCH && part === '') {
      const created = await createByApply(call, wish.value, options);
      if (created) return created;
    }
    const { item } = await server.registry.update(kind, namespace, name, next, options.dryRun);
    return { ...objectAnswer(call, item, { requestObject: value }), headers };
  });
};

function strictPatch(body: Uint8Array, unknown: readonly string[]): StatusError {
  const errors = new FieldErrors();
  errors.wrong('patch', Buffer.from(body).toString(), strictWords(unknown));
  return invalidObject('', '', '', errors.causes);
}

/** The patched object, decoded like one that was sent. */
export function patchedObject(
  call: Call,
  current: KubeObject,
  wish: Exclude<Patch, { type: typeof APPLY_PATCH }>,
): Obj {
  const { kind, name, namespace } = call;
  const result = patched(current, wish);
  const object = objectOf(kind, result);
  const metadata = obj(object.metadata);
  if (wish.type === JSON_PATCH || str(metadata.name) !== '') {
    rejectUnless(
      str(metadata.name) === name,
      `the name of the object (${str(metadata.name)}) does not match the name on the URL (${name})`,
    );
  }
  checkNamespace(metadata, kind.namespaced ? namespace : '');
  return defaulted(kind, object);
}

function applyConfig({ kind, name, namespace }: Call, value: Obj): Obj {
  const object = objectOf(kind, value);
  const metadata = obj(object.metadata);
  if (str(value.apiVersion) === '' || str(value.kind) === '') {
    throw badRequest("couldn't get version/kind; json parse error: apiVersion and kind must be set");
  }
  if (metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  if (str(metadata.name) !== '') checkName(metadata, name);
  checkNamespace(metadata, kind.namespaced ? namespace : '');
  const { unknown } = typed(kind, object);
  if (unknown.length > 0) throw new StatusError(500, '', notDeclared(kind, name, namespace, unknown));
  return { ...object, metadata: { ...metadata, name } };
}

/** @returns undefined when there is one already. */
async function createByApply(call: Call, value: Obj, options: WriteOptions): Promise<RestResponse | undefined> {
  const { server, kind, namespace, name } = call;
  await server.registry.sync();
  if (server.registry.find(kind, namespace, name)) return undefined;
  const config = applyConfig(call, value);
  if (str(obj(config.metadata).uid) !== '' || str(obj(config.metadata).resourceVersion) !== '')
    throw notFound(kind, name);
  const make = making(call, options.fieldManager);
  const merged = applied(undefined, config, writerOf(kind, make), options.force);
  try {
    const item = await store(call, defaulted(kind, merged), options);
    return objectAnswer(call, item, { status: 201, requestObject: value });
  } catch (error) {
    if (error instanceof StatusError && error.reason === 'AlreadyExists') return undefined;
    throw error;
  }
}

/** An object that was only waiting for its finalizers goes with the last of them. */
export function finished(object: KubeObject): KubeObject | 'remove' {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (deletionTimestamp === undefined || (deletionGracePeriodSeconds ?? 0) > 0) return object;
  const waiting = object.kind === 'Namespace' ? obj(object.spec).finalizers : undefined;
  return (finalizers ?? []).length === 0 && (!Array.isArray(waiting) || waiting.length === 0) ? 'remove' : object;
}

/** An error after the body was read is logged with the body. */
export async function heard(requestObject: unknown, work: () => Promise<RestResponse>): Promise<RestResponse> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StatusError) error.requestObject = requestObject;
    throw error;
  }
}

export function checkName(metadata: Obj, name: string): void {
  const own = str(metadata.name);
  rejectUnless(
    own === name,
    own === ''
      ? 'name must be provided'
      : `the name of the object (${own}) does not match the name on the URL (${name})`,
  );
}

async function checkNamespaceIsThere({ server, namespace, kind }: Call, name: string): Promise<void> {
  const { registry } = server;
  const find = (): KubeObject | undefined => registry.cache.bucket(NAMESPACES).get('', namespace)?.object;
  let found = find();
  if (found === undefined) {
    await registry.sync();
    found = find();
  }
  if (found === undefined) throw notFound(NAMESPACES, namespace);
  if (obj(found.status).phase !== 'Terminating') return;
  const message = `namespace ${namespace} is being terminated`;
  throw forbidden(kind, name, `unable to create new content in namespace ${namespace} because it is being terminated`, [
    { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
  ]);
}

const NAMESPACES = { group: '', resource: 'namespaces' };

/** A pod runs as an account that exists (the ServiceAccount admission plugin). */
async function checkServiceAccount({ server, kind, namespace }: Call, object: Obj): Promise<void> {
  if (kind.group !== '' || kind.resource !== 'pods') return;
  const metadata = obj(object.metadata);
  if ('kubernetes.io/config.mirror' in obj(metadata.annotations)) return;
  const account = str(obj(object.spec).serviceAccountName) || 'default';
  const find = (): unknown =>
    server.registry.cache.bucket({ group: '', resource: 'serviceaccounts' }).get(namespace, account);
  if (find() !== undefined) return;
  await server.registry.sync();
  if (find() !== undefined) return;
  const reason = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
  throw forbidden(kind, str(metadata.name), reason);
}
