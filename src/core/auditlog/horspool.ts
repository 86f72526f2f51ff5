/** Looks for the head of an audit event in bytes, at a fraction of a step a byte (Horspool's search). */

/** As the API server begins every event. */
export const HEAD = '{"kind":"Event","apiVersion":"audit.k8s.io/';

const pattern = new TextEncoder().encode(HEAD);
const last = pattern.length - 1;
/** How far to go on when this byte stands under the pattern's end; 0: it may end here. */
const shift = new Uint8Array(256).fill(pattern.length);
for (let at = 0; at < last; at++) shift[pattern[at] ?? 0] = last - at;
const END = pattern[last] ?? 0;
const AFTER_END = shift[END] ?? 1;
shift[END] = 0;

export function containsHead(bytes: Uint8Array, from: number, to: number): boolean {
  return findHead(bytes, from, to) !== -1;
}

/** @returns where the first head within [from, to) begins, or -1. */
export function findHead(bytes: Uint8Array, from: number, to: number): number {
  let at = from + last;
  while (at < to) {
    const step = shift[bytes[at] ?? 0] ?? 1;
    if (step !== 0) {
      at += step;
      continue;
    }
    let back = 1;
    while (back <= last && bytes[at - back] === pattern[last - back]) back++;
    if (back > last) return at - last;
    at += AFTER_END;
  }
  return -1;
}
