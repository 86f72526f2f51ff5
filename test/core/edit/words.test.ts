/** $EDITOR is split as a shell would split it; what only a shell could do is refused. */
import { splitWords } from '../../../src/core/edit/words';

test.each([
  ['vi', ['vi']],
  ['  code   --wait ', ['code', '--wait']],
  [`'/opt/my editor/bin/ed' -w`, ['/opt/my editor/bin/ed', '-w']],
  [`"/opt/my editor/ed" --title="a b"`, ['/opt/my editor/ed', '--title=a b']],
  ['/opt/my\\ editor/ed', ['/opt/my editor/ed']],
  [`ed '' "x\\"y" "a\\b"`, ['ed', '', 'x"y', 'a\\b']],
  [`emacs -nw --eval '(setq x $y)'`, ['emacs', '-nw', '--eval', '(setq x $y)']],
  ['   ', []],
])('%s', (text, words) => {
  expect(splitWords(text, 'EDITOR')).toEqual(words);
});

test.each([
  'vi; rm -rf /',
  'vi $FILE',
  '"$HOME/ed"',
  'vi `id`',
  'a | b',
  'vi > /x',
  '~/ed',
  `vi 'x`,
  'vi "x',
  'a && b',
])('%s needs a shell', (text) => {
  expect(() => splitWords(text, 'VISUAL')).toThrow(
    expect.objectContaining({ code: 'editor-not-simple', message: expect.stringContaining('$VISUAL') }) as Error,
  );
});
