/** Questions in the form of objects: may I, may they, who is this. Nothing is stored; the front knows the answers. */
import type { RequestInfo } from '../../../core/policy/request';
import type { User } from '../contract';
import { valueAnswer } from './answers';
import { objectOf, readBody } from './codec';
import type { Call, Handler } from './context';
import { writeOptions } from './options';
import { FieldErrors, badRequest, invalidObject } from './status';
import { arr, at, isObj, obj, objs, str, type KubeObject, type Obj } from './value';
import { heard } from './writes';

export const REVIEWS: Readonly<Record<string, (call: Call, review: Obj) => Obj>> = {
  SelfSubjectAccessReview: (call, review) => ({ status: access(call, call.request.user, obj(review.spec)) }),
  SubjectAccessReview: subjectAccess,
  LocalSubjectAccessReview: subjectAccess,
  SelfSubjectRulesReview: rules,
  SelfSubjectReview: ({ request: { user } }) => ({ status: { userInfo: userInfo(user) } }),
  TokenReview: reviewToken,
};

export const review: Handler = async (call) => {
  const { request, kind } = call;
  const asked = objectOf(kind, readBody(request.body, request.contentType, kind.kind));
  return heard(asked, () => {
    writeOptions('CreateOptions', request.query, request.userAgent, false);
    const answered = { ...asked, ...REVIEWS[kind.kind]?.(call, asked) };
    return Promise.resolve(valueAnswer(request, answered, { status: 201, requestObject: asked }));
  });
};

function subjectAccess(call: Call, asked: Obj): Obj {
  const spec = obj(asked.spec);
  const groups = arr(spec.groups).map(str);
  const errors = new FieldErrors();
  if (str(spec.user) === '' && groups.length === 0) {
    errors.wrong('spec.user', '', 'at least one of user or group must be specified');
  }
  checkAttributes(call, spec, errors);
  if (call.kind.namespaced && str(at(spec, 'resourceAttributes', 'namespace')) !== call.namespace) {
    const namespace = str(at(spec, 'resourceAttributes', 'namespace'));
    errors.wrong('spec.resourceAttributes.namespace', namespace, 'must match metadata.namespace');
  }
  if (errors.causes.length > 0) throw invalidObject('authorization.k8s.io', call.kind.kind, '', errors.causes);
  const extra = Object.fromEntries(Object.entries(obj(spec.extra)).map(([key, values]) => [key, arr(values).map(str)]));
  return { status: access(call, { name: str(spec.user), uid: str(spec.uid), groups, extra }, spec) };
}

function access(call: Call, user: User, spec: Obj): Obj {
  const errors = new FieldErrors();
  checkAttributes(call, spec, errors);
  if (errors.causes.length > 0) throw invalidObject('authorization.k8s.io', call.kind.kind, '', errors.causes);
  const { allowed, reason } = call.server.front.authorize(user, attributes(spec));
  return { allowed, ...(reason === '' ? {} : { reason }) };
}

function checkAttributes(_: Call, { resourceAttributes, nonResourceAttributes }: Obj, errors: FieldErrors): void {
  if (isObj(resourceAttributes) && isObj(nonResourceAttributes)) {
    errors.wrong(
      'spec.nonResourceAttributes',
      nonResourceAttributes,
      'cannot be specified in combination with resourceAttributes',
    );
  } else if (!isObj(resourceAttributes) && !isObj(nonResourceAttributes)) {
    errors.wrong(
      'spec.resourceAttributes',
      null,
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
  }
}

function attributes({ resourceAttributes, nonResourceAttributes }: Obj): RequestInfo {
  if (isObj(nonResourceAttributes)) {
    const { verb, path } = nonResourceAttributes;
    return { isResourceRequest: false, verb: str(verb), path: str(path) };
  }
  const { verb, group, version, namespace, resource, subresource, name } = obj(resourceAttributes);
  return {
    isResourceRequest: true,
    verb: str(verb),
    path: '',
    apiGroup: str(group),
    apiVersion: str(version),
    namespace: str(namespace),
    resource: str(resource),
    subresource: str(subresource),
    name: str(name),
  };
}

/** What the roles that are bound to the user say; of what the front allows by other means, only system:masters. */
function rules({ server, request: { user } }: Call, asked: Obj): Obj {
  const namespace = str(at(asked, 'spec', 'namespace'));
  if (namespace === '') throw badRequest('no namespace on request');
  const found: Obj[] = user.groups.includes('system:masters') ? [EVERYTHING, EVERY_URL] : [];
  const GROUP = 'rbac.authorization.k8s.io';
  const bindings = [
    ...server.around.objects(GROUP, 'clusterrolebindings'),
    ...server.around.objects(GROUP, 'rolebindings').filter(({ metadata }) => metadata.namespace === namespace),
  ];
  for (const binding of bindings) {
    if (!objs(binding.subjects).some((subject) => isSubject(subject, user, binding))) continue;
    const { kind, name } = obj(binding.roleRef);
    const role = server.around
      .objects(GROUP, kind === 'Role' ? 'roles' : 'clusterroles')
      .find(({ metadata }) => metadata.name === name && (kind !== 'Role' || metadata.namespace === namespace));
    found.push(...objs(role?.rules));
  }
  const resourceRules = found
    .filter((rule) => arr(rule.resources).length > 0)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, resourceNames }));
  const nonResourceRules = found
    .filter((rule) => arr(rule.nonResourceURLs).length > 0)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  return { status: { resourceRules, nonResourceRules, incomplete: false } };
}

const EVERYTHING = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
const EVERY_URL = { verbs: ['*'], nonResourceURLs: ['*'] };

function isSubject({ kind, name, namespace }: Obj, user: User, { metadata }: KubeObject): boolean {
  if (kind === 'User') return name === user.name;
  if (kind === 'Group') return user.groups.includes(str(name));
  return user.name === `system:serviceaccount:${str(namespace) || (metadata.namespace ?? '')}:${str(name)}`;
}

function reviewToken({ server }: Call, asked: Obj): Obj {
  const token = str(at(asked, 'spec', 'token'));
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const audiences = arr(at(asked, 'spec', 'audiences')).map(str);
  const owner = server.front.reviewToken(token, audiences);
  if (owner === undefined) return { status: { user: {}, error: 'invalid bearer token' } };
  return { status: { authenticated: true, user: userInfo(owner.user), audiences: owner.audiences } };
}

function userInfo({ name, uid, groups, extra }: User): Obj {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    groups,
    ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
