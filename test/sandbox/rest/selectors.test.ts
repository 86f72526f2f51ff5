/** Label and field selectors. */
import {
  fieldSelector,
  formatSelector,
  labelSelector,
  matchesSelector,
} from '../../../src/sandbox/apiserver/rest/selectors';

test.each<[string, string[]]>([
  ['', ['a', 'b', 'c']],
  ['env=prod', ['a']],
  ['env==prod', ['a']],
  ['env!=prod', ['b', 'c']],
  ['env in (prod,dev)', ['a', 'b']],
  ['env notin (prod)', ['b', 'c']],
  ['env', ['a', 'b']],
  ['!env', ['c']],
  ['env,tier=web', ['a']],
  ['tier = web , env != dev', ['a', 'c']],
  ['size>3', ['c']],
  ['size<3', ['a']],
  ['app.kubernetes.io/name=x', ['c']],
  ['env=', []],
])('label selector %j chooses %j', (text, expected) => {
  const objects: Record<string, Record<string, string>> = {
    a: { env: 'prod', tier: 'web', size: '1' },
    b: { env: 'dev' },
    c: { tier: 'web', size: '10', 'app.kubernetes.io/name': 'x' },
  };
  const matches = labelSelector(text) ?? (() => true);
  expect(Object.keys(objects).filter((name) => matches(objects[name]!))).toEqual(expected);
});

test.each(['env in prod', 'a,,b', '=x', 'a=b=c', 'in (x)', 'env in (a', 'size>big'])(
  'label selector %j is malformed',
  (text) => {
    expect(() => labelSelector(text)).toThrow(/^unable to parse requirement/);
  },
);

test('field selectors know their fields', () => {
  const known = ['metadata.name', 'status.phase'];
  const matches = fieldSelector<Record<string, string>>(
    'status.phase!=Running,metadata.name=a',
    known,
    (value) => value,
  )!;
  expect(matches({ 'metadata.name': 'a', 'status.phase': 'Pending' })).toBe(true);
  expect(matches({ 'metadata.name': 'a', 'status.phase': 'Running' })).toBe(false);
  expect(matches({ 'metadata.name': 'b', 'status.phase': 'Pending' })).toBe(false);
  expect(() => fieldSelector('spec.colour=red', known, () => ({}))).toThrow('field label not supported: spec.colour');
  expect(() => fieldSelector('nonsense', known, () => ({}))).toThrow(/invalid selector/);
  expect(fieldSelector('', known, () => ({}))).toBeUndefined();
});

test('a LabelSelector object', () => {
  const selector = {
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'env', operator: 'In', values: ['b', 'a'] },
      { key: 'old', operator: 'DoesNotExist' },
    ],
  };
  expect(matchesSelector(selector, { app: 'web', env: 'a' })).toBe(true);
  expect(matchesSelector(selector, { app: 'web', env: 'a', old: '' })).toBe(false);
  expect(matchesSelector(selector, { app: 'web', env: 'c' })).toBe(false);
  expect(formatSelector(selector)).toBe('!old,app=web,env in (a,b)');
});
