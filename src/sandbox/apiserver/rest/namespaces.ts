/**
 * What happens by itself in a cluster and users count on: accounts in new namespaces, the end of namespaces, of dependents,
 * and of pods that no kubelet ends. Rule: every step can be done again, by this server or by another on the same etcd.
 */
import type { Bucket, CacheEvent, Item } from './bucket';
import type { Server } from './context';
import { removeOne } from './deletes';
import { kindOf, KINDS } from './kinds/table';
import type { Kind } from './kinds/kind';
import { isMirror } from './kinds/pods';
import { newObject, updatedObject, type Making } from './objects';
import { StatusError } from './status';
import { obj, str, type KubeObject, type Obj } from './value';

/** What every namespace has; made anew when somebody deletes it. */
const PREPARED = new Set(['default', 'kube-root-ca.crt']);
const RETRY_MS = 250;
const NOW = { dryRun: false, propagation: 'Background', gracePeriodSeconds: 0 } as const;

/** The account that pods run as, and what they need to trust the server. */
export async function prepareNamespace(server: Server, { metadata: { name } }: KubeObject): Promise<void> {
  await Promise.all([
    ensure(server, 'serviceaccounts', name, { metadata: { name: 'default' } }, 'kube-controller-manager'),
    ensure(
      server,
      'configmaps',
      name,
      {
        metadata: {
          name: 'kube-root-ca.crt',
          annotations: {
            'kubernetes.io/description':
              'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
          },
        },
        data: { 'ca.crt': server.clusterCa },
      },
      'kube-controller-manager',
    ),
  ]);
}

/** Makes it when it is not there; a terminating namespace takes nothing more. */
export async function ensure(
  server: Server,
  resource: string,
  namespace: string,
  object: Obj,
  manager: string,
  group = '',
): Promise<void> {
  const kind = kindOf(group, 'v1', resource);
  if (kind === undefined) throw new Error(`no kind for ${resource}`);
  const { name } = obj(object.metadata);
  if (server.registry.find(kind, namespace, str(name))) return;
  const { kind: kindName, group: kindGroup, version } = kind;
  const head = { kind: kindName, apiVersion: kindGroup === '' ? version : `${kindGroup}/${version}` };
  const decoded = structuredClone({ ...head, ...object });
  kind.defaults?.(decoded);
  const making: Making = { now: server.now(), uid: server.uid, around: server.around, writer: { manager } };
  try {
    await server.registry.create(kind, newObject(kind, decoded, namespace, making), false);
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'AlreadyExists') throw error;
  }
}

/** @param orphan they stay, without their owner. */
export async function deleteDependents(server: Server, uid: string, orphan: boolean): Promise<void> {
  for (const [kind, bucket] of storedKinds(server)) {
    for (const { object } of bucket.ownedBy(uid)) {
      await ignoringGone(async () => {
        if (orphan) await disown(server, kind, object, uid);
        else await removeOne({ server, kind }, object, { dryRun: false, propagation: 'Background' });
      });
    }
  }
}

async function disown(server: Server, kind: Kind, { metadata }: KubeObject, uid: string): Promise<void> {
  const making: Making = {
    now: server.now(),
    uid: server.uid,
    around: server.around,
    writer: { manager: 'kube-controller-manager' },
  };
  await server.registry.update(
    kind,
    metadata.namespace ?? '',
    metadata.name,
    (current) => {
      const ownerReferences = (current.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
      return updatedObject(
        kind,
        current,
        { ...current, metadata: { ...current.metadata, ownerReferences } },
        '',
        making,
      );
    },
    false,
  );
}

/** Watches over ending namespaces and pods. @returns what stops it. */
export function startKeepers(server: Server): () => void {
  const timers = new Set<NodeJS.Timeout>();
  let stopped = false;
  const again = (work: () => Promise<boolean>, ms: number): void => {
    if (stopped) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      work().then(
        (done) => {
          if (!done) again(work, RETRY_MS);
        },
        // etcd is away: later.
        () => {
          again(work, RETRY_MS);
        },
      );
    }, ms);
    timers.add(timer);
  };
  const { cache } = server.registry;
  const namespaces = cache.bucket({ group: '', resource: 'namespaces' });
  const pods = cache.bucket({ group: '', resource: 'pods' });
  const busy = new Set<string>();
  const seeNamespace = ({ object }: Item): void => {
    const { name, uid = '', deletionTimestamp } = object.metadata;
    if (deletionTimestamp === undefined || busy.has(uid)) return;
    busy.add(uid);
    again(async () => {
      const done = await clearNamespace(server, name, uid);
      if (done) busy.delete(uid);
      return done;
    }, 0);
  };
  const seePod = ({ object }: Item): void => {
    const { deletionTimestamp, uid = '' } = object.metadata;
    if (deletionTimestamp === undefined || isMirror(object) || busy.has(uid)) return;
    busy.add(uid);
    again(async () => {
      await endPod(server, object);
      busy.delete(uid);
      return true;
    }, RETRY_MS);
  };
  for (const item of namespaces.list('')) seeNamespace(item);
  for (const item of pods.list('')) seePod(item);
  const restore = ({ type, item: { object } }: CacheEvent): void => {
    const { name, namespace = '' } = object.metadata;
    if (type !== 'DELETED' || !PREPARED.has(name)) return;
    again(async () => {
      const found = namespaces.get('', namespace)?.object;
      if (found && found.metadata.deletionTimestamp === undefined) await prepareNamespace(server, found);
      return true;
    }, 0);
  };
  const unlisten = [
    ...['configmaps', 'serviceaccounts'].map((resource) =>
      cache.bucket({ group: '', resource }).listen((events) => {
        for (const event of events) restore(event);
      }),
    ),
    namespaces.listen((events) => {
      for (const { type, item } of events) if (type !== 'DELETED') seeNamespace(item);
    }),
    pods.listen((events) => {
      for (const { type, item } of events) if (type !== 'DELETED') seePod(item);
    }),
  ];
  return () => {
    stopped = true;
    for (const end of unlisten) end();
    for (const timer of timers) clearTimeout(timer);
  };
}

/** @returns whether the namespace is gone; what has finalizers holds it. */
async function clearNamespace(server: Server, name: string, uid: string): Promise<boolean> {
  const kind = kindOf('', 'v1', 'namespaces');
  if (kind === undefined) return true;
  await server.registry.sync();
  const current = server.registry.find(kind, '', name);
  if (current?.object.metadata.uid !== uid) return true;
  let left = 0;
  for (const [inner, bucket] of storedKinds(server)) {
    if (!inner.namespaced) continue;
    for (const { object } of bucket.list(name)) {
      await ignoringGone(async () => {
        const { removed } = await removeOne({ server, kind: inner }, object, NOW);
        if (!removed) left++;
      });
    }
  }
  if (left > 0) return false;
  await ignoringGone(async () => {
    await server.registry.update(
      kind,
      '',
      name,
      ({ metadata }) => (metadata.uid === uid && (metadata.finalizers ?? []).length === 0 ? 'remove' : 'keep'),
      false,
    );
  });
  return server.registry.find(kind, '', name)?.object.metadata.uid !== uid;
}

/** There is nothing behind the pods of the sandbox but the API server's own: nobody else would ever end them. */
async function endPod(server: Server, { metadata }: KubeObject): Promise<void> {
  const kind = kindOf('', 'v1', 'pods');
  if (kind === undefined) return;
  await ignoringGone(async () => {
    const conditions = metadata.uid === undefined ? {} : { uid: metadata.uid };
    await removeOne({ server, kind }, { apiVersion: 'v1', kind: 'Pod', metadata }, { ...NOW, ...conditions });
  });
}

function storedKinds(server: Server): [Kind, Bucket][] {
  return KINDS.filter(({ view, verbs }) => view === undefined && verbs.includes('delete')).map((kind) => [
    kind,
    server.registry.cache.bucket(kind),
  ]);
}

async function ignoringGone(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StatusError) || !['NotFound', 'Conflict'].includes(error.reason)) throw error;
  }
}
