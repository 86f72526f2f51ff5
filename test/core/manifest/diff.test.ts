import fc from 'fast-check';
import { diffStat, mergeText, unifiedDiff } from '../../../src/core/manifest/diff';
import { parseManifest } from '../../../src/core/manifest/document';
import { sameMeaning } from '../../../src/core/manifest/semantics';
import { fixture } from '../../support/manifests';

describe('unifiedDiff', () => {
  const lines = (...names: string[]): string => names.map((name) => `${name}\n`).join('');

  test('three lines of context, no times', () => {
    const before = lines('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i');
    expect(unifiedDiff(before, before.replace('e\n', 'x\ny\n'), { file: '/etc/m.yaml' })).toBe(
      '--- a/etc/m.yaml\n+++ b/etc/m.yaml\n@@ -2,7 +2,8 @@\n b\n c\n d\n-e\n+x\n+y\n f\n g\n h\n',
    );
  });

  test('a missing line break at the end is told', () => {
    expect(unifiedDiff('a\nb', 'a\nb\n', { file: 'm' })).toBe(
      '--- a/m\n+++ b/m\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n',
    );
  });

  test('equal texts have none', () => {
    expect(unifiedDiff('a\n', 'a\n', { file: 'm' })).toBe('');
  });
});

test.each([
  ['a\nb\n', 'a\nb\n', 0, 0],
  ['a\nb\n', 'a\nc\nd\n', 2, 1],
  ['', 'a\n', 1, 0],
  ['a', 'a\n', 1, 1],
])('diffStat of %j and %j', (before, after, added, removed) => {
  expect(diffStat(before, after)).toEqual({ added, removed });
});

describe('mergeText', () => {
  const base = 'a\nb\nc\nd\ne\n';

  test.each([
    ['apart', 'A\nb\nc\nd\ne\n', 'a\nb\nc\nd\nE\n', 'A\nb\nc\nd\nE\n'],
    ['side by side', 'a\nB\nc\nd\ne\n', 'a\nb\nC\nd\ne\n', 'a\nB\nC\nd\ne\n'],
    ['an insertion behind what is removed', 'a\nb\nc\nx\nd\ne\n', 'a\nd\ne\n', 'a\nx\nd\ne\n'],
    ['an insertion before what is changed', 'a\nx\nb\nc\nd\ne\n', 'a\nB\nc\nd\ne\n', 'a\nx\nB\nc\nd\ne\n'],
    ['the same change on both sides', 'a\nX\nc\nd\ne\n', 'a\nX\nc\nd\nE\n', 'a\nX\nc\nd\nE\n'],
    ['a line break at the end, and a line above it', 'a\nb\nc\nd\ne', 'a\nb\nc\nd\nE\n', 'a\nb\nc\nd\nE'],
    ['no change wanted', 'a\n', base, 'a\n'],
  ])('%s', (_, current, target, text) => {
    expect(mergeText({ base, current, target })).toEqual({ ok: true, text });
  });

  test.each([
    ['the same line', 'a\nX\nc\nd\ne\n', 'a\nY\nc\nd\ne\n', 2, ['b'], ['X'], ['Y']],
    ['a line amid what is removed', 'a\nb\nX\nc\nd\ne\n', 'a\nd\ne\n', 2, ['b', 'c'], ['X'], []],
    ['two insertions at one place', 'a\nX\nb\nc\nd\ne\n', 'a\nY\nb\nc\nd\ne\n', 2, [], ['X'], ['Y']],
  ])('conflict: %s', (_, current, target, line, lines, mine, theirs) => {
    expect(mergeText({ base, current, target })).toEqual({
      ok: false,
      conflicts: [{ line, base: lines, current: mine, target: theirs }],
    });
  });

  const text = fc
    .array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\n', 'e\n'), { maxLength: 12 })
    .map((all) => all.join('').replace(/b\n$/, 'b'));

  test('exact when one side did not change, and the same from either side', () => {
    fc.assert(
      fc.property(text, text, text, (from, one, other) => {
        expect(mergeText({ base: from, current: from, target: one })).toEqual({ ok: true, text: one });
        expect(mergeText({ base: from, current: one, target: from })).toEqual({ ok: true, text: one });
        expect(mergeText({ base: from, current: one, target: one })).toEqual({ ok: true, text: one });
        const there = mergeText({ base: from, current: one, target: other });
        const back = mergeText({ base: from, current: other, target: one });
        expect(back.ok).toBe(there.ok);
        if (there.ok && back.ok) expect(back.text).toBe(there.text);
      }),
    );
  });
});

test.each([
  ['a comment', (text: string) => text.replace('spec:', 'spec: # x'), true],
  ['the order of keys', (text: string) => text.replace(/( {2}name: .*\n)( {2}namespace: .*\n)/, '$2$1'), true],
  ['quotes', (text: string) => text.replace('namespace: kube-system', 'namespace: "kube-system"'), true],
  ['line breaks', (text: string) => text.replaceAll('\n', '\r\n'), true],
  ['JSON', (text: string) => JSON.stringify(parseManifest(text).value), true],
  ['a value', (text: string) => text.replace('6443', '6444'), false],
  ['a string for a number', (text: string) => text.replace('containerPort: 6443', 'containerPort: "6443"'), false],
  ['the order of flags', (text: string) => text.replace(/(.*-cafile.*\n)(.*-certfile.*\n)/, '$2$1'), false],
])('sameMeaning: %s', (_, change, same) => {
  const text = fixture('kubeadm-1.36.yaml');
  expect(change(text)).not.toBe(text);
  expect(sameMeaning(parseManifest(text), parseManifest(change(text)))).toBe(same);
});
