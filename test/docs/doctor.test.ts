/** docs/doctor.md is kept true: every code that the diagnosis can tell stands in its table once, and no other. */
import { readFileSync } from 'node:fs';
import { sourceCodes } from '../support/source-codes';

test('every cause stands in the table once', () => {
  const table = readFileSync('docs/doctor.md', 'utf8').split(/^## Causes$/m)[1] ?? '';
  const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].map(([, codes = '']) => codes);
  const told = rows.flatMap((codes) => [...codes.matchAll(/`([a-z0-9-]+)`/g)].map(([, code]) => code));
  expect(told.sort()).toEqual([...sourceCodes('src/core/diagnosis').keys()].sort());
});
