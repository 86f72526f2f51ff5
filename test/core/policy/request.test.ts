import fc from 'fast-check';
import { auditRequest, isLongRunning, requestInfo } from '../../../src/core/policy/request';

test.each([
  ['GET', '/api/v1/namespaces/foo', 'get namespaces in foo named foo'],
  ['GET', '/api/v1/namespaces', 'list namespaces in  named '],
  ['PUT', '/api/v1/namespaces/foo/finalize', 'update namespaces/finalize in foo named foo'],
  ['GET', '/api/v1/namespaces/foo/pods', 'list pods in foo named '],
  ['GET', '/api/v1/pods?watch=1', 'watch pods in  named '],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dx', 'list pods in  named x'],
  ['GET', '/api/v1/watch/pods', 'watch pods in  named '],
  ['GET', '/api/v1/namespaces/foo/pods/x/exec?command=sh', 'get pods/exec in foo named x'],
  ['POST', '/api/v1/namespaces/foo/pods/x/exec', 'create pods/exec in foo named x'],
  ['HEAD', '/api/v1/nodes/n', 'get nodes in  named n'],
  ['DELETE', '/apis/apps/v1/namespaces/foo/deployments', 'deletecollection apps deployments in foo named '],
  ['PATCH', '/apis/apps/v1/namespaces/foo/deployments/d/scale', 'patch apps deployments/scale in foo named d'],
  ['GET', '/apis/apps/v1', 'get /apis/apps/v1'],
  ['POST', '/healthz', 'post /healthz'],
])('%s %s is %s', (method, target, text) => {
  const info = requestInfo(method, target);
  const shown = info.isResourceRequest
    ? `${info.verb} ${info.apiGroup === '' ? '' : `${info.apiGroup} `}${info.resource}${info.subresource === '' ? '' : `/${info.subresource}`} in ${info.namespace} named ${info.name}`
    : `${info.verb} ${info.path}`;
  expect(shown).toBe(text);
});

test.each([
  ['GET', '/api/v1/pods?watch=true', true],
  ['GET', '/api/v1/namespaces/a/pods/b/log', true],
  ['GET', '/debug/pprof/heap', true],
  ['GET', '/api/v1/pods', false],
  ['GET', '/healthz', false],
])('%s %s is long-running: %s', (method, target, expected) => {
  expect(isLongRunning(requestInfo(method, target))).toBe(expected);
});

test('a path that the server cannot make sense of is refused with its words', () => {
  expect(() => requestInfo('GET', '/api/v1/watch')).toThrow('unable to determine kind and namespace from url');
  expect(() => requestInfo('GET', '/api/%zz')).toThrow('invalid URL escape');
});

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/).filter((text) => !['proxy', 'watch', 'status'].includes(text));

test('a path built from attributes gives them back', () => {
  fc.assert(
    fc.property(
      fc.record({
        apiGroup: fc.option(name, { nil: '' }),
        namespace: name,
        resource: name.filter((text) => text !== 'namespaces' && text !== 'finalize'),
        object: name,
        subresource: fc.option(name, { nil: '' }),
        method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
      }),
      ({ apiGroup, namespace, resource, object, subresource, method }) => {
        const prefix = apiGroup === '' ? '/api/v1' : `/apis/${apiGroup}/v1`;
        const below = subresource === '' ? '' : `/${subresource}`;
        const target = `${prefix}/namespaces/${namespace}/${resource}/${object}${below}`;
        expect(auditRequest(method, target, { user: 'u', groups: ['g'] })).toEqual({
          user: 'u',
          groups: ['g'],
          verb: { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method],
          apiGroup,
          apiVersion: 'v1',
          namespace,
          resource,
          subresource,
          name: object,
        });
      },
    ),
  );
});

test('any text is a path or a refusal, never anything else', () => {
  fc.assert(
    fc.property(fc.constantFrom('GET', 'DELETE', 'X'), fc.webUrl({ withQueryParameters: true }), (method, url) => {
      const { pathname, search } = new URL(url);
      const info = requestInfo(method, pathname + search);
      expect(typeof info.verb).toBe('string');
    }),
  );
});
