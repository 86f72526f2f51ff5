/**
 * Looks for the head of an audit event in bytes, at a fraction of a step a byte: Horspool's search over four bytes at a time,
 * since single bytes of the head are everywhere in an event.
 */

/** As the API server begins every event. */
export const HEAD = '{"kind":"Event","apiVersion":"audit.k8s.io/';

const pattern = new TextEncoder().encode(HEAD);
const GRAM = 4;
const BITS = 12;
/** By the four bytes that end a window: how far to go on; 0: the head may end here. */
const steps = new Uint8Array(1 << BITS).fill(pattern.length - GRAM + 1);
const words = new DataView(pattern.buffer);
for (let at = 0; at + GRAM <= pattern.length; at++) steps[hash(words.getInt32(at, true))] = pattern.length - GRAM - at;

function hash(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - BITS);
}

/** @param view of the same bytes. */
export function containsHead(bytes: Uint8Array, view: DataView, from: number, to: number): boolean {
  return findHead(bytes, view, from, to) !== -1;
}

/** @returns where the first head within [from, to) begins, or -1. */
export function findHead(bytes: Uint8Array, view: DataView, from: number, to: number): number {
  let at = from + pattern.length - GRAM;
  const last = to - GRAM;
  while (at <= last) {
    const step = steps[hash(view.getInt32(at, true))] ?? 1;
    if (step !== 0) {
      at += step;
      continue;
    }
    const start = at + GRAM - pattern.length;
    let same = 0;
    while (same < pattern.length && bytes[start + same] === pattern[same]) same++;
    if (same === pattern.length) return start;
    at++;
  }
  return -1;
}
