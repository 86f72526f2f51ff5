import { createLineParser } from '../../src/system/container-lines';

const T = '2024-01-15T10:30:00.5Z';
const at = Date.UTC(2024, 0, 15, 10, 30, 0, 500);
const docker = (log: string, stream = 'stderr') => JSON.stringify({ log, stream, time: T });

test.each<[title: string, lines: string[], texts: string[]]>([
  ['a full line', [`${T} stderr F E0115 run.go:72] "command failed"`], ['E0115 run.go:72] "command failed"']],
  ['an empty line', [`${T} stderr F `, `${T} stderr F`], ['', '']],
  ['leading blanks stay', [`${T} stdout F   two`], ['  two']],
  ['parts', [`${T} stderr P one `, `${T} stderr P two `, `${T} stderr F three`], ['one two three']],
  ['several tags', [`${T} stderr P:x one `, `${T} stderr F:x two`], ['one two']],
  [
    'parts of two streams in between each other',
    [`${T} stdout P o1 `, `${T} stderr P e1 `, `${T} stdout F o2`, `${T} stderr F e2`],
    ['o1 o2', 'e1 e2'],
  ],
  ['an open part is no line yet', [`${T} stderr P one`], []],
  ['docker', [docker('one\n')], ['one']],
  ['docker parts', [docker('one '), docker('other\n', 'stdout'), docker('two\n')], ['other', 'one two']],
  ['an audit event on stdout is text', [`${T} stdout F {"kind":"Event"}`], ['{"kind":"Event"}']],
  ['neither form stays as it is', [`${T} stderr F a`, 'plain words', '{"log":1}'], ['a', 'plain words', '{"log":1}']],
])('%s', (_, lines, texts) => {
  const parser = createLineParser();
  for (const line of lines) parser.add(line);
  expect(parser.lines()).toEqual(texts.map((text) => ({ at, text })));
});

test('a line without an end does not grow for ever', () => {
  const parser = createLineParser();
  for (let n = 0; n < 20; n++) parser.add(`${T} stdout P ${'x'.repeat(16 * 1024)}`);
  parser.add(`${T} stdout F end`);
  expect(parser.lines()[0]?.text).toHaveLength(64 * 1024);
});
