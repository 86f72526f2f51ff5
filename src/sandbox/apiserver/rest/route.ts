/** From a request to its handler. */
import type { RestRequest, RestResponse } from '../contract';
import { errorAnswer, valueAnswer } from './answers';
import { negotiate } from './codec';
import type { Handler, Server } from './context';
import { remove, removeCollection } from './deletes';
import { discovery } from './discovery';
import { isServed, kindOf } from './kinds/table';
import { openapi } from './openapi';
import { get, list } from './reads';
import { REVIEWS, review } from './reviews';
import { methodNotAllowed, noResource } from './status';
import { SUBRESOURCES } from './subresources';
import { watch } from './watches';
import { create, patch, update } from './writes';

export async function route(server: Server, request: RestRequest): Promise<RestResponse> {
  try {
    const { info } = request;
    return info.isResourceRequest ? await resource(server, request) : nonResource(server, request);
  } catch (error) {
    return errorAnswer(request, error);
  }
}

const PLAIN: Readonly<Record<string, Handler>> = {
  create,
  delete: remove,
  deletecollection: removeCollection,
  get,
  list,
  patch,
  update,
  watch,
};

/** Answered in no form that could be chosen. */
const UNSHAPED = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

async function resource(server: Server, request: RestRequest): Promise<RestResponse> {
  const { info } = request;
  if (!info.isResourceRequest) throw noResource();
  const { apiGroup, apiVersion, namespace, name, subresource, verb } = info;
  const kind = kindOf(apiGroup, apiVersion, info.resource);
  if (!isServed(apiGroup, apiVersion)) return pageNotFound();
  if (kind === undefined) throw noResource();
  // The namespace of a namespace is its own name.
  const own = kind.resource === 'namespaces' && kind.group === '' ? '' : namespace;
  if (!kind.namespaced && own !== '') throw noResource();
  if (kind.namespaced && own === '' && name !== '' && verb !== 'list' && verb !== 'watch') throw noResource();
  const call = { server, request, kind, namespace: own, name, subresource };
  // Before anything is done: a client that cannot be answered is not obeyed either.
  if (!UNSHAPED.has(subresource)) negotiate(request.accept);
  if (subresource !== '') {
    const part = Object.hasOwn(kind.subresources, subresource) ? kind.subresources[subresource] : undefined;
    if (part === undefined) throw noResource();
    if (!part.verbs.includes(verb)) throw methodNotAllowed();
    const handler = SUBRESOURCES[subresource]?.[verb] ?? (subresource === 'status' ? PLAIN[verb] : undefined);
    if (handler === undefined) throw methodNotAllowed();
    return handler(call);
  }
  if (kind.kind in REVIEWS) {
    if (verb !== 'create') throw methodNotAllowed();
    return review(call);
  }
  if (!kind.verbs.includes(verb)) throw methodNotAllowed();
  // A name belongs to an object, not to where it is made.
  if (verb === 'create' && name !== '') throw methodNotAllowed();
  if (name === '' && (verb === 'update' || verb === 'patch')) throw methodNotAllowed();
  const handler = PLAIN[verb];
  if (handler === undefined) throw methodNotAllowed();
  return handler(call);
}

function nonResource(server: Server, request: RestRequest): RestResponse {
  const { info, accept, method } = request;
  const path = info.path.length > 1 ? info.path.replace(/\/$/, '') : info.path;
  const { gitVersion } = server;
  const [, major = '1', minor = '0'] = /^v?(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  const answer =
    path === '/version'
      ? valueAnswer(request, versionInfo(gitVersion, major, minor))
      : (openapi(path, accept, gitVersion) ?? discoveryAnswer(request, path, Number(minor)));
  if (answer === undefined) return pageNotFound();
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed();
  return answer;
}

function discoveryAnswer(request: RestRequest, path: string, minor: number): RestResponse | undefined {
  const found = discovery(path, request.accept, minor);
  if (found === undefined) return undefined;
  if (found.type === 'application/json') return valueAnswer(request, found.value);
  return { status: 200, body: { text: JSON.stringify(found.value), type: found.type } };
}

function versionInfo(gitVersion: string, major: string, minor: string): unknown {
  return {
    major,
    minor,
    gitVersion,
    gitCommit: '',
    gitTreeState: '',
    buildDate: '',
    goVersion: 'none: the sandbox of kube-auditctl',
    compiler: '',
    platform: 'linux/amd64',
  };
}

/** What nobody serves is answered in plain text, as Go's mux does; kubectl makes its own sentence of it. */
function pageNotFound(): RestResponse {
  return { status: 404, body: { text: '404 page not found\n', type: 'text/plain; charset=utf-8' } };
}
