/** What is asked of a part of an object: scale, binding, eviction, tokens, logs and the like. */
import { objectAnswer, valueAnswer } from './answers';
import { decode, mediaType, objectOf, readBody } from './codec';
import { making, type Call, type Handler } from './context';
import { removeOne } from './deletes';
import { defaulted, timestamp, updatedObject } from './objects';
import { deleteOptions, writeOptions } from './options';
import { APPLY_PATCH, patched, readPatch } from './patch/patch';
import { formatLabels, formatSelector } from './selectors';
import { FieldErrors, StatusError, badRequest, conflict, internalError, invalidObject } from './status';
import { arr, at, isObj, num, obj, objs, str, type KubeObject, type Obj } from './value';
import { checkName, finished, heard } from './writes';

/** By subresource and verb; what is not here is `status`, which the plain verbs do. */
export const SUBRESOURCES: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  attach: { create: streamed, get: streamed },
  binding: { create: bind },
  eviction: { create: evict },
  exec: { create: streamed, get: streamed },
  finalize: { update: finalize },
  log: { get: log },
  portforward: { create: streamed, get: streamed },
  scale: { get: getScale, update: putScale, patch: patchScale },
  token: { create: token },
};

async function getScale(call: Call): ReturnType<Handler> {
  const { server, kind, namespace, name, request } = call;
  const { object } = await server.registry.get(kind, namespace, name);
  return valueAnswer(request, scaleOf(object));
}

async function putScale(call: Call): ReturnType<Handler> {
  const { request, name } = call;
  const scale = objectOf(SCALE, readBody(request.body, request.contentType, 'Scale'));
  return heard(scale, async () => {
    checkName(obj(scale.metadata), name);
    const options = writeOptions('UpdateOptions', request.query, request.userAgent, false);
    return scaled(call, () => scale, options, scale);
  });
}

async function patchScale(call: Call): ReturnType<Handler> {
  const { request } = call;
  const type = mediaType(request.contentType);
  const value = decode(request.body, type === APPLY_PATCH, 'Scale');
  const wish = readPatch(type, value);
  return heard(value, async () => {
    const options = writeOptions('PatchOptions', request.query, request.userAgent, type === APPLY_PATCH);
    const next = (scale: Obj): Obj =>
      wish.type === APPLY_PATCH
        ? { ...scale, spec: { ...obj(scale.spec), ...obj(wish.value.spec) } }
        : objectOf(SCALE, patched(scale, wish));
    return scaled(call, next, options, value);
  });
}

async function scaled(
  call: Call,
  next: (scale: Obj) => Obj,
  options: ReturnType<typeof writeOptions>,
  requestObject: unknown,
): ReturnType<Handler> {
  const { server, kind, namespace, name, request } = call;
  const { item } = await server.registry.update(
    kind,
    namespace,
    name,
    (current) => {
      const scale = next(scaleOf(current));
      const wanted = at(scale, 'spec', 'replicas') ?? 0;
      if (typeof wanted !== 'number' || !Number.isInteger(wanted) || wanted < 0) {
        const errors = new FieldErrors();
        errors.wrong('spec.replicas', wanted, 'must be greater than or equal to 0');
        throw invalidObject('autoscaling', 'Scale', name, errors.causes);
      }
      const resourceVersion = str(at(scale, 'metadata', 'resourceVersion'));
      const changed = {
        ...current,
        metadata: { ...current.metadata, resourceVersion },
        spec: { ...obj(current.spec), replicas: wanted },
      };
      return updatedObject(kind, current, changed, '', making(call, options.fieldManager, 'scale'));
    },
    options.dryRun,
  );
  const { uid, resourceVersion } = item.object.metadata;
  return valueAnswer(request, scaleOf(item.object), {
    requestObject,
    objectRef: { name, ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
  });
}

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

function scaleOf({ kind, metadata, spec, status }: KubeObject): Obj {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const selector = at(spec, 'selector');
  const text = kind === 'ReplicationController' ? formatLabels(selector) : formatSelector(selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: num(at(spec, 'replicas')) },
    status: { replicas: num(at(status, 'replicas')), selector: text },
  };
}

async function bind(call: Call): ReturnType<Handler> {
  const { server, request, kind, namespace, name } = call;
  const binding = objectOf({ ...CORE, kind: 'Binding' }, readBody(request.body, request.contentType, 'Binding'));
  return heard(binding, async () => {
    const options = writeOptions('CreateOptions', request.query, request.userAgent, false);
    const node = str(at(binding, 'target', 'name'));
    if (node === '') {
      const errors = new FieldErrors();
      errors.required('target.name');
      throw invalidObject('', 'Binding', name, errors.causes);
    }
    await server.registry.update(
      kind,
      namespace,
      name,
      (pod) => {
        const bound = str(at(pod, 'spec', 'nodeName'));
        if (pod.metadata.deletionTimestamp !== undefined) {
          throw conflict(BINDING, name, `pod ${name} is being deleted, cannot be assigned to a host`);
        }
        if (bound !== '') throw conflict(BINDING, name, `pod ${name} is already assigned to node "${bound}"`);
        const condition = {
          type: 'PodScheduled',
          status: 'True',
          lastProbeTime: null,
          lastTransitionTime: timestamp(server.now()),
        };
        return {
          ...pod,
          spec: { ...obj(pod.spec), nodeName: node },
          status: { ...obj(pod.status), conditions: [condition] },
        };
      },
      options.dryRun,
    );
    return valueAnswer(request, CREATED, { status: 201, requestObject: binding });
  });
}

const CORE = { group: '', version: 'v1' };
const BINDING = { group: '', resource: 'pods/binding' };
const CREATED = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

async function evict(call: Call): ReturnType<Handler> {
  const { server, request, kind, namespace, name } = call;
  const value = obj(readBody(request.body, request.contentType, 'Eviction'));
  const version = str(value.apiVersion) === 'policy/v1beta1' ? 'v1beta1' : 'v1';
  const eviction = objectOf({ group: 'policy', version, kind: 'Eviction' }, value);
  return heard(eviction, async () => {
    checkName({ name: str(at(eviction, 'metadata', 'name')) || name }, name);
    const { dryRun } = writeOptions('CreateOptions', request.query, request.userAgent, false);
    const wished = isObj(eviction.deleteOptions) ? eviction.deleteOptions : {};
    const options = deleteOptions(new URLSearchParams(), wished);
    const { object } = await server.registry.get(kind, namespace, name);
    await removeOne({ server, kind }, object, { ...options, dryRun: dryRun || options.dryRun });
    return valueAnswer(request, CREATED, { status: 201, requestObject: eviction });
  });
}

async function finalize(call: Call): ReturnType<Handler> {
  const { server, request, kind, name } = call;
  const object = defaulted(kind, objectOf(kind, readBody(request.body, request.contentType, kind.kind)));
  return heard(object, async () => {
    checkName(obj(object.metadata), name);
    const options = writeOptions('UpdateOptions', request.query, request.userAgent, false);
    const { item } = await server.registry.update(
      kind,
      '',
      name,
      (current) => {
        const next = { ...current, metadata: { ...obj(object.metadata) } };
        const checked = updatedObject(kind, current, next, '', making(call, options.fieldManager, 'finalize'));
        return finished({ ...checked, spec: { finalizers: arr(at(object, 'spec', 'finalizers')) } });
      },
      options.dryRun,
    );
    return objectAnswer(call, item, { requestObject: object });
  });
}

async function token(call: Call): ReturnType<Handler> {
  const { server, request, kind, namespace, name } = call;
  const row = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
  const wish = objectOf(row, readBody(request.body, request.contentType, 'TokenRequest'));
  return heard(wish, async () => {
    writeOptions('CreateOptions', request.query, request.userAgent, false);
    const { object } = await server.registry.get(kind, namespace, name);
    const spec = obj(wish.spec);
    const expirationSeconds = num(spec.expirationSeconds, 3600);
    const errors = new FieldErrors();
    if (expirationSeconds < 600) {
      errors.wrong('spec.expirationSeconds', expirationSeconds, 'may not specify a duration less than 10 minutes');
    } else if (expirationSeconds > 2 ** 32) {
      errors.wrong('spec.expirationSeconds', expirationSeconds, 'may not specify a duration larger than 2^32 seconds');
    }
    if (errors.causes.length > 0) throw invalidObject('authentication.k8s.io', 'TokenRequest', name, errors.causes);
    const bound = isObj(spec.boundObjectRef) ? spec.boundObjectRef : undefined;
    const issued = server.front.issueToken({
      serviceAccount: { namespace, name, uid: object.metadata.uid ?? '' },
      audiences: arr(spec.audiences).map(str),
      expirationSeconds,
      ...(bound ? { boundObject: { kind: str(bound.kind), name: str(bound.name), uid: str(bound.uid) } } : {}),
    });
    const { expirationTimestamp, audiences } = issued;
    const answer = {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, creationTimestamp: timestamp(server.now()) },
      spec: { audiences, expirationSeconds, boundObjectRef: bound ?? null },
      status: { token: issued.token, expirationTimestamp },
    };
    return valueAnswer(request, answer, { status: 201, requestObject: wish });
  });
}

async function log(call: Call): ReturnType<Handler> {
  const pod = await podOf(call);
  const container = containerOf(call, pod);
  const node = str(at(pod, 'spec', 'nodeName'));
  // As the server has it: a pod that nobody runs has said nothing yet.
  if (node === '') return { status: 200, body: { text: '', type: 'text/plain' } };
  const address = kubeletAddress(call, node);
  const url = `https://${address}/containerLogs/${call.namespace}/${call.name}/${container}`;
  throw new StatusError(500, '', `Get "${url}": dial tcp ${address}: connect: connection refused`);
}

/** exec, attach, port-forward: they need a kubelet that answers, and the sandbox's does not. */
async function streamed(call: Call): ReturnType<Handler> {
  const pod = await podOf(call);
  const node = str(at(pod, 'spec', 'nodeName'));
  if (call.subresource !== 'portforward') containerOf(call, pod);
  if (node === '') throw badRequest(`pod ${call.name} does not have a host assigned`);
  throw internalError(`error dialing backend: dial tcp ${kubeletAddress(call, node)}: connect: connection refused`);
}

async function podOf({ server, kind, namespace, name }: Call): Promise<KubeObject> {
  return (await server.registry.get(kind, namespace, name)).object;
}

function containerOf({ request, name }: Call, pod: KubeObject): string {
  const wanted = request.query.get('container') ?? '';
  const containers = objs(at(pod, 'spec', 'containers')).map((one) => str(one.name));
  const all = [...containers, ...objs(at(pod, 'spec', 'initContainers')).map((one) => str(one.name))];
  if (wanted === '') {
    if (all.length > 1) {
      throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]`);
    }
    return all[0] ?? '';
  }
  if (!all.includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${name}`);
  return wanted;
}

function kubeletAddress({ server }: Call, node: string): string {
  const known = server.around.objects('', 'nodes').find(({ metadata }) => metadata.name === node);
  const address = objs(at(known, 'status', 'addresses')).find(({ type }) => type === 'InternalIP');
  return `${str(address?.address) || node}:10250`;
}
