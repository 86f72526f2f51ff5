/** Option values: what is read, and what is a usage error. */
import { InvalidArgumentError } from 'commander';
import { duration, flagPair, positive } from '../../src/cli/parse';

test.each([
  ['90', 90_000],
  ['90s', 90_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5m', 90_000],
  ['250ms', 250],
  ['0', 0],
])('time %s: %i ms', (text, ms) => {
  expect(duration(text)).toBe(ms);
});

test.each(['', 's', '5 m', '-5m', '5d', 'm5', '1e3', '5m!', 'Infinity'])('%j is no time', (text) => {
  expect(() => duration(text)).toThrow(InvalidArgumentError);
});

test.each([
  ['1', 1],
  ['030', 30],
  ['2147483647', 2_147_483_647],
])('%s is a whole number of at least 1', (text, value) => {
  expect(positive(text)).toBe(value);
});

test.each(['0', '00', '-1', '1.5', '', ' 5', '1e3', '0x10', '2147483648', 'many'])('%j is none', (text) => {
  expect(() => positive(text)).toThrow(InvalidArgumentError);
});

test('further flags add up; the value may hold anything', () => {
  const one = flagPair('--audit-log-version=audit.k8s.io/v1', {});
  expect(flagPair('audit-log-format=a=b', one)).toEqual({
    'audit-log-version': 'audit.k8s.io/v1',
    'audit-log-format': 'a=b',
  });
  expect(flagPair('audit-log-format=', {})).toEqual({ 'audit-log-format': '' });
});

test.each(['audit-log-format', '--secure-port=1', '=x', '--audit-Log=x', 'xaudit-log-path=y'])(
  '%j is no audit flag',
  (text) => {
    expect(() => flagPair(text, {})).toThrow(InvalidArgumentError);
  },
);
