/** Generated names (apiserver/pkg/storage/names/generate.go): no vowels, nothing that is read as something else. */

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX = 5;
const LONGEST_BASE = 63 - SUFFIX;

export function nameFor(base: string, random: (below: number) => number): string {
  const suffix = Array.from({ length: SUFFIX }, () => LETTERS.charAt(random(LETTERS.length))).join('');
  return base.slice(0, LONGEST_BASE) + suffix;
}
