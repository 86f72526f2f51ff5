/** delete and deletecollection: preconditions, grace, finalizers, dependents (apiserver/pkg/registry/rest/delete.go). */
import { listAnswer, objectAnswer, success, valueAnswer } from './answers';
import type { Item } from './bucket';
import { objectOf, readBody } from './codec';
import type { Call, Handler } from './context';
import type { Kind } from './kinds/kind';
import { deleteOptions, listOptions, type DeleteOptions } from './options';
import { timestamp } from './objects';
import { collectionItems } from './reads';
import { MODIFIED, StatusError, conflict, forbidden, methodNotAllowed } from './status';
import { at, obj, str, type KubeObject, type Obj } from './value';
import { heard } from './writes';

/** Kinds whose last state is answered instead of a Status. */
const ANSWERED_WHOLE = new Set([
  'namespaces',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'resourcequotas',
  'serviceaccounts',
  'services',
]);
const IMMORTAL = new Set(['default', 'kube-public', 'kube-system']);

export const remove: Handler = async (call) => {
  const { server, request, kind, namespace, name } = call;
  const body = optionsBody(call);
  return heard(body, async () => {
    const options = deleteOptions(request.query, body);
    const item = server.registry.find(kind, namespace, name) ?? (await server.registry.get(kind, namespace, name));
    const { item: last, removed } = await removeOne(call, item.object, options);
    const said = body === undefined ? {} : { requestObject: body };
    if (removed && !(kind.group === '' && ANSWERED_WHOLE.has(kind.resource))) {
      const { uid } = last.object.metadata;
      return valueAnswer(request, success(kind, last.object), {
        ...said,
        objectRef: { name, ...(uid ? { uid } : {}) },
      });
    }
    return objectAnswer(call, last, said);
  });
};

export const removeCollection: Handler = async (call) => {
  const { server, request, kind, namespace } = call;
  if (kind.namespaced && namespace === '') throw methodNotAllowed();
  const body = optionsBody(call);
  return heard(body, async () => {
    const options = deleteOptions(request.query, body);
    const chosen = listOptions(request.query, false);
    await server.registry.sync();
    const removed: Item[] = [];
    for (const { object } of collectionItems(call, chosen)) {
      try {
        removed.push((await removeOne(call, object, options)).item);
      } catch (error) {
        // Gone already, by somebody else's hand.
        if (!(error instanceof StatusError) || error.reason !== 'NotFound') throw error;
      }
    }
    const metadata = { resourceVersion: String(server.registry.cache.revision) };
    const answer = listAnswer(call, removed, metadata);
    return body === undefined ? answer : Object.assign(answer, { requestObject: body });
  });
};

/** Removes it, or marks it where something has to happen first. */
export async function removeOne(
  { server, kind }: Pick<Call, 'server' | 'kind'>,
  { metadata: { name, namespace = '' } }: KubeObject,
  options: DeleteOptions,
): Promise<{ item: Item; removed: boolean }> {
  const result = await server.registry.update(
    kind,
    namespace,
    name,
    (current) => {
      checkPreconditions(kind, current, options);
      if (kind.group === '' && kind.resource === 'namespaces') return endNamespace(kind, current, server.now());
      const grace = graceOf(kind, current, options);
      const { finalizers = [], deletionTimestamp, deletionGracePeriodSeconds } = current.metadata;
      if (grace === 0 && finalizers.length === 0) return 'remove';
      if (deletionTimestamp !== undefined && (deletionGracePeriodSeconds ?? 0) <= grace) return 'keep';
      return marked(current, new Date(server.now().getTime() + grace * 1000), grace);
    },
    options.dryRun,
  );
  const { uid } = result.item.object.metadata;
  if (result.removed && !options.dryRun && uid !== undefined) {
    await server.deleteDependents(uid, options.propagation === 'Orphan');
  }
  return result;
}

function optionsBody({ request }: Call): Obj | undefined {
  if (request.body.length === 0) return undefined;
  const value = obj(readBody(request.body, request.contentType, 'DeleteOptions'));
  // Clients send them under meta.k8s.io, under v1, and under the version of what is deleted.
  return objectOf({ group: '', version: 'v1', kind: 'DeleteOptions' }, { ...value, apiVersion: undefined });
}

function checkPreconditions(kind: Kind, { metadata }: KubeObject, { uid, resourceVersion }: DeleteOptions): void {
  if (uid !== undefined && uid !== metadata.uid) {
    const reason = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ''}`;
    throw conflict(kind, metadata.name, reason);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const own = metadata.resourceVersion ?? '';
    const reason = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${own}`;
    throw conflict(kind, metadata.name, resourceVersion === '' ? MODIFIED : reason);
  }
}

/** Only a pod that some kubelet has can end gracefully. In seconds. */
function graceOf(kind: Kind, pod: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  if (kind.group !== '' || kind.resource !== 'pods') return 0;
  const phase = at(pod, 'status', 'phase');
  if (str(at(pod, 'spec', 'nodeName')) === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  const own = at(pod, 'spec', 'terminationGracePeriodSeconds');
  return gracePeriodSeconds ?? (typeof own === 'number' ? own : 30);
}

function marked(object: KubeObject, when: Date, grace: number): KubeObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      generation: metadata.generation === undefined ? undefined : metadata.generation + 1,
      deletionTimestamp: timestamp(when),
      deletionGracePeriodSeconds: grace,
    },
  };
}

function endNamespace(kind: Kind, current: KubeObject, now: Date): KubeObject | 'remove' | 'keep' {
  const { name } = current.metadata;
  if (IMMORTAL.has(name)) throw forbidden(kind, name, 'this namespace may not be deleted');
  if (current.metadata.deletionTimestamp !== undefined) return 'keep';
  const ending = marked(current, now, 0);
  delete ending.metadata.deletionGracePeriodSeconds;
  return { ...ending, status: { ...obj(current.status), phase: 'Terminating' } };
}
