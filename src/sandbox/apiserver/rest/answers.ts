/** Values on their way to the client: as JSON, YAML, a Table or metadata only, with what the audit event needs to know. */
import type { RestRequest, RestResponse } from '../contract';
import type { Item } from './bucket';
import { negotiate, toYaml, type Wanted } from './codec';
import type { Call } from './context';
import { apiVersionOf, type Kind } from './kinds/kind';
import { StatusError, badRequest, internalError } from './status';
import { includeObject, partial, table } from './tables';
import { messageOf } from '../../../core/errors';
import { without, type KubeObject, type Obj } from './value';

export function objectAnswer(
  call: Call,
  item: Item,
  more: { status?: number; requestObject?: unknown } = {},
): RestResponse {
  const { request, kind, server } = call;
  const wanted = negotiate(request.accept);
  const { object } = item;
  const common = {
    status: more.status ?? 200,
    ...('requestObject' in more ? { requestObject: more.requestObject } : {}),
    responseObject: object,
    objectRef: refOf(object),
  };
  if (wanted.as === 'Table') {
    const options = { version: wanted.version, include: includeObject(request.query), now: server.now() };
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
    return { ...common, body: bodyOf(request, table(kind, [object], metadata, options), wanted) };
  }
  if (wanted.as === 'PartialObjectMetadata') {
    return { ...common, body: bodyOf(request, partial(object, wanted.version), wanted) };
  }
  if (wanted.yaml || isPretty(request)) return { ...common, body: bodyOf(request, object, wanted) };
  return { ...common, body: { text: item.json, type: 'application/json' } };
}

/** Any other value: a review, a scale, a Status that says Success. */
export function valueAnswer(
  request: RestRequest,
  value: unknown,
  more: { status?: number; requestObject?: unknown; objectRef?: RestResponse['objectRef'] } = {},
): RestResponse {
  const { status = 200, ...rest } = more;
  let wanted: Wanted = { as: 'object', version: 'v1', yaml: false };
  try {
    wanted = negotiate(request.accept);
  } catch {
    // What is not to be had otherwise is had as JSON: the deed is done.
  }
  return { status, body: bodyOf(request, value, wanted), ...rest, responseObject: value };
}

export function listAnswer(call: Call, items: readonly Item[], metadata: Obj): RestResponse {
  const { request, kind, server } = call;
  const wanted = negotiate(request.accept);
  const apiVersion = apiVersionOf(kind);
  const head = { kind: `${kind.kind}List`, apiVersion, metadata };
  const common = {
    status: 200,
    // Made only where the audit policy wants bodies.
    get responseObject(): unknown {
      return { ...head, items: items.map(({ object }) => withoutKind(object)) };
    },
  };
  if (wanted.as === 'Table') {
    const options = { version: wanted.version, include: includeObject(request.query), now: server.now() };
    const value = table(
      kind,
      items.map(({ object }) => object),
      metadata,
      options,
    );
    return answer(common, bodyOf(request, value, wanted));
  }
  if (wanted.as === 'PartialObjectMetadata') {
    const value = {
      kind: 'PartialObjectMetadataList',
      apiVersion: `meta.k8s.io/${wanted.version}`,
      metadata,
      items: items.map(({ object }) => partial(object, wanted.version)),
    };
    return answer(common, bodyOf(request, value, wanted));
  }
  if (wanted.yaml || isPretty(request)) return answer(common, bodyOf(request, common.responseObject, wanted));
  const start = `${JSON.stringify(head).slice(0, -1)},"items":[`;
  const prefix = `{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(apiVersion)},`;
  const texts = items.map(({ json, object }) =>
    json.startsWith(prefix) ? `{${json.slice(prefix.length)}` : JSON.stringify(withoutKind(object)),
  );
  return answer(common, { text: `${start}${texts.join(',')}]}`, type: 'application/json' });
}

/** Keeps the getter a getter: spread, it would be called. */
function answer(
  common: { status: number; readonly responseObject: unknown },
  body: RestResponse['body'],
): RestResponse {
  return Object.assign(common, { body });
}

/** Items of a typed list do not say what they are. */
function withoutKind(object: KubeObject): Obj {
  return without(object, 'kind', 'apiVersion');
}

/** Whatever was thrown. */
export function errorAnswer(request: RestRequest, error: unknown): RestResponse {
  const known = error instanceof StatusError ? error : internalError(messageOf(error));
  const answered = valueAnswer(request, known.status, { status: known.code });
  const retry = (known.status.details as { retryAfterSeconds?: number } | undefined)?.retryAfterSeconds;
  return {
    ...answered,
    ...(retry === undefined ? {} : { headers: { 'Retry-After': String(retry) } }),
    ...(known.requestObject === undefined ? {} : { requestObject: known.requestObject }),
    ...(known.reason === '' ? {} : { reason: known.reason }),
    message: known.message,
  };
}

export function success(kind: Pick<Kind, 'group' | 'resource'>, object: KubeObject): Obj {
  const { name, uid } = object.metadata;
  const group = kind.group === '' ? {} : { group: kind.group };
  const details = { name, ...group, kind: kind.resource, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

export function refOf({ metadata }: KubeObject): NonNullable<RestResponse['objectRef']> {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function bodyOf(request: RestRequest, value: unknown, wanted: Wanted): RestResponse['body'] {
  if (wanted.yaml) return { text: toYaml(value), type: 'application/yaml' };
  if (isPretty(request)) return { text: `${JSON.stringify(value, null, 2)}\n`, type: 'application/json' };
  return { json: value };
}

/** Browsers and curl are shown JSON with line breaks (apiserver/pkg/endpoints/handlers/negotiation/negotiate.go). */
function isPretty({ query, userAgent }: RestRequest): boolean {
  const wish = query.get('pretty');
  if (wish !== null) return wish !== 'false' && wish !== '0';
  return /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent);
}

export function rejectUnless(condition: boolean, message: string): void {
  if (!condition) throw badRequest(message);
}
