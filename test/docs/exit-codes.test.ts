/** docs/exit-codes.md is kept true: every code of the sources stands in it once, with a sentence and a remedy, and no other. */
import { readFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/core/outcome';
import { sourceCodes } from '../support/source-codes';

const DOCUMENT = readFileSync('docs/exit-codes.md', 'utf8');
const rows = [...DOCUMENT.matchAll(/^\| `([a-z0-9-]+)` \| (.+?) \| (.+?) \|$/gm)].map(
  ([, code = '', says, remedy]) => ({
    code,
    says,
    remedy,
  }),
);

test('every code of the sources is documented once', () => {
  expect(rows.map(({ code }) => code).sort()).toEqual([...sourceCodes('src').keys()].sort());
});

test('each with a sentence and something to do', () => {
  for (const { code, says, remedy } of rows) {
    expect([code, says]).toEqual([code, expect.stringMatching(/\.$/)]);
    expect([code, remedy]).toEqual([code, expect.stringMatching(/\S{2}/)]);
  }
});

test('the exit codes are those of the program', () => {
  for (const [code, meaning] of Object.entries(EXIT_CODES)) expect(DOCUMENT).toContain(`| ${code} | ${meaning} |`);
});

test('the tree is read, not the text: codes in either branch of a condition are seen', () => {
  const codes = sourceCodes('src');
  for (const code of ['audit-policy-not-mounted', 'locked', 'unknown-field', 'no-policy', 'usage', 'api-timeout'])
    expect([code, codes.has(code)]).toEqual([code, true]);
});
