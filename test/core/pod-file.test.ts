/** Which pod the kubelet would make of a file. */
import { podOfFile } from '../../src/core/pod-file';

test.each([
  ['kind: Pod\nmetadata: {name: a, namespace: b}\n', { name: 'a', namespace: 'b' }],
  ['kind: Pod\nmetadata: {name: a}\n', { name: 'a', namespace: 'default' }],
  ['kind: Pod\nmetadata: {name: a, namespace: ""}\n', { name: 'a', namespace: 'default' }],
  ['{"kind": "Pod", "metadata": {"name": "a"}}', { name: 'a', namespace: 'default' }],
  ['kind: Pod\nkind: Pod\nmetadata: {name: a}\n', { name: 'a', namespace: 'default' }],
  ['kind: Pod\nmetadata: {name: a}\nspce: {}\n---\nkind: Policy\n', { name: 'a', namespace: 'default' }],
  ['kind: Policy\n---\nkind: Pod\nmetadata: {name: a}\n', undefined],
  ['kind: Pod\nmetadata: {name: 3}\n', undefined],
  ['kind: Pod\n', undefined],
  ['', undefined],
  ['just words', undefined],
  ['a: [', undefined],
])('%j', (text, expected) => {
  expect(podOfFile(text)).toEqual(expected);
});
