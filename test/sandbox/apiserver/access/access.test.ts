/** Who may do what: authorizers, impersonation and the parts of authentication that need no connection. */
import { generateKeyPairSync } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import {
  authenticator,
  tokenFile,
  type AuthenticatorOptions,
} from '../../../../src/sandbox/apiserver/access/authenticator';
import { authorizer } from '../../../../src/sandbox/apiserver/access/authorizer';
import { impersonation } from '../../../../src/sandbox/apiserver/access/impersonation';
import { issueToken, tokenOwner, type TokenKeys } from '../../../../src/sandbox/apiserver/access/tokens';
import type { User } from '../../../../src/sandbox/apiserver/contract';
import { requestInfo } from '../../../../src/core/policy/request';
import { makeAuthority } from '../../../support/pki';

const objects = (resource: Record<string, unknown[]>) => (_group: string, name: string) =>
  (resource[name] ?? []) as Readonly<Record<string, unknown>>[];
const user = (name: string, ...groups: string[]): User => ({ name, groups });

describe('RBAC', () => {
  const rules = (...list: object[]) => ({ metadata: { name: 'r', labels: { team: 'red' } }, rules: list });
  const bound = {
    clusterrolebindings: [
      {
        metadata: { name: 'b' },
        roleRef: { kind: 'ClusterRole', name: 'r' },
        subjects: [{ kind: 'User', name: 'jane' }],
      },
    ],
  };
  const may = (rule: object, method: string, target: string) =>
    authorizer(['RBAC'], objects({ ...bound, clusterroles: [rules(rule)] }))(user('jane'), requestInfo(method, target))
      .allowed;
  const pods = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };

  test.each([
    [pods, 'GET', '/api/v1/namespaces/a/pods/x', true],
    [pods, 'GET', '/api/v1/namespaces/a/pods', false],
    [pods, 'GET', '/api/v1/namespaces/a/pods/x/log', false],
    [pods, 'GET', '/apis/apps/v1/namespaces/a/pods/x', false],
    [{ ...pods, resources: ['pods/log'] }, 'GET', '/api/v1/namespaces/a/pods/x/log', true],
    [{ ...pods, resources: ['*/log'] }, 'GET', '/api/v1/namespaces/a/pods/x/log', true],
    [{ ...pods, resources: ['pods/*'] }, 'GET', '/api/v1/namespaces/a/pods/x/log', false],
    [{ ...pods, resources: ['*'] }, 'GET', '/api/v1/namespaces/a/pods/x/log', true],
    [{ ...pods, resourceNames: ['x'] }, 'GET', '/api/v1/namespaces/a/pods/x', true],
    [{ ...pods, resourceNames: ['x'] }, 'GET', '/api/v1/namespaces/a/pods/y', false],
    [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'DELETE', '/apis/apps/v1/namespaces/a/deployments/x', true],
    [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'GET', '/metrics', false],
    [{ verbs: ['get'], nonResourceURLs: ['/a/*'] }, 'GET', '/a/b/c', true],
    [{ verbs: ['get'], nonResourceURLs: ['/a'] }, 'GET', '/a/b', false],
  ])('%j %s %s: %s', (rule, method, target, allowed) => {
    expect(may(rule, method, target)).toBe(allowed);
  });

  test('a role that aggregates has the rules of those it selects', () => {
    const sum = {
      metadata: { name: 'sum' },
      rules: null,
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { team: 'red' } }] },
    };
    const binding = { ...bound.clusterrolebindings[0], roleRef: { kind: 'ClusterRole', name: 'sum' } };
    const authorize = authorizer(
      ['RBAC'],
      objects({ clusterroles: [sum, rules(pods)], clusterrolebindings: [binding] }),
    );
    expect(authorize(user('jane'), requestInfo('GET', '/api/v1/namespaces/a/pods/x'))).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "sum" to User "jane"',
    });
  });

  test('a role binding counts in its own namespace only, also with a cluster role', () => {
    const binding = { ...bound.clusterrolebindings[0], metadata: { name: 'b', namespace: 'a' } };
    const authorize = authorizer(['RBAC'], objects({ clusterroles: [rules(pods)], rolebindings: [binding] }));
    const ask = (namespace: string) =>
      authorize(user('jane'), requestInfo('GET', `/api/v1/namespaces/${namespace}/pods/x`));
    expect(ask('a').reason).toBe('RBAC: allowed by RoleBinding "b/a" of ClusterRole "r" to User "jane"');
    expect(ask('b')).toEqual({ allowed: false, reason: '' });
  });
});

describe('nodes', () => {
  const node = user('system:node:cp1', 'system:nodes');
  const authorize = authorizer(
    ['Node'],
    objects({ pods: [{ metadata: { namespace: 'a' }, spec: { nodeName: 'cp1' } }] }),
  );

  test.each([
    ['PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/cp1', true, ''],
    [
      'PUT',
      '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/cp2',
      false,
      'can only access node lease with the same name as the requesting node',
    ],
    ['POST', '/api/v1/namespaces/kube-system/pods', true, ''],
    ['PATCH', '/api/v1/nodes/cp1/status', true, ''],
    ['GET', '/api/v1/namespaces/a/secrets/x', true, ''],
    ['GET', '/api/v1/namespaces/b/secrets/x', false, "no relationship found between node 'cp1' and this object"],
    ['GET', '/api/v1/namespaces/a/secrets', false, 'No Object name found'],
    ['GET', '/apis/apps/v1/deployments', false, ''],
  ])('%s %s: %s', (method, target, allowed, reason) => {
    expect(authorize(node, requestInfo(method, target))).toEqual({ allowed, reason });
  });

  test('who is no node is none of its business', () => {
    expect(authorize(user('jane'), requestInfo('GET', '/api/v1/pods')).allowed).toBe(false);
  });
});

test('system:masters may do everything, whatever the modes', () => {
  const root = user('root', 'system:masters');
  expect(authorizer(['AlwaysDeny'], objects({}))(root, requestInfo('DELETE', '/api/v1/nodes/x')).allowed).toBe(true);
  expect(authorizer(['AlwaysDeny'], objects({}))(user('x'), requestInfo('GET', '/x')).reason).toBe(
    'Everything is forbidden.',
  );
});

describe('impersonation', () => {
  const yes = () => ({ allowed: true, reason: '' });

  test('a whole identity, with the group that follows from it', () => {
    const headers = {
      'impersonate-user': ['jane'],
      'impersonate-uid': ['42'],
      'impersonate-group': ['dev', 'ops'],
      'impersonate-extra-scope%2fs': ['a', 'b'],
    };
    expect(impersonation(headers, user('root'), yes)).toEqual({
      kind: 'as',
      user: {
        name: 'jane',
        uid: '42',
        groups: ['dev', 'ops', 'system:authenticated'],
        extra: { 'scope/s': ['a', 'b'] },
      },
    });
    expect(impersonation({ 'impersonate-user': ['system:anonymous'] }, user('root'), yes)).toMatchObject({
      user: { groups: ['system:unauthenticated'] },
    });
  });

  test('every part of it is asked for, and the first refusal is the answer', () => {
    const asked: string[] = [];
    const answer = impersonation(
      { 'impersonate-user': ['jane'], 'impersonate-group': ['dev'], 'impersonate-extra-team': ['red'] },
      user('joe'),
      (_user, info) => {
        if (!info.isResourceRequest) throw new Error('not a resource');
        asked.push(`${info.verb} ${info.resource}/${info.subresource} ${info.name} ${info.apiGroup}`);
        return { allowed: info.resource !== 'userextras', reason: 'no' };
      },
    );
    expect(asked).toEqual([
      'impersonate users/ jane ',
      'impersonate groups/ dev ',
      'impersonate userextras/team red authentication.k8s.io',
    ]);
    expect(answer).toMatchObject({ kind: 'forbidden', reason: 'no' });
  });

  test('parts without a user make no sense', () => {
    expect(impersonation({ 'impersonate-group': ['dev'], 'impersonate-uid': ['1'] }, user('root'), yes)).toEqual({
      kind: 'malformed',
      reason: 'requested [{Group  dev    } {UID  1  authentication.k8s.io/v1  }] without impersonating a user',
    });
  });
});

describe('who asks', () => {
  const options = (more: Partial<AuthenticatorOptions> = {}): AuthenticatorOptions => ({
    clientCa: [],
    anonymous: true,
    tokens: tokenFile('f', 'abc,jane,7,"dev,ops"\nxyz,joe,8\n'),
    reviewToken: () => undefined,
    minor: 36,
    now: () => Date.now(),
    ...more,
  });
  const bearer = (token: string) => ({ headers: { authorization: [`Bearer ${token}`] } });

  test('tokens of a file, with their groups', () => {
    expect(authenticator(options())(bearer('abc'))).toEqual({
      kind: 'user',
      user: { name: 'jane', uid: '7', groups: ['dev', 'ops', 'system:authenticated'] },
    });
    expect(authenticator(options())(bearer('nope'))).toEqual({ kind: 'failed', reason: 'invalid bearer token' });
  });

  test('nobody is anonymous, unless that is forbidden', () => {
    expect(authenticator(options())({ headers: {} })).toMatchObject({ user: { name: 'system:anonymous' } });
    expect(authenticator(options({ anonymous: false }))({ headers: {} })).toEqual({ kind: 'failed', reason: '' });
  });

  test('a front proxy speaks for others, when its certificate may; anybody else with its headers does not', async () => {
    const proxyCa = await makeAuthority('CN=front-proxy-ca');
    const clientCa = await makeAuthority();
    const proxy = {
      ca: [new X509Certificate(proxyCa.cert)],
      allowedNames: ['front-proxy-client'],
      usernameHeaders: ['x-remote-user'],
      groupHeaders: ['x-remote-group'],
      extraPrefixes: ['x-remote-extra-'],
    };
    const ask = authenticator(options({ proxy, clientCa: [new X509Certificate(clientCa.cert)] }));
    const headers = { 'x-remote-user': ['bob'], 'x-remote-group': ['dev'], 'x-remote-extra-team': ['red'] };
    const der = async (ca: typeof proxyCa, subject: string) => new X509Certificate((await ca.issue(subject)).cert).raw;
    expect(ask({ headers, certificate: await der(proxyCa, 'CN=front-proxy-client') })).toMatchObject({
      user: { name: 'bob', groups: ['dev', 'system:authenticated'], extra: { team: ['red'] } },
    });
    expect(ask({ headers, certificate: await der(proxyCa, 'CN=somebody') }).kind).toBe('failed');
    expect(ask({ headers, certificate: await der(clientCa, 'CN=jane') })).toMatchObject({ user: { name: 'jane' } });
  });
});

describe('service account tokens', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys: TokenKeys = {
    signing: pair.privateKey,
    verifying: [pair.publicKey],
    issuers: ['https://k'],
    audiences: ['https://k'],
  };
  const there = objects({ serviceaccounts: [{ metadata: { name: 'a', namespace: 'n', uid: 'u' } }] });
  const wish = { serviceAccount: { namespace: 'n', name: 'a', uid: 'u' }, audiences: [], expirationSeconds: 600 };
  const NOW = 1_700_000_000_000;
  const { token, expirationTimestamp } = issueToken(keys, wish, NOW, 36);
  const owner = (at: number, cluster = there, audiences: string[] = []) =>
    tokenOwner(keys, token, audiences, cluster, at);

  test('are good until they expire, for those they are meant for, as long as the account lives', () => {
    expect(expirationTimestamp).toBe('2023-11-14T22:23:20Z');
    expect(owner(NOW)?.user).toMatchObject({ name: 'system:serviceaccount:n:a', uid: 'u' });
    expect(owner(NOW + 601_000)).toBeUndefined();
    expect(owner(NOW, there, ['somebody-else'])).toBeUndefined();
    expect(owner(NOW, objects({}))).toBeUndefined();
    expect(
      owner(NOW, objects({ serviceaccounts: [{ metadata: { name: 'a', namespace: 'n', uid: 'made-anew' } }] })),
    ).toBeUndefined();
  });

  test('die with the pod that they are bound to', () => {
    const bound = issueToken(keys, { ...wish, boundObject: { kind: 'Pod', name: 'p', uid: 'pu' } }, NOW, 36).token;
    const withPod = (name: string, resource: string) =>
      resource === 'pods' ? [{ metadata: { name: 'p', namespace: 'n', uid: 'pu' } }] : there(name, resource);
    expect(tokenOwner(keys, bound, [], withPod, NOW)?.user.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['p'],
    });
    expect(tokenOwner(keys, bound, [], there, NOW)).toBeUndefined();
  });

  test('of another key, another issuer or without a signature are not ours', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(tokenOwner({ ...keys, verifying: [other.publicKey] }, token, [], there, NOW)).toBeUndefined();
    expect(tokenOwner({ ...keys, issuers: ['https://other'] }, token, [], there, NOW)).toBeUndefined();
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(tokenOwner(keys, `${none}.${token.split('.')[1]!}.`, [], there, NOW)).toBeUndefined();
  });
});
