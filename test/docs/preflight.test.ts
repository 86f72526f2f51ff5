/** docs/preflight.md is kept true: every name that preflight can find stands in it once, and no other; severities as in the sources. */
import { readFileSync } from 'node:fs';
import { sourceCodes } from '../support/source-codes';

const DOCUMENT = readFileSync('docs/preflight.md', 'utf8');
const rows = [...DOCUMENT.matchAll(/^\| `([a-z-]+)` \| ([a-z, ]+) \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(
  ([, code = '', severity = '', ...cells]) => ({ code, severity, cells }),
);
/** Found while the file is read, before there is a manifest to be checked. */
const WHILE_READING = ['manifest-duplicate-key', 'manifest-multiple-documents'];
/** Doctor's rules, which preflight asks. Source: src/core/preflight/certificates.ts. */
const OF_DOCTOR = ['broken', 'key-mismatch', 'other-authority', 'expired', 'not-yet-valid'].map(
  (name) => `certificate-${name}`,
);
const found = new Map([
  ...sourceCodes('src/change/preflight'),
  ...sourceCodes('src/core/preflight'),
  ...[...sourceCodes('src/core/manifest')].filter(([, files]) => files.some((file) => file.endsWith('/strict.ts'))),
]);

test('every name is documented once', () => {
  expect(rows.map(({ code }) => code).sort()).toEqual([...found.keys(), ...WHILE_READING, ...OF_DOCTOR].sort());
});

test('each with what it finds, a remedy, and what would happen otherwise', () => {
  for (const { code, cells } of rows) expect([code, cells.every((cell) => cell.length > 4)]).toEqual([code, true]);
});

test('the severities of the sources are documented', () => {
  for (const [code, files] of found) {
    const text = files.map((file) => readFileSync(file, 'utf8')).join('\n');
    const said = rows.find((row) => row.code === code)?.severity.split(', ') ?? [];
    const objects = [...text.matchAll(new RegExp(`code: '${code}',\\s+severity: ([^\\n]+),\\n`, 'g'))];
    const severities = objects.flatMap(([, value = '']) => value.match(/error|warning/g) ?? []);
    expect([code, severities.filter((each) => !said.includes(each))]).toEqual([code, []]);
  }
});
