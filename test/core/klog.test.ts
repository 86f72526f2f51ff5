/** Reading klog lines and finding a server's last words in them. */
import { klogValue, lastWords, parseKlog, saidIn, wordsOf } from '../../src/core/klog';
import * as klog from '../../src/core/klog';

const FAILED = 'E0115 10:30:00.123456       1 run.go:72] "command failed" err=';

test.each([
  ['E1121 04:57:29.405404     190 file.go:108] text', { severity: 'E', message: 'text' }],
  ['I0101 12:00:00.000000 1234567 server.go:187] Version: v1.36.0', { severity: 'I', message: 'Version: v1.36.0' }],
  ['F0101 12:00:00.000000       1 hooks.go:204] ', { severity: 'F', message: '' }],
  ['Error: unknown flag: --x', undefined],
  ['E0101 12:00:00 1 short.go:1] no microseconds', undefined],
])('header of %s', (line, expected) => {
  expect(parseKlog(line)).toEqual(expected);
});

test.each([
  ['"msg" err="plain" path="/p"', 'err', 'plain'],
  ['"msg" err="plain" path="/p"', 'path', '/p'],
  ['"msg" err="a \\"b\\" c\\\\d\\ne"', 'err', 'a "b" c\\d\ne'],
  ['"msg" err="caf\\u00e9 \\x41"', 'err', 'caf\u00e9 A'],
  ['"msg" count=3 err=nil', 'count', '3'],
  ['"msg" myerr="no" err="yes"', 'err', 'yes'],
  ['"msg" err="cut off', 'err', 'cut off'],
  ['"msg" err=<\n\tone\n\t  two\n > path="/p"', 'err', 'one\n  two'],
  ['"msg"', 'err', undefined],
])('%j: %s', (message, key, value) => {
  expect(klogValue(message, key)).toBe(value);
});

const json = (fields: object): string => JSON.stringify({ ts: 1767268838050.1, caller: 'a.go:1', ...fields });

test.each([
  [json({ msg: 'command failed', err: 'x' }), { severity: 'E', message: 'command failed', error: 'x' }],
  [json({ msg: 'Version', v: 0 }), { severity: 'I', message: 'Version' }],
  [`${FAILED}"x"`, { severity: 'E', message: 'command failed', error: 'x' }],
  ['E0101 12:00:00.000000       1 a.go:1] plain "words" err="x"', { severity: 'E', message: 'plain "words" err="x"' }],
  ['{"level":"fatal","ts":"2026-01-01T12:00:00Z","msg":"etcd’s own"}', undefined],
  ['{"ts":1,"msg":"cut o', undefined],
  ['Error: unknown flag: --x', undefined],
])('%s says', (line, expected) => {
  expect(saidIn(line)).toEqual(expected);
});

test('all words of a line', () => {
  expect(wordsOf(json({ msg: 'Unhandled Error', err: 'x' }))).toBe('Unhandled Error: x');
  expect(wordsOf('  as it stands ')).toBe('as it stands');
});

describe('last words', () => {
  test.each([
    [
      ['I0101 12:00:00.000000       1 a.go:1] Version', 'Error: unknown flag: --x'],
      { line: 1, kind: 'flag', reason: 'unknown flag: --x' },
    ],
    [
      [`${FAILED}"loading \\"p\\""`, 'I0101 12:00:00.000000       1 a.go:1] bye'],
      { line: 0, kind: 'command-failed', reason: 'loading "p"' },
    ],
    [
      ['F0101 12:00:00.000000       1 i.go:2] Error creating leases', 'goroutine 1 [running]:', 'main.main()'],
      { line: 0, kind: 'fatal', reason: 'Error creating leases' },
    ],
    [
      ['panic: runtime error', '', 'goroutine 1 [running]:'],
      { line: 0, kind: 'panic', reason: 'panic: runtime error' },
    ],
    [['fatal error: out of memory'], { line: 0, kind: 'panic', reason: 'fatal error: out of memory' }],
    [
      [json({ msg: 'command failed', err: 'a "b"' }), json({ msg: 'bye', v: 0 })],
      { line: 0, kind: 'command-failed', reason: 'a "b"' },
    ],
    [
      [json({ msg: 'Error creating leases: x', v: 0 }), json({ msg: 'bye', v: 0 })],
      { line: 0, kind: 'fatal', reason: 'Error creating leases: x' },
    ],
    [['Error: first', 'Error: second'], { line: 1, reason: 'second' }],
  ])('%j', (lines, expected) => {
    expect(lastWords(lines)).toMatchObject(expected);
  });

  test('a value over several lines is one reason, and all of it is shown', () => {
    const lines = [`${FAILED}<`, '\tfirst', '\t  second', ' >', 'I0101 12:00:00.000000       1 a.go:1] bye'];
    expect(lastWords(lines)).toEqual({
      line: 0,
      kind: 'command-failed',
      reason: 'first\n  second',
      raw: lines.slice(0, 4).join('\n'),
    });
  });

  test('a value whose end has not been written yet', () => {
    expect(lastWords([`${FAILED}<`, '\tfirst'])).toMatchObject({ reason: 'first' });
  });

  test('a server that only complains has none', () => {
    expect(
      lastWords([
        'E0101 12:00:00.000000       1 a.go:1] "Error in audit plugin" err="x"',
        'Flag --insecure-port has been deprecated',
        '',
      ]),
    ).toBeUndefined();
  });
});

test('what is not quoted is left as it is', () => {
  expect(klog.unquoteGo('plain')).toBe('plain');
});
