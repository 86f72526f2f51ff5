/** `who deleted secret/important`: questions in the words of people, as filters, and as the requests the policy is asked about. */
import { UserError } from '../errors';
import { findByAnyName } from '../policy/resources';
import type { ResourceRequest } from '../policy/types';
import type { FilterSpec } from './filter';
import type { AuditEvent } from './event';
import { exactOrGlob } from './patterns';
import { parseResource, type ResourceName } from './resources';

export interface Question {
  /** As it is asked: `deleted`. */
  word: string;
  target: ResourceName;
  /** undefined: of any name. */
  name: string | undefined;
  /** undefined: in any. */
  namespace: string | undefined;
  deed: Deed;
}

type Deed =
  | 'create'
  | 'delete'
  | 'read'
  | 'change'
  | 'any'
  | 'list'
  | 'watch'
  | 'get'
  | 'exec'
  | 'attach'
  | 'portforward'
  | 'log'
  | 'scale';

/** Verbs and past tenses, for what is meant by them. */
const WORDS: Readonly<Record<Deed, readonly string[]>> = {
  create: ['create', 'created', 'made', 'added', 'add', 'started'],
  delete: ['delete', 'deleted', 'removed', 'remove', 'destroyed', 'killed', 'deletecollection'],
  read: ['read', 'reads', 'saw', 'viewed', 'accessed', 'access', 'looked-at', 'stole', 'fetched'],
  get: ['get', 'got', 'getted'],
  list: ['list', 'listed'],
  watch: ['watch', 'watched'],
  change: [
    'change',
    'changed',
    'update',
    'updated',
    'patch',
    'patched',
    'modified',
    'modify',
    'edited',
    'edit',
    'replaced',
    'applied',
    'apply',
    'labelled',
    'labeled',
    'annotated',
  ],
  any: ['touched', 'touch', 'used', 'use', '*', 'any'],
  exec: ['exec', "exec'd", 'execed', 'execd', 'executed', 'exec-ed', 'entered'],
  attach: ['attach', 'attached'],
  portforward: ['port-forward', 'port-forwarded', 'portforward', 'portforwarded', 'forwarded'],
  log: ['logs', 'log', 'logged', 'read-logs'],
  scale: ['scale', 'scaled'],
};

/** @throws {UserError} `bad-question`. */
export function parseQuestion(word: string, target: string, namespace: string | undefined): Question {
  const deed = (Object.keys(WORDS) as Deed[]).find((each) => WORDS[each].includes(word.toLowerCase()));
  if (deed === undefined) throw refuse(`this is no verb that the log knows: ${word}`);
  const [, resource = '', name] = /^([^/]+)(?:\/(.+))?$/.exec(target) ?? [];
  if (resource === '') throw refuse(`this names no resource: ${target}`);
  const parsed = parseResource(resource);
  const way = { exec: 'exec', attach: 'attach', portforward: 'portforward', log: 'log', scale: 'scale' }[
    deed as string
  ];
  return {
    word,
    deed,
    target: way === undefined ? parsed : { ...parsed, subresource: way },
    name,
    namespace,
  };
}

function refuse(message: string): UserError {
  return new UserError('bad-question', message, {
    hints: [
      'kube-auditctl log who deleted secret/important -n production',
      'kube-auditctl log who created pod/web, read secret/db, changed role/admin, exec pod/web, touched configmap/settings',
    ],
  });
}

/** What to look for: the deed itself, and what does the same to many at once. */
export function filterOfQuestion(question: Question): FilterSpec {
  const { target, name, namespace, deed } = question;
  const resource = [
    `${target.resource}${target.group === undefined ? '' : `.${target.group}`}${target.subresource === undefined ? '/' : `/${target.subresource}`}`,
  ];
  const named = name === undefined ? {} : { name: [name] };
  const within = namespace === undefined ? {} : { namespace: [namespace] };
  const one = (verb: readonly string[]): FilterSpec => ({ resource, verb, ...named, ...within });
  // A list or a collection has no name, and may be one of all namespaces.
  const many = (verb: readonly string[]): FilterSpec => ({
    resource,
    verb,
    ...(name === undefined ? {} : { name: [name, ''] }),
    ...(namespace === undefined ? {} : { namespace: [namespace, ''] }),
  });
  switch (deed) {
    case 'create':
      // Server-side apply creates by a patch, which is answered with 201. What the server is to name has no name in the request.
      return {
        any: [
          one(['create']),
          ...(name === undefined ? [] : [{ ...one(['create']), name: [''] }]),
          { ...one(['patch', 'update']), code: ['201'] },
        ],
      };
    case 'delete':
      return {
        any: [
          one(['delete']),
          // `kubectl drain` and the autoscalers delete pods in this way.
          ...(target.resource === 'pods' && target.subresource === undefined
            ? [{ resource: ['pods/eviction'], verb: ['create'], ...named, ...within }]
            : []),
          { resource, verb: ['deletecollection'], ...within },
          ...(namespace === undefined || !isNamespaced(target)
            ? []
            : [{ resource: ['namespaces/'], verb: ['delete'], name: [namespace] }]),
        ],
      };
    case 'read':
      return { any: [one(['get']), many(['list', 'watch'])] };
    case 'get':
      return one(['get']);
    case 'list':
    case 'watch':
      return many([deed]);
    case 'change':
      return one(['update', 'patch']);
    case 'scale':
      return { any: [one(['update', 'patch'])] };
    case 'exec':
    case 'attach':
    case 'portforward':
    case 'log':
    case 'any':
      return { resource: deed === 'any' ? anySubresource(question) : resource, ...named, ...within };
  }
}

export interface Concern {
  /** `one`: this very object; `many`: several, which it may have been one of; `other`: not this one. */
  with: 'one' | 'many' | 'other';
  /** Of the object, as far as the event knows it. */
  name: string | undefined;
}

/** How an event that the filter let through concerns what is asked about. @param event with its bodies, if it has no name. */
export function concernOf(event: AuditEvent, { target, name, deed }: Question): Concern {
  const { objectRef, verb } = event;
  const given = objectRef?.name;
  if (name === undefined) return { with: 'one', name: given };
  if (objectRef?.resource !== target.resource) return { with: 'many', name: given };
  if (given !== undefined) return { with: 'one', name: given };
  if (deed !== 'create' || verb !== 'create') return { with: 'many', name: undefined };
  const request = metadataOf(event.requestObject);
  const made = metadataOf(event.responseObject).name ?? request.name;
  if (typeof made === 'string') return { with: exactOrGlob(name)(made) ? 'one' : 'other', name: made };
  const { generateName } = request;
  const fits = typeof generateName !== 'string' || couldBegin(name, generateName);
  return { with: fits ? 'many' : 'other', name: undefined };
}

function metadataOf(body: unknown): { name?: unknown; generateName?: unknown } {
  const metadata = typeof body === 'object' && body !== null && 'metadata' in body ? body.metadata : undefined;
  return typeof metadata === 'object' && metadata !== null ? metadata : {};
}

/** @param name may be a pattern. */
function couldBegin(name: string, prefix: string): boolean {
  const [literal = ''] = name.split('*', 1);
  return literal.startsWith(prefix) || (literal !== name && prefix.startsWith(literal));
}

function anySubresource({ target }: Question): string[] {
  return [
    `${target.resource}${target.group === undefined ? '' : `.${target.group}`}${target.subresource === undefined ? '' : `/${target.subresource}`}`,
  ];
}

/** Requests of such a kind, without a user: what a policy is asked whether it would have logged. */
export function requestsOfQuestion(
  { target, name, deed }: Question,
  namespace: string,
): Omit<ResourceRequest, 'user' | 'groups'>[] {
  const known = findByAnyName(target.group === undefined ? target.resource : `${target.resource}.${target.group}`);
  const verbs: Readonly<Record<Deed, readonly string[]>> = {
    create: ['create'],
    delete: ['delete'],
    read: ['get', 'list', 'watch'],
    get: ['get'],
    list: ['list'],
    watch: ['watch'],
    change: ['update', 'patch'],
    scale: ['update', 'patch'],
    any: ['get', 'create', 'update', 'patch', 'delete'],
    exec: ['create', 'get'],
    attach: ['create', 'get'],
    portforward: ['create', 'get'],
    log: ['get'],
  };
  return verbs[deed].map((verb) => ({
    verb,
    apiGroup: target.group ?? known?.group ?? '',
    apiVersion: known?.version ?? 'v1',
    resource: target.resource,
    subresource: target.subresource ?? '',
    name: verb === 'list' || (verb === 'create' && (target.subresource ?? '') === '') ? '' : (name ?? ''),
    namespace,
  }));
}

export function isNamespaced({ resource, group }: ResourceName): boolean {
  return findByAnyName(group === undefined ? resource : `${resource}.${group}`)?.namespaced ?? true;
}
