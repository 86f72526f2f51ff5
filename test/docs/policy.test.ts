/** docs/policy.md is kept true: its table is that of the lint rules, and its commands can be typed. */
import { readFileSync } from 'node:fs';
import { LINT_RULES } from '../../src/core/policy/lint';

const DOCUMENT = readFileSync('docs/policy.md', 'utf8');

test('every lint rule stands in the table, with its purpose', () => {
  const rows = [...DOCUMENT.matchAll(/^\| `([a-z-]+)` +\| .+? +\| (.+?) +\|$/gm)].map(([, code, purpose]) => [
    code,
    purpose,
  ]);
  expect(rows.sort()).toEqual(LINT_RULES.map(({ code, purpose }) => [code, purpose]).sort());
});
