import { createJournalLines, parseEntry } from '../../src/system/journal-lines';

const entry = (fields: object) =>
  JSON.stringify({ __REALTIME_TIMESTAMP: '1705314600123456', __CURSOR: 's=1', ...fields });

test.each([
  ['a string', { MESSAGE: 'words' }, 'words'],
  ['bytes', { MESSAGE: [...Buffer.from('ü\tx')] }, 'ü\tx'],
  ['the field given twice', { MESSAGE: ['one', [116, 119, 111]] }, 'one\ntwo'],
])('a message as %s', (_, fields, text) => {
  expect(parseEntry(entry(fields))).toEqual({ at: 1705314600123, text, cursor: 's=1' });
});

test.each([
  ['no JSON', '-- No entries --'],
  ['no message', entry({})],
  ['a message left out for its length', entry({ MESSAGE: null })],
  ['no time', '{"MESSAGE":"x"}'],
])('%s is no entry', (_, line) => {
  expect(parseEntry(line)).toBeUndefined();
});

test.each<[title: string, entries: string[], lines: string[]]>([
  [
    'a klog value of several lines is one record',
    [
      'E0115 pod_workers.go:1324] "Error syncing pod" err=<',
      '\tfirst',
      '\tsecond',
      ' > pod="kube-system/x"',
      'I0115 next',
    ],
    ['E0115 pod_workers.go:1324] "Error syncing pod" err=<\n\tfirst\n\tsecond\n > pod="kube-system/x"', 'I0115 next'],
  ],
  ['two such values', ['E a=<', '\t1', ' > b=<', '\t2', ' >', '\tno'], ['E a=<\n\t1\n > b=<\n\t2\n >', '\tno']],
  ['a record that breaks off', ['E a=<', '\t1', 'I next', '\tno'], ['E a=<\n\t1', 'I next', '\tno']],
  ['indented lines of their own', ['I one', '\ttwo'], ['I one', '\ttwo']],
])('%s', (_, entries, lines) => {
  const journal = createJournalLines();
  for (const text of entries) journal.add({ at: 7, text });
  expect(journal.all()).toEqual(lines.map((text) => ({ at: 7, text })));
});

test('who looked keeps what he saw', () => {
  const journal = createJournalLines();
  journal.add({ at: 1, text: 'E a=<' });
  const [before] = journal.all();
  journal.add({ at: 2, text: '\tmore' });
  expect(before).toEqual({ at: 1, text: 'E a=<' });
  expect(journal.all()).toEqual([{ at: 1, text: 'E a=<\n\tmore' }]);
});

test('only the newest 2000', () => {
  const journal = createJournalLines();
  for (let n = 0; n < 9000; n++) journal.add({ at: n, text: 'x' });
  expect(journal.all()).toHaveLength(2000);
  expect(journal.all().at(-1)?.at).toBe(8999);
});
