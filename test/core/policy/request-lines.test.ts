import { answerLine, parseRequestLine } from '../../../src/core/policy/request-lines';

test.each([
  [
    '{"user":"a","groups":["g"],"verb":"get","apiGroup":"apps","apiVersion":"v1","resource":"deployments","subresource":"scale","name":"d","namespace":"n"}',
    {
      user: 'a',
      groups: ['g'],
      verb: 'get',
      apiGroup: 'apps',
      apiVersion: 'v1',
      resource: 'deployments',
      subresource: 'scale',
      name: 'd',
      namespace: 'n',
    },
  ],
  ['{"user":null,"verb":"get","path":"/healthz"}', { user: null, groups: [], verb: 'get', path: '/healthz' }],
  [
    '{"user":"a","groups":null,"verb":"list","resource":"pods","path":"/api/v1/pods"}',
    {
      user: 'a',
      groups: [],
      verb: 'list',
      apiGroup: '',
      apiVersion: '',
      resource: 'pods',
      subresource: '',
      name: '',
      namespace: '',
    },
  ],
  ['{"user":"a","groups":[],"verb":"get","path":""}', { user: 'a', groups: [], verb: 'get', path: '' }],
])('%s', (line, request) => {
  expect(parseRequestLine(line, 1)).toEqual(request);
});

test.each([
  ['{', /^this is no JSON: /],
  ['[]', /^a request is a JSON object$/],
  ['{"user":3}', /^user is a string, or null for a failed login$/],
  ['{"groups":"g"}', /^groups is a list of strings$/],
  ['{"verb":["get"]}', /^verb is a string$/],
])('%s is refused with its line', (line, message) => {
  expect(() => parseRequestLine(line, 7, 'requests.jsonl')).toThrow(
    expect.objectContaining({
      code: 'bad-request-line',
      message: expect.stringMatching(message) as string,
      place: { file: 'requests.jsonl', line: 7, column: 1, lineText: line },
    }),
  );
});

test('answers have exactly these fields', () => {
  const decision = { level: 'None' as const, rule: null, omitStages: [], omitManagedFields: false };
  expect(answerLine(decision)).toBe('{"level":"None","rule":null,"omitStages":[],"omitManagedFields":false}');
});
