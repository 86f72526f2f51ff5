/** The name that was probably meant. */
import { fieldsAt } from './policy-types';

/** The candidate closest to `word`, if it is close: case, plural and up to a third of the letters may differ. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const exact = candidates.find((candidate) => candidate.toLowerCase() === lower);
  if (exact !== undefined) return exact;
  const limit = Math.max(1, Math.floor(Math.min(word.length, 12) / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Names that people write for another field, where spelling alone does not tell. */
const MEANT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    group: 'userGroups',
    groups: 'userGroups',
    user: 'users',
    urls: 'nonResourceURLs',
    paths: 'nonResourceURLs',
    resourceName: 'resourceNames',
    apiGroup: 'group',
    apiGroups: 'group',
  }),
);

/** The field that was meant by an unknown one at this path. */
export function meantField(path: readonly (string | number)[], key: string): string | undefined {
  const fields = fieldsAt(path.slice(0, -1));
  const known = MEANT.get(key);
  return known !== undefined && fields.includes(known) ? known : closest(key, fields);
}

/** Insertions, deletions, replacements and swaps of neighbours. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(rows, i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, at(rows, i - 1, j) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(rows, i - 2, j - 2) + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return at(rows, a.length, b.length);
}

function at(rows: readonly (readonly number[])[], row: number, column: number): number {
  return rows[row]?.[column] ?? 0;
}
